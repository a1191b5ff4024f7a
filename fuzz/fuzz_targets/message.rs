//! A whole datagram without keys. The header's length is put right first, so that the fuzzer need
//! not guess it.
#![no_main]

use holdfast_ike::wire::{
    Body, Header, parse_body, write_encrypted_prefix, write_fragment_prefix, write_message,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut datagram = input.to_vec();
    if let Some(field) = datagram.get_mut(24..Header::LEN) {
        let length = u32::try_from(input.len()).expect("the fuzzer's inputs are small");
        field.copy_from_slice(&length.to_be_bytes());
    }
    let Ok(header) = Header::parse(&datagram) else {
        return;
    };
    let rewritten = match parse_body(&header, &datagram) {
        Err(_) => return,
        Ok(Body::Clear(payloads)) => {
            let written = write_message(&header, &payloads);
            let again = Header::parse(&written).expect("we write what we read");
            assert_eq!(parse_body(&again, &written), Ok(Body::Clear(payloads)));
            return;
        }
        Ok(Body::Encrypted(encrypted)) => {
            assert_eq!([encrypted.aad, encrypted.body].concat(), datagram);
            let prefix =
                write_encrypted_prefix(&header, encrypted.first_payload, encrypted.body.len());
            [&prefix, encrypted.body].concat()
        }
        Ok(Body::Fragment(fragment)) => {
            assert_eq!([fragment.aad, fragment.body].concat(), datagram);
            assert!((1..=fragment.total).contains(&fragment.number));
            let prefix = write_fragment_prefix(
                &header,
                fragment.first_payload,
                fragment.number,
                fragment.total,
                fragment.body.len(),
            );
            [&prefix, fragment.body].concat()
        }
    };
    let again = Header::parse(&rewritten).expect("we write what we read");
    assert!(!matches!(
        parse_body(&again, &rewritten),
        Ok(Body::Clear(_)) | Err(_)
    ));
});

//! A chain of payloads, as it comes out of an Encrypted payload: what is accepted, written and
//! read again is the same. The first octet of the input is the type of the first payload.
#![no_main]

use holdfast_ike::wire::{Payload, limits, parse_payloads, write_payloads};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((first, octets)) = input.split_first() else {
        return;
    };
    let Ok(payloads) = parse_payloads(*first, octets) else {
        return;
    };
    assert!(payloads.len() <= limits::PAYLOADS);
    for payload in &payloads {
        if let Payload::TsInitiator(selectors) | Payload::TsResponder(selectors) = payload {
            assert!(
                selectors
                    .iter()
                    .all(|selector| selector.start <= selector.end)
            );
        }
    }
    let mut written = Vec::new();
    let first = write_payloads(&payloads, &mut written);
    // What is written differs in reserved bits and drops what cannot be chosen; it does not grow,
    // but for the mark that keeps an unknown transform unknown.
    assert!(written.len() <= 2 * octets.len());
    assert_eq!(parse_payloads(first, &written).as_ref(), Ok(&payloads));
});

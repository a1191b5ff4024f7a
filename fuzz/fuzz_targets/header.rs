//! The IKE header: what is accepted is written again octet by octet, but for reserved bits.
#![no_main]

use holdfast_ike::wire::Header;
use libfuzzer_sys::fuzz_target;

/// The flags octet has five reserved bits.
const FLAGS: usize = 19;
const DEFINED_FLAGS: u8 = 0x38;

fuzz_target!(|datagram: &[u8]| {
    let Ok(header) = Header::parse(datagram) else {
        return;
    };
    assert_eq!(header.length as usize, datagram.len());
    let mut written = Vec::new();
    header.write(&mut written);
    let mut expected = datagram[..Header::LEN].to_vec();
    expected[FLAGS] &= DEFINED_FLAGS;
    assert_eq!(written, expected);
});

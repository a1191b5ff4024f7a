use std::net::SocketAddr;

use super::*;
use crate::{IkeSpi, crypto::test_vectors::hex};

fn spis() -> IkeSpis {
    IkeSpis {
        initiator: IkeSpi(hex("8e5c3ae507221684").try_into().unwrap()),
        responder: IkeSpi(hex("b1f201bb155c3acd").try_into().unwrap()),
    }
}

fn nat_hash(spis: IkeSpis, address: &str) -> [u8; 20] {
    nat_detection_hash(spis, address.parse::<SocketAddr>().unwrap())
}

/// FIPS 180-4, example "abc".
#[test]
fn digests() {
    let sha1_abc = hex("a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(sha1(&[b"abc"])[..], sha1_abc);
    assert_eq!(sha1(&[b"a", b"", b"bc"])[..], sha1_abc);
    assert_eq!(
        sha256(&[b"ab", b"c"])[..],
        hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    );
}

/// RFC 4231 test case 2.
#[test]
fn hmac() {
    assert_eq!(
        hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"])[..],
        hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    );
}

/// No RFC has an example: expected values are from Python's hashlib over the octets in the order
/// of RFC 7296 section 2.23.
#[test]
fn nat_detection() {
    assert_eq!(
        nat_hash(spis(), "192.0.2.1:500")[..],
        hex("4d1a14d275be0c308e66648076eccb2bc7edff3b")
    );
    assert_eq!(
        nat_hash(spis(), "[2001:db8::1]:4500")[..],
        hex("558e6ba5ca6bc67548dc3c3462b8c286409ab92e")
    );
}

#[test]
fn nat_detection_tells_everything_apart() {
    let reference = nat_hash(spis(), "192.0.2.1:500");
    let swapped = IkeSpis {
        initiator: spis().responder,
        responder: spis().initiator,
    };
    assert_ne!(nat_hash(swapped, "192.0.2.1:500"), reference);
    assert_ne!(nat_hash(spis(), "192.0.2.2:500"), reference);
    assert_ne!(nat_hash(spis(), "192.0.2.1:4500"), reference);
}

#[test]
fn nat_detection_sees_the_address_on_the_wire() {
    assert_eq!(
        nat_hash(spis(), "[::ffff:192.0.2.1]:500"),
        nat_hash(spis(), "192.0.2.1:500")
    );
}

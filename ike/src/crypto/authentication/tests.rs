use super::*;
use crate::{crypto::test_vectors::hex, proposal::PrfId};

struct Input {
    prf: PrfId,
    psk: Vec<u8>,
    message: Vec<u8>,
    peer_nonce: Vec<u8>,
    sk_p: Vec<u8>,
    id_body: Vec<u8>,
}

impl Input {
    fn new() -> Self {
        Self {
            prf: PrfId::HMAC_SHA2_256,
            psk: b"a shared secret".to_vec(),
            message: (0..200).collect(),
            peer_nonce: (0x40..0x60).collect(),
            sk_p: vec![7; 48],
            id_body: [&[2, 0, 0, 0], &b"moon.example"[..]].concat(),
        }
    }

    fn auth(&self) -> Secret {
        let prf = Prf::new(self.prf).unwrap();
        let sk_p = Secret::new(&self.sk_p[..]);
        let octets = signed_octets(&prf, &self.message, &self.peer_nonce, &sk_p, &self.id_body);
        shared_key_auth(&prf, &Secret::new(&self.psk[..]), &octets)
    }
}

/// No RFC has an example: expected values are from Python's hmac over the formula of RFC 7296
/// section 2.15, written out.
#[test]
fn independent_values() {
    for (prf, expected) in [
        (
            PrfId::HMAC_SHA2_256,
            "19158fa28560f9f34cfa44fc1f22da57d99cb17e2e7f2898e231adb8bfb2ee06",
        ),
        (
            PrfId::HMAC_SHA2_384,
            "dbda819332ec597d755546978fe9e780d339315035e20bad8f56193e4c8c74f3
             4a975f900351911e90f815e95c267fdc",
        ),
        (
            PrfId::HMAC_SHA2_512,
            "b9a68d99bd600ac0cb5fb36a13536c329efc5984c67b22d49c2fdbfcddf9ed19
             97164d476161d8d1a3006d38e29b9747d525b87c0c5c7d5b4e5da02500305a73",
        ),
    ] {
        let input = Input {
            prf,
            ..Input::new()
        };
        assert_eq!(input.auth().expose(), hex(expected));
    }
}

#[test]
fn everything_is_authenticated() {
    let reference = Input::new().auth();
    let changes: [fn(&mut Input); 6] = [
        |input| input.psk[0] ^= 1,
        |input| input.message[199] ^= 1,
        |input| input.peer_nonce[0] ^= 1,
        |input| input.sk_p[47] ^= 1,
        |input| input.id_body[0] = 11,
        |input| input.id_body.push(0),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut input = Input::new();
        change(&mut input);
        assert!(input.auth() != reference, "change {index}");
    }
}

#[test]
fn comparison() {
    assert!(verify(b"", b""));
    assert!(verify(b"same", b"same"));
    assert!(!verify(b"same", b"samf"));
    assert!(!verify(b"same", b"same\0"));
    assert!(!verify(b"same", b""));
}

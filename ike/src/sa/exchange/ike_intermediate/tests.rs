use zeroize::Zeroizing;

use super::*;
use crate::{
    IkeSpi, IkeSpis,
    proposal::PrfId,
    wire::{ExchangeType, Flags},
};

fn header(message_id: u32, response: bool) -> Header {
    Header {
        spis: IkeSpis {
            initiator: IkeSpi(*b"initiatr"),
            responder: IkeSpi(*b"responds"),
        },
        // As of the first of several fragments.
        next_payload: 53,
        major: 2,
        minor: 0,
        exchange: ExchangeType::IkeIntermediate,
        flags: Flags {
            initiator: !response,
            version: false,
            response,
        },
        message_id: MessageId(message_id),
        length: 1280,
    }
}

/// RFC 9242 section 3.3.2, figure 2: the length of header, generic header and payloads, whatever the
/// message had on the wire.
#[test]
fn messages_as_if_they_were_not_encrypted() {
    let content = Content {
        first_payload: 34,
        octets: Zeroizing::new(b"0123456789".to_vec()),
    };
    let message = plain_message(&header(1, false), &content);
    let expected = [
        &b"initiatrresponds"[..],
        &[46, 0x20, 43, 0x08],
        &[0, 0, 0, 1],
        &[0, 0, 0, 28 + 4 + 10],
        &[34, 0, 0, 4 + 10],
        b"0123456789",
    ];
    assert_eq!(message, expected.concat());
}

#[test]
fn each_exchange_covers_those_before_it() {
    let prf = Prf::new(PrfId::HMAC_SHA2_256).unwrap();
    let secret = |text: &str| Secret::new(text.as_bytes());
    let mut int_auth = IntAuth::default();
    assert!(int_auth.octets().is_empty(), "AUTH is that of RFC 7296");
    int_auth.add(
        prf,
        (&secret("pi1"), &secret("pr1")),
        (b"request1", b"response1"),
    );
    let (i1, r1) = (
        prf.compute(b"pi1", &[b"request1"]),
        prf.compute(b"pr1", &[b"response1"]),
    );
    assert_eq!(
        int_auth.octets(),
        [i1.expose(), r1.expose(), &[0, 0, 0, 2]].concat()
    );
    int_auth.add(
        prf,
        (&secret("pi2"), &secret("pr2")),
        (b"request2", b"response2"),
    );
    let (i2, r2) = (
        prf.compute(b"pi2", &[i1.expose(), b"request2"]),
        prf.compute(b"pr2", &[r1.expose(), b"response2"]),
    );
    assert_eq!(
        int_auth.octets(),
        [i2.expose(), r2.expose(), &[0, 0, 0, 3]].concat()
    );
    assert_eq!(int_auth.exchanges(), 2);
}

//! One message with every payload, cut and changed at every octet.

use proptest::prelude::*;

use super::*;
use crate::{
    EspSpi, Identification, TrafficSelector,
    proposal::{KeyExchangeMethod, Proposal, Protocol},
    wire::tests::round_trip,
};

/// Every kind of payload once.
fn everything() -> Vec<Payload> {
    let selectors: Vec<_> = ["10.1.0.0/16[tcp/443]", "2001:db8::/32"]
        .iter()
        .map(|text| TrafficSelector::from_config(text).unwrap())
        .collect();
    vec![
        Payload::SecurityAssociation(vec![round_trip::example_proposal(); 2]),
        Payload::KeyExchange {
            method: KeyExchangeMethod::CURVE_25519,
            data: vec![1; 32],
        },
        Payload::IdInitiator(Identification::Fqdn("moon.example".into())),
        Payload::IdResponder(Identification::Ipv6(std::net::Ipv6Addr::LOCALHOST)),
        Payload::Certificate {
            encoding: 4,
            data: vec![2; 5],
        },
        Payload::CertificateRequest {
            encoding: 4,
            data: vec![3; 20],
        },
        Payload::Authentication {
            method: 2,
            data: vec![4; 32],
        },
        Payload::Nonce(vec![5; 32]),
        Payload::Notify(Notify {
            protocol: Some(Protocol::Esp),
            spi: vec![1, 2, 3, 4],
            notify_type: NotifyType::REKEY_SA,
            data: vec![],
        }),
        Payload::Delete(Delete {
            protocol: Protocol::Esp,
            spis: vec![EspSpi(256), EspSpi(257)],
        }),
        Payload::VendorId(b"holdfast".to_vec()),
        Payload::TsInitiator(selectors.clone()),
        Payload::TsResponder(selectors),
        Payload::Configuration(Configuration {
            kind: ConfigurationKind(1),
            attributes: vec![
                (AttributeType(1), vec![]),
                (AttributeType(3), vec![8, 8, 8, 8]),
            ],
        }),
        Payload::Eap(vec![1, 0, 0, 4]),
        Payload::Unknown {
            payload_type: 200,
            data: vec![6; 3],
        },
    ]
}

#[test]
fn cut_anywhere_it_is_refused() {
    let message = write_message(&header(), &everything());
    let header = Header::parse(&message).unwrap();
    assert_eq!(parse_body(&header, &message), Ok(Body::Clear(everything())));
    for length in 0..message.len() {
        let cut = &message[..length];
        assert!(Header::parse(cut).is_err(), "{length}");
        assert!(parse_body(&header, cut).is_err(), "{length}");
        if let Some(chain) = cut.get(Header::LEN..) {
            assert!(
                parse_payloads(header.next_payload, chain).is_err(),
                "{length}"
            );
        }
    }
}

#[test]
fn each_payload_cut_within_an_intact_chain() {
    // The lengths of the chain are right, those inside are not.
    for whole in everything() {
        let body = write_one(&whole);
        for length in 0..body.len() {
            match parse_one(whole.number(), &body[..length]) {
                // Opaque data may end anywhere, and a list with one less may be valid.
                Ok(shorter) => assert_ne!(shorter, whole, "{length}"),
                Err(error) => assert!(
                    matches!(error, WireError::Truncated | WireError::Malformed { .. }),
                    "{error}"
                ),
            }
        }
    }
}

#[test]
fn every_octet_changed() {
    let message = write_message(&header(), &everything());
    let first = message[16];
    let mut chain = message[Header::LEN..].to_vec();
    for index in 0..chain.len() {
        let original = chain[index];
        let near = [original.wrapping_sub(1), original.wrapping_add(1)];
        for octet in [0, 1, 2, 3, 4, 7, 8, 0x7f, 0x80, 0xff]
            .into_iter()
            .chain(near)
        {
            chain[index] = octet;
            round_trip::stable(first, &chain);
        }
        chain[index] = original;
    }
}

#[test]
fn no_proposal_of_a_cut_list_is_invented() {
    let proposals: Vec<Proposal> = vec![round_trip::example_proposal(); 3];
    let body = write_one(&Payload::SecurityAssociation(proposals));
    for length in 1..body.len() {
        assert!(parse_one(33, &body[..length]).is_err(), "{length}");
    }
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(first: u8, octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        round_trip::stable(first, &octets);
    }

    #[test]
    fn any_body_is_read_or_refused(
        payload_type in 33..=48_u8,
        body in proptest::collection::vec(prop_oneof![3 => Just(0), 2 => 0..9_u8, 1 => any::<u8>()], 0..64),
    ) {
        round_trip::stable(payload_type, &payload(0, &body));
    }

    #[test]
    fn any_datagram_is_read_or_refused(mut datagram in proptest::collection::vec(any::<u8>(), 28..120)) {
        datagram[17] = 0x20;
        let length = datagram.len() as u8;
        datagram[24..28].copy_from_slice(&[0, 0, 0, length]);
        if let Ok(header) = Header::parse(&datagram) {
            match parse_body(&header, &datagram) {
                Ok(Body::Encrypted(Encrypted { aad, body, .. }) | Body::Fragment(Fragment { aad, body, .. })) => {
                    prop_assert_eq!([aad, body].concat(), datagram);
                }
                Ok(Body::Clear(_)) | Err(_) => {}
            }
        }
    }
}

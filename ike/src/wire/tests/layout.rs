//! Octets laid out by hand from the diagrams of RFC 7296 section 3.

use super::*;
use crate::{
    EspSpi, Identification, TrafficSelector,
    proposal::{
        EncryptionId, IntegrityId, KeyExchangeMethod, PrfId, Proposal, ProposalSpi, Protocol,
        Transform,
    },
};

/// Both directions at once.
fn same(payload_type: u8, body: &[u8], value: &Payload) {
    assert_eq!(parse_one(payload_type, body).as_ref(), Ok(value));
    assert_eq!(write_one(value), body, "{value:?}");
    assert_eq!(value.number(), payload_type);
}

#[test]
fn header_of_an_ike_sa_init_request() {
    // Section 3.1.
    let octets = [
        0xc0, 0xff, 0xee, 0x00, 0xc0, 0xff, 0xee, 0x01, // initiator's SPI
        0, 0, 0, 0, 0, 0, 0, 0, // responder's SPI
        33, 0x20, 34, 0x08, // next payload, version 2.0, exchange type, flags
        0, 0, 0, 0, // message ID
        0, 0, 0, 28, // length
    ];
    let header = Header::parse(&octets).unwrap();
    assert_eq!(header.spis.initiator.to_string(), "c0ffee00c0ffee01");
    assert!(header.spis.responder.is_zero());
    assert_eq!(header.next_payload, payload_type::SECURITY_ASSOCIATION);
    assert_eq!((header.major, header.minor), (2, 0));
    assert_eq!(header.exchange, ExchangeType::IkeSaInit);
    assert!(header.flags.initiator && !header.flags.response && !header.flags.version);
    assert_eq!(header.message_id, MessageId(0));
    assert_eq!(header.length, 28);
    let mut written = Vec::new();
    header.write(&mut written);
    assert_eq!(written, octets);
}

#[test]
fn flags_have_their_bits() {
    for (octet, flags) in [
        (0x08, (true, false, false)),
        (0x10, (false, true, false)),
        (0x20, (false, false, true)),
        (0x28, (true, false, true)),
    ] {
        let parsed = Flags::from(octet);
        assert_eq!((parsed.initiator, parsed.version, parsed.response), flags);
        assert_eq!(u8::from(parsed), octet);
    }
    assert_eq!(
        Flags::from(0xc7),
        Flags::default(),
        "reserved bits are ignored"
    );
}

#[test]
fn exchange_types_have_their_numbers() {
    for (number, name) in [
        (34, "IKE_SA_INIT"),
        (35, "IKE_AUTH"),
        (36, "CREATE_CHILD_SA"),
        (37, "INFORMATIONAL"),
        (38, "IKE_SESSION_RESUME"),
        (43, "IKE_INTERMEDIATE"),
        (240, "(240)"),
    ] {
        assert_eq!(ExchangeType::from(number).to_string(), name);
    }
    for number in 0..=255 {
        assert_eq!(u8::from(ExchangeType::from(number)), number);
    }
}

#[test]
fn security_association() {
    // Sections 3.3.1, 3.3.2 and 3.3.5: one proposal for the IKE_SA, one for ESP.
    let body = [
        2, 0, 0, 44, // more proposals, reserved, length
        1, 1, 0, 4, // number, IKE, no SPI, four transforms
        3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0, // AES-GCM-16 with key length 256
        3, 0, 0, 8, 2, 0, 0, 5, // PRF_HMAC_SHA2_256
        3, 0, 0, 8, 4, 0, 0, 31, // Curve25519
        0, 0, 0, 8, 3, 0, 0, 12, // HMAC_SHA2_256_128
        0, 0, 0, 28, // last proposal
        2, 3, 4, 2, 0xde, 0xad, 0xbe, 0xef, // number, ESP, SPI of 4, two transforms
        3, 0, 0, 8, 1, 0, 0, 28, // ChaCha20-Poly1305
        0, 0, 0, 8, 5, 0, 0, 1, // extended sequence numbers
    ];
    let proposals = vec![
        Proposal {
            number: 1,
            protocol: Protocol::Ike,
            spi: ProposalSpi::None,
            transforms: vec![
                Transform::Encryption(EncryptionId::AES_GCM_16, Some(256)),
                Transform::Prf(PrfId::HMAC_SHA2_256),
                Transform::KeyExchange(KeyExchangeMethod::CURVE_25519),
                Transform::Integrity(IntegrityId::HMAC_SHA2_256_128),
            ],
        },
        Proposal {
            number: 2,
            protocol: Protocol::Esp,
            spi: ProposalSpi::Esp(EspSpi(0xdead_beef)),
            transforms: vec![
                Transform::Encryption(EncryptionId::CHACHA20_POLY1305, None),
                Transform::ExtendedSequenceNumbers(true),
            ],
        },
    ];
    same(33, &body, &Payload::SecurityAssociation(proposals));
}

#[test]
fn security_association_of_a_rekeyed_ike_sa() {
    let body = [
        0, 0, 0, 24, 1, 1, 8, 1, // last, length, number, IKE, SPI of 8, one transform
        1, 2, 3, 4, 5, 6, 7, 8, // SPI
        0, 0, 0, 8, 2, 0, 0, 7, // PRF_HMAC_SHA2_512
    ];
    let proposal = Proposal {
        number: 1,
        protocol: Protocol::Ike,
        spi: ProposalSpi::Ike(IkeSpi([1, 2, 3, 4, 5, 6, 7, 8])),
        transforms: vec![Transform::Prf(PrfId::HMAC_SHA2_512)],
    };
    same(33, &body, &Payload::SecurityAssociation(vec![proposal]));
}

#[test]
fn opaque_payloads() {
    // Sections 3.4, 3.6, 3.7, 3.8, 3.9, 3.12 and 3.16.
    let data = vec![0xaa; 32];
    let after = |head: &[u8]| [head, &data].concat();
    same(
        34,
        &after(&[0, 31, 0, 0]),
        &Payload::KeyExchange {
            method: KeyExchangeMethod::CURVE_25519,
            data: data.clone(),
        },
    );
    same(
        37,
        &after(&[4]),
        &Payload::Certificate {
            encoding: 4,
            data: data.clone(),
        },
    );
    same(
        38,
        &after(&[4]),
        &Payload::CertificateRequest {
            encoding: 4,
            data: data.clone(),
        },
    );
    same(
        39,
        &after(&[2, 0, 0, 0]),
        &Payload::Authentication {
            method: 2,
            data: data.clone(),
        },
    );
    same(40, &data, &Payload::Nonce(data.clone()));
    same(43, &data, &Payload::VendorId(data.clone()));
    same(48, &data, &Payload::Eap(data.clone()));
    same(
        99,
        &data,
        &Payload::Unknown {
            payload_type: 99,
            data: data.clone(),
        },
    );
}

#[test]
fn identifications() {
    // Section 3.5.
    for (octets, id) in [
        (
            &[1, 0, 0, 0, 192, 0, 2, 1][..],
            Identification::Ipv4([192, 0, 2, 1].into()),
        ),
        (
            b"\x02\0\0\0moon.example",
            Identification::Fqdn("moon.example".into()),
        ),
        (
            b"\x03\0\0\0a@b.example",
            Identification::Rfc822("a@b.example".into()),
        ),
        (b"\x0b\0\0\0key", Identification::KeyId(b"key".to_vec())),
        (
            b"\x09\0\0\0\x30\x00",
            Identification::DerAsn1Dn(vec![0x30, 0]),
        ),
        (
            b"\xc8\0\0\0?",
            Identification::Other {
                id_type: 200,
                data: b"?".to_vec(),
            },
        ),
    ] {
        same(35, octets, &Payload::IdInitiator(id.clone()));
        same(36, octets, &Payload::IdResponder(id.clone()));
        assert_eq!(id.body(), octets);
    }
    let mut octets = vec![5, 0, 0, 0];
    octets.extend_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let id = Identification::Ipv6("2001:db8::1".parse().unwrap());
    same(35, &octets, &Payload::IdInitiator(id));
}

#[test]
fn notifications() {
    // Section 3.10.
    let notify = |protocol, spi: &[u8], notify_type, data: &[u8]| {
        Payload::Notify(Notify {
            protocol,
            spi: spi.to_vec(),
            notify_type,
            data: data.to_vec(),
        })
    };
    same(
        41,
        &[0, 0, 0x40, 0x06, 1, 2, 3],
        &notify(None, &[], NotifyType::COOKIE, &[1, 2, 3]),
    );
    same(
        41,
        &[3, 4, 0x40, 0x09, 1, 2, 3, 4],
        &notify(
            Some(Protocol::Esp),
            &[1, 2, 3, 4],
            NotifyType::REKEY_SA,
            &[],
        ),
    );
    same(
        41,
        &[0, 0, 0, 17, 0, 31],
        &notify(None, &[], NotifyType::INVALID_KE_PAYLOAD, &[0, 31]),
    );
}

#[test]
fn notify_types_have_the_numbers_and_names_of_the_registry() {
    for (number, name) in [
        (1, "UNSUPPORTED_CRITICAL_PAYLOAD"),
        (7, "INVALID_SYNTAX"),
        (14, "NO_PROPOSAL_CHOSEN"),
        (24, "AUTHENTICATION_FAILED"),
        (38, "TS_UNACCEPTABLE"),
        (43, "TEMPORARY_FAILURE"),
        (44, "CHILD_SA_NOT_FOUND"),
        (16384, "INITIAL_CONTACT"),
        (16388, "NAT_DETECTION_SOURCE_IP"),
        (16389, "NAT_DETECTION_DESTINATION_IP"),
        (16393, "REKEY_SA"),
        (16396, "MOBIKE_SUPPORTED"),
        (16400, "UPDATE_SA_ADDRESSES"),
        (16403, "AUTH_LIFETIME"),
        (16406, "REDIRECT_SUPPORTED"),
        (16413, "TICKET_OPAQUE"),
        (16418, "CHILDLESS_IKEV2_SUPPORTED"),
        (16430, "IKEV2_FRAGMENTATION_SUPPORTED"),
        (16435, "USE_PPK"),
        (16441, "ADDITIONAL_KEY_EXCHANGE"),
        (16383, "(16383)"),
        (65535, "(65535)"),
    ] {
        let notify_type = NotifyType(number);
        assert_eq!(notify_type.to_string(), name);
        assert_eq!(notify_type.is_error(), number < 16384);
    }
}

#[test]
fn deletions() {
    // Section 3.11.
    same(
        42,
        &[1, 0, 0, 0],
        &Payload::Delete(Delete {
            protocol: Protocol::Ike,
            spis: vec![],
        }),
    );
    same(
        42,
        &[3, 4, 0, 2, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff],
        &Payload::Delete(Delete {
            protocol: Protocol::Esp,
            spis: vec![EspSpi(256), EspSpi(u32::MAX)],
        }),
    );
}

#[test]
fn traffic_selectors() {
    // Section 3.13.1: the two selectors of its example, and one of IPv6.
    let mut body = vec![3, 0, 0, 0];
    body.extend_from_slice(&[7, 17, 0, 16, 0, 100, 0, 100, 192, 0, 2, 66, 192, 0, 2, 66]);
    body.extend_from_slice(&[
        7, 0, 0, 16, 0, 0, 255, 255, 198, 51, 100, 0, 198, 51, 100, 255,
    ]);
    body.extend_from_slice(&[8, 0, 0, 40, 0, 0, 255, 255]);
    body.extend_from_slice(&[0; 16]);
    body.extend_from_slice(&[255; 16]);
    let selectors: Vec<_> = ["192.0.2.66/32[udp/100]", "198.51.100.0/24", "::/0"]
        .iter()
        .map(|text| TrafficSelector::from_config(text).unwrap())
        .collect();
    same(44, &body, &Payload::TsInitiator(selectors.clone()));
    same(45, &body, &Payload::TsResponder(selectors));
}

#[test]
fn selectors_of_unknown_type_are_passed_over() {
    // RFC 9478: type 10 is a security label; it comes beside addresses.
    let mut body = vec![2, 0, 0, 0];
    body.extend_from_slice(&[10, 0, 0, 7, b's', b'e', b'l']);
    body.extend_from_slice(&[7, 0, 0, 16, 0, 0, 255, 255, 10, 0, 0, 0, 10, 255, 255, 255]);
    let net = TrafficSelector::from_config("10.0.0.0/8").unwrap();
    assert_eq!(parse_one(44, &body), Ok(Payload::TsInitiator(vec![net])));
}

#[test]
fn configurations() {
    // Section 3.15.
    same(
        47,
        &[2, 0, 0, 0, 0, 1, 0, 4, 10, 0, 0, 1, 0, 3, 0, 0],
        &Payload::Configuration(Configuration {
            kind: ConfigurationKind(2),
            attributes: vec![
                (AttributeType(1), vec![10, 0, 0, 1]),
                (AttributeType(3), vec![]),
            ],
        }),
    );
    // The reserved bit of an attribute type is ignored.
    assert_eq!(
        parse_one(47, &[1, 9, 9, 9, 0x80, 1, 0, 0]),
        Ok(Payload::Configuration(Configuration {
            kind: ConfigurationKind(1),
            attributes: vec![(AttributeType(1), vec![])]
        }))
    );
}

#[test]
fn a_message_has_its_chain_and_lengths() {
    let payloads = [
        Payload::Nonce(vec![7; 16]),
        Payload::VendorId(b"holdfast".to_vec()),
    ];
    let message = write_message(&header(), &payloads);
    let mut expected = Vec::new();
    expected.extend_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    expected.extend_from_slice(&[40, 0x20, 37, 8, 0, 0, 0, 5, 0, 0, 0, 60]);
    expected.extend_from_slice(&[43, 0, 0, 20]);
    expected.extend_from_slice(&[7; 16]);
    expected.extend_from_slice(&[0, 0, 0, 12]);
    expected.extend_from_slice(b"holdfast");
    assert_eq!(message, expected);
    let header = Header::parse(&message).unwrap();
    assert_eq!(
        parse_body(&header, &message),
        Ok(Body::Clear(payloads.to_vec()))
    );
}

#[test]
fn a_message_without_payloads() {
    let message = write_message(&header(), &[]);
    let header = Header::parse(&message).unwrap();
    assert_eq!(header.next_payload, payload_type::NONE);
    assert_eq!(parse_body(&header, &message), Ok(Body::Clear(vec![])));
}

#[test]
fn an_encrypted_message() {
    // Section 3.14.
    let sealed = [0x55; 24];
    let mut message = write_encrypted_prefix(&header(), payload_type::DELETE, sealed.len());
    let prefix = message.clone();
    assert_eq!(prefix[16], payload_type::ENCRYPTED);
    assert_eq!(prefix[24..], [0, 0, 0, 56, 42, 0, 0, 28]);
    message.extend_from_slice(&sealed);
    let header = Header::parse(&message).unwrap();
    assert_eq!(
        parse_body(&header, &message),
        Ok(Body::Encrypted(Encrypted {
            first_payload: payload_type::DELETE,
            aad: &prefix,
            body: &sealed,
        }))
    );
}

#[test]
fn fragments() {
    // RFC 7383 section 2.5: only the first fragment names the first payload inside.
    for (number, first) in [(1, payload_type::ID_INITIATOR), (3, payload_type::NONE)] {
        let sealed = [0x66; 20];
        let mut message = write_fragment_prefix(
            &header(),
            payload_type::ID_INITIATOR,
            number,
            3,
            sealed.len(),
        );
        let prefix = message.clone();
        assert_eq!(prefix[16], payload_type::ENCRYPTED_FRAGMENT);
        assert_eq!(prefix[24..32], [0, 0, 0, 56, first, 0, 0, 28]);
        assert_eq!(prefix[32..], [0, number as u8, 0, 3]);
        message.extend_from_slice(&sealed);
        let header = Header::parse(&message).unwrap();
        assert_eq!(
            parse_body(&header, &message),
            Ok(Body::Fragment(Fragment {
                first_payload: first,
                number,
                total: 3,
                aad: &prefix,
                body: &sealed,
            }))
        );
    }
}

#[test]
fn an_ike_sa_init_request_as_charon_lays_it_out() {
    // SA, KE, nonce, then six notifications.
    let mut chain = Vec::new();
    chain.extend(payload(
        34,
        &[
            0, 0, 0, 36, 1, 1, 0, 3, 3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0, 3, 0, 0, 8, 2, 0, 0,
            6, 0, 0, 0, 8, 4, 0, 0, 31,
        ],
    ));
    chain.extend(payload(40, &[&[0, 31, 0, 0][..], &[9; 32]].concat()));
    chain.extend(payload(41, &[3; 32]));
    for (next, notify_type, data) in [
        (41, 16388_u16, &[1; 20][..]),
        (41, 16389, &[2; 20]),
        (41, 16430, &[]),
        (41, 16431, &[0, 2, 0, 3, 0, 4, 0, 5]),
        (0, 16406, &[]),
    ] {
        chain.extend(payload(
            next,
            &[&[0, 0], notify_type.to_be_bytes().as_slice(), data].concat(),
        ));
    }
    let (header, datagram) = datagram(33, &chain);
    let Ok(Body::Clear(payloads)) = parse_body(&header, &datagram) else {
        panic!("it must be readable");
    };
    assert_eq!(
        payloads.iter().map(Payload::number).collect::<Vec<_>>(),
        [33, 34, 40, 41, 41, 41, 41, 41]
    );
    assert_eq!(write_message(&header, &payloads), datagram);
}

//! What is written is read back as it was.

use std::collections::BTreeSet;

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::{
    EspSpi, Identification,
    proposal::{
        EncryptionId, IntegrityId, KeyExchangeMethod, PrfId, Proposal, ProposalSpi, Protocol, Slot,
        Transform,
    },
    traffic_selector::tests::any_selector,
};

/// If the octets can be read, what is written of them reads the same.
pub(super) fn stable(first: u8, octets: &[u8]) {
    let Ok(payloads) = parse_payloads(first, octets) else {
        return;
    };
    let mut written = Vec::new();
    let first = write_payloads(&payloads, &mut written);
    assert_eq!(parse_payloads(first, &written), Ok(payloads));
}

pub(super) fn example_proposal() -> Proposal {
    Proposal {
        number: 1,
        protocol: Protocol::Esp,
        spi: ProposalSpi::Esp(EspSpi(0x0102_0304)),
        transforms: vec![
            Transform::Encryption(EncryptionId::AES_GCM_16, Some(128)),
            Transform::KeyExchange(KeyExchangeMethod::ECP_256),
            Transform::ExtendedSequenceNumbers(false),
        ],
    }
}

fn octets(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..most)
}

fn transform() -> impl Strategy<Value = Transform> {
    prop_oneof![
        (any::<u16>(), option::of(any::<u16>()))
            .prop_map(|(id, bits)| Transform::Encryption(EncryptionId(id), bits)),
        any::<u16>().prop_map(|id| Transform::Prf(PrfId(id))),
        any::<u16>().prop_map(|id| Transform::Integrity(IntegrityId(id))),
        any::<u16>().prop_map(|id| Transform::KeyExchange(KeyExchangeMethod(id))),
        any::<bool>().prop_map(Transform::ExtendedSequenceNumbers),
        (1..=7_u8, any::<u16>()).prop_map(|(slot, id)| {
            let slot = Slot::new(slot).expect("1 to 7");
            Transform::AdditionalKeyExchange(slot, KeyExchangeMethod(id))
        }),
        (any::<u8>(), any::<u16>())
            .prop_map(|(transform_type, id)| Transform::Unknown { transform_type, id }),
    ]
}

fn proposal() -> impl Strategy<Value = Proposal> {
    let spi = prop_oneof![
        Just((Protocol::Ike, ProposalSpi::None)),
        any::<[u8; 8]>().prop_map(|spi| (Protocol::Ike, ProposalSpi::Ike(IkeSpi(spi)))),
        any::<u32>().prop_map(|spi| (Protocol::Esp, ProposalSpi::Esp(EspSpi(spi)))),
        any::<u32>().prop_map(|spi| (Protocol::Ah, ProposalSpi::Esp(EspSpi(spi)))),
    ];
    let sizes = prop_oneof![9 => 0..8_usize, 1 => 120..=limits::TRANSFORMS];
    let transforms = sizes.prop_flat_map(|size| vec(transform(), size));
    (any::<u8>(), spi, transforms).prop_map(|(number, (protocol, spi), transforms)| Proposal {
        number,
        protocol,
        spi,
        transforms,
    })
}

fn identification() -> impl Strategy<Value = Identification> {
    prop_oneof![
        any::<u32>().prop_map(|bits| Identification::Ipv4(bits.into())),
        any::<u128>().prop_map(|bits| Identification::Ipv6(bits.into())),
        "[^\\p{Cc}]{0,64}".prop_map(Identification::Fqdn),
        "[^\\p{Cc}]{0,64}".prop_map(Identification::Rfc822),
        octets(64).prop_map(Identification::DerAsn1Dn),
        octets(64).prop_map(Identification::KeyId),
        (12..=255_u8, octets(64))
            .prop_map(|(id_type, data)| Identification::Other { id_type, data }),
    ]
}

fn notify() -> impl Strategy<Value = Notify> {
    let about = prop_oneof![
        Just((None, vec![])),
        octets(256).prop_map(|spi| (None, spi)),
        any::<[u8; 8]>().prop_map(|spi| (Some(Protocol::Ike), spi.to_vec())),
        any::<[u8; 4]>().prop_map(|spi| (Some(Protocol::Esp), spi.to_vec())),
        any::<[u8; 4]>().prop_map(|spi| (Some(Protocol::Ah), spi.to_vec())),
    ];
    (about, any::<u16>(), octets(64)).prop_map(|((protocol, spi), number, data)| Notify {
        protocol,
        spi,
        notify_type: NotifyType(number),
        data,
    })
}

fn delete() -> impl Strategy<Value = Delete> {
    prop_oneof![
        Just(Delete {
            protocol: Protocol::Ike,
            spis: vec![]
        }),
        (any::<bool>(), vec(any::<u32>().prop_map(EspSpi), 0..300)).prop_map(|(esp, spis)| {
            let protocol = if esp { Protocol::Esp } else { Protocol::Ah };
            Delete { protocol, spis }
        }),
    ]
}

/// One strategy for each payload, so that each can be tried alone.
fn payload_strategies() -> Vec<BoxedStrategy<Payload>> {
    let selectors = || vec(any_selector(), 0..=limits::SELECTORS);
    vec![
        vec(proposal(), 0..6)
            .prop_map(Payload::SecurityAssociation)
            .boxed(),
        (any::<u16>(), octets(300))
            .prop_map(|(method, data)| Payload::KeyExchange {
                method: KeyExchangeMethod(method),
                data,
            })
            .boxed(),
        identification().prop_map(Payload::IdInitiator).boxed(),
        identification().prop_map(Payload::IdResponder).boxed(),
        (any::<u8>(), octets(300))
            .prop_map(|(encoding, data)| Payload::Certificate { encoding, data })
            .boxed(),
        (any::<u8>(), octets(300))
            .prop_map(|(encoding, data)| Payload::CertificateRequest { encoding, data })
            .boxed(),
        (any::<u8>(), octets(300))
            .prop_map(|(method, data)| Payload::Authentication { method, data })
            .boxed(),
        vec(any::<u8>(), 16..=256).prop_map(Payload::Nonce).boxed(),
        notify().prop_map(Payload::Notify).boxed(),
        delete().prop_map(Payload::Delete).boxed(),
        octets(100).prop_map(Payload::VendorId).boxed(),
        selectors().prop_map(Payload::TsInitiator).boxed(),
        selectors().prop_map(Payload::TsResponder).boxed(),
        (any::<u8>(), vec((0..0x8000_u16, octets(40)), 0..20))
            .prop_map(|(kind, attributes)| {
                let attribute = |(number, value)| (AttributeType(number), value);
                Payload::Configuration(Configuration {
                    kind: ConfigurationKind(kind),
                    attributes: attributes.into_iter().map(attribute).collect(),
                })
            })
            .boxed(),
        octets(100).prop_map(Payload::Eap).boxed(),
        (prop_oneof![1..=32_u8, 49..=52_u8, 54..=255_u8], octets(100))
            .prop_map(|(payload_type, data)| Payload::Unknown { payload_type, data })
            .boxed(),
    ]
}

fn any_payload() -> impl Strategy<Value = Payload> {
    proptest::strategy::Union::new(payload_strategies())
}

/// A chain in which nothing stands twice that may not.
fn chain() -> impl Strategy<Value = Vec<Payload>> {
    vec(any_payload(), 0..24).prop_map(|payloads| {
        let mut seen = BTreeSet::new();
        payloads
            .into_iter()
            .filter(|payload| {
                let number = payload.number();
                let repeats =
                    matches!(number, 37 | 38 | 41 | 42 | 43) || !(33..=48).contains(&number);
                repeats || seen.insert(number)
            })
            .collect()
    })
}

fn any_header() -> impl Strategy<Value = Header> {
    (
        (1..=u64::MAX, any::<u64>()),
        any::<u8>(),
        0..16_u8,
        any::<u8>(),
        any::<u32>(),
    )
        .prop_map(
            |((initiator, responder), exchange, minor, flags, id)| Header {
                spis: IkeSpis {
                    initiator: IkeSpi(initiator.to_be_bytes()),
                    responder: IkeSpi(responder.to_be_bytes()),
                },
                next_payload: 0,
                major: 2,
                minor,
                exchange: exchange.into(),
                flags: flags.into(),
                message_id: MessageId(id),
                length: 28,
            },
        )
}

#[test]
fn every_payload_alone() {
    use proptest::test_runner::{Config, TestRunner};
    for strategy in payload_strategies() {
        let mut runner = TestRunner::new(Config::with_cases(100));
        runner
            .run(&strategy, |payload| {
                let body = write_one(&payload);
                prop_assert_eq!(parse_one(payload.number(), &body), Ok(payload));
                Ok(())
            })
            .unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whole_chains(payloads in chain()) {
        let mut octets = vec![0xff; 3];
        let first = write_payloads(&payloads, &mut octets);
        prop_assert_eq!(&octets[..3], &[0xff; 3], "it appends");
        prop_assert_eq!(parse_payloads(first, &octets[3..]), Ok(payloads));
    }

    #[test]
    fn whole_messages(header in any_header(), payloads in chain()) {
        let message = write_message(&header, &payloads);
        let parsed = Header::parse(&message).unwrap();
        prop_assert_eq!(
            Header { next_payload: 0, length: 28, ..parsed },
            header
        );
        prop_assert_eq!(parse_body(&parsed, &message), Ok(Body::Clear(payloads)));
    }

    #[test]
    fn protected_messages(
        header in any_header(),
        first: u8,
        body in octets(200),
        fragment in option::of((1..=u16::MAX, 0..=u16::MAX)),
    ) {
        let mut message = match fragment {
            None => write_encrypted_prefix(&header, first, body.len()),
            Some((number, more)) => {
                write_fragment_prefix(&header, first, number, number.saturating_add(more), body.len())
            }
        };
        let aad = message.clone();
        message.extend_from_slice(&body);
        let parsed = Header::parse(&message).unwrap();
        let expected = match fragment {
            None => Body::Encrypted(Encrypted { first_payload: first, aad: &aad, body: &body }),
            Some((number, more)) => Body::Fragment(Fragment {
                first_payload: if number == 1 { first } else { 0 },
                number,
                total: number.saturating_add(more),
                aad: &aad,
                body: &body,
            }),
        };
        prop_assert_eq!(parse_body(&parsed, &message), Ok(expected));
    }
}

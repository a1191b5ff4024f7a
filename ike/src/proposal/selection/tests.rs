use super::*;
use crate::EspSpi;

const GCM_256: Transform = Transform::Encryption(EncryptionId::AES_GCM_16, Some(256));
const SHA384: Transform = Transform::Prf(PrfId::HMAC_SHA2_384);
const X25519: Transform = Transform::KeyExchange(KeyExchangeMethod::CURVE_25519);
const NO_KEY_EXCHANGE: Transform = Transform::KeyExchange(KeyExchangeMethod::NONE);
const NO_INTEGRITY: Transform = Transform::Integrity(IntegrityId::NONE);
const NO_ESN: Transform = Transform::ExtendedSequenceNumbers(false);
const ESN: Transform = Transform::ExtendedSequenceNumbers(true);

fn raw(protocol: Protocol, transforms: &[Transform]) -> Proposal {
    Proposal {
        number: 1,
        protocol,
        spi: ProposalSpi::None,
        transforms: transforms.to_vec(),
    }
}

fn raw_ike(transforms: &[Transform]) -> Vec<Proposal> {
    vec![raw(Protocol::Ike, transforms)]
}

fn raw_esp(transforms: &[Transform]) -> Vec<Proposal> {
    vec![raw(Protocol::Esp, transforms)]
}

fn list(protocol: Protocol, notations: &[&str]) -> Vec<Proposal> {
    numbered(
        notations
            .iter()
            .map(|notation| Proposal::from_notation(notation, protocol).unwrap())
            .collect(),
    )
}

fn ike(notations: &[&str]) -> Vec<Proposal> {
    list(Protocol::Ike, notations)
}

fn esp(notations: &[&str]) -> Vec<Proposal> {
    list(Protocol::Esp, notations)
}

fn numbered(mut proposals: Vec<Proposal>) -> Vec<Proposal> {
    for (index, proposal) in proposals.iter_mut().enumerate() {
        proposal.number = index as u8 + 1;
    }
    proposals
}

/// What is answered, in notation.
fn answer_ike(offered: &[Proposal], configured: &[Proposal]) -> Option<String> {
    select_ike(offered, configured).map(|selected| selected.proposal.to_notation())
}

fn answer_esp(
    offered: &[Proposal],
    configured: &[Proposal],
    key_exchange: KeyExchangeUse,
) -> Option<Vec<Transform>> {
    select_esp(offered, configured, key_exchange).map(|selected| selected.proposal.transforms)
}

const STRONG: &str = "aes256gcm16-prfsha384-x25519";

#[test]
fn ike_suite() {
    let selected = select_ike(&ike(&[STRONG]), &ike(&[STRONG])).unwrap();
    assert_eq!(
        selected.suite,
        IkeSuite {
            encryption: EncryptionId::AES_GCM_16,
            key_bits: 256,
            integrity: None,
            prf: PrfId::HMAC_SHA2_384,
            key_exchange: KeyExchangeMethod::CURVE_25519,
            additional: AdditionalKeyExchanges::NONE,
        }
    );
    assert_eq!(vec![selected.proposal], ike(&[STRONG]));
    assert_eq!(selected.offered_spi, ProposalSpi::None);
}

#[test]
fn our_order_counts() {
    let ours = ike(&["chacha20poly1305-aes256gcm16-prfsha512-prfsha256-ecp384-x25519"]);
    let theirs = ike(&["aes256gcm16-chacha20poly1305-prfsha256-prfsha512-x25519-ecp384"]);
    assert_eq!(
        answer_ike(&theirs, &ours).unwrap(),
        "chacha20poly1305-prfsha512-ecp384"
    );
    assert_eq!(
        answer_ike(&ours, &theirs).unwrap(),
        "aes256gcm16-prfsha256-x25519"
    );
    // Of proposals, too: ours come first, then those of the initiator.
    let ours = ike(&["chacha20poly1305-prfsha256-x25519", STRONG]);
    let theirs = ike(&[
        STRONG,
        "aes128gcm16-prfsha256-x25519",
        "chacha20poly1305-prfsha256-x25519",
    ]);
    let selected = select_ike(&theirs, &ours).unwrap();
    assert_eq!(selected.proposal, theirs[2], "with its number");
}

#[test]
fn nothing_in_common() {
    for other in [
        "aes128gcm16-prfsha384-x25519",
        "aes256gcm16-prfsha256-x25519",
        "aes256gcm16-prfsha384-ecp256",
        "chacha20poly1305-prfsha384-x25519",
    ] {
        assert_eq!(answer_ike(&ike(&[other]), &ike(&[STRONG])), None, "{other}");
        assert_eq!(accept_ike(&ike(&[STRONG]), &ike(&[other])), None);
    }
    assert_eq!(answer_ike(&[], &ike(&[STRONG])), None);
    assert_eq!(answer_ike(&ike(&[STRONG]), &[]), None);
    // Transforms of two proposals are never mixed.
    let theirs = ike(&[
        "aes256gcm16-prfsha256-x25519",
        "aes128gcm16-prfsha384-x25519",
    ]);
    assert_eq!(answer_ike(&theirs, &ike(&[STRONG])), None);
}

#[test]
fn protocols_are_not_mixed() {
    let esp = esp(&["aes256gcm16"]);
    assert_eq!(answer_ike(&esp, &esp), None);
    assert_eq!(
        answer_esp(&ike(&[STRONG]), &ike(&[STRONG]), KeyExchangeUse::Strip),
        None
    );
    let ah = [raw(Protocol::Ah, &[GCM_256, NO_ESN])];
    assert_eq!(answer_esp(&ah, &esp, KeyExchangeUse::Strip), None);
}

/// RFC 7296 section 3.3.5: the key length is part of the transform.
#[test]
fn key_lengths_must_match() {
    let ours = ike(&["aes256gcm16-chacha20poly1305-prfsha384-x25519"]);
    for (id, key_bits, chosen) in [
        (EncryptionId::AES_GCM_16, Some(256), true),
        (EncryptionId::AES_GCM_16, Some(128), false),
        (EncryptionId::AES_GCM_16, None, false),
        (EncryptionId::CHACHA20_POLY1305, None, true),
        (EncryptionId::CHACHA20_POLY1305, Some(256), false),
    ] {
        let offer = raw_ike(&[Transform::Encryption(id, key_bits), SHA384, X25519]);
        assert_eq!(
            answer_ike(&offer, &ours).is_some(),
            chosen,
            "{id} {key_bits:?}"
        );
    }
}

/// RFC 9370 section 2.2.1: what is proposed is negotiated like any other type.
#[test]
fn additional_key_exchanges() {
    const HYBRID: &str = "aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_ecp384-ke2_none";
    let suite = |theirs: &str, ours: &str| {
        let selected = select_ike(&ike(&[theirs]), &ike(&[ours]))?;
        let answer = [selected.proposal];
        assert_eq!(accept_ike(&ike(&[theirs]), &answer), Some(selected.suite));
        let methods: Vec<_> = selected.suite.additional.iter().map(|(_, m)| m).collect();
        Some((methods, answer[0].transforms.len()))
    };
    let (kem, ecp) = (KeyExchangeMethod::ML_KEM_768, KeyExchangeMethod::ECP_384);
    assert_eq!(suite(HYBRID, HYBRID), Some((vec![kem, ecp], 5)));
    let optional = "aes256gcm16-prfsha384-x25519-ke1_mlkem768";
    assert_eq!(
        suite(HYBRID, optional),
        Some((vec![kem], 5)),
        "NONE is said"
    );
    assert_eq!(
        suite(optional, HYBRID),
        Some((vec![kem], 4)),
        "what is not offered is not said"
    );
    assert_eq!(suite(HYBRID, STRONG), None, "we have none, they want one");
    assert_eq!(suite(STRONG, HYBRID), None);
    assert_eq!(
        suite(STRONG, &format!("{STRONG}-ke1_mlkem768-ke1_none")),
        Some((vec![], 3))
    );
}

#[test]
fn answers_with_other_key_exchanges_are_refused() {
    let sent = ike(&["aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_mlkem1024-ke2_none"]);
    let accepts = |answer: &str| accept_ike(&sent, &ike(&[answer])).is_some();
    assert!(accepts("aes256gcm16-prfsha384-x25519-ke1_mlkem768"));
    assert!(accepts(
        "aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_none"
    ));
    assert!(!accepts(STRONG), "weaker than all that was offered");
    assert!(!accepts("aes256gcm16-prfsha384-x25519-ke1_mlkem512"));
    assert!(!accepts(
        "aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke3_ecp256"
    ));
    assert!(!accepts(
        "aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_mlkem1024-ke2_none"
    ));
}

/// IKE_AUTH has no key exchange, whatever is configured (RFC 7296 section 1.2).
#[test]
fn no_additional_key_exchange_in_ike_auth() {
    let ours = esp(&["aes256gcm16-x25519-ke1_mlkem768"]);
    let theirs = raw_esp(&[GCM_256, NO_ESN]);
    let selected = select_esp(&theirs, &ours, KeyExchangeUse::Strip).unwrap();
    assert!(selected.suite.additional.is_empty());
    assert!(select_esp(&theirs, &ours, KeyExchangeUse::Negotiate).is_none());
}

/// RFC 7296 section 3.3.6: unknown transforms are passed over, unknown types are not.
#[test]
fn what_is_not_understood() {
    let unknown = |transform_type| Transform::Unknown {
        transform_type,
        id: 4711,
    };
    for known_type in 1..=4 {
        let offer = raw_ike(&[unknown(known_type), GCM_256, NO_INTEGRITY, SHA384, X25519]);
        let answer = select_ike(&offer, &ike(&[STRONG])).unwrap().proposal;
        assert_eq!(answer.transforms, [GCM_256, SHA384, NO_INTEGRITY, X25519]);
    }
    for strange_type in [0, 5, 6, 12, 13, 255] {
        let offer = raw_ike(&[unknown(strange_type), GCM_256, SHA384, X25519]);
        assert_eq!(answer_ike(&offer, &ike(&[STRONG])), None, "{strange_type}");
        let plain = raw(Protocol::Ike, &[GCM_256, SHA384, X25519]);
        let both = numbered(vec![offer[0].clone(), plain]);
        assert_eq!(
            select_ike(&both, &ike(&[STRONG])).unwrap().proposal.number,
            2
        );
    }
    // Nothing else of the type: it cannot be answered.
    for missing in 1..=4 {
        let mut offer = raw_ike(&[GCM_256, SHA384, NO_INTEGRITY, X25519]);
        for transform in &mut offer[0].transforms {
            if transform.transform_type() == missing {
                *transform = unknown(missing);
            }
        }
        assert_eq!(answer_ike(&offer, &ike(&[STRONG])), None, "type {missing}");
    }
    // Never chosen, not even if somebody configured the same.
    let strange = raw_ike(&[unknown(1), SHA384, X25519]);
    assert_eq!(answer_ike(&strange, &strange), None);
    // PRFs have no place in ESP.
    assert_eq!(
        answer_esp(
            &raw_esp(&[GCM_256, SHA384, NO_ESN]),
            &esp(&["aes256gcm16"]),
            KeyExchangeUse::Strip
        ),
        None
    );
}

#[test]
fn types_that_ike_needs() {
    for missing in [1, 2, 4] {
        let mut offer = raw_ike(&[GCM_256, SHA384, X25519]);
        offer[0]
            .transforms
            .retain(|transform| transform.transform_type() != missing);
        assert_eq!(answer_ike(&offer, &ike(&[STRONG])), None, "type {missing}");
        assert_eq!(accept_ike(&ike(&[STRONG]), &offer), None, "type {missing}");
    }
    let none = raw_ike(&[GCM_256, SHA384, NO_KEY_EXCHANGE]);
    assert_eq!(answer_ike(&none, &none), None, "IKE always exchanges keys");
    assert_eq!(accept_ike(&none, &none), None);
}

/// RFC 5282 section 8: no integrity algorithm, or NONE alone.
#[test]
fn integrity_beside_aead() {
    let sha256 = Transform::Integrity(IntegrityId::HMAC_SHA2_256_128);
    let ours = ike(&[STRONG]);
    let suite = select_ike(&ours, &ours).unwrap().suite;
    for (integrity, answer) in [
        (&[NO_INTEGRITY][..], Some(vec![NO_INTEGRITY])),
        (&[sha256, NO_INTEGRITY], Some(vec![NO_INTEGRITY])),
        (&[], Some(vec![])),
        (&[sha256], None),
    ] {
        let offer = raw_ike(&[&[GCM_256, SHA384], integrity, &[X25519]].concat());
        let selected = select_ike(&offer, &ours);
        let expected = answer.map(|answer| [&[GCM_256, SHA384], &answer[..], &[X25519]].concat());
        assert_eq!(
            selected
                .as_ref()
                .map(|selected| &selected.proposal.transforms),
            expected.as_ref()
        );
        if let Some(selected) = selected {
            assert_eq!(selected.suite, suite);
            assert_eq!(accept_ike(&offer, &[selected.proposal]), Some(suite));
        }
    }
}

/// Not offered by this build, but the rules are those of any cipher.
#[test]
fn ciphers_with_separate_integrity() {
    let cbc = Transform::Encryption(EncryptionId::AES_CBC, Some(256));
    let sha256 = Transform::Integrity(IntegrityId::HMAC_SHA2_256_128);
    let sha512 = Transform::Integrity(IntegrityId::HMAC_SHA2_512_256);
    let both = raw_esp(&[cbc, sha512, sha256, NO_ESN]);
    let one = raw_esp(&[cbc, sha256, NO_ESN]);
    let selected = select_esp(&both, &one, KeyExchangeUse::Strip).unwrap();
    assert_eq!(
        selected.suite.integrity,
        Some(IntegrityId::HMAC_SHA2_256_128)
    );
    assert_eq!(selected.proposal, one[0]);
    let naked = raw_esp(&[cbc, NO_ESN]);
    assert_eq!(answer_esp(&naked, &naked, KeyExchangeUse::Strip), None);
    let none = raw_esp(&[cbc, NO_INTEGRITY, NO_ESN]);
    assert_eq!(answer_esp(&none, &none, KeyExchangeUse::Strip), None);
}

#[test]
fn extended_sequence_numbers() {
    let chosen = |offer: &[Transform], ours: &[Transform]| {
        let [offer, ours] = [offer, ours].map(|esn| raw_esp(&[&[GCM_256], esn].concat()));
        let selected = select_esp(&offer, &ours, KeyExchangeUse::Strip)?;
        let answered = std::slice::from_ref(&selected.proposal);
        assert_eq!(accept_esp(&offer, answered), Some(selected.suite));
        Some((
            selected.suite.extended_sequence_numbers,
            selected.proposal.transforms[1..].to_vec(),
        ))
    };
    assert_eq!(chosen(&[NO_ESN], &[NO_ESN]), Some((false, vec![NO_ESN])));
    assert_eq!(chosen(&[ESN], &[ESN]), Some((true, vec![ESN])));
    assert_eq!(chosen(&[ESN], &[NO_ESN]), None);
    assert_eq!(chosen(&[NO_ESN], &[ESN]), None);
    let both = [NO_ESN, ESN];
    assert_eq!(chosen(&both, &[ESN, NO_ESN]), Some((true, vec![ESN])));
    assert_eq!(chosen(&both, &[NO_ESN]), Some((false, vec![NO_ESN])));
    // Mandatory, but peers that leave it out mean short ones; the answer leaves it out as well.
    assert_eq!(chosen(&[], &[NO_ESN]), Some((false, vec![])));
    assert_eq!(chosen(&[], &[ESN]), None);
    assert_eq!(chosen(&[NO_ESN], &[]), Some((false, vec![NO_ESN])));
}

#[test]
fn key_exchange_of_a_child() {
    use KeyExchangeUse::{Negotiate, Strip};
    let ecp384 = Transform::KeyExchange(KeyExchangeMethod::ECP_384);
    let answer = |offer: &[Transform], ours: &[Transform], key_exchange| {
        let [offer, ours] =
            [offer, ours].map(|methods| raw_esp(&[&[GCM_256], methods, &[NO_ESN]].concat()));
        let selected = select_esp(&offer, &ours, key_exchange)?;
        let mut transforms = selected.proposal.transforms;
        transforms.retain(|transform| !matches!(transform, &GCM_256 | &NO_ESN));
        Some((selected.suite.key_exchange, transforms))
    };
    let x25519 = Some((Some(KeyExchangeMethod::CURVE_25519), vec![X25519]));
    assert_eq!(answer(&[X25519], &[X25519], Negotiate), x25519);
    assert_eq!(answer(&[ecp384, X25519], &[X25519], Negotiate), x25519);
    assert_eq!(
        answer(&[ecp384, X25519], &[X25519, ecp384], Negotiate),
        x25519
    );
    assert_eq!(answer(&[ecp384], &[X25519], Negotiate), None);
    // Who asks for a key exchange gets one or none of it.
    assert_eq!(answer(&[], &[X25519], Negotiate), None);
    assert_eq!(answer(&[X25519], &[], Negotiate), None);
    assert_eq!(answer(&[], &[], Negotiate), Some((None, vec![])));
    assert_eq!(
        answer(&[], &[X25519, NO_KEY_EXCHANGE], Negotiate),
        Some((None, vec![]))
    );
    assert_eq!(
        answer(&[X25519, NO_KEY_EXCHANGE], &[], Negotiate),
        Some((None, vec![NO_KEY_EXCHANGE]))
    );
    // In IKE_AUTH methods mean nothing on either side.
    for (offer, ours) in [
        (&[X25519][..], &[][..]),
        (&[], &[X25519]),
        (&[ecp384], &[X25519]),
    ] {
        assert_eq!(answer(offer, ours, Strip), Some((None, vec![])));
    }
    assert_eq!(
        answer(&[NO_KEY_EXCHANGE], &[X25519], Strip),
        Some((None, vec![NO_KEY_EXCHANGE]))
    );
}

#[test]
fn the_offered_spi_is_that_of_the_chosen_proposal() {
    let mut offer = esp(&["aes128gcm16", "aes256gcm16"]);
    offer[0].spi = ProposalSpi::Esp(EspSpi(0x1111));
    offer[1].spi = ProposalSpi::Esp(EspSpi(0x2222));
    // Nonsense, but nothing may depend on it.
    offer[1].number = 1;
    let selected = select_esp(&offer, &esp(&["aes256gcm16"]), KeyExchangeUse::Strip).unwrap();
    assert_eq!(selected.offered_spi, ProposalSpi::Esp(EspSpi(0x2222)));
    assert_eq!(selected.proposal.spi, ProposalSpi::None);
}

#[test]
fn answers_that_are_no_choice() {
    let sent = ike(&[
        "aes256gcm16-aes128gcm16-prfsha384-prfsha256-x25519-ecp256",
        "chacha20poly1305-prfsha256-ecp384",
    ]);
    let accepts = |answered: &[Proposal]| accept_ike(&sent, answered).is_some();
    let good = ike(&["aes128gcm16-prfsha384-ecp256"]);
    assert!(accepts(&good));

    assert!(!accepts(&[]), "no proposal");
    let twice = numbered([good.clone(), good.clone()].concat());
    assert!(!accepts(&twice), "two proposals");
    assert!(!accepts(&sent), "everything back");
    assert!(!accepts(&sent[..1]), "more than one transform of a type");
    let mut renumbered = good.clone();
    renumbered[0].number = 2;
    assert!(!accepts(&renumbered), "the number of another proposal");
    renumbered[0].number = 3;
    assert!(!accepts(&renumbered), "a number that was not sent");
    let mixed = ike(&["aes256gcm16-prfsha384-ecp384"]);
    assert!(!accepts(&mixed), "transforms of two proposals");
    let stranger = ike(&["chacha20poly1305-prfsha256-x25519"]);
    assert!(!accepts(&stranger), "a transform of another proposal");

    let with = |transform| {
        let mut answer = good.clone();
        answer[0].transforms.push(transform);
        answer
    };
    assert!(!accepts(&with(SHA384)), "a type twice");
    assert!(!accepts(&with(NO_ESN)), "a type that IKE has not");
    assert!(!accepts(&with(Transform::Unknown {
        transform_type: 1,
        id: 99,
    })));
    assert!(!accepts(&with(Transform::Integrity(
        IntegrityId::HMAC_SHA2_256_128
    ))));
    assert!(
        accepts(&with(NO_INTEGRITY)),
        "saying what leaving it out means"
    );
}

#[test]
fn answers_for_esp() {
    let sent = esp(&["aes256gcm16-chacha20poly1305-noesn"]);
    let accepts = |transforms: &[Transform]| accept_esp(&sent, &raw_esp(transforms)).is_some();
    assert!(accepts(&[GCM_256, NO_ESN]));
    assert!(accepts(&[GCM_256]), "sequence numbers left out");
    assert!(accepts(&[GCM_256, NO_ESN, NO_KEY_EXCHANGE, NO_INTEGRITY]));
    assert!(!accepts(&[GCM_256, ESN]));
    assert!(!accepts(&[GCM_256, NO_ESN, X25519]), "not asked for");
    assert!(!accepts(&[NO_ESN]));
    assert!(!accepts(&[GCM_256, NO_ESN, NO_ESN]));
    let with_key_exchange = esp(&["aes256gcm16-x25519"]);
    let without = raw_esp(&[GCM_256, NO_ESN]);
    assert_eq!(accept_esp(&with_key_exchange, &without), None);
}

mod properties;

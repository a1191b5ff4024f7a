use crate::proposal::Slot;
use proptest::prelude::*;

use super::*;
use crate::proposal::{EncryptionId, IntegrityId, PrfId};

mod additional;
mod support;

const GCM_256: Transform = Transform::Encryption(EncryptionId::AES_GCM_16, Some(256));
const GCM_128: Transform = Transform::Encryption(EncryptionId::AES_GCM_16, Some(128));
const CHACHA20: Transform = Transform::Encryption(EncryptionId::CHACHA20_POLY1305, None);
const SHA256: Transform = Transform::Prf(PrfId::HMAC_SHA2_256);
const SHA384: Transform = Transform::Prf(PrfId::HMAC_SHA2_384);
const X25519: Transform = Transform::KeyExchange(KeyExchangeMethod::CURVE_25519);
const ECP_256: Transform = Transform::KeyExchange(KeyExchangeMethod::ECP_256);
const NO_ESN: Transform = Transform::ExtendedSequenceNumbers(false);
const ESN: Transform = Transform::ExtendedSequenceNumbers(true);

fn ike(notation: &str) -> Proposal {
    Proposal::from_notation(notation, Protocol::Ike).unwrap()
}

fn esp(notation: &str) -> Proposal {
    Proposal::from_notation(notation, Protocol::Esp).unwrap()
}

fn refused(notation: &str, protocol: Protocol) -> String {
    Proposal::from_notation(notation, protocol)
        .unwrap_err()
        .to_string()
}

#[test]
fn ike_proposals() {
    let proposal = ike("aes256gcm16-prfsha384-x25519");
    assert_eq!(proposal.number, 1);
    assert_eq!(proposal.protocol, Protocol::Ike);
    assert_eq!(proposal.spi, ProposalSpi::None);
    assert_eq!(proposal.transforms, [GCM_256, SHA384, X25519]);
    assert_eq!(
        ike("chacha20poly1305-prfsha256-ecp256").transforms,
        [CHACHA20, SHA256, ECP_256]
    );
}

#[test]
fn several_of_a_type_keep_their_order() {
    let all = [GCM_128, GCM_256, SHA256, SHA384, X25519, ECP_256];
    assert_eq!(
        ike("aes128gcm16-aes256gcm16-prfsha256-prfsha384-x25519-ecp256").transforms,
        all
    );
    assert_eq!(
        ike("x25519-prfsha256-aes128gcm16-ecp256-prfsha384-aes256gcm16").transforms,
        all
    );
}

#[test]
fn aliases_case_and_repetition() {
    let plain = ike("aes256gcm16-prfsha384-x25519");
    for same in [
        "aes256gcm128-prfsha384-curve25519",
        "AES256GCM16-PRFSHA384-X25519",
        "aes256gcm16-aes256gcm128-aes256gcm-prfsha384-prfsha384-x25519-curve25519",
        "aes256gcm16 - prfsha384 - x25519",
    ] {
        assert_eq!(ike(same), plain, "{same}");
    }
}

#[test]
fn esp_proposals() {
    assert_eq!(esp("aes256gcm16").transforms, [GCM_256, NO_ESN]);
    assert_eq!(
        esp("aes256gcm16-x25519").transforms,
        [GCM_256, X25519, NO_ESN]
    );
    assert_eq!(esp("aes128gcm16-esn").transforms, [GCM_128, ESN]);
    assert_eq!(
        esp("noesn-esn-chacha20poly1305").transforms,
        [CHACHA20, NO_ESN, ESN]
    );
    let optional = Transform::KeyExchange(KeyExchangeMethod::NONE);
    assert_eq!(
        esp("aes256gcm16-x25519-modpnone").transforms,
        [GCM_256, X25519, optional, NO_ESN]
    );
}

#[test]
fn default_stands_for_the_defaults() {
    let list = |text, protocol| Proposal::list_from_notation(text, protocol).unwrap();
    assert_eq!(list("default", Protocol::Ike), default_ike());
    assert_eq!(list("Default", Protocol::Esp), default_esp());
    assert_eq!(
        list("aes256gcm16", Protocol::Esp),
        [esp("aes256gcm16")],
        "one proposal is a list of one"
    );
    let common = "x25519-ecp384-ecp521-ecp256-modp4096-modp3072-modp2048";
    assert_eq!(
        written(&default_ike()),
        [
            format!(
                "aes256gcm16-chacha20poly1305-aes128gcm16-prfsha512-prfsha384-prfsha256-{common}"
            ),
            format!(
                "aes256-aes192-aes128-prfsha512-prfsha384-prfsha256-sha512-sha384-sha256-{common}"
            ),
        ]
    );
    assert_eq!(
        written(&default_esp()),
        [
            "aes256gcm16-chacha20poly1305-aes128gcm16-noesn",
            "aes256-aes192-aes128-sha512-sha384-sha256-noesn"
        ]
    );
    for proposals in [default_ike(), default_esp()] {
        assert_eq!(proposals.iter().flat_map(Proposal::weak).count(), 0);
        for (index, proposal) in proposals.into_iter().enumerate() {
            assert_eq!(usize::from(proposal.number), index + 1);
            // What is offered can be read, so it is complete and mixes nothing.
            let again = Proposal::from_notation(&proposal.to_notation(), proposal.protocol);
            assert_eq!(again.unwrap().transforms, proposal.transforms);
        }
    }
    assert_eq!(
        refused("default-aes256gcm16", Protocol::Esp),
        "unknown algorithm `default`"
    );
}

#[test]
fn as_control_clients_show_it() {
    assert_eq!(
        ike("aes256gcm16-prfsha384-x25519").to_string(),
        "IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519"
    );
    assert_eq!(
        esp("chacha20poly1305-ecp384").to_string(),
        "ESP:CHACHA20_POLY1305/ECP_384/NO_EXT_SEQ"
    );
    assert_eq!(
        esp("aes128gcm16-esn").to_string(),
        "ESP:AES_GCM_16_128/EXT_SEQ"
    );
    // What a peer may send: any order, and things unheard of.
    let offered = Proposal {
        transforms: vec![
            Transform::Unknown {
                transform_type: 13,
                id: 36,
            },
            Transform::AdditionalKeyExchange(Slot::new(2).unwrap(), KeyExchangeMethod(99)),
            Transform::KeyExchange(KeyExchangeMethod(33)),
            Transform::Prf(PrfId(99)),
            Transform::Integrity(IntegrityId::HMAC_SHA2_256_128),
            Transform::Encryption(EncryptionId::AES_CBC, Some(256)),
        ],
        ..ike("aes256gcm16-prfsha384-x25519")
    };
    assert_eq!(
        offered.to_string(),
        "IKE:AES_CBC_256/HMAC_SHA2_256_128/(99)/(33)/KE2_(99)/UNKNOWN_13_36"
    );
    assert_eq!(
        offered.to_notation(),
        "<UNKNOWN_13_36>-<KE2_(99)>-<(33)>-<(99)>-sha256-aes256"
    );
}

#[test]
fn classic_proposals() {
    let cbc_256 = Transform::Encryption(EncryptionId::AES_CBC, Some(256));
    let sha256 = Transform::Integrity(IntegrityId::HMAC_SHA2_256_128);
    let modp_2048 = Transform::KeyExchange(KeyExchangeMethod::MODP_2048);
    assert_eq!(
        ike("aes256-sha256-modp2048").transforms,
        [cbc_256, SHA256, sha256, modp_2048],
        "the pseudo-random function is implied"
    );
    assert_eq!(
        ike("aes256-sha256-prfsha384-modp2048").transforms,
        [cbc_256, SHA384, sha256, modp_2048],
        "or named"
    );
    assert_eq!(
        ike("aes128ctr-sha512-sha1-aesxcbc-aescmac-ecp521").to_notation(),
        "aes128ctr-prfsha512-prfsha1-prfaesxcbc-prfaescmac-sha512-sha1-aesxcbc-aescmac-ecp521"
    );
    assert_eq!(
        esp("aes256-sha256-modp2048").transforms,
        [cbc_256, sha256, modp_2048, NO_ESN]
    );
    assert_eq!(esp("null-sha256").to_notation(), "null-sha256-noesn");
    for (alias, name) in [
        ("aes-sha-modp1024", "aes128-sha1-modp1024"),
        ("aes256-sha2_256-modp2048", "aes256-sha256-modp2048"),
        ("aes256-sha2_512-ecp256", "aes256-sha512-ecp256"),
    ] {
        assert_eq!(ike(alias), ike(name));
    }
    assert_eq!(
        esp("aes192gcm64-aes192gcm96-aes192gcm").to_notation(),
        "aes192gcm8-aes192gcm12-aes192gcm16-noesn"
    );
    assert_eq!(
        ike("aes256-sha256-modp2048").to_string(),
        "IKE:AES_CBC_256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048"
    );
}

#[test]
fn ciphers_of_two_kinds() {
    for (notation, protocol) in [
        ("aes256gcm16-aes256-sha256-modp2048", Protocol::Ike),
        ("aes256-sha256-aes256gcm16", Protocol::Esp),
        ("aes256gcm16-aes256", Protocol::Esp),
    ] {
        assert_eq!(
            refused(notation, protocol),
            "`aes256gcm16` protects integrity itself and `aes256` does not: \
             make two proposals of them"
        );
    }
}

#[test]
fn integrity_beside_aead() {
    assert_eq!(
        refused("aes256gcm16-sha256-x25519", Protocol::Ike),
        "`aes256gcm16` protects integrity itself and cannot be combined with `sha256`: remove it, \
         or write `prfsha256` for the pseudo-random function"
    );
    assert_eq!(
        refused("aes256gcm16-sha256-prfsha256-x25519", Protocol::Ike),
        "`aes256gcm16` protects integrity itself and cannot be combined with `sha256`: remove it"
    );
    assert_eq!(
        refused("aes256gcm16-sha1", Protocol::Esp),
        "`aes256gcm16` protects integrity itself and cannot be combined with `sha1`: remove it"
    );
}

#[test]
fn incomplete_proposals() {
    for (notation, protocol, expected) in [
        (
            "aes256gcm16-x25519",
            Protocol::Ike,
            "a proposal for IKE needs a pseudo-random function: add one of prfsha512, prfsha384",
        ),
        (
            "aes256gcm16-prfsha384",
            Protocol::Ike,
            "a proposal for IKE needs a key exchange method: add one of x25519, ecp384, ecp521",
        ),
        (
            "aes256-sha256",
            Protocol::Ike,
            "a proposal for IKE needs a key exchange method: add one of x25519, ecp384, ecp521",
        ),
        (
            "prfsha384-x25519",
            Protocol::Ike,
            "a proposal for IKE needs a cipher: add one of aes256gcm16, chacha20poly1305",
        ),
        (
            "x25519-noesn",
            Protocol::Esp,
            "a proposal for ESP needs a cipher: add one of aes256gcm16, chacha20poly1305",
        ),
        (
            "sha256",
            Protocol::Esp,
            "a proposal for ESP needs a cipher: add one of aes256gcm16, chacha20poly1305",
        ),
        (
            "aes256",
            Protocol::Esp,
            "`aes256` does not protect integrity itself: add one of sha512, sha384, sha256, ",
        ),
        (
            "null",
            Protocol::Esp,
            "`null` does not protect integrity itself: add one of sha512, sha384, sha256, ",
        ),
        (
            "aes256-prfsha256-modp2048",
            Protocol::Ike,
            "`aes256` does not protect integrity itself: add one of sha512, sha384, sha256, ",
        ),
    ] {
        let message = refused(notation, protocol);
        assert!(message.starts_with(expected), "{notation}: {message}");
    }
}

#[test]
fn misplaced_algorithms() {
    assert_eq!(
        refused("aes256gcm16-prfsha384-x25519-esn", Protocol::Ike),
        "extended sequence number setting `esn` has no place in a proposal for IKE: remove it"
    );
    assert_eq!(
        refused("aes256gcm16-prfsha384-x25519", Protocol::Esp),
        "pseudo-random function `prfsha384` has no place in a proposal for ESP: remove it"
    );
    assert_eq!(
        refused("aes256gcm16-prfsha384-modpnone", Protocol::Ike),
        "key exchange method `modpnone` has no place in a proposal for IKE: remove it"
    );
    assert_eq!(
        refused("null-sha256-modp2048", Protocol::Ike),
        "cipher `null` has no place in a proposal for IKE: remove it"
    );
}

#[test]
fn misspelt_proposals() {
    assert_eq!(
        refused("aes256gmc16-prfsha384-x25519", Protocol::Ike),
        "unknown algorithm `aes256gmc16`; did you mean `aes256gcm16`?"
    );
    assert_eq!(
        refused("aes256gcm16-prfsha384-kyber1", Protocol::Ike),
        "unknown algorithm `kyber1`"
    );
    for empty in ["", " ", "-", "aes256gcm16--x25519", "aes256gcm16-"] {
        assert_eq!(
            refused(empty, Protocol::Esp),
            "an algorithm is missing: write keywords joined by single hyphens, \
             as in aes256gcm16-x25519"
        );
    }
    assert_eq!(
        refused(
            "aes256gcm16-prfsha384-x25519,aes128gcm16-prfsha256-ecp256",
            Protocol::Ike
        ),
        "`x25519,aes128gcm16` holds a comma: write each proposal as a string of its own"
    );
    assert_eq!(
        refused("aes256gcm16", Protocol::Ah),
        "proposals for AH are not supported by this build"
    );
}

fn written(proposals: &[Proposal]) -> Vec<String> {
    proposals.iter().map(Proposal::to_notation).collect()
}

/// A proposal that can be written.
pub(crate) fn any_proposal(protocol: Protocol) -> impl Strategy<Value = Proposal> {
    let some = |words: &'static [&'static str], min: usize| {
        prop::collection::vec(prop::sample::select(words), min..5)
    };
    let aead = some(&["aes256gcm16", "aes128gcm8", "chacha20poly1305"], 1);
    let classic = (
        some(&["aes256", "aes192ctr", "aes128"], 1),
        some(
            &["sha1", "sha256", "sha384", "sha512", "aesxcbc", "aescmac"],
            1,
        ),
    );
    let ciphers = prop_oneof![aead, classic.prop_map(|(a, b)| [a, b].concat())];
    let (prfs, methods, others) = match protocol {
        Protocol::Ike => (
            some(&["prfsha256", "prfsha384", "prfsha512", "prfaescmac"], 1).boxed(),
            some(&["x25519", "ecp256", "modp2048", "mlkem768"], 1).boxed(),
            some(
                &["ke1_ecp521", "ke2_mlkem512", "ke2_mlkem1024", "ke2_none"],
                0,
            )
            .boxed(),
        ),
        Protocol::Esp | Protocol::Ah => (
            Just(Vec::new()).boxed(),
            some(&["x25519", "ecp256", "modp2048", "modpnone"], 0).boxed(),
            some(&["esn", "noesn"], 0).boxed(),
        ),
    };
    (ciphers, prfs, methods, others).prop_map(move |(a, b, c, d)| {
        let notation = [a, b, c, d].concat().join("-");
        Proposal::from_notation(&notation, protocol).unwrap()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        proposal in prop_oneof![any_proposal(Protocol::Ike), any_proposal(Protocol::Esp)],
    ) {
        let notation = proposal.to_notation();
        prop_assert_eq!(Proposal::from_notation(&notation, proposal.protocol).unwrap(), proposal);
    }

    #[test]
    fn nothing_panics(notation in ".*", words in "([a-z0-9]{1,9}-){0,6}[a-z0-9]{1,9}") {
        for protocol in [Protocol::Ike, Protocol::Esp, Protocol::Ah] {
            for text in [&notation, &words] {
                if let Err(error) = Proposal::from_notation(text, protocol) {
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}

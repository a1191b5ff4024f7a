use proptest::prelude::*;

use super::*;
use crate::proposal::{EncryptionId, IntegrityId, PrfId};

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
    assert_eq!(vec![ike("default")], default_ike());
    assert_eq!(vec![esp("Default")], default_esp());
    assert_eq!(
        default_ike()[0].to_notation(),
        "aes256gcm16-chacha20poly1305-aes128gcm16-prfsha512-prfsha384-prfsha256-x25519-ecp384-ecp256"
    );
    assert_eq!(
        default_esp()[0].to_notation(),
        "aes256gcm16-chacha20poly1305-aes128gcm16-noesn"
    );
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
                transform_type: 6,
                id: 36,
            },
            Transform::KeyExchange(KeyExchangeMethod(33)),
            Transform::Prf(PrfId(99)),
            Transform::Integrity(IntegrityId::HMAC_SHA2_256_128),
            Transform::Encryption(EncryptionId::AES_CBC, Some(256)),
        ],
        ..ike("default")
    };
    assert_eq!(
        offered.to_string(),
        "IKE:AES_CBC_256/HMAC_SHA2_256_128/(99)/(33)/UNKNOWN_6_36"
    );
    assert_eq!(
        offered.to_notation(),
        "<UNKNOWN_6_36>-<(33)>-<(99)>-<HMAC_SHA2_256_128>-<AES_CBC_256>"
    );
}

#[test]
fn unsupported_algorithms_are_refused_by_name() {
    let ciphers = "is not supported by this build; \
                   supported: aes256gcm16, aes128gcm16, chacha20poly1305";
    assert_eq!(
        refused("aes256-sha256-modp2048", Protocol::Ike),
        format!("cipher `aes256` {ciphers}")
    );
    assert_eq!(
        refused("aes192gcm16-prfsha256-x25519", Protocol::Ike),
        format!("cipher `aes192gcm16` {ciphers}")
    );
    assert_eq!(
        refused("null-sha256", Protocol::Esp),
        format!("cipher `null` {ciphers}")
    );
    assert_eq!(
        refused("aes256gcm16-prfsha384-modp2048", Protocol::Ike),
        "key exchange method `modp2048` is not supported by this build; \
         supported: x25519, ecp384, ecp256"
    );
    assert_eq!(
        refused("aes256gcm16-mlkem768", Protocol::Esp),
        "key exchange method `mlkem768` is not supported by this build; \
         supported: x25519, ecp384, ecp256, modpnone"
    );
    assert_eq!(
        refused("aes256gcm16-prfaesxcbc-x25519", Protocol::Ike),
        "pseudo-random function `prfaesxcbc` is not supported by this build; \
         supported: prfsha512, prfsha384, prfsha256, prfsha1"
    );
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
    assert_eq!(
        refused("aes256gcm16-x25519", Protocol::Ike),
        "a proposal for IKE needs a pseudo-random function: \
         add one of prfsha512, prfsha384, prfsha256, prfsha1"
    );
    assert_eq!(
        refused("aes256gcm16-prfsha384", Protocol::Ike),
        "a proposal for IKE needs a key exchange method: add one of x25519, ecp384, ecp256"
    );
    assert_eq!(
        refused("prfsha384-x25519", Protocol::Ike),
        "a proposal for IKE needs a cipher: \
         add one of aes256gcm16, aes128gcm16, chacha20poly1305"
    );
    assert_eq!(
        refused("x25519-noesn", Protocol::Esp),
        "a proposal for ESP needs a cipher: \
         add one of aes256gcm16, aes128gcm16, chacha20poly1305"
    );
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

/// A proposal that can be written.
pub(crate) fn any_proposal(protocol: Protocol) -> impl Strategy<Value = Proposal> {
    let some = |words: &'static [&'static str], min: usize| {
        prop::collection::vec(prop::sample::select(words), min..5)
    };
    let ciphers = some(&["aes256gcm16", "aes128gcm16", "chacha20poly1305"], 1);
    let (prfs, methods, esn) = match protocol {
        Protocol::Ike => (
            some(&["prfsha256", "prfsha384", "prfsha512", "prfsha1"], 1).boxed(),
            some(&["x25519", "ecp256", "ecp384"], 1).boxed(),
            Just(Vec::new()).boxed(),
        ),
        Protocol::Esp | Protocol::Ah => (
            Just(Vec::new()).boxed(),
            some(&["x25519", "ecp256", "ecp384", "modpnone"], 0).boxed(),
            some(&["esn", "noesn"], 0).boxed(),
        ),
    };
    (ciphers, prfs, methods, esn).prop_map(move |(a, b, c, d)| {
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

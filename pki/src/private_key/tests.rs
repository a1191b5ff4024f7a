use super::*;
use crate::{KeyAlgorithm, tests::data};

fn load(name: &str) -> Result<PrivateKey, KeyError> {
    PrivateKey::parse(&data(name), None)
}

#[test]
fn every_form_of_a_key_is_the_same_key() {
    for (forms, algorithm) in [
        (
            &["rsa.pkcs1.pem", "rsa.pkcs8.pem", "rsa.pkcs1.der"][..],
            KeyAlgorithm::Rsa { bits: 2048 },
        ),
        (
            &[
                "prime256v1.sec1.pem",
                "prime256v1.pkcs8.pem",
                "prime256v1.sec1.der",
            ],
            KeyAlgorithm::Ecdsa(Curve::P256),
        ),
        (
            &[
                "secp384r1.sec1.pem",
                "secp384r1.pkcs8.pem",
                "secp384r1.sec1.der",
            ],
            KeyAlgorithm::Ecdsa(Curve::P384),
        ),
        (
            &[
                "secp521r1.sec1.pem",
                "secp521r1.pkcs8.pem",
                "secp521r1.sec1.der",
            ],
            KeyAlgorithm::Ecdsa(Curve::P521),
        ),
        (&["ed25519.pkcs8.pem"], KeyAlgorithm::Ed25519),
    ] {
        let stem = forms[0].split('.').next().expect("a stem");
        let public = PublicKey::parse(&data(&format!("{stem}.public.pem"))).expect("a public key");
        assert_eq!(public.algorithm(), &algorithm, "{stem}");
        for form in forms {
            let key = load(form).unwrap_or_else(|error| panic!("{form}: {error}"));
            assert_eq!(key.public(), &public, "{form}");
        }
    }
}

#[test]
fn what_is_loaded_signs_for_its_public_key() {
    use aws_lc_rs::{rand::SystemRandom, signature};
    let message = b"what is signed";
    let check =
        |algorithm: &'static dyn signature::VerificationAlgorithm, key: &[u8], signed: &[u8]| {
            signature::UnparsedPublicKey::new(algorithm, key)
                .verify(message, signed)
                .expect("the signature is right");
        };
    for name in ["rsa.pkcs1.pem", "prime256v1.sec1.pem", "ed25519.pkcs8.pem"] {
        match load(name).expect("a key").pair() {
            KeyPair::Rsa(pair) => {
                let mut signed = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &signature::RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signed,
                )
                .expect("signed");
                let public = pair.public_key();
                check(
                    &signature::RSA_PKCS1_2048_8192_SHA256,
                    public.as_ref(),
                    &signed,
                );
            }
            KeyPair::Ecdsa(pair) => {
                let signed = pair.sign(&SystemRandom::new(), message).expect("signed");
                let public = pair.public_key();
                check(
                    &signature::ECDSA_P256_SHA256_ASN1,
                    public.as_ref(),
                    signed.as_ref(),
                );
            }
            KeyPair::Ed25519(pair) => {
                let public = pair.public_key();
                check(
                    &signature::ED25519,
                    public.as_ref(),
                    pair.sign(message).as_ref(),
                );
            }
        }
    }
}

#[test]
fn a_key_of_another_kind_is_refused() {
    for (name, kind) in [
        ("rsa.pkcs1.pem", KeyKind::Rsa),
        ("prime256v1.sec1.pem", KeyKind::Ecdsa),
        ("ed25519.pkcs8.pem", KeyKind::Ed25519),
    ] {
        for wanted in [KeyKind::Rsa, KeyKind::Ecdsa, KeyKind::Ed25519] {
            let key = PrivateKey::parse(&data(name), Some(wanted));
            if wanted == kind {
                assert!(key.is_ok(), "{name}");
            } else {
                let found = kind;
                let refusal = KeyError::OtherKind { found, wanted };
                assert_eq!(key.err(), Some(refusal), "{name}");
            }
        }
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    for (name, complaint) in [
        ("rsa.encrypted.pem", "is encrypted"),
        ("rsa.legacy-encrypted.pem", "is encrypted"),
        ("rsa1024.pkcs1.pem", "a size that is not supported"),
        ("brainpool.sec1.pem", "1.3.36.3.3.2.8.1.1.7"),
        ("ed448.pkcs8.pem", "Ed448"),
        ("moon.pem", "PRIVATE KEY"),
        ("moon.der", "private key"),
    ] {
        let error = load(name).expect_err(name).to_string();
        assert!(error.contains(complaint), "{name}: {error}");
    }
}

#[test]
fn numbers_that_do_not_belong_together_are_refused() {
    for name in ["rsa.pkcs1.der", "prime256v1.sec1.der"] {
        let mut octets = data(name);
        let middle = octets.len() / 2;
        octets[middle] ^= 0xff;
        let error = PrivateKey::parse(&octets, None).expect_err(name);
        assert!(matches!(error, KeyError::Rejected(_)), "{name}: {error}");
    }
}

/// As openssl encrypts: its default, and with what its older releases and other programs write.
#[test]
fn encrypted_keys() {
    for name in [
        "rsa.encrypted.pem",
        "prime256v1.encrypted.der",
        "ed25519.encrypted-3des-sha1.pem",
        "secp384r1.encrypted-scrypt.pem",
    ] {
        let stem = name.split('.').next().expect("a stem");
        let public = PublicKey::parse(&data(&format!("{stem}.public.pem"))).expect("a public key");
        assert_eq!(load(name).err(), Some(KeyError::Encrypted), "{name}");
        let key = PrivateKey::decrypt(&data(name), b"secret");
        let key = key.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(key.public(), &public, "{name}");
        for wrong in [&b""[..], b"Secret", b"secret ", &[0xff; 300]] {
            let refused = PrivateKey::decrypt(&data(name), wrong).err();
            assert_eq!(refused, Some(KeyError::Passphrase), "{name}");
        }
    }
    for name in ["rsa.legacy-encrypted.pem", "rsa.pkcs8.pem", "moon.der"] {
        let refused = PrivateKey::decrypt(&data(name), b"secret").err();
        assert_eq!(refused, Some(KeyError::Encryption), "{name}");
    }
}

#[test]
fn debug_shows_the_public_half_only() {
    let key = load("ed25519.pkcs8.pem").expect("a key");
    let shown = format!("{key:?}");
    assert_eq!(shown, format!("PrivateKey({:?})", key.public()));
}

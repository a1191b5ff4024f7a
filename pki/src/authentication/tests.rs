use super::*;
use crate::{Strength, tests::data};

fn key(name: &str) -> PrivateKey {
    PrivateKey::parse(&data(name), None).expect("a private key")
}

/// The octets that RFC 7427 appendix A and RFC 8420 appendix A list.
#[test]
fn identifiers_are_those_of_the_standards() {
    let hex = |octets: Vec<u8>| -> String {
        let octets: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
        octets.concat()
    };
    for (algorithm, expected) in [
        (
            SignatureAlgorithm::RsaPkcs1(Hash::Sha256),
            "300d06092a864886f70d01010b0500",
        ),
        (
            SignatureAlgorithm::RsaPkcs1(Hash::Sha512),
            "300d06092a864886f70d01010d0500",
        ),
        (
            SignatureAlgorithm::Ecdsa(Hash::Sha256),
            "300a06082a8648ce3d040302",
        ),
        (
            SignatureAlgorithm::Ecdsa(Hash::Sha512),
            "300a06082a8648ce3d040304",
        ),
        (
            SignatureAlgorithm::RsaPss(Hash::Sha256),
            "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886\
             f70d010108300d06096086480165030402010500a203020120",
        ),
        (SignatureAlgorithm::Ed25519, "300506032b6570"),
    ] {
        let identifier = algorithm.identifier().expect("it is signed with");
        assert_eq!(hex(identifier.clone()), expected.replace(' ', ""));
        assert_eq!(SignatureAlgorithm::parse(&identifier), Some(algorithm));
    }
    assert_eq!(SignatureAlgorithm::RsaPkcs1(Hash::Sha1).identifier(), None);
}

#[test]
fn what_is_signed_is_verified() {
    use SignatureAlgorithm as A;
    for (name, algorithm) in [
        ("rsa.pkcs8.pem", A::RsaPkcs1(Hash::Sha384)),
        ("rsa.pkcs8.pem", A::RsaPss(Hash::Sha256)),
        ("rsa.pkcs8.pem", A::RsaPss(Hash::Sha512)),
        ("prime256v1.pkcs8.pem", A::Ecdsa(Hash::Sha256)),
        ("secp384r1.pkcs8.pem", A::Ecdsa(Hash::Sha384)),
        ("secp521r1.pkcs8.pem", A::Ecdsa(Hash::Sha512)),
        ("ed25519.pkcs8.pem", A::Ed25519),
    ] {
        let key = key(name);
        let signature = key.sign(&algorithm, b"octets").expect("it fits the key");
        let verify = |message: &[u8]| {
            let strength = Strength::Strong;
            key.public()
                .verify(&algorithm, message, &signature, strength)
        };
        assert_eq!(verify(b"octets"), Ok(()), "{name}");
        assert_eq!(verify(b"others"), Err(SignatureError::Wrong), "{name}");
    }
    assert_eq!(
        key("ed25519.pkcs8.pem").sign(&A::Ecdsa(Hash::Sha256), b""),
        None
    );
    assert_eq!(
        key("prime256v1.pkcs8.pem").sign(&A::Ecdsa(Hash::Sha512), b""),
        None
    );
}

/// Numbers that happen to be short are filled up: among 64 signatures there are some.
#[test]
fn fixed_lengths() {
    for (name, length) in [
        ("prime256v1.pkcs8.pem", 64),
        ("secp384r1.pkcs8.pem", 96),
        ("secp521r1.pkcs8.pem", 132),
    ] {
        let key = key(name);
        for message in 0..64_u8 {
            let signature = key.sign_fixed(&[message]).expect("an ECDSA key");
            assert_eq!(signature.len(), length);
            assert_eq!(key.public().verify_fixed(&[message], &signature), Ok(()));
            assert!(key.public().verify_fixed(b"other", &signature).is_err());
        }
    }
    assert_eq!(key("rsa.pkcs8.pem").sign_fixed(b""), None);
}

use std::collections::HashSet;

use super::*;

#[test]
fn every_keyword_is_there_once_and_found() {
    let mut seen = HashSet::new();
    for keyword in all() {
        assert!(seen.insert(keyword.name), "{} twice", keyword.name);
        assert_eq!(keyword.name, keyword.name.to_ascii_lowercase());
        let found = find(&keyword.name.to_ascii_uppercase()).unwrap();
        assert_eq!(found.name, keyword.name);
        assert_eq!(found.kind, keyword.kind);
        assert_eq!(found.transform, keyword.transform);
    }
    assert!(seen.len() > 100);
}

#[test]
fn kinds_are_those_of_the_transforms() {
    for (name, kind, transform) in SUPPORTED.iter().chain(BY_OPENSSL) {
        let expected = match transform {
            Transform::Encryption(id, _) if id.is_aead() => Kind::Aead,
            Transform::Encryption(..) => Kind::Encryption,
            Transform::Prf(_) => Kind::Prf,
            Transform::Integrity(_) => Kind::Integrity,
            Transform::KeyExchange(_) => Kind::KeyExchange,
            Transform::ExtendedSequenceNumbers(_) => Kind::SequenceNumbers,
            Transform::AdditionalKeyExchange(..) | Transform::Unknown { .. } => panic!("{name}"),
        };
        assert_eq!(*kind, expected, "{name}");
    }
}

#[test]
fn aliases_have_one_name() {
    for (alias, name) in [
        ("aes128gcm128", "aes128gcm16"),
        ("aes256gcm128", "aes256gcm16"),
        ("aes256gcm", "aes256gcm16"),
        ("curve25519", "x25519"),
        ("aes", "aes128"),
        ("aes192gcm64", "aes192gcm8"),
        ("sha", "sha1"),
        ("sha2_384", "sha384"),
    ] {
        let transform = find(alias).unwrap().transform.unwrap();
        assert_eq!(name_of(transform), Some(name));
    }
    let ciphers = supported(Kind::Encryption);
    assert_eq!(ciphers, supported(Kind::Aead));
    assert!(ciphers.contains(&"aes256gcm16") && ciphers.contains(&"aes128"));
    for name in ["aes256gcm128", "aes", "null"] {
        assert!(!ciphers.contains(&name), "an alias, or weak: {name}");
    }
    assert_eq!(
        supported(Kind::Integrity),
        ["sha512", "sha384", "sha256", "aescmac", "aesxcbc"]
    );
    assert_eq!(
        supported(Kind::Prf),
        [
            "prfsha512",
            "prfsha384",
            "prfsha256",
            "prfaescmac",
            "prfaesxcbc"
        ]
    );
}

#[test]
fn suggestions() {
    for (token, suggestion) in [
        ("aes256gmc16", Some("aes256gcm16")),
        ("aes265gcm16", Some("aes256gcm16")),
        ("AES256GCM15", Some("aes256gcm16")),
        ("chacha20poly1350", Some("chacha20poly1305")),
        ("chacha20", Some("chacha20poly1305")),
        ("prfsha265", Some("prfsha256")),
        ("prfsha2", Some("prfsha256")),
        ("x22519", Some("x25519")),
        ("25519", Some("x25519")),
        ("curve-25519", Some("curve25519")),
        ("ecp348", Some("ecp384")),
        ("modp2084", Some("modp2048")),
        ("gcm16", Some("aes256gcm16")),
        ("nosn", Some("noesn")),
        ("kyber768", None),
        ("16", None),
        ("", None),
    ] {
        assert_eq!(suggest(token), suggestion, "{token}");
    }
    assert_eq!(suggest(&"a".repeat(10_000)), None);
}

#[test]
fn distances() {
    for (a, b, expected) in [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("abc", "acb", 1),
        ("abcd", "badc", 2),
        ("same", "same", 0),
    ] {
        assert_eq!(distance(a, b), expected, "{a} {b}");
    }
}

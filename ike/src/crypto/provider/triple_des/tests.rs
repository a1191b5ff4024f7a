use super::*;
use crate::crypto::test_vectors;

#[test]
fn published_vectors() {
    let vectors = test_vectors::read(include_str!("../../../../testdata/triple_des.txt"));
    assert_eq!(vectors.len(), 20);
    for vector in vectors {
        let key = vector.bytes("key");
        assert_eq!(key.len(), KEY_LEN);
        let cipher = TripleDesCbc::new(&key);
        let iv = vector.bytes("iv").try_into().unwrap();
        let (plaintext, ciphertext) = (vector.bytes("plaintext"), vector.bytes("ciphertext"));
        let mut text = plaintext.clone();
        cipher.encrypt(iv, &mut text);
        assert_eq!(text, ciphertext);
        cipher.decrypt(iv, &mut text);
        assert_eq!(text, plaintext);
    }
}

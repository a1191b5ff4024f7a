use super::*;
use crate::crypto::test_vectors::{self, Vector};

fn aes(key: &[u8]) -> Aes {
    let sizes = [Aes::Aes128, Aes::Aes192, Aes::Aes256];
    let aes = sizes.into_iter().find(|aes| aes.key_len() == key.len());
    aes.expect("a key of AES")
}

fn counter_block(vector: &Vector) -> [u8; BLOCK] {
    let block = [vector.bytes("nonce"), vector.bytes("iv"), vec![0, 0, 0, 1]].concat();
    block.try_into().unwrap()
}

#[test]
fn published_vectors() {
    let vectors = test_vectors::read(include_str!("../../../../testdata/cbc_ctr.txt"));
    assert_eq!(vectors.len(), 6 + 9);
    for vector in vectors {
        let key = vector.bytes("key");
        let (plaintext, ciphertext) = (vector.bytes("plaintext"), vector.bytes("ciphertext"));
        let mut text = plaintext.clone();
        if vector.text("mode") == "cbc" {
            let iv = vector.bytes("iv").try_into().unwrap();
            let cbc = Cbc::new(aes(&key), &key);
            cbc.encrypt(iv, &mut text);
            assert_eq!(text, ciphertext);
            cbc.decrypt(iv, &mut text);
        } else {
            let ctr = Ctr::new(aes(&key), &key);
            ctr.apply(counter_block(&vector), &mut text);
            assert_eq!(text, ciphertext);
            ctr.apply(counter_block(&vector), &mut text);
        }
        assert_eq!(text, plaintext);
    }
}

/// FIPS 197 appendix B and C: one block with each key length.
#[test]
fn single_blocks() {
    for (key_len, expected) in [
        (16, "69c4e0d86a7b0430d8cdb78070b4c55a"),
        (24, "dda97ca4864cdfe06eaf70a0ec0d7191"),
        (32, "8ea2b7ca516745bfeafc49904b496089"),
    ] {
        let key: Vec<u8> = (0..key_len).collect();
        let mut block: [u8; BLOCK] = std::array::from_fn(|i| i as u8 * 0x11);
        BlockCipher::new(aes(&key), &key).encrypt(&mut block);
        assert_eq!(block.to_vec(), test_vectors::hex(expected));
    }
}

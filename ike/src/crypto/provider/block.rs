//! AES and its modes without integrity, by AWS-LC. Expanded keys have half a kilobyte each.

use aws_lc_rs::{
    cipher::{
        self, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
    },
    iv::FixedLength,
};

/// Octets of a block.
pub(in crate::crypto) const BLOCK: usize = 16;

const RIGHT_LENGTH: &str = "the key was cut to the length of this cipher";
const WHOLE_BLOCKS: &str = "the text was checked to be whole blocks";

/// AES with one of its key lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum Aes {
    Aes128,
    Aes192,
    Aes256,
}

impl Aes {
    pub(in crate::crypto) fn key_len(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// `key` has exactly [`Aes::key_len`] octets.
    fn key(self, key: &[u8]) -> UnboundCipherKey {
        let algorithm = match self {
            Self::Aes128 => &cipher::AES_128,
            Self::Aes192 => &cipher::AES_192,
            Self::Aes256 => &cipher::AES_256,
        };
        UnboundCipherKey::new(algorithm, key).expect(RIGHT_LENGTH)
    }
}

/// AES on single blocks: what MACs are made of.
pub(in crate::crypto) struct BlockCipher(Box<EncryptingKey>);

impl BlockCipher {
    pub(in crate::crypto) fn new(aes: Aes, key: &[u8]) -> Self {
        Self(Box::new(
            EncryptingKey::ecb(aes.key(key)).expect(RIGHT_LENGTH),
        ))
    }

    pub(in crate::crypto) fn encrypt(&self, block: &mut [u8; BLOCK]) {
        self.0
            .less_safe_encrypt(block, EncryptionContext::None)
            .expect(WHOLE_BLOCKS);
    }
}

/// AES in CBC mode, without padding.
pub(in crate::crypto) struct Cbc {
    encrypting: Box<EncryptingKey>,
    decrypting: Box<DecryptingKey>,
}

impl Cbc {
    pub(in crate::crypto) fn new(aes: Aes, key: &[u8]) -> Self {
        Self {
            encrypting: Box::new(EncryptingKey::cbc(aes.key(key)).expect(RIGHT_LENGTH)),
            decrypting: Box::new(DecryptingKey::cbc(aes.key(key)).expect(RIGHT_LENGTH)),
        }
    }

    /// Encrypts whole blocks in place.
    pub(in crate::crypto) fn encrypt(&self, iv: [u8; BLOCK], text: &mut [u8]) {
        self.encrypting
            .less_safe_encrypt(text, EncryptionContext::Iv128(FixedLength::from(iv)))
            .expect(WHOLE_BLOCKS);
    }

    /// Decrypts whole blocks in place.
    pub(in crate::crypto) fn decrypt(&self, iv: [u8; BLOCK], text: &mut [u8]) {
        self.decrypting
            .decrypt(text, DecryptionContext::Iv128(FixedLength::from(iv)))
            .expect(WHOLE_BLOCKS);
    }
}

/// AES in counter mode.
pub(in crate::crypto) struct Ctr(Box<EncryptingKey>);

impl Ctr {
    pub(in crate::crypto) fn new(aes: Aes, key: &[u8]) -> Self {
        Self(Box::new(
            EncryptingKey::ctr(aes.key(key)).expect(RIGHT_LENGTH),
        ))
    }

    /// Encrypts or decrypts in place, beginning with this counter block.
    pub(in crate::crypto) fn apply(&self, counter: [u8; BLOCK], text: &mut [u8]) {
        self.0
            .less_safe_encrypt(text, EncryptionContext::Iv128(FixedLength::from(counter)))
            .expect("counter mode takes text of any length");
    }
}

#[cfg(test)]
mod tests;

//! 3DES in CBC mode (RFC 2451), by RustCrypto. Only for peers that have nothing better.

use cbc::{
    Decryptor, Encryptor,
    cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit},
};
use des::{TdesEde3, cipher::KeyInit};

/// Octets of a block.
pub(in crate::crypto) const BLOCK: usize = 8;

/// Octets of the key: three keys of DES with their parity bits, which mean nothing.
pub(in crate::crypto) const KEY_LEN: usize = 24;

/// 3DES in CBC mode, without padding.
pub(in crate::crypto) struct TripleDesCbc(Box<TdesEde3>);

impl TripleDesCbc {
    /// `key` has exactly [`KEY_LEN`] octets.
    pub(in crate::crypto) fn new(key: &[u8]) -> Self {
        Self(Box::new(
            TdesEde3::new_from_slice(key).expect("the key was cut to the length of this cipher"),
        ))
    }

    /// Encrypts whole blocks in place.
    pub(in crate::crypto) fn encrypt(&self, iv: [u8; BLOCK], text: &mut [u8]) {
        let mut mode = Encryptor::inner_iv_init(&*self.0, &iv.into());
        for block in whole_blocks(text) {
            mode.encrypt_block(block.into());
        }
    }

    /// Decrypts whole blocks in place.
    pub(in crate::crypto) fn decrypt(&self, iv: [u8; BLOCK], text: &mut [u8]) {
        let mut mode = Decryptor::inner_iv_init(&*self.0, &iv.into());
        for block in whole_blocks(text) {
            mode.decrypt_block(block.into());
        }
    }
}

fn whole_blocks(text: &mut [u8]) -> &mut [[u8; BLOCK]] {
    let (blocks, rest) = text.as_chunks_mut();
    debug_assert!(rest.is_empty(), "the text was checked to be whole blocks");
    blocks
}

#[cfg(test)]
mod tests;

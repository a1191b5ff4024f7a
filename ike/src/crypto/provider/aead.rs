//! AEAD ciphers by ring; by AWS-LC where ring has not the key length, and AES-CCM by RustCrypto.

use aws_lc_rs::aead as aws;
use ring::aead as ring;
use subtle::ConstantTimeEq;

use super::{
    block::Aes,
    ccm::{self, CcmKey},
};
use crate::crypto::IntegrityError;

/// Octets of the longest nonce.
pub(in crate::crypto) const NONCE_LEN: usize = ring::NONCE_LEN;

/// Octets of the whole authentication tag of every AEAD here.
pub(in crate::crypto) const TAG_LEN: usize = 16;

const FAR_BELOW: &str = "a message is far below the length limits of the cipher";
const RIGHT_LENGTH: &str = "the key was cut to the length of this cipher";

/// An AEAD cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum AeadCipher {
    Aes128Gcm,
    Aes192Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Ccm(Aes),
}

impl AeadCipher {
    pub(in crate::crypto) fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes192Gcm => 24,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
            Self::Ccm(aes) => aes.key_len(),
        }
    }

    /// Octets of the nonce that are not in the IV: the salt at the end of the keying material (RFC
    /// 4106 section 8.1, RFC 5282 section 7.1, RFC 7634 section 2; RFC 4309 section 7.1).
    pub(in crate::crypto) fn salt_len(self) -> usize {
        match self {
            Self::Ccm(_) => 3,
            _ => 4,
        }
    }
}

/// An AEAD cipher with its key expanded: half a kilobyte, made in less time than a message takes.
///
/// ring does not wipe its expanded key on drop.
pub(in crate::crypto) enum Aead {
    Ring(Box<ring::LessSafeKey>),
    Aws(Box<aws::LessSafeKey>),
    Ccm(Box<dyn CcmKey>),
}

impl Aead {
    /// `key` has exactly [`AeadCipher::key_len`] octets. `tag_len` is how many octets of the tag are
    /// sent.
    pub(in crate::crypto) fn new(cipher: AeadCipher, tag_len: u8, key: &[u8]) -> Self {
        let by_ring = |algorithm| {
            let key = ring::UnboundKey::new(algorithm, key).expect(RIGHT_LENGTH);
            Self::Ring(Box::new(ring::LessSafeKey::new(key)))
        };
        match cipher {
            AeadCipher::Aes128Gcm => by_ring(&ring::AES_128_GCM),
            AeadCipher::Aes256Gcm => by_ring(&ring::AES_256_GCM),
            AeadCipher::ChaCha20Poly1305 => by_ring(&ring::CHACHA20_POLY1305),
            AeadCipher::Aes192Gcm => {
                let key = aws::UnboundKey::new(&aws::AES_192_GCM, key).expect(RIGHT_LENGTH);
                Self::Aws(Box::new(aws::LessSafeKey::new(key)))
            }
            AeadCipher::Ccm(aes) => Self::Ccm(ccm::new(aes, tag_len, key)),
        }
    }

    /// Encrypts in place and gives the tag; its first octets are those to be sent. Shorter nonces are
    /// the end of `nonce`.
    pub(in crate::crypto) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
    ) -> [u8; TAG_LEN] {
        let mut tag = [0; TAG_LEN];
        match self {
            Self::Ring(key) => {
                let nonce = ring::Nonce::assume_unique_for_key(nonce);
                let sealed = key.seal_in_place_separate_tag(nonce, ring::Aad::from(aad), text);
                tag.copy_from_slice(sealed.expect(FAR_BELOW).as_ref());
            }
            Self::Aws(key) => {
                let nonce = aws::Nonce::assume_unique_for_key(nonce);
                let sealed = key.seal_in_place_separate_tag(nonce, aws::Aad::from(aad), text);
                tag.copy_from_slice(sealed.expect(FAR_BELOW).as_ref());
            }
            Self::Ccm(key) => tag = key.seal(ccm_nonce(nonce), aad, text),
        }
        tag
    }

    /// Decrypts in place the ciphertext that `tag_len` octets of its tag follow. On failure the
    /// buffer holds nothing of the plaintext.
    pub(in crate::crypto) fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        text_and_tag: &mut [u8],
        tag_len: usize,
    ) -> Result<(), IntegrityError> {
        let text_len = text_and_tag
            .len()
            .checked_sub(tag_len)
            .ok_or(IntegrityError)?;
        let opened = match self {
            Self::Ring(key) if tag_len == TAG_LEN => {
                let nonce = ring::Nonce::assume_unique_for_key(nonce);
                key.open_in_place(nonce, ring::Aad::from(aad), text_and_tag)
                    .is_ok()
            }
            Self::Aws(key) if tag_len == TAG_LEN => {
                let nonce = aws::Nonce::assume_unique_for_key(nonce);
                key.open_in_place(nonce, aws::Aad::from(aad), text_and_tag)
                    .is_ok()
            }
            Self::Ring(_) | Self::Aws(_) => {
                let (text, tag) = text_and_tag.split_at_mut(text_len);
                self.open_truncated(nonce, aad, text, tag)
            }
            Self::Ccm(key) => {
                let (text, tag) = text_and_tag.split_at_mut(text_len);
                key.open(ccm_nonce(nonce), aad, text, tag)
            }
        };
        if opened { Ok(()) } else { Err(IntegrityError) }
    }

    /// Decrypts in place a ciphertext of which only the first octets of the tag came. For AES-GCM
    /// only: its encryption undoes itself, and its tag is over the ciphertext.
    ///
    /// The libraries check whole tags only, so this makes the tag anew: encrypting the ciphertext
    /// gives the plaintext, encrypting that gives the ciphertext again, and its tag. Three passes,
    /// and on failure the buffer holds the ciphertext.
    fn open_truncated(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8],
    ) -> bool {
        self.seal(nonce, aad, text);
        let whole = self.seal(nonce, aad, text);
        let authentic = bool::from(whole[..tag.len()].ct_eq(tag));
        if authentic {
            self.seal(nonce, aad, text);
        }
        authentic
    }
}

fn ccm_nonce(nonce: [u8; NONCE_LEN]) -> [u8; ccm::NONCE_LEN] {
    *nonce.last_chunk().expect("it is shorter")
}

#[cfg(test)]
mod tests;

//! The cipher of the SK and SKF payloads: AEAD as in RFC 5282 and RFC 7634.

use zeroize::Zeroizing;

use super::{
    IkeSuite, IntegrityError, UnsupportedAlgorithm,
    algorithm::{self, SALT_LEN},
    provider::symmetric::{Aead, AeadAlgorithm, NONCE_LEN, TAG_LEN},
};
use crate::Secret;

/// Octets of the explicit IV in front of the ciphertext (RFC 5282 section 3.1).
const IV_LEN: usize = 8;

/// The Pad Length octet that ends every plaintext; there is no padding (RFC 5282 section 3).
const PAD_LENGTH_LEN: usize = 1;

/// Protects the messages of one direction of an IKE_SA.
///
/// Keeps the bytes of the key only and expands them for each message: an IKE_SA handles few
/// messages in its life, and there are many IKE_SAs.
#[derive(Debug)]
pub struct MessageCipher {
    aead: AeadAlgorithm,
    /// Key and salt.
    key: Secret,
}

impl MessageCipher {
    /// A cipher with SK_ei and SK_ai, or SK_er and SK_ar.
    ///
    /// # Panics
    /// When the key is not one that [`super::IkeKeys::derive`] gave for the same suite.
    pub fn new(
        suite: &IkeSuite,
        encryption_key: &Secret,
        integrity_key: &Secret,
    ) -> Result<Self, UnsupportedAlgorithm> {
        let aead = algorithm::aead(suite.encryption, suite.key_bits, suite.integrity)?;
        assert_eq!(
            encryption_key.expose().len(),
            algorithm::keying_len(aead),
            "the key belongs to another suite"
        );
        assert!(
            integrity_key.expose().is_empty(),
            "AEAD ciphers have no integrity key"
        );
        Ok(Self {
            aead,
            key: encryption_key.clone(),
        })
    }

    /// Octets that the body of an SK payload has for so many octets of plaintext.
    pub fn sealed_len(&self, plaintext_len: usize) -> usize {
        IV_LEN + plaintext_len + PAD_LENGTH_LEN + TAG_LEN
    }

    /// Completes a message: `prefix` is everything up to and including the generic header of the
    /// SK payload (for SKF, the fragment numbers too), with final lengths in it. `iv` must never
    /// be used twice with one key.
    pub fn seal(&self, prefix: Vec<u8>, iv: u64, plaintext: &[u8]) -> Vec<u8> {
        // RFC 5282 section 5.1: A = everything from the first octet of the IKE header through the
        // last octet of the payload header. Section 3: the payload is IV | C.
        let iv = iv.to_be_bytes();
        let mut message = prefix;
        let aad_len = message.len();
        message.reserve_exact(self.sealed_len(plaintext.len()));
        message.extend_from_slice(&iv);
        message.extend_from_slice(plaintext);
        message.push(0);
        let (aad, body) = message.split_at_mut(aad_len);
        let tag = self.cipher().seal(self.nonce(iv), aad, &mut body[IV_LEN..]);
        message.extend_from_slice(&tag);
        message
    }

    /// The plaintext of `body` (IV, ciphertext and ICV) without its padding. `aad` is what
    /// precedes `body` in the message.
    pub fn open(&self, aad: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, IntegrityError> {
        let (iv, ciphertext) = body.split_first_chunk::<IV_LEN>().ok_or(IntegrityError)?;
        let mut plaintext = Zeroizing::new(ciphertext.to_vec());
        let opened = self.cipher().open(self.nonce(*iv), aad, &mut plaintext)?;
        // Plaintext | Padding | Pad Length. Padding may hold anything (RFC 7296 section 3.14).
        let (pad_length, content) = opened.split_last().ok_or(IntegrityError)?;
        let content_len = content
            .len()
            .checked_sub(usize::from(*pad_length))
            .ok_or(IntegrityError)?;
        plaintext.truncate(content_len);
        Ok(plaintext)
    }

    fn cipher(&self) -> Aead {
        let (key, _) = self.split_key();
        Aead::new(self.aead, key)
    }

    /// RFC 5282 section 4 and RFC 7634 section 2: salt | IV.
    fn nonce(&self, iv: [u8; IV_LEN]) -> [u8; NONCE_LEN] {
        let (_, salt) = self.split_key();
        let mut nonce = [0; NONCE_LEN];
        nonce[..SALT_LEN].copy_from_slice(salt);
        nonce[SALT_LEN..].copy_from_slice(&iv);
        nonce
    }

    fn split_key(&self) -> (&[u8], &[u8]) {
        self.key.expose().split_at(self.aead.key_len())
    }
}

#[cfg(test)]
mod tests;

//! The cipher of the SK and SKF payloads (RFC 7296 section 3.14): AEAD as in RFC 5282 and RFC 7634,
//! or encryption and then a MAC.

use zeroize::Zeroizing;

use super::{
    IkeSuite, IntegrityError, UnsupportedAlgorithm, algorithm,
    packet_cipher::{AssociatedData, PacketCipher, Protection},
};
use crate::Secret;

/// The Pad Length octet that ends every plaintext.
const PAD_LENGTH_LEN: usize = 1;

/// Protects the messages of one direction of an IKE_SA.
///
/// Keeps the bytes of the keys only and expands them for each message: an IKE_SA handles few
/// messages in its life, and there are many IKE_SAs.
#[derive(Debug)]
pub struct MessageCipher {
    protection: Protection,
    /// SK_e with its salt, then SK_a.
    keys: Secret,
}

impl MessageCipher {
    /// A cipher with SK_ei and SK_ai, or SK_er and SK_ar.
    ///
    /// # Panics
    /// When the keys are not those that [`super::IkeKeys::derive`] gave for the same suite.
    pub fn new(
        suite: &IkeSuite,
        encryption_key: &Secret,
        integrity_key: &Secret,
    ) -> Result<Self, UnsupportedAlgorithm> {
        let protection = algorithm::protection(suite.encryption, suite.key_bits, suite.integrity)?;
        let keys = [encryption_key.expose(), integrity_key.expose()];
        assert_eq!(
            keys.map(<[u8]>::len),
            [
                protection.encryption_key_len(),
                protection.integrity_key_len()
            ],
            "the keys belong to another suite"
        );
        Ok(Self {
            protection,
            keys: Secret::new(keys.concat()),
        })
    }

    /// Octets that the body of an SK payload has for so many octets of plaintext.
    pub fn sealed_len(&self, plaintext_len: usize) -> usize {
        let layout = self.protection.layout();
        let text_len = (plaintext_len + PAD_LENGTH_LEN).next_multiple_of(layout.block_len);
        layout.iv_len + text_len + layout.icv_len
    }

    /// The most plaintext that an SK payload with a body of so many octets can hold.
    pub fn capacity(&self, body_len: usize) -> usize {
        let layout = self.protection.layout();
        let text_len = body_len.saturating_sub(layout.iv_len + layout.icv_len);
        (text_len - text_len % layout.block_len).saturating_sub(PAD_LENGTH_LEN)
    }

    /// Completes a message: `prefix` is everything up to and including the generic header of the
    /// SK payload (for SKF, the fragment numbers too), with final lengths in it. `counter` must
    /// never be used twice with one key: the IV is made of it.
    pub fn seal(&self, prefix: Vec<u8>, counter: u64, plaintext: &[u8]) -> Vec<u8> {
        let layout = self.protection.layout();
        let mut message = prefix;
        let before_len = message.len();
        let body_len = self.sealed_len(plaintext.len());
        let text_end = before_len + body_len - layout.icv_len;
        // IV | plaintext | padding | pad length | ICV. Padding may hold anything.
        message.reserve_exact(body_len);
        message.resize(before_len + layout.iv_len, 0);
        message.extend_from_slice(plaintext);
        let padding = text_end - PAD_LENGTH_LEN - message.len();
        message.resize(before_len + body_len, 0);
        message[text_end - PAD_LENGTH_LEN] = padding as u8;
        let (before, body) = message.split_at_mut(before_len);
        self.cipher().seal(counter, associated(before), body);
        message
    }

    /// The plaintext of `body` (IV, ciphertext and ICV) without its padding. `before` is what
    /// precedes `body` in the message.
    pub fn open(&self, before: &[u8], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, IntegrityError> {
        let layout = self.protection.layout();
        let mut plaintext = Zeroizing::new(body.to_vec());
        self.cipher().open(associated(before), &mut plaintext)?;
        // Plaintext | Padding | Pad Length. Padding may hold anything (RFC 7296 section 3.14).
        let text = layout.iv_len..body.len() - layout.icv_len;
        let (pad_length, content) = plaintext[text].split_last().ok_or(IntegrityError)?;
        let content_len = content
            .len()
            .checked_sub(usize::from(*pad_length))
            .ok_or(IntegrityError)?;
        plaintext.copy_within(layout.iv_len..layout.iv_len + content_len, 0);
        plaintext.truncate(content_len);
        Ok(plaintext)
    }

    fn cipher(&self) -> PacketCipher {
        let encryption_len = self.protection.encryption_key_len();
        let (encryption, integrity) = self.keys.expose().split_at(encryption_len);
        PacketCipher::new(self.protection, encryption, integrity)
    }
}

/// RFC 5282 section 5.1: everything from the first octet of the IKE header through the last octet
/// of the payload header. RFC 7296 section 3.14: the MAC is over the whole message up to itself.
fn associated(before: &[u8]) -> AssociatedData<'_> {
    AssociatedData { before, after: &[] }
}

#[cfg(test)]
mod tests;

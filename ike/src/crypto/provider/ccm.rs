//! AES-CCM by RustCrypto, as IPsec uses it: nonces of 11 octets (RFC 4309 section 4).

use aes::{Aes128, Aes192, Aes256};
use ccm::{
    Ccm,
    aead::{AeadInOut, KeyInit},
    consts::{U8, U11, U12, U16},
};

use super::{aead::TAG_LEN, block::Aes};

/// Octets of the nonce.
pub(super) const NONCE_LEN: usize = 11;

/// AES-CCM with its key. The length of the tag goes into it, so a short tag is not the beginning of
/// a long one.
pub(in crate::crypto) trait CcmKey: Send + Sync {
    /// Encrypts in place and gives the tag, with zeros behind it.
    fn seal(&self, nonce: [u8; NONCE_LEN], aad: &[u8], text: &mut [u8]) -> [u8; TAG_LEN];

    /// Decrypts in place; `false` when the tag is not the right one. The buffer then holds nothing
    /// of the plaintext.
    fn open(&self, nonce: [u8; NONCE_LEN], aad: &[u8], text: &mut [u8], tag: &[u8]) -> bool;
}

/// The cipher with this key, which has the length that `aes` says.
pub(super) fn new(aes: Aes, tag_len: u8, key: &[u8]) -> Box<dyn CcmKey> {
    match (aes, tag_len) {
        (Aes::Aes128, 8) => keyed::<Ccm<Aes128, U8, U11>>(key),
        (Aes::Aes128, 12) => keyed::<Ccm<Aes128, U12, U11>>(key),
        (Aes::Aes128, _) => keyed::<Ccm<Aes128, U16, U11>>(key),
        (Aes::Aes192, 8) => keyed::<Ccm<Aes192, U8, U11>>(key),
        (Aes::Aes192, 12) => keyed::<Ccm<Aes192, U12, U11>>(key),
        (Aes::Aes192, _) => keyed::<Ccm<Aes192, U16, U11>>(key),
        (Aes::Aes256, 8) => keyed::<Ccm<Aes256, U8, U11>>(key),
        (Aes::Aes256, 12) => keyed::<Ccm<Aes256, U12, U11>>(key),
        (Aes::Aes256, _) => keyed::<Ccm<Aes256, U16, U11>>(key),
    }
}

fn keyed<C>(key: &[u8]) -> Box<dyn CcmKey>
where
    C: KeyInit + AeadInOut<NonceSize = U11> + Send + Sync + 'static,
{
    let key = C::new_from_slice(key).expect("the key was cut to the length of this cipher");
    Box::new(key)
}

impl<C> CcmKey for C
where
    C: AeadInOut<NonceSize = U11> + Send + Sync,
{
    fn seal(&self, nonce: [u8; NONCE_LEN], aad: &[u8], text: &mut [u8]) -> [u8; TAG_LEN] {
        let sealed = self
            .encrypt_inout_detached(&nonce.into(), aad, text.into())
            .expect("a message is far below the length limits of the cipher");
        let mut tag = [0; TAG_LEN];
        tag[..sealed.len()].copy_from_slice(&sealed);
        tag
    }

    fn open(&self, nonce: [u8; NONCE_LEN], aad: &[u8], text: &mut [u8], tag: &[u8]) -> bool {
        tag.try_into().is_ok_and(|tag| {
            self.decrypt_inout_detached(&nonce.into(), aad, text.into(), tag)
                .is_ok()
        })
    }
}

//! AEAD, HMAC and digests by ring.

use ring::{aead, digest, hmac};

use crate::crypto::IntegrityError;

/// Octets of the nonce of every AEAD here.
pub(in crate::crypto) const NONCE_LEN: usize = aead::NONCE_LEN;

/// Octets of the authentication tag of every AEAD here.
pub(in crate::crypto) const TAG_LEN: usize = 16;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(in crate::crypto) fn output_len(self) -> usize {
        self.digest_algorithm().output_len()
    }

    fn digest_algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn hmac_algorithm(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// The digest of the concatenated parts.
pub(in crate::crypto) fn digest(hash: Hash, parts: &[&[u8]]) -> impl AsRef<[u8]> + use<> {
    let mut context = digest::Context::new(hash.digest_algorithm());
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// An HMAC key with both of its pads already hashed.
pub(in crate::crypto) struct Hmac(hmac::Key);

impl Hmac {
    pub(in crate::crypto) fn new(hash: Hash, key: &[u8]) -> Self {
        Self(hmac::Key::new(hash.hmac_algorithm(), key))
    }

    /// The MAC of the concatenated parts.
    pub(in crate::crypto) fn sign<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Mac {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        Mac(context.sign())
    }
}

/// The output of HMAC.
pub(in crate::crypto) struct Mac(hmac::Tag);

impl AsRef<[u8]> for Mac {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// An AEAD cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum AeadAlgorithm {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl AeadAlgorithm {
    fn algorithm(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128Gcm => &aead::AES_128_GCM,
            Self::Aes256Gcm => &aead::AES_256_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }

    pub(in crate::crypto) fn key_len(self) -> usize {
        self.algorithm().key_len()
    }
}

/// An AEAD cipher with its key expanded: half a kilobyte, made in less time than a message takes.
pub(in crate::crypto) struct Aead(aead::LessSafeKey);

impl Aead {
    /// `key` has exactly [`AeadAlgorithm::key_len`] octets.
    pub(in crate::crypto) fn new(algorithm: AeadAlgorithm, key: &[u8]) -> Self {
        let key = aead::UnboundKey::new(algorithm.algorithm(), key)
            .expect("the key was cut to the length of this cipher");
        Self(aead::LessSafeKey::new(key))
    }

    /// Encrypts in place and gives the tag.
    pub(in crate::crypto) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> [u8; TAG_LEN] {
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, aead::Aad::from(aad), in_out)
            .expect("an IKE message is far below the length limits of the cipher");
        tag.as_ref().try_into().expect("every tag has 16 octets")
    }

    /// Decrypts ciphertext and tag in place and gives the plaintext, which is shorter by the tag.
    /// On failure the buffer holds nothing of the plaintext.
    pub(in crate::crypto) fn open<'a>(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        in_out: &'a mut [u8],
    ) -> Result<&'a mut [u8], IntegrityError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        self.0
            .open_in_place(nonce, aead::Aad::from(aad), in_out)
            .map_err(|_| IntegrityError)
    }
}

#[cfg(test)]
mod tests;

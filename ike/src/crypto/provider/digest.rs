//! Digests and HMAC by ring.

use ring::{digest, hmac};

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

//! Digests and HMAC by ring; HMAC-MD5, which ring lacks, by RustCrypto.

use hmac::{KeyInit, Mac as _};
use md5::Md5;
use ring::{digest, hmac as ring_hmac};

/// The hash function of an HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum Hash {
    /// Only for peers that have nothing better.
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// Octets of MD5's output.
const MD5_LEN: usize = 16;

impl Hash {
    pub(in crate::crypto) fn output_len(self) -> usize {
        self.by_ring().map_or(MD5_LEN, |algorithm| {
            algorithm.digest_algorithm().output_len()
        })
    }

    fn by_ring(self) -> Option<ring_hmac::Algorithm> {
        match self {
            Self::Md5 => None,
            Self::Sha1 => Some(ring_hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => Some(ring_hmac::HMAC_SHA256),
            Self::Sha384 => Some(ring_hmac::HMAC_SHA384),
            Self::Sha512 => Some(ring_hmac::HMAC_SHA512),
        }
    }
}

/// SHA-1 of the concatenated parts.
pub(in crate::crypto) fn sha1(parts: &[&[u8]]) -> impl AsRef<[u8]> + use<> {
    digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts)
}

/// SHA-256 of the concatenated parts.
pub(in crate::crypto) fn sha256(parts: &[&[u8]]) -> impl AsRef<[u8]> + use<> {
    digest(&digest::SHA256, parts)
}

fn digest(algorithm: &'static digest::Algorithm, parts: &[&[u8]]) -> digest::Digest {
    let mut context = digest::Context::new(algorithm);
    for part in parts {
        context.update(part);
    }
    context.finish()
}

/// An HMAC key with both of its pads already hashed.
pub(in crate::crypto) enum Hmac {
    Ring(ring_hmac::Key),
    Md5(Box<hmac::Hmac<Md5>>),
}

impl Hmac {
    pub(in crate::crypto) fn new(hash: Hash, key: &[u8]) -> Self {
        match hash.by_ring() {
            Some(algorithm) => Self::Ring(ring_hmac::Key::new(algorithm, key)),
            None => Self::Md5(Box::new(
                hmac::Hmac::new_from_slice(key).expect("HMAC takes keys of any length"),
            )),
        }
    }

    /// The MAC of the concatenated parts.
    pub(in crate::crypto) fn sign<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Mac {
        match self {
            Self::Ring(key) => {
                let mut context = ring_hmac::Context::with_key(key);
                parts.for_each(|part| context.update(part));
                Mac::Ring(context.sign())
            }
            Self::Md5(key) => {
                let mut context = hmac::Hmac::clone(key);
                parts.for_each(|part| context.update(part));
                Mac::Md5(context.finalize().into_bytes().into())
            }
        }
    }
}

/// The output of HMAC.
pub(in crate::crypto) enum Mac {
    Ring(ring_hmac::Tag),
    Md5([u8; MD5_LEN]),
}

impl AsRef<[u8]> for Mac {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Ring(tag) => tag.as_ref(),
            Self::Md5(tag) => tag,
        }
    }
}

//! The pseudo-random function of an IKE_SA and prf+ (RFC 7296 section 2.13).

use std::iter::once;

use zeroize::Zeroizing;

use super::{
    UnsupportedAlgorithm, algorithm,
    cbc_mac::{self, CbcMac, CbcMacAlgorithm},
    provider::digest::{Hash, Hmac},
};
use crate::{Secret, proposal::PrfId};

/// Octets of each nonce that go into SKEYSEED with functions whose key has a fixed length.
const FIXED_KEY_NONCE_LEN: usize = 8;

/// What a pseudo-random function is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrfAlgorithm {
    /// RFC 2104, RFC 4868.
    Hmac(Hash),
    /// RFC 4434, RFC 4615.
    CbcMac(CbcMacAlgorithm),
}

/// A negotiated pseudo-random function. All of them take keys of any length; the preferred length
/// of a key is that of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prf(PrfAlgorithm);

impl Prf {
    /// The function with this identifier.
    pub fn new(id: PrfId) -> Result<Self, UnsupportedAlgorithm> {
        algorithm::prf(id).map(Self)
    }

    /// Octets of the output.
    pub fn output_len(&self) -> usize {
        match self.0 {
            PrfAlgorithm::Hmac(hash) => hash.output_len(),
            PrfAlgorithm::CbcMac(_) => cbc_mac::MAC_LEN,
        }
    }

    /// `prf(key, part1 | part2 | ...)`
    pub fn compute(&self, key: &[u8], parts: &[&[u8]]) -> Secret {
        self.key(key).sign(parts.iter().copied())
    }

    /// The key that SKEYSEED of an IKE_SA_INIT exchange is made with: Ni | Nr, but "if the
    /// negotiated PRF is AES-XCBC-PRF-128 or AES-CMAC-PRF-128, only the first 64 bits of Ni and the
    /// first 64 bits of Nr" (RFC 7296 section 2.14).
    pub fn nonce_key(&self, ni: &[u8], nr: &[u8]) -> Vec<u8> {
        let part = |nonce: &[u8]| match self.0 {
            PrfAlgorithm::Hmac(_) => nonce.len(),
            PrfAlgorithm::CbcMac(_) => nonce.len().min(FIXED_KEY_NONCE_LEN),
        };
        [&ni[..part(ni)], &nr[..part(nr)]].concat()
    }

    /// The first `len` octets of `prf+ (K,S) = T1 | T2 | T3 | T4 | ...` where
    /// `T1 = prf (K, S | 0x01)` and `Tn = prf (K, Tn-1 | S | n)`. S is the concatenation of
    /// `parts`.
    ///
    /// # Panics
    /// When `len` is more than 255 times the output: the counter has one octet, and RFC 7296
    /// defines no more. No suite comes near it.
    pub fn plus(&self, key: &[u8], parts: &[&[u8]], len: usize) -> Secret {
        let output_len = self.output_len();
        let key = self.key(key);
        let mut stream = Zeroizing::new(vec![0; len].into_boxed_slice());
        for n in 1..=len.div_ceil(output_len) {
            let counter = [u8::try_from(n).expect("prf+ has a counter of one octet")];
            let (done, rest) = stream.split_at_mut((n - 1) * output_len);
            // Tn-1, which T1 does not have.
            let previous = &done[done.len().saturating_sub(output_len)..];
            let block = key.sign(
                once(previous)
                    .chain(parts.iter().copied())
                    .chain(once(&counter[..])),
            );
            let take = rest.len().min(output_len);
            rest[..take].copy_from_slice(&block.expose()[..take]);
        }
        Secret::from(stream)
    }

    fn key(self, key: &[u8]) -> Key {
        match self.0 {
            PrfAlgorithm::Hmac(hash) => Key::Hmac(Hmac::new(hash, key)),
            PrfAlgorithm::CbcMac(algorithm) => {
                Key::CbcMac(CbcMac::new(algorithm, &cbc_mac_key(algorithm, key)))
            }
        }
    }
}

/// A pseudo-random function with its key.
enum Key {
    Hmac(Hmac),
    CbcMac(CbcMac),
}

impl Key {
    fn sign<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Secret {
        match self {
            Self::Hmac(key) => Secret::new(key.sign(parts).as_ref()),
            Self::CbcMac(key) => Secret::new(*key.sign(parts)),
        }
    }
}

/// Brings a key of any length to 128 bits. One of that length stays as it is, a longer one goes
/// through the MAC with a key of zero, and a shorter one does so too (RFC 4615 section 3) or is
/// padded with zeros (RFC 4434 section 2).
fn cbc_mac_key(algorithm: CbcMacAlgorithm, key: &[u8]) -> Zeroizing<[u8; cbc_mac::KEY_LEN]> {
    let mut fixed = Zeroizing::new([0; cbc_mac::KEY_LEN]);
    let pads = algorithm == CbcMacAlgorithm::Xcbc && key.len() < cbc_mac::KEY_LEN;
    if pads || key.len() == cbc_mac::KEY_LEN {
        fixed[..key.len()].copy_from_slice(key);
        fixed
    } else {
        CbcMac::new(algorithm, &fixed).sign(once(key))
    }
}

#[cfg(test)]
mod tests;

//! The pseudo-random function of an IKE_SA and prf+ (RFC 7296 section 2.13).

use std::iter::once;

use zeroize::Zeroizing;

use super::{
    UnsupportedAlgorithm, algorithm,
    provider::symmetric::{Hash, Hmac},
};
use crate::{Secret, proposal::PrfId};

/// A negotiated pseudo-random function. All of them take keys of any length; the preferred length
/// of a key is that of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prf(Hash);

impl Prf {
    /// The function with this identifier.
    pub fn new(id: PrfId) -> Result<Self, UnsupportedAlgorithm> {
        algorithm::prf_hash(id).map(Self)
    }

    /// Octets of the output.
    pub fn output_len(&self) -> usize {
        self.0.output_len()
    }

    /// `prf(key, part1 | part2 | ...)`
    pub fn compute(&self, key: &[u8], parts: &[&[u8]]) -> Secret {
        Secret::new(Hmac::new(self.0, key).sign(parts.iter().copied()).as_ref())
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
        let hmac = Hmac::new(self.0, key);
        let mut stream = Zeroizing::new(vec![0; len].into_boxed_slice());
        for n in 1..=len.div_ceil(output_len) {
            let counter = [u8::try_from(n).expect("prf+ has a counter of one octet")];
            let (done, rest) = stream.split_at_mut((n - 1) * output_len);
            // Tn-1, which T1 does not have.
            let previous = &done[done.len().saturating_sub(output_len)..];
            let block = hmac.sign(
                once(previous)
                    .chain(parts.iter().copied())
                    .chain(once(&counter[..])),
            );
            let take = rest.len().min(output_len);
            rest[..take].copy_from_slice(&block.as_ref()[..take]);
        }
        Secret::from(stream)
    }
}

#[cfg(test)]
mod tests;

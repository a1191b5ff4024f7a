//! Integrity algorithms (transform type 3): MACs cut to their first octets.

use subtle::ConstantTimeEq;

use super::{
    IntegrityError,
    cbc_mac::{self, CbcMac, CbcMacAlgorithm},
    provider::digest::{Hash, Hmac},
};

/// Octets of the longest integrity check value.
pub(super) const MOST_ICV_LEN: usize = 32;

/// An integrity algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IntegrityAlgorithm {
    /// RFC 2403, RFC 2404 and RFC 4868.
    Hmac(Hash),
    /// RFC 3566 and RFC 4494.
    CbcMac(CbcMacAlgorithm),
}

impl IntegrityAlgorithm {
    /// Octets of the key: RFC 2404 section 3 and RFC 4868 section 2.1.1 fix it to the length of the
    /// whole MAC.
    pub(super) fn key_len(self) -> usize {
        match self {
            Self::Hmac(hash) => hash.output_len(),
            Self::CbcMac(_) => cbc_mac::KEY_LEN,
        }
    }

    /// Octets of the integrity check value: half of the MAC (RFC 4868 section 2.1.2), but 96 bits
    /// in the older algorithms.
    pub(super) fn icv_len(self) -> usize {
        match self {
            Self::Hmac(Hash::Md5 | Hash::Sha1) | Self::CbcMac(_) => 12,
            Self::Hmac(hash) => hash.output_len() / 2,
        }
    }
}

/// An integrity algorithm with its key.
pub(super) enum IntegrityKey {
    Hmac(Hmac),
    CbcMac(CbcMac),
}

impl IntegrityKey {
    /// `key` has exactly [`IntegrityAlgorithm::key_len`] octets.
    pub(super) fn new(algorithm: IntegrityAlgorithm, key: &[u8]) -> Self {
        match algorithm {
            IntegrityAlgorithm::Hmac(hash) => Self::Hmac(Hmac::new(hash, key)),
            IntegrityAlgorithm::CbcMac(algorithm) => {
                let key = key
                    .try_into()
                    .expect("the key was cut to the length of this MAC");
                Self::CbcMac(CbcMac::new(algorithm, key))
            }
        }
    }

    /// Writes as many octets of the MAC of the concatenated parts as `icv` has room for.
    pub(super) fn sign(&self, parts: [&[u8]; 3], icv: &mut [u8]) {
        let parts = parts.into_iter();
        match self {
            Self::Hmac(key) => icv.copy_from_slice(&key.sign(parts).as_ref()[..icv.len()]),
            Self::CbcMac(key) => icv.copy_from_slice(&key.sign(parts)[..icv.len()]),
        }
    }

    /// Compares the integrity check value of the concatenated parts with the one that came, in a
    /// time that does not depend on where they differ.
    pub(super) fn verify(&self, parts: [&[u8]; 3], icv: &[u8]) -> Result<(), IntegrityError> {
        let mut expected = [0; MOST_ICV_LEN];
        let expected = &mut expected[..icv.len()];
        self.sign(parts, expected);
        if bool::from(expected.ct_eq(icv)) {
            Ok(())
        } else {
            Err(IntegrityError)
        }
    }
}

#[cfg(test)]
mod tests;

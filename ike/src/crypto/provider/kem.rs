//! ML-KEM (FIPS 203) by AWS-LC.
//!
//! AWS-LC draws the randomness of key generation and encapsulation itself and takes none from
//! outside: the one place where the random source handed in is not the one used.

use aws_lc_rs::kem;

use crate::Secret;

/// A parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum MlKem {
    MlKem512,
    MlKem768,
    MlKem1024,
}

impl MlKem {
    fn algorithm(self) -> &'static kem::Algorithm<kem::AlgorithmId> {
        match self {
            Self::MlKem512 => &kem::ML_KEM_512,
            Self::MlKem768 => &kem::ML_KEM_768,
            Self::MlKem1024 => &kem::ML_KEM_1024,
        }
    }

    /// Octets of an encapsulation key.
    pub(in crate::crypto) fn public_len(self) -> usize {
        match self {
            Self::MlKem512 => 800,
            Self::MlKem768 => 1184,
            Self::MlKem1024 => 1568,
        }
    }

    /// Octets of a ciphertext.
    pub(in crate::crypto) fn ciphertext_len(self) -> usize {
        match self {
            Self::MlKem512 => 768,
            Self::MlKem768 => 1088,
            Self::MlKem1024 => 1568,
        }
    }

    /// The responder's side: a ciphertext for the peer and the secret in it. `None` when the peer's
    /// encapsulation key is not one (FIPS 203 section 7.2).
    pub(in crate::crypto) fn encapsulate(self, public: &[u8]) -> Option<(Box<[u8]>, Secret)> {
        let public = kem::EncapsulationKey::new(self.algorithm(), public).ok()?;
        let (ciphertext, shared) = public.encapsulate().ok()?;
        Some((ciphertext.as_ref().into(), Secret::new(shared.as_ref())))
    }
}

/// The initiator's side: a decapsulation key.
pub(in crate::crypto) struct DecapsulationKey(kem::DecapsulationKey);

impl DecapsulationKey {
    /// A new one, with the encapsulation key for the peer. `None` when the library's random source
    /// fails.
    pub(in crate::crypto) fn generate(parameters: MlKem) -> Option<(Self, Box<[u8]>)> {
        let key = kem::DecapsulationKey::generate(parameters.algorithm()).ok()?;
        let public = key.encapsulation_key().ok()?.key_bytes().ok()?;
        let public = public.as_ref().into();
        Some((Self(key), public))
    }

    /// The key with these bytes (FIPS 203 section 7.1: dk).
    #[cfg(test)]
    pub(in crate::crypto) fn from_bytes(parameters: MlKem, bytes: &[u8]) -> Option<Self> {
        kem::DecapsulationKey::new(parameters.algorithm(), bytes)
            .ok()
            .map(Self)
    }

    /// The secret in the ciphertext. A ciphertext that was made for another key gives a secret that
    /// nobody else knows (FIPS 203 section 7.3), not an error; `None` only when its length is wrong.
    pub(in crate::crypto) fn decapsulate(&self, ciphertext: &[u8]) -> Option<Secret> {
        let shared = self.0.decapsulate(kem::Ciphertext::from(ciphertext)).ok()?;
        Some(Secret::new(shared.as_ref()))
    }
}

#[cfg(test)]
mod tests;

//! What can go wrong.

use crate::proposal::{EncryptionId, IntegrityId, KeyExchangeMethod, PrfId};

/// An algorithm that this build cannot do was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedAlgorithm {
    /// Transform type 1, or a key length that the cipher does not have.
    #[error("cipher {id} with key length {key_bits} is not supported by this build")]
    Encryption {
        /// The cipher.
        id: EncryptionId,
        /// The key length in bits; 0 for none.
        key_bits: u16,
    },
    /// Transform type 2.
    #[error("pseudo-random function {0} is not supported by this build")]
    Prf(PrfId),
    /// Transform type 3, unknown, beside a cipher that protects integrity itself, or missing beside
    /// one that does not.
    #[error("integrity algorithm {0} is not supported by this build")]
    Integrity(IntegrityId),
    /// Transform type 4.
    #[error("key exchange method {0} is not supported by this build")]
    KeyExchange(KeyExchangeMethod),
    /// The random source yields nothing that is a private key: it is broken.
    #[error("the random source yields no private key for {0}")]
    BrokenRandomSource(KeyExchangeMethod),
}

/// The peer's Key Exchange Data cannot be used (RFC 7296 section 2.7 leaves no way to repair it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicValue {
    /// Every method has exactly one length.
    #[error("a {method} public value has {expected} octets, not {actual}")]
    Length {
        /// The method in use.
        method: KeyExchangeMethod,
        /// What it needs.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// It is not on the curve or of so low an order that the shared secret would be zero, not
    /// between 1 and p-1, or not an encapsulation key.
    #[error("the {0} public value is not one that can be used")]
    Unusable(KeyExchangeMethod),
}

/// An SK payload was not made by the peer, or arrived damaged. Nothing of its content is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message fails its integrity check")]
pub struct IntegrityError;

//! The cryptography of IKEv2 behind one small set of types.

use crate::proposal::{EncryptionId, IntegrityId, KeyExchangeMethod, PrfId};

/// The algorithms of an IKE_SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IkeSuite {
    /// The cipher of the SK payload.
    pub encryption: EncryptionId,
    /// Its key length in bits (0 where the cipher has only one).
    pub key_bits: u16,
    /// The separate integrity algorithm; `None` for AEAD ciphers.
    pub integrity: Option<IntegrityId>,
    /// The pseudo-random function.
    pub prf: PrfId,
    /// The key exchange method.
    pub key_exchange: KeyExchangeMethod,
}

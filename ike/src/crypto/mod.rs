//! The cryptography of IKEv2 behind one small set of types.
//!
//! Key agreement, the pseudo-random functions and everything derived with them (RFC 7296 sections
//! 2.13 to 2.17), the cipher of the SK payload (RFC 7296 section 3.14, RFC 5282) and the AUTH value
//! of pre-shared keys. Only `provider` names a cryptographic library. ESP itself is the data
//! plane's: it gets its keys from [`child_keys`] and its ciphers from [`PacketCipher`].

mod algorithm;
mod authentication;
mod cbc_mac;
mod error;
mod hash;
mod integrity;
mod key_exchange;
mod keys;
mod library;
mod message_cipher;
mod packet_cipher;
mod prf;
mod provider;
pub(crate) mod wireshark;

#[cfg(test)]
mod documented_vectors;
#[cfg(test)]
pub(crate) mod test_vectors;

use crate::proposal::{
    AdditionalKeyExchanges, EncryptionId, IntegrityId, KeyExchangeMethod, PrfId,
};

pub use authentication::{shared_key_auth, signed_octets, verify};
pub use error::{IntegrityError, InvalidPublicValue, UnsupportedAlgorithm};
pub use hash::{hmac_sha256, nat_detection_hash, sha1, sha256};
pub use key_exchange::{Answer, KeyPair, RespondError};
pub use keys::{ChildKeys, IkeKeys, Nonces, child_keys};
pub use library::library;
pub use message_cipher::MessageCipher;
pub use packet_cipher::{AssociatedData, CipherError, Layout, PacketCipher};
pub use prf::Prf;

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
    /// The key exchanges that follow it.
    pub additional: AdditionalKeyExchanges,
}

//! What the transform identifiers mean: the algorithm and its sizes.

use super::{
    UnsupportedAlgorithm,
    provider::{
        agreement::Curve,
        symmetric::{AeadAlgorithm, Hash},
    },
};
use crate::proposal::{EncryptionId, IntegrityId, KeyExchangeMethod, PrfId};

/// Octets of keying material that follow the key of an AEAD cipher (RFC 4106 section 8.1,
/// RFC 5282 section 7.1, RFC 7634 section 2).
pub(super) const SALT_LEN: usize = 4;

/// The cipher of a suite. Its separate integrity algorithm must be none: all ciphers of this build
/// protect integrity themselves.
pub(super) fn aead(
    id: EncryptionId,
    key_bits: u16,
    integrity: Option<IntegrityId>,
) -> Result<AeadAlgorithm, UnsupportedAlgorithm> {
    if let Some(integrity) = integrity {
        return Err(UnsupportedAlgorithm::Integrity(integrity));
    }
    match (id, key_bits) {
        (EncryptionId::AES_GCM_16, 128) => Ok(AeadAlgorithm::Aes128Gcm),
        (EncryptionId::AES_GCM_16, 256) => Ok(AeadAlgorithm::Aes256Gcm),
        (EncryptionId::CHACHA20_POLY1305, 0) => Ok(AeadAlgorithm::ChaCha20Poly1305),
        _ => Err(UnsupportedAlgorithm::Encryption { id, key_bits }),
    }
}

/// Octets that a cipher takes from the keying material: key and salt.
pub(super) fn keying_len(aead: AeadAlgorithm) -> usize {
    aead.key_len() + SALT_LEN
}

pub(super) fn prf_hash(id: PrfId) -> Result<Hash, UnsupportedAlgorithm> {
    match id {
        PrfId::HMAC_SHA1 => Ok(Hash::Sha1),
        PrfId::HMAC_SHA2_256 => Ok(Hash::Sha256),
        PrfId::HMAC_SHA2_384 => Ok(Hash::Sha384),
        PrfId::HMAC_SHA2_512 => Ok(Hash::Sha512),
        other => Err(UnsupportedAlgorithm::Prf(other)),
    }
}

pub(super) fn curve(method: KeyExchangeMethod) -> Result<Curve, UnsupportedAlgorithm> {
    match method {
        KeyExchangeMethod::ECP_256 => Ok(Curve::P256),
        KeyExchangeMethod::ECP_384 => Ok(Curve::P384),
        KeyExchangeMethod::CURVE_25519 => Ok(Curve::X25519),
        other => Err(UnsupportedAlgorithm::KeyExchange(other)),
    }
}

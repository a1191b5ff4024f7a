//! What the transform identifiers mean: the algorithm and its sizes.

use super::{
    UnsupportedAlgorithm,
    cbc_mac::CbcMacAlgorithm,
    integrity::IntegrityAlgorithm,
    packet_cipher::{AeadAlgorithm, CipherAlgorithm, Protection},
    prf::PrfAlgorithm,
    provider::{
        aead::AeadCipher, agreement::Curve, block::Aes, digest::Hash, kem::MlKem, modp::ModpGroup,
    },
};
use crate::proposal::{EncryptionId, IntegrityId, KeyExchangeMethod, PrfId};

/// How a cipher of these transforms protects packets. AEAD ciphers have no separate integrity
/// algorithm (RFC 5282 section 8); all others must have one (RFC 7296 section 3.3.3), because
/// without it the ciphertext could be changed at will.
pub(super) fn protection(
    id: EncryptionId,
    key_bits: u16,
    integrity: Option<IntegrityId>,
) -> Result<Protection, UnsupportedAlgorithm> {
    if id.is_aead() {
        return match integrity {
            Some(integrity) => Err(UnsupportedAlgorithm::Integrity(integrity)),
            None => aead(id, key_bits).map(Protection::Aead),
        };
    }
    let cipher = cipher(id, key_bits)?;
    let integrity = integrity.ok_or(UnsupportedAlgorithm::Integrity(IntegrityId::NONE))?;
    integrity_algorithm(integrity).map(|integrity| Protection::EncryptThenMac(cipher, integrity))
}

fn aead(id: EncryptionId, key_bits: u16) -> Result<AeadAlgorithm, UnsupportedAlgorithm> {
    let unsupported = UnsupportedAlgorithm::Encryption { id, key_bits };
    let tag_len = match id {
        EncryptionId::AES_GCM_8 | EncryptionId::AES_CCM_8 => 8,
        EncryptionId::AES_GCM_12 | EncryptionId::AES_CCM_12 => 12,
        EncryptionId::AES_GCM_16 | EncryptionId::AES_CCM_16 | EncryptionId::CHACHA20_POLY1305 => 16,
        _ => return Err(unsupported),
    };
    let is_ccm = matches!(
        id,
        EncryptionId::AES_CCM_8 | EncryptionId::AES_CCM_12 | EncryptionId::AES_CCM_16
    );
    let cipher = match (id, aes(key_bits)) {
        (EncryptionId::CHACHA20_POLY1305, None) if key_bits == 0 => AeadCipher::ChaCha20Poly1305,
        (EncryptionId::CHACHA20_POLY1305, _) | (_, None) => return Err(unsupported),
        (_, Some(aes)) if is_ccm => AeadCipher::Ccm(aes),
        (_, Some(Aes::Aes128)) => AeadCipher::Aes128Gcm,
        (_, Some(Aes::Aes192)) => AeadCipher::Aes192Gcm,
        (_, Some(Aes::Aes256)) => AeadCipher::Aes256Gcm,
    };
    Ok(AeadAlgorithm { cipher, tag_len })
}

fn cipher(id: EncryptionId, key_bits: u16) -> Result<CipherAlgorithm, UnsupportedAlgorithm> {
    match (id, aes(key_bits)) {
        (EncryptionId::AES_CBC, Some(aes)) => Ok(CipherAlgorithm::Cbc(aes)),
        (EncryptionId::AES_CTR, Some(aes)) => Ok(CipherAlgorithm::Ctr(aes)),
        (EncryptionId::TRIPLE_DES, None) if key_bits == 0 => Ok(CipherAlgorithm::TripleDes),
        (EncryptionId::NULL, None) if key_bits == 0 => Ok(CipherAlgorithm::Null),
        _ => Err(UnsupportedAlgorithm::Encryption { id, key_bits }),
    }
}

fn aes(key_bits: u16) -> Option<Aes> {
    match key_bits {
        128 => Some(Aes::Aes128),
        192 => Some(Aes::Aes192),
        256 => Some(Aes::Aes256),
        _ => None,
    }
}

fn integrity_algorithm(id: IntegrityId) -> Result<IntegrityAlgorithm, UnsupportedAlgorithm> {
    match id {
        IntegrityId::HMAC_MD5_96 => Ok(IntegrityAlgorithm::Hmac(Hash::Md5)),
        IntegrityId::HMAC_SHA1_96 => Ok(IntegrityAlgorithm::Hmac(Hash::Sha1)),
        IntegrityId::HMAC_SHA2_256_128 => Ok(IntegrityAlgorithm::Hmac(Hash::Sha256)),
        IntegrityId::HMAC_SHA2_384_192 => Ok(IntegrityAlgorithm::Hmac(Hash::Sha384)),
        IntegrityId::HMAC_SHA2_512_256 => Ok(IntegrityAlgorithm::Hmac(Hash::Sha512)),
        IntegrityId::AES_XCBC_96 => Ok(IntegrityAlgorithm::CbcMac(CbcMacAlgorithm::Xcbc)),
        IntegrityId::AES_CMAC_96 => Ok(IntegrityAlgorithm::CbcMac(CbcMacAlgorithm::Cmac)),
        other => Err(UnsupportedAlgorithm::Integrity(other)),
    }
}

pub(super) fn prf(id: PrfId) -> Result<PrfAlgorithm, UnsupportedAlgorithm> {
    match id {
        PrfId::HMAC_MD5 => Ok(PrfAlgorithm::Hmac(Hash::Md5)),
        PrfId::HMAC_SHA1 => Ok(PrfAlgorithm::Hmac(Hash::Sha1)),
        PrfId::HMAC_SHA2_256 => Ok(PrfAlgorithm::Hmac(Hash::Sha256)),
        PrfId::HMAC_SHA2_384 => Ok(PrfAlgorithm::Hmac(Hash::Sha384)),
        PrfId::HMAC_SHA2_512 => Ok(PrfAlgorithm::Hmac(Hash::Sha512)),
        PrfId::AES128_XCBC => Ok(PrfAlgorithm::CbcMac(CbcMacAlgorithm::Xcbc)),
        PrfId::AES128_CMAC => Ok(PrfAlgorithm::CbcMac(CbcMacAlgorithm::Cmac)),
        other => Err(UnsupportedAlgorithm::Prf(other)),
    }
}

/// The kinds of key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyExchangeAlgorithm {
    Curve(Curve),
    Modp(ModpGroup),
    MlKem(MlKem),
}

pub(super) fn key_exchange(
    method: KeyExchangeMethod,
) -> Result<KeyExchangeAlgorithm, UnsupportedAlgorithm> {
    use KeyExchangeAlgorithm::{Curve as OnCurve, MlKem as Kem, Modp};
    Ok(match method {
        KeyExchangeMethod::MODP_1024 => Modp(ModpGroup::Modp1024),
        KeyExchangeMethod::MODP_1536 => Modp(ModpGroup::Modp1536),
        KeyExchangeMethod::MODP_2048 => Modp(ModpGroup::Modp2048),
        KeyExchangeMethod::MODP_3072 => Modp(ModpGroup::Modp3072),
        KeyExchangeMethod::MODP_4096 => Modp(ModpGroup::Modp4096),
        KeyExchangeMethod::MODP_6144 => Modp(ModpGroup::Modp6144),
        KeyExchangeMethod::MODP_8192 => Modp(ModpGroup::Modp8192),
        KeyExchangeMethod::ECP_256 => OnCurve(Curve::P256),
        KeyExchangeMethod::ECP_384 => OnCurve(Curve::P384),
        KeyExchangeMethod::ECP_521 => OnCurve(Curve::P521),
        KeyExchangeMethod::CURVE_25519 => OnCurve(Curve::X25519),
        #[cfg(feature = "openssl")]
        KeyExchangeMethod::ECP_256_BP => OnCurve(Curve::BRAINPOOL_P256),
        #[cfg(feature = "openssl")]
        KeyExchangeMethod::ECP_384_BP => OnCurve(Curve::BRAINPOOL_P384),
        #[cfg(feature = "openssl")]
        KeyExchangeMethod::ECP_512_BP => OnCurve(Curve::BRAINPOOL_P512),
        #[cfg(feature = "openssl")]
        KeyExchangeMethod::CURVE_448 => OnCurve(Curve::X448),
        KeyExchangeMethod::ML_KEM_512 => Kem(MlKem::MlKem512),
        KeyExchangeMethod::ML_KEM_768 => Kem(MlKem::MlKem768),
        KeyExchangeMethod::ML_KEM_1024 => Kem(MlKem::MlKem1024),
        other => return Err(UnsupportedAlgorithm::KeyExchange(other)),
    })
}

//! Which library computes what, for operators who ask (`get-algorithms`).

use crate::proposal::{EncryptionId, IntegrityId, PrfId, Transform};

/// The library behind a transform; `None` for transforms without an algorithm.
///
/// Goes by families, as `provider` does: HMAC but for MD5, and AEAD ciphers but for AES-CCM and
/// AES-192, are ring's; AES-CCM, 3DES and MD5 are RustCrypto's; other uses of AES, ML-KEM and elliptic
/// curves but for OpenSSL's are AWS-LC's; the MODP groups are computed with crypto-bigint.
pub fn library(transform: Transform) -> Option<&'static str> {
    const RING: &str = "ring";
    const AWS_LC: &str = "aws-lc-rs";
    match transform {
        Transform::Encryption(
            EncryptionId::AES_CCM_8 | EncryptionId::AES_CCM_12 | EncryptionId::AES_CCM_16,
            _,
        ) => Some("ccm"),
        Transform::Encryption(EncryptionId::TRIPLE_DES, _) => Some("des"),
        Transform::Prf(PrfId::HMAC_MD5) | Transform::Integrity(IntegrityId::HMAC_MD5_96) => {
            Some("hmac")
        }
        Transform::Encryption(id, Some(192)) if id.is_aead() => Some(AWS_LC),
        Transform::Encryption(id, _) if id.is_aead() => Some(RING),
        Transform::Encryption(id, _) => id.name().filter(|name| *name != "NULL").map(|_| AWS_LC),
        Transform::Prf(id) => id
            .name()
            .map(|name| if name.contains("HMAC") { RING } else { AWS_LC }),
        Transform::Integrity(id) => id
            .name()
            .filter(|name| *name != "NONE")
            .map(|name| if name.contains("HMAC") { RING } else { AWS_LC }),
        Transform::KeyExchange(method) => match method.name()? {
            "NONE" => None,
            name if name.starts_with("MODP") => Some("crypto-bigint"),
            name if name.ends_with("_BP") || name == "CURVE_448" => Some("openssl"),
            _ => Some(AWS_LC),
        },
        Transform::AdditionalKeyExchange(..)
        | Transform::ExtendedSequenceNumbers(_)
        | Transform::Unknown { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proposal::{KeyExchangeMethod, supported};

    #[test]
    fn families() {
        for (transform, expected) in [
            (
                Transform::Encryption(EncryptionId::AES_GCM_16, Some(256)),
                Some("ring"),
            ),
            (
                Transform::Encryption(EncryptionId::AES_GCM_16, Some(192)),
                Some("aws-lc-rs"),
            ),
            (
                Transform::Encryption(EncryptionId::AES_CCM_8, Some(192)),
                Some("ccm"),
            ),
            (
                Transform::Encryption(EncryptionId::CHACHA20_POLY1305, None),
                Some("ring"),
            ),
            (
                Transform::Encryption(EncryptionId::AES_CCM_16, Some(192)),
                Some("ccm"),
            ),
            (
                Transform::Encryption(EncryptionId::AES_CBC, Some(192)),
                Some("aws-lc-rs"),
            ),
            (
                Transform::Encryption(EncryptionId::TRIPLE_DES, None),
                Some("des"),
            ),
            (Transform::Prf(PrfId::HMAC_MD5), Some("hmac")),
            (
                Transform::KeyExchange(KeyExchangeMethod::ECP_384_BP),
                Some("openssl"),
            ),
            (Transform::Prf(PrfId::HMAC_SHA2_256), Some("ring")),
            (Transform::Integrity(IntegrityId::NONE), None),
            (
                Transform::KeyExchange(KeyExchangeMethod::CURVE_25519),
                Some("aws-lc-rs"),
            ),
            (
                Transform::KeyExchange(KeyExchangeMethod::MODP_2048),
                Some("crypto-bigint"),
            ),
            (Transform::KeyExchange(KeyExchangeMethod::NONE), None),
            (Transform::ExtendedSequenceNumbers(true), None),
        ] {
            assert_eq!(library(transform), expected, "{transform:?}");
        }
    }

    #[test]
    fn nothing_is_supported_twice() {
        let all: Vec<_> = supported().collect();
        for (position, transform) in all.iter().enumerate() {
            assert!(!all[..position].contains(transform), "{transform:?}");
        }
        assert!(all.contains(&Transform::Prf(PrfId::HMAC_SHA2_256)));
    }
}

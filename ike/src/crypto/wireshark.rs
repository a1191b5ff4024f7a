//! Names of algorithms in Wireshark's tables of keys.

use super::IkeSuite;
use crate::{
    EspSuite,
    proposal::{EncryptionId, IntegrityId},
};

/// The cipher's name in `ikev2_decryption_table`.
pub(crate) fn ike_cipher(suite: &IkeSuite) -> String {
    let bits = suite.key_bits;
    match suite.encryption {
        EncryptionId::AES_CBC => format!("AES-CBC-{bits} [RFC3602]"),
        EncryptionId::AES_CTR => format!("AES-CTR-{bits} [RFC5930]"),
        EncryptionId::TRIPLE_DES => "3DES [RFC2451]".to_owned(),
        EncryptionId::CHACHA20_POLY1305 => "CHACHA20_POLY1305".to_owned(),
        aead => {
            let (mode, icv) = mode_and_icv(aead);
            format!("AES-{mode}-{bits} with {icv} octet ICV [RFC5282]")
        }
    }
}

/// The integrity algorithm's name in `ikev2_decryption_table`, which has none for AES.
pub(crate) fn ike_integrity(integrity: Option<IntegrityId>) -> &'static str {
    match integrity {
        None => "NONE [RFC4306]",
        Some(IntegrityId::HMAC_MD5_96) => "HMAC_MD5_96 [RFC2403]",
        Some(IntegrityId::HMAC_SHA1_96) => "HMAC_SHA1_96 [RFC2404]",
        Some(IntegrityId::HMAC_SHA2_256_128) => "HMAC_SHA2_256_128 [RFC4868]",
        Some(IntegrityId::HMAC_SHA2_384_192) => "HMAC_SHA2_384_192 [RFC4868]",
        Some(IntegrityId::HMAC_SHA2_512_256) => "HMAC_SHA2_512_256 [RFC4868]",
        Some(_) => "ANY 96-bits of Authentication [No Checking]",
    }
}

/// The cipher's name in `esp_sa`.
pub(crate) fn esp_cipher(suite: &EspSuite) -> String {
    match suite.encryption {
        EncryptionId::NULL => "NULL".to_owned(),
        EncryptionId::AES_CBC => "AES-CBC [RFC3602]".to_owned(),
        EncryptionId::AES_CTR => "AES-CTR [RFC3686]".to_owned(),
        EncryptionId::TRIPLE_DES => "TripleDES-CBC [RFC2451]".to_owned(),
        EncryptionId::CHACHA20_POLY1305 => "ChaCha20 with Poly1305 [RFC7634]".to_owned(),
        // Wireshark cannot decrypt ESP under AES-CCM and has no name for it.
        aead => {
            let (mode, icv) = mode_and_icv(aead);
            format!("AES-{mode} with {icv} octet ICV [RFC4106]")
        }
    }
}

/// The integrity algorithm's name in `esp_sa`, which has none for AES.
pub(crate) fn esp_integrity(integrity: Option<IntegrityId>) -> &'static str {
    match integrity {
        None => "NULL",
        Some(IntegrityId::HMAC_MD5_96) => "HMAC-MD5-96 [RFC2403]",
        Some(IntegrityId::HMAC_SHA1_96) => "HMAC-SHA-1-96 [RFC2404]",
        Some(IntegrityId::HMAC_SHA2_256_128) => "HMAC-SHA-256-128 [RFC4868]",
        Some(IntegrityId::HMAC_SHA2_384_192) => "HMAC-SHA-384-192 [RFC4868]",
        Some(IntegrityId::HMAC_SHA2_512_256) => "HMAC-SHA-512-256 [RFC4868]",
        Some(_) => "ANY 96 bit authentication [no checking]",
    }
}

fn mode_and_icv(aead: EncryptionId) -> (&'static str, u8) {
    match aead {
        EncryptionId::AES_CCM_8 => ("CCM", 8),
        EncryptionId::AES_CCM_12 => ("CCM", 12),
        EncryptionId::AES_CCM_16 => ("CCM", 16),
        EncryptionId::AES_GCM_8 => ("GCM", 8),
        EncryptionId::AES_GCM_12 => ("GCM", 12),
        _ => ("GCM", 16),
    }
}

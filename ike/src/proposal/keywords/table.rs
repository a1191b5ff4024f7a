//! Which keywords there are.

use super::Kind;
use crate::proposal::{EncryptionId, IntegrityId, KeyExchangeMethod, PrfId, Transform};

const fn encryption(id: EncryptionId, key_bits: u16) -> Transform {
    Transform::Encryption(id, Some(key_bits))
}

const fn prf(id: PrfId) -> Transform {
    Transform::Prf(id)
}

const fn integrity(id: IntegrityId) -> Transform {
    Transform::Integrity(id)
}

const fn method(id: KeyExchangeMethod) -> Transform {
    Transform::KeyExchange(id)
}

/// What this build can do, what is best first. The first keyword of a transform is its name, the
/// others are aliases.
#[rustfmt::skip]
pub(super) const SUPPORTED: &[(&str, Kind, Transform)] = &[
    ("aes256gcm16", Kind::Aead, encryption(EncryptionId::AES_GCM_16, 256)),
    ("aes256gcm128", Kind::Aead, encryption(EncryptionId::AES_GCM_16, 256)),
    ("aes256gcm", Kind::Aead, encryption(EncryptionId::AES_GCM_16, 256)),
    ("chacha20poly1305", Kind::Aead, Transform::Encryption(EncryptionId::CHACHA20_POLY1305, None)),
    ("aes192gcm16", Kind::Aead, encryption(EncryptionId::AES_GCM_16, 192)),
    ("aes192gcm128", Kind::Aead, encryption(EncryptionId::AES_GCM_16, 192)),
    ("aes192gcm", Kind::Aead, encryption(EncryptionId::AES_GCM_16, 192)),
    ("aes128gcm16", Kind::Aead, encryption(EncryptionId::AES_GCM_16, 128)),
    ("aes128gcm128", Kind::Aead, encryption(EncryptionId::AES_GCM_16, 128)),
    ("aes128gcm", Kind::Aead, encryption(EncryptionId::AES_GCM_16, 128)),
    ("aes256gcm12", Kind::Aead, encryption(EncryptionId::AES_GCM_12, 256)),
    ("aes256gcm96", Kind::Aead, encryption(EncryptionId::AES_GCM_12, 256)),
    ("aes192gcm12", Kind::Aead, encryption(EncryptionId::AES_GCM_12, 192)),
    ("aes192gcm96", Kind::Aead, encryption(EncryptionId::AES_GCM_12, 192)),
    ("aes128gcm12", Kind::Aead, encryption(EncryptionId::AES_GCM_12, 128)),
    ("aes128gcm96", Kind::Aead, encryption(EncryptionId::AES_GCM_12, 128)),
    ("aes256gcm8", Kind::Aead, encryption(EncryptionId::AES_GCM_8, 256)),
    ("aes256gcm64", Kind::Aead, encryption(EncryptionId::AES_GCM_8, 256)),
    ("aes192gcm8", Kind::Aead, encryption(EncryptionId::AES_GCM_8, 192)),
    ("aes192gcm64", Kind::Aead, encryption(EncryptionId::AES_GCM_8, 192)),
    ("aes128gcm8", Kind::Aead, encryption(EncryptionId::AES_GCM_8, 128)),
    ("aes128gcm64", Kind::Aead, encryption(EncryptionId::AES_GCM_8, 128)),
    ("aes256ccm16", Kind::Aead, encryption(EncryptionId::AES_CCM_16, 256)),
    ("aes256ccm128", Kind::Aead, encryption(EncryptionId::AES_CCM_16, 256)),
    ("aes256ccm", Kind::Aead, encryption(EncryptionId::AES_CCM_16, 256)),
    ("aes192ccm16", Kind::Aead, encryption(EncryptionId::AES_CCM_16, 192)),
    ("aes192ccm128", Kind::Aead, encryption(EncryptionId::AES_CCM_16, 192)),
    ("aes192ccm", Kind::Aead, encryption(EncryptionId::AES_CCM_16, 192)),
    ("aes128ccm16", Kind::Aead, encryption(EncryptionId::AES_CCM_16, 128)),
    ("aes128ccm128", Kind::Aead, encryption(EncryptionId::AES_CCM_16, 128)),
    ("aes128ccm", Kind::Aead, encryption(EncryptionId::AES_CCM_16, 128)),
    ("aes256ccm12", Kind::Aead, encryption(EncryptionId::AES_CCM_12, 256)),
    ("aes256ccm96", Kind::Aead, encryption(EncryptionId::AES_CCM_12, 256)),
    ("aes192ccm12", Kind::Aead, encryption(EncryptionId::AES_CCM_12, 192)),
    ("aes192ccm96", Kind::Aead, encryption(EncryptionId::AES_CCM_12, 192)),
    ("aes128ccm12", Kind::Aead, encryption(EncryptionId::AES_CCM_12, 128)),
    ("aes128ccm96", Kind::Aead, encryption(EncryptionId::AES_CCM_12, 128)),
    ("aes256ccm8", Kind::Aead, encryption(EncryptionId::AES_CCM_8, 256)),
    ("aes256ccm64", Kind::Aead, encryption(EncryptionId::AES_CCM_8, 256)),
    ("aes192ccm8", Kind::Aead, encryption(EncryptionId::AES_CCM_8, 192)),
    ("aes192ccm64", Kind::Aead, encryption(EncryptionId::AES_CCM_8, 192)),
    ("aes128ccm8", Kind::Aead, encryption(EncryptionId::AES_CCM_8, 128)),
    ("aes128ccm64", Kind::Aead, encryption(EncryptionId::AES_CCM_8, 128)),
    ("aes256", Kind::Encryption, encryption(EncryptionId::AES_CBC, 256)),
    ("aes192", Kind::Encryption, encryption(EncryptionId::AES_CBC, 192)),
    ("aes128", Kind::Encryption, encryption(EncryptionId::AES_CBC, 128)),
    ("aes", Kind::Encryption, encryption(EncryptionId::AES_CBC, 128)),
    ("aes256ctr", Kind::Encryption, encryption(EncryptionId::AES_CTR, 256)),
    ("aes192ctr", Kind::Encryption, encryption(EncryptionId::AES_CTR, 192)),
    ("aes128ctr", Kind::Encryption, encryption(EncryptionId::AES_CTR, 128)),
    ("3des", Kind::Encryption, Transform::Encryption(EncryptionId::TRIPLE_DES, None)),
    ("null", Kind::Encryption, Transform::Encryption(EncryptionId::NULL, None)),
    ("sha512", Kind::Integrity, integrity(IntegrityId::HMAC_SHA2_512_256)),
    ("sha2_512", Kind::Integrity, integrity(IntegrityId::HMAC_SHA2_512_256)),
    ("sha384", Kind::Integrity, integrity(IntegrityId::HMAC_SHA2_384_192)),
    ("sha2_384", Kind::Integrity, integrity(IntegrityId::HMAC_SHA2_384_192)),
    ("sha256", Kind::Integrity, integrity(IntegrityId::HMAC_SHA2_256_128)),
    ("sha2_256", Kind::Integrity, integrity(IntegrityId::HMAC_SHA2_256_128)),
    ("aescmac", Kind::Integrity, integrity(IntegrityId::AES_CMAC_96)),
    ("aesxcbc", Kind::Integrity, integrity(IntegrityId::AES_XCBC_96)),
    ("sha1", Kind::Integrity, integrity(IntegrityId::HMAC_SHA1_96)),
    ("sha", Kind::Integrity, integrity(IntegrityId::HMAC_SHA1_96)),
    ("md5", Kind::Integrity, integrity(IntegrityId::HMAC_MD5_96)),
    ("prfsha512", Kind::Prf, prf(PrfId::HMAC_SHA2_512)),
    ("prfsha384", Kind::Prf, prf(PrfId::HMAC_SHA2_384)),
    ("prfsha256", Kind::Prf, prf(PrfId::HMAC_SHA2_256)),
    ("prfaescmac", Kind::Prf, prf(PrfId::AES128_CMAC)),
    ("prfaesxcbc", Kind::Prf, prf(PrfId::AES128_XCBC)),
    ("prfsha1", Kind::Prf, prf(PrfId::HMAC_SHA1)),
    ("prfmd5", Kind::Prf, prf(PrfId::HMAC_MD5)),
    ("x25519", Kind::KeyExchange, method(KeyExchangeMethod::CURVE_25519)),
    ("curve25519", Kind::KeyExchange, method(KeyExchangeMethod::CURVE_25519)),
    ("ecp384", Kind::KeyExchange, method(KeyExchangeMethod::ECP_384)),
    ("ecp521", Kind::KeyExchange, method(KeyExchangeMethod::ECP_521)),
    ("ecp256", Kind::KeyExchange, method(KeyExchangeMethod::ECP_256)),
    ("mlkem768", Kind::KeyExchange, method(KeyExchangeMethod::ML_KEM_768)),
    ("mlkem1024", Kind::KeyExchange, method(KeyExchangeMethod::ML_KEM_1024)),
    ("mlkem512", Kind::KeyExchange, method(KeyExchangeMethod::ML_KEM_512)),
    ("modp8192", Kind::KeyExchange, method(KeyExchangeMethod::MODP_8192)),
    ("modp6144", Kind::KeyExchange, method(KeyExchangeMethod::MODP_6144)),
    ("modp4096", Kind::KeyExchange, method(KeyExchangeMethod::MODP_4096)),
    ("modp3072", Kind::KeyExchange, method(KeyExchangeMethod::MODP_3072)),
    ("modp2048", Kind::KeyExchange, method(KeyExchangeMethod::MODP_2048)),
    ("modp1536", Kind::KeyExchange, method(KeyExchangeMethod::MODP_1536)),
    ("modp1024", Kind::KeyExchange, method(KeyExchangeMethod::MODP_1024)),
    ("modpnone", Kind::KeyExchange, method(KeyExchangeMethod::NONE)),
    ("esn", Kind::SequenceNumbers, Transform::ExtendedSequenceNumbers(true)),
    ("noesn", Kind::SequenceNumbers, Transform::ExtendedSequenceNumbers(false)),
];

/// What this build can do only with the feature `openssl`.
#[rustfmt::skip]
pub(super) const BY_OPENSSL: &[(&str, Kind, Transform)] = &[
    ("x448", Kind::KeyExchange, method(KeyExchangeMethod::CURVE_448)),
    ("curve448", Kind::KeyExchange, method(KeyExchangeMethod::CURVE_448)),
    ("ecp512bp", Kind::KeyExchange, method(KeyExchangeMethod::ECP_512_BP)),
    ("ecp384bp", Kind::KeyExchange, method(KeyExchangeMethod::ECP_384_BP)),
    ("ecp256bp", Kind::KeyExchange, method(KeyExchangeMethod::ECP_256_BP)),
];

/// What strongSwan's notation has beyond that: known by name, so that a configuration that comes
/// from there is told what is missing rather than that it is misspelt.
#[rustfmt::skip]
pub(super) const UNSUPPORTED: &[(Kind, &[&str])] = &[
    (Kind::Aead, &[
        "aes128gmac", "aes192gmac", "aes256gmac",
        "camellia128ccm8", "camellia128ccm64", "camellia128ccm12", "camellia128ccm96", "camellia128ccm16", "camellia128ccm128",
        "camellia192ccm8", "camellia192ccm64", "camellia192ccm12", "camellia192ccm96", "camellia192ccm16", "camellia192ccm128",
        "camellia256ccm8", "camellia256ccm64", "camellia256ccm12", "camellia256ccm96", "camellia256ccm16", "camellia256ccm128",
        "chacha20poly1305compat",
    ]),
    (Kind::Encryption, &[
        "des", "blowfish", "blowfish128", "blowfish192", "blowfish256", "cast128",
        "camellia", "camellia128", "camellia192", "camellia256",
        "camellia128ctr", "camellia192ctr", "camellia256ctr",
        "serpent", "serpent128", "serpent192", "serpent256",
        "twofish", "twofish128", "twofish192", "twofish256",
    ]),
    (Kind::Integrity, &["md5_128", "sha1_160", "sha256_96", "sha2_256_96", "camelliaxcbc"]),
    (Kind::Prf, &["prfcamelliaxcbc"]),
    (Kind::KeyExchange, &[
        "modp768", "modp1024s160", "modp2048s224", "modp2048s256", "modpnull",
        "ecp192", "ecp224", "ecp224bp",
    ]),
];

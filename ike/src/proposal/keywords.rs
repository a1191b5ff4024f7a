//! The keywords of the proposal notation.

use super::{EncryptionId, KeyExchangeMethod, PrfId, Transform};

/// What a keyword is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Aead,
    Encryption,
    Integrity,
    Prf,
    KeyExchange,
    SequenceNumbers,
}

impl Kind {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Aead | Self::Encryption => "cipher",
            Self::Integrity => "integrity algorithm",
            Self::Prf => "pseudo-random function",
            Self::KeyExchange => "key exchange method",
            Self::SequenceNumbers => "extended sequence number setting",
        }
    }
}

/// One keyword.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// `None`: known, but this build cannot do it.
    pub(super) transform: Option<Transform>,
}

/// The keyword with this name, whatever its case.
pub(super) fn find(name: &str) -> Option<Keyword> {
    let name = name.to_ascii_lowercase();
    all().find(|keyword| keyword.name == name)
}

/// The first keyword that stands for this transform.
pub(super) fn name_of(transform: Transform) -> Option<&'static str> {
    SUPPORTED
        .iter()
        .find(|(_, _, supported)| *supported == transform)
        .map(|(name, ..)| *name)
}

/// Keywords for what this build can do where one of this kind is wanted, aliases left out.
pub(super) fn supported(kind: Kind) -> Vec<&'static str> {
    let wanted = match kind {
        // All ciphers of this build are AEAD ciphers.
        Kind::Encryption => Kind::Aead,
        other => other,
    };
    SUPPORTED
        .iter()
        .filter(|(name, kind, transform)| *kind == wanted && name_of(*transform) == Some(*name))
        .map(|(name, ..)| *name)
        .collect()
}

/// The keyword that was probably meant: one of this build that contains the token, or else any
/// that is at most two slips of the finger away, those of this build preferred.
pub(super) fn suggest(token: &str) -> Option<&'static str> {
    let token = token.to_ascii_lowercase();
    // Anything is close to a short word, and nobody means anything by a very long one.
    if !(3..=32).contains(&token.len()) {
        return None;
    }
    let mut names = SUPPORTED.iter().map(|(name, ..)| *name);
    let near = || {
        all()
            .map(|keyword| (distance(keyword.name, &token), keyword))
            .filter(|(distance, _)| *distance <= 2)
            .min_by_key(|(distance, keyword)| (*distance, keyword.transform.is_none()))
            .map(|(_, keyword)| keyword.name)
    };
    names.find(|name| name.contains(&token)).or_else(near)
}

/// Every transform that this build can do, once each.
pub(super) fn transforms() -> impl Iterator<Item = Transform> {
    SUPPORTED
        .iter()
        .filter(|(name, _, transform)| name_of(*transform) == Some(*name))
        .map(|(_, _, transform)| *transform)
}

fn all() -> impl Iterator<Item = Keyword> {
    let supported = SUPPORTED.iter().map(|&(name, kind, transform)| Keyword {
        name,
        kind,
        transform: Some(transform),
    });
    let unsupported = UNSUPPORTED.iter().flat_map(|&(kind, names)| {
        names.iter().map(move |&name| Keyword {
            name,
            kind,
            transform: None,
        })
    });
    supported.chain(unsupported)
}

/// Insertions, deletions, substitutions and swaps of neighbours that lead from one to the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    // rows[i][j]: from the first i characters of a to the first j of b.
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = substituted.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

const AES_GCM_128: Transform = Transform::Encryption(EncryptionId::AES_GCM_16, Some(128));
const AES_GCM_256: Transform = Transform::Encryption(EncryptionId::AES_GCM_16, Some(256));
const CHACHA20: Transform = Transform::Encryption(EncryptionId::CHACHA20_POLY1305, None);
const CURVE_25519: Transform = Transform::KeyExchange(KeyExchangeMethod::CURVE_25519);

/// What this build can do. The first keyword of a transform is its name, the others are aliases.
const SUPPORTED: &[(&str, Kind, Transform)] = &[
    ("aes256gcm16", Kind::Aead, AES_GCM_256),
    ("aes256gcm128", Kind::Aead, AES_GCM_256),
    ("aes256gcm", Kind::Aead, AES_GCM_256),
    ("aes128gcm16", Kind::Aead, AES_GCM_128),
    ("aes128gcm128", Kind::Aead, AES_GCM_128),
    ("aes128gcm", Kind::Aead, AES_GCM_128),
    ("chacha20poly1305", Kind::Aead, CHACHA20),
    ("prfsha512", Kind::Prf, Transform::Prf(PrfId::HMAC_SHA2_512)),
    ("prfsha384", Kind::Prf, Transform::Prf(PrfId::HMAC_SHA2_384)),
    ("prfsha256", Kind::Prf, Transform::Prf(PrfId::HMAC_SHA2_256)),
    ("prfsha1", Kind::Prf, Transform::Prf(PrfId::HMAC_SHA1)),
    ("x25519", Kind::KeyExchange, CURVE_25519),
    ("curve25519", Kind::KeyExchange, CURVE_25519),
    (
        "ecp384",
        Kind::KeyExchange,
        Transform::KeyExchange(KeyExchangeMethod::ECP_384),
    ),
    (
        "ecp256",
        Kind::KeyExchange,
        Transform::KeyExchange(KeyExchangeMethod::ECP_256),
    ),
    (
        "modpnone",
        Kind::KeyExchange,
        Transform::KeyExchange(KeyExchangeMethod::NONE),
    ),
    (
        "esn",
        Kind::SequenceNumbers,
        Transform::ExtendedSequenceNumbers(true),
    ),
    (
        "noesn",
        Kind::SequenceNumbers,
        Transform::ExtendedSequenceNumbers(false),
    ),
];

/// What strongSwan's notation has beyond that: known by name, so that a configuration that comes
/// from there is told what is missing rather than that it is misspelt.
#[rustfmt::skip]
const UNSUPPORTED: &[(Kind, &[&str])] = &[
    (Kind::Aead, &[
        "aes128ccm8", "aes128ccm64", "aes128ccm12", "aes128ccm96", "aes128ccm16", "aes128ccm128", "aes128ccm",
        "aes192ccm8", "aes192ccm64", "aes192ccm12", "aes192ccm96", "aes192ccm16", "aes192ccm128", "aes192ccm",
        "aes256ccm8", "aes256ccm64", "aes256ccm12", "aes256ccm96", "aes256ccm16", "aes256ccm128", "aes256ccm",
        "aes128gcm8", "aes128gcm64", "aes128gcm12", "aes128gcm96",
        "aes192gcm8", "aes192gcm64", "aes192gcm12", "aes192gcm96", "aes192gcm16", "aes192gcm128", "aes192gcm",
        "aes256gcm8", "aes256gcm64", "aes256gcm12", "aes256gcm96",
        "aes128gmac", "aes192gmac", "aes256gmac",
        "camellia128ccm8", "camellia128ccm64", "camellia128ccm12", "camellia128ccm96", "camellia128ccm16", "camellia128ccm128",
        "camellia192ccm8", "camellia192ccm64", "camellia192ccm12", "camellia192ccm96", "camellia192ccm16", "camellia192ccm128",
        "camellia256ccm8", "camellia256ccm64", "camellia256ccm12", "camellia256ccm96", "camellia256ccm16", "camellia256ccm128",
        "chacha20poly1305compat",
    ]),
    (Kind::Encryption, &[
        "null", "aes", "aes128", "aes192", "aes256", "aes128ctr", "aes192ctr", "aes256ctr",
        "des", "3des", "blowfish", "blowfish128", "blowfish192", "blowfish256", "cast128",
        "camellia", "camellia128", "camellia192", "camellia256",
        "camellia128ctr", "camellia192ctr", "camellia256ctr",
        "serpent", "serpent128", "serpent192", "serpent256",
        "twofish", "twofish128", "twofish192", "twofish256",
    ]),
    (Kind::Integrity, &[
        "md5", "md5_128", "sha", "sha1", "sha1_160", "sha256", "sha2_256", "sha256_96", "sha2_256_96",
        "sha384", "sha2_384", "sha512", "sha2_512", "aesxcbc", "aescmac", "camelliaxcbc",
    ]),
    (Kind::Prf, &["prfmd5", "prfaesxcbc", "prfaescmac", "prfcamelliaxcbc"]),
    (Kind::KeyExchange, &[
        "modp768", "modp1024", "modp1536", "modp2048", "modp3072", "modp4096", "modp6144", "modp8192",
        "modp1024s160", "modp2048s224", "modp2048s256",
        "ecp192", "ecp224", "ecp521", "ecp224bp", "ecp256bp", "ecp384bp", "ecp512bp",
        "x448", "curve448", "mlkem512", "mlkem768", "mlkem1024",
    ]),
];

#[cfg(test)]
mod tests;

//! The keywords of the proposal notation.

mod table;

use self::table::{BY_OPENSSL, SUPPORTED, UNSUPPORTED};
#[cfg(test)]
use super::EncryptionId;
use super::{KeyExchangeMethod, Slot, Transform};

/// What a keyword is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Aead,
    Encryption,
    Integrity,
    Prf,
    KeyExchange,
    AdditionalKeyExchange,
    SequenceNumbers,
}

impl Kind {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Aead | Self::Encryption => "cipher",
            Self::Integrity => "integrity algorithm",
            Self::Prf => "pseudo-random function",
            Self::KeyExchange => "key exchange method",
            Self::AdditionalKeyExchange => "additional key exchange",
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
    /// The cargo feature with which a build can do it, where it needs one.
    pub(super) feature: Option<&'static str>,
}

/// The cargo feature with OpenSSL's algorithms.
const OPENSSL: &str = "openssl";

/// What this build can do.
fn of_this_build() -> impl Iterator<Item = &'static (&'static str, Kind, Transform)> {
    let by_openssl: &[_] = if cfg!(feature = "openssl") {
        BY_OPENSSL
    } else {
        &[]
    };
    SUPPORTED.iter().chain(by_openssl)
}

/// The keyword with this name, whatever its case.
pub(super) fn find(name: &str) -> Option<Keyword> {
    let name = name.to_ascii_lowercase();
    all().find(|keyword| keyword.name == name)
}

/// The first keyword that stands for this transform.
pub(super) fn name_of(transform: Transform) -> Option<&'static str> {
    of_this_build()
        .find(|(_, _, supported)| *supported == transform)
        .map(|(name, ..)| *name)
}

/// Keywords for what this build can do where one of this kind is wanted. Aliases and what is weak
/// are left out.
pub(super) fn supported(kind: Kind) -> Vec<&'static str> {
    let kind = match kind {
        Kind::AdditionalKeyExchange => Kind::KeyExchange,
        other => other,
    };
    let is_cipher = |kind| matches!(kind, Kind::Aead | Kind::Encryption);
    of_this_build()
        .filter(|(_, other, _)| *other == kind || is_cipher(kind) && is_cipher(*other))
        .filter(|(name, _, transform)| name_of(*transform) == Some(*name) && !transform.is_weak())
        .map(|(name, ..)| *name)
        .collect()
}

/// The additional key exchange that this names (RFC 9370): `ke1_` to `ke7_` and a method, or none.
/// The keyword is that of its method.
pub(super) fn find_additional(name: &str) -> Option<Keyword> {
    let name = name.to_ascii_lowercase();
    let (slot, method) = name.split_once('_')?;
    let slot = match slot.strip_prefix("ke")?.as_bytes() {
        [digit @ b'1'..=b'7'] => Slot::new(digit - b'0')?,
        _ => return None,
    };
    let keyword = if method == "none" {
        Keyword {
            name: "none",
            kind: Kind::KeyExchange,
            transform: Some(Transform::KeyExchange(KeyExchangeMethod::NONE)),
            feature: None,
        }
    } else {
        find(method).filter(|keyword| keyword.kind == Kind::KeyExchange && method != "modpnone")?
    };
    let transform = keyword.transform.map(|transform| match transform {
        Transform::KeyExchange(method) => Transform::AdditionalKeyExchange(slot, method),
        other => other,
    });
    Some(Keyword {
        kind: Kind::AdditionalKeyExchange,
        transform,
        ..keyword
    })
}

/// The word for this transform.
pub(super) fn word_for(transform: Transform) -> Option<String> {
    match transform {
        Transform::AdditionalKeyExchange(slot, KeyExchangeMethod::NONE) => {
            Some(format!("ke{}_none", slot.number()))
        }
        Transform::AdditionalKeyExchange(slot, method) => {
            let method = name_of(Transform::KeyExchange(method))?;
            Some(format!("ke{}_{method}", slot.number()))
        }
        other => name_of(other).map(str::to_owned),
    }
}

/// The keyword that was probably meant: one of this build that contains the token, or else any
/// that is at most two slips of the finger away, those of this build preferred.
pub(super) fn suggest(token: &str) -> Option<&'static str> {
    let token = token.to_ascii_lowercase();
    // Anything is close to a short word, and nobody means anything by a very long one.
    if !(3..=32).contains(&token.len()) {
        return None;
    }
    let mut names = of_this_build().map(|(name, ..)| *name);
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
    of_this_build()
        .filter(|(name, _, transform)| name_of(*transform) == Some(*name))
        .map(|(_, _, transform)| *transform)
}

/// The names of all algorithms, those that need a feature included; settings and aliases are not.
#[cfg(test)]
pub(super) fn every_name() -> impl Iterator<Item = &'static str> {
    let rows = || SUPPORTED.iter().chain(BY_OPENSSL);
    let first = move |transform| rows().find(|(_, _, other)| *other == transform);
    let is_algorithm = |transform| {
        !matches!(
            transform,
            Transform::ExtendedSequenceNumbers(_)
                | Transform::KeyExchange(KeyExchangeMethod::NONE)
                | Transform::Encryption(EncryptionId::NULL, _)
        )
    };
    rows()
        .filter(move |(name, _, transform)| {
            is_algorithm(*transform) && first(*transform).is_some_and(|row| row.0 == *name)
        })
        .map(|(name, ..)| *name)
}

fn all() -> impl Iterator<Item = Keyword> {
    let supported = SUPPORTED.iter().map(|&(name, kind, transform)| Keyword {
        name,
        kind,
        transform: Some(transform),
        feature: None,
    });
    let by_openssl = BY_OPENSSL.iter().map(|&(name, kind, transform)| Keyword {
        name,
        kind,
        transform: cfg!(feature = "openssl").then_some(transform),
        feature: Some(OPENSSL),
    });
    let unsupported = UNSUPPORTED.iter().flat_map(|&(kind, names)| {
        names.iter().map(move |&name| Keyword {
            name,
            kind,
            transform: None,
            feature: None,
        })
    });
    supported.chain(by_openssl).chain(unsupported)
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

#[cfg(test)]
mod tests;

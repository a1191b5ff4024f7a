//! `get-algorithms`: what this build computes with, and by which library.

use holdfast_ike::{
    crypto::library,
    proposal::{Transform, supported},
};
use holdfast_vici::Message;

/// What computes without a library.
const OURS: &str = "holdfast";

/// The sections in charon's order. Where charon names a plugin we name the library.
pub(super) fn get() -> Message {
    let transforms = |wanted: fn(&Transform) -> bool| -> Message {
        let mut section = Message::new();
        for transform in supported().filter(wanted) {
            if let Some(name) = name(transform)
                && !section.contains(name)
            {
                section.push(name, library(transform).unwrap_or(OURS));
            }
        }
        section
    };
    let all = |names: &[&str]| -> Message { names.iter().map(|name| (*name, "ring")).collect() };
    let prfs = transforms(|transform| matches!(transform, Transform::Prf(_)));
    Message::new()
        .with(
            "encryption",
            transforms(
                |transform| matches!(transform, Transform::Encryption(id, _) if !id.is_aead()),
            ),
        )
        .with(
            "integrity",
            transforms(|transform| matches!(transform, Transform::Integrity(_))),
        )
        .with(
            "aead",
            transforms(
                |transform| matches!(transform, Transform::Encryption(id, _) if id.is_aead()),
            ),
        )
        .with("hasher", hashers(&prfs))
        .with("prf", prfs)
        .with("xof", Message::new())
        .with("kdf", all(&["KDF_PRF", "KDF_PRF_PLUS"]))
        .with("drbg", Message::new())
        .with(
            "ke",
            transforms(|transform| matches!(transform, Transform::KeyExchange(_))),
        )
        .with("rng", all(&["RNG_WEAK", "RNG_STRONG", "RNG_TRUE"]))
        .with("nonce-gen", all(&["NONCE_GEN"]))
}

/// The name that clients know; `None` for what is no algorithm.
fn name(transform: Transform) -> Option<&'static str> {
    let name = match transform {
        Transform::Encryption(id, _) => id.name(),
        Transform::Prf(id) => id.name(),
        Transform::Integrity(id) => id.name(),
        Transform::KeyExchange(method) => method.name(),
        Transform::AdditionalKeyExchange(..)
        | Transform::ExtendedSequenceNumbers(_)
        | Transform::Unknown { .. } => None,
    };
    name.filter(|name| *name != "NONE")
}

/// The digests under the HMACs.
fn hashers(prfs: &Message) -> Message {
    prfs.iter()
        .filter_map(|(name, library)| {
            let digest = name.strip_prefix("PRF_HMAC_")?;
            Some((format!("HASH_{digest}"), library.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_its_library() {
        let algorithms = get();
        for (path, library) in [
            ("aead.AES_GCM_16", "ring"),
            ("aead.CHACHA20_POLY1305", "ring"),
            ("prf.PRF_HMAC_SHA2_256", "ring"),
            ("hasher.HASH_SHA2_256", "ring"),
            ("ke.CURVE_25519", "aws-lc-rs"),
            ("ke.ECP_384", "aws-lc-rs"),
            ("rng.RNG_TRUE", "ring"),
        ] {
            assert_eq!(algorithms.get_str(path), Some(library), "{path}");
        }
        assert!(!algorithms.contains("ke.NONE"));
        let sections: Vec<_> = algorithms.sections().map(|(name, _)| name).collect();
        assert_eq!(
            sections,
            [
                "encryption",
                "integrity",
                "aead",
                "hasher",
                "prf",
                "xof",
                "kdf",
                "drbg",
                "ke",
                "rng",
                "nonce-gen"
            ]
        );
    }
}

//! Which signatures are made and taken, in swanctl's notation: `rsa-3072-sha256`, `rsa/pss`,
//! `ecdsa-384`, `ed25519`, `pubkey-sha384-sha512`.

/// The hash under a signature, by its number in SIGNATURE_HASH_ALGORITHMS (RFC 7427 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureHash {
    /// SHA2-256.
    Sha256,
    /// SHA2-384.
    Sha384,
    /// SHA2-512.
    Sha512,
    /// None: the algorithm hashes by itself (RFC 8420).
    Identity,
}

impl SignatureHash {
    /// All that are taken. SHA-1 is not: it can be forged.
    pub const ALL: [Self; 4] = [Self::Sha256, Self::Sha384, Self::Sha512, Self::Identity];

    /// Its number.
    pub fn number(self) -> u16 {
        match self {
            Self::Sha256 => 2,
            Self::Sha384 => 3,
            Self::Sha512 => 4,
            Self::Identity => 5,
        }
    }
}

/// The algorithm of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureKey {
    /// RSASSA-PKCS1-v1_5.
    Rsa,
    /// RSASSA-PSS.
    RsaPss,
    /// ECDSA.
    Ecdsa,
    /// Ed25519.
    Ed25519,
}

/// A key that is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRule {
    /// Its algorithm.
    pub key: SignatureKey,
    /// Its size at least, in bits; zero is any.
    pub bits: usize,
}

/// Which signatures are good enough. An empty list means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignatureRules {
    /// Keys.
    pub keys: Vec<KeyRule>,
    /// Hashes, best first.
    pub hashes: Vec<SignatureHash>,
}

impl SignatureRules {
    /// Reads swanctl's notation. The prefix `ike:` is taken; it has no further meaning, since
    /// certificates are judged by the strength of their signatures in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("ike:").unwrap_or(text);
        let mut rules = Self::default();
        for (index, word) in text.split('-').enumerate() {
            let key = match word {
                "pubkey" if index == 0 => continue,
                "rsa" => Some(SignatureKey::Rsa),
                "rsa/pss" => Some(SignatureKey::RsaPss),
                "ecdsa" => Some(SignatureKey::Ecdsa),
                "ed25519" => Some(SignatureKey::Ed25519),
                _ => None,
            };
            if let Some(key) = key {
                rules.keys.push(KeyRule { key, bits: 0 });
            } else if let Some(hash) = hash(word).filter(|_| index > 0) {
                rules.hashes.push(hash);
            } else {
                let bits = word.parse().ok().filter(|bits| *bits > 0)?;
                let last = rules.keys.last_mut().filter(|rule| rule.bits == 0)?;
                last.bits = bits;
            }
        }
        Some(rules)
    }

    /// Whether such a key is good enough. PKCS #1 and PSS are the same keys.
    pub fn allow_key(&self, key: SignatureKey, bits: usize) -> bool {
        let allowed = |rule: &KeyRule| rule.key == key && rule.bits <= bits;
        self.keys.is_empty() || self.keys.iter().any(allowed)
    }

    /// Whether such a hash is good enough. Ed25519 has its own.
    pub fn allow_hash(&self, hash: SignatureHash) -> bool {
        self.hashes.is_empty() || hash == SignatureHash::Identity || self.hashes.contains(&hash)
    }
}

fn hash(word: &str) -> Option<SignatureHash> {
    match word {
        "sha256" | "sha2_256" => Some(SignatureHash::Sha256),
        "sha384" | "sha2_384" => Some(SignatureHash::Sha384),
        "sha512" | "sha2_512" => Some(SignatureHash::Sha512),
        "identity" => Some(SignatureHash::Identity),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notation() {
        let rules = SignatureRules::parse("ike:rsa-3072-ecdsa-256-sha384-sha512").unwrap();
        assert!(rules.allow_key(SignatureKey::Rsa, 3072));
        assert!(!rules.allow_key(SignatureKey::Rsa, 2048));
        assert!(!rules.allow_key(SignatureKey::RsaPss, 4096));
        assert!(rules.allow_key(SignatureKey::Ecdsa, 384));
        assert!(rules.allow_hash(SignatureHash::Sha512));
        assert!(!rules.allow_hash(SignatureHash::Sha256));
        assert!(rules.allow_hash(SignatureHash::Identity));
        let any = SignatureRules::parse("pubkey").unwrap();
        assert!(any.allow_key(SignatureKey::RsaPss, 1) && any.allow_hash(SignatureHash::Sha256));
        for wrong in [
            "",
            "psk",
            "pubkey-sha1",
            "rsa-0",
            "rsa-1024-2048",
            "sha256",
            "rsa-md5",
        ] {
            assert_eq!(SignatureRules::parse(wrong), None, "{wrong}");
        }
    }
}

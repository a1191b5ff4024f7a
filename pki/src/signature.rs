//! Signatures on certificates, lists and responses (RFC 5280 section 4.1.1.2).

use std::{fmt, ops::Range};

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use crate::{
    Curve, KeyAlgorithm, ParseError, PublicKey,
    der::{self, Element},
};

/// How something was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    RsaPkcs1(Hash),
    /// RSASSA-PSS (RFC 8017 section 8.1) with MGF1 and salt of the same hash.
    RsaPss(Hash),
    /// ECDSA with the signature in DER (RFC 5758 section 3.2).
    Ecdsa(Hash),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Anything else, by its object identifier.
    Other(String),
}

/// The hash under a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1, broken since 2017.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// Why a signature is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The key did not make it.
    #[error("the signature is wrong")]
    Wrong,
    /// No provider has the algorithm.
    #[error("signatures with {0} are not supported")]
    Unsupported(String),
    /// The key is of another algorithm.
    #[error("a signature with {0} cannot come from the issuer's key")]
    OtherKey(String),
    /// It can be forged.
    #[error("{0} is too weak for a signature")]
    Weak(String),
}

/// Which signatures are strong enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strength {
    /// SHA-2 and RSA keys of 2048 bits at least.
    #[default]
    Strong,
    /// SHA-1 and RSA keys of 1024 bits too, for who must.
    Weak,
}

impl Hash {
    fn from_oid(oid: &[u8]) -> Option<Self> {
        match oid {
            [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Some(Self::Sha1),
            [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last] => match last {
                1 => Some(Self::Sha256),
                2 => Some(Self::Sha384),
                3 => Some(Self::Sha512),
                _ => None,
            },
            _ => None,
        }
    }

    fn octets(self) -> u32 {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SHA-{}",
            if *self == Self::Sha1 {
                1
            } else {
                self.octets() * 8
            }
        )
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RsaPkcs1(hash) => write!(f, "RSA and {hash}"),
            Self::RsaPss(hash) => write!(f, "RSA-PSS and {hash}"),
            Self::Ecdsa(hash) => write!(f, "ECDSA and {hash}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(oid) => write!(f, "the algorithm {oid}"),
        }
    }
}

impl SignatureAlgorithm {
    /// Reads the content of an AlgorithmIdentifier.
    pub(crate) fn read(identifier: Element<'_>) -> Option<Self> {
        /// 1.2.840.113549.1.1, PKCS #1.
        const PKCS1: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
        /// 1.2.840.10045.4, signatures of X9.62.
        const X962: [u8; 6] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
        let elements = identifier.tagged(der::SEQUENCE)?.all()?;
        let (oid, parameters) = elements.split_first()?;
        let oid = oid.tagged(der::OBJECT_IDENTIFIER)?.content;
        let other = || Self::Other(crate::dotted(oid));
        let known = match oid {
            [0x2b, 0x65, 0x70] => Some(Self::Ed25519),
            [prefix @ .., 1] if prefix == X962 => Some(Self::Ecdsa(Hash::Sha1)),
            [prefix @ .., 3, last] if prefix == X962 => match last {
                2 => Some(Self::Ecdsa(Hash::Sha256)),
                3 => Some(Self::Ecdsa(Hash::Sha384)),
                4 => Some(Self::Ecdsa(Hash::Sha512)),
                _ => None,
            },
            [prefix @ .., last] if prefix == PKCS1 => match last {
                5 => Some(Self::RsaPkcs1(Hash::Sha1)),
                10 => pss_hash(parameters).map(Self::RsaPss),
                11 => Some(Self::RsaPkcs1(Hash::Sha256)),
                12 => Some(Self::RsaPkcs1(Hash::Sha384)),
                13 => Some(Self::RsaPkcs1(Hash::Sha512)),
                _ => None,
            },
            _ => None,
        };
        Some(known.unwrap_or_else(other))
    }

    fn hash(&self) -> Option<Hash> {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss(hash) | Self::Ecdsa(hash) => Some(*hash),
            Self::Ed25519 | Self::Other(_) => None,
        }
    }

    /// What the provider calls it with this key.
    fn provider(
        &self,
        key: &KeyAlgorithm,
    ) -> Result<&'static dyn VerificationAlgorithm, SignatureError> {
        let algorithm: &'static dyn VerificationAlgorithm = match (self, key) {
            (Self::RsaPkcs1(hash), KeyAlgorithm::Rsa { bits }) => match (hash, bits < &2048) {
                (Hash::Sha1, _) => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
                (Hash::Sha256, true) => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                (Hash::Sha512, true) => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                (Hash::Sha256, false) => &signature::RSA_PKCS1_2048_8192_SHA256,
                (Hash::Sha384, _) => &signature::RSA_PKCS1_2048_8192_SHA384,
                (Hash::Sha512, false) => &signature::RSA_PKCS1_2048_8192_SHA512,
            },
            (Self::RsaPss(Hash::Sha256), KeyAlgorithm::Rsa { .. }) => {
                &signature::RSA_PSS_2048_8192_SHA256
            }
            (Self::RsaPss(Hash::Sha384), KeyAlgorithm::Rsa { .. }) => {
                &signature::RSA_PSS_2048_8192_SHA384
            }
            (Self::RsaPss(Hash::Sha512), KeyAlgorithm::Rsa { .. }) => {
                &signature::RSA_PSS_2048_8192_SHA512
            }
            (Self::Ecdsa(hash), KeyAlgorithm::Ecdsa(curve)) => {
                ecdsa(*curve, *hash).ok_or_else(|| SignatureError::Unsupported(self.to_string()))?
            }
            (Self::Ed25519, KeyAlgorithm::Ed25519) => &signature::ED25519,
            (Self::Other(_) | Self::RsaPss(Hash::Sha1), _) => {
                return Err(SignatureError::Unsupported(self.to_string()));
            }
            _ => return Err(SignatureError::OtherKey(self.to_string())),
        };
        Ok(algorithm)
    }
}

fn ecdsa(curve: Curve, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (curve, hash) {
        (Curve::P256, Hash::Sha1) => &signature::ECDSA_P256_SHA1_ASN1,
        (Curve::P256, Hash::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Hash::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Hash::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Hash::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Hash::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Hash::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Hash::Sha1) => &signature::ECDSA_P521_SHA1_ASN1,
        (Curve::P521, Hash::Sha256) => &signature::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Hash::Sha384) => &signature::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Hash::Sha512) => &signature::ECDSA_P521_SHA512_ASN1,
        (Curve::P384, Hash::Sha1) => return None,
    })
}

/// The hash of RSASSA-PSS-params (RFC 4055 section 3.1), where nothing may differ from what
/// everybody signs with: MGF1 of the same hash, and a salt of its length. The defaults are SHA-1.
fn pss_hash(parameters: &[Element<'_>]) -> Option<Hash> {
    const CONTEXT_3: u8 = 0xa3;
    /// 1.2.840.113549.1.1.8, id-mgf1.
    const MGF1: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];
    let [parameters] = parameters else {
        return None;
    };
    let (mut hash, mut mask, mut salt) = (Hash::Sha1, Hash::Sha1, 20);
    let hash_of = |identifier: Element<'_>| {
        let oid = identifier.tagged(der::SEQUENCE)?.children().next()?;
        Hash::from_oid(oid.content)
    };
    for element in parameters.tagged(der::SEQUENCE)?.all()? {
        let inner = element.inner()?;
        match element.tag {
            der::CONTEXT_0 => hash = hash_of(inner)?,
            der::CONTEXT_1 => {
                let [oid, of] = inner.all()?.try_into().ok()?;
                mask = (oid.content == MGF1).then(|| hash_of(of)).flatten()?;
            }
            der::CONTEXT_2 => salt = inner.small_integer()?,
            CONTEXT_3 if inner.small_integer()? == 1 => {}
            _ => return None,
        }
    }
    (hash == mask && salt == hash.octets()).then_some(hash)
}

impl PublicKey {
    /// Checks a signature by this key.
    pub fn verify(
        &self,
        algorithm: &SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
        strength: Strength,
    ) -> Result<(), SignatureError> {
        if strength == Strength::Strong {
            match (self.algorithm(), algorithm.hash()) {
                (KeyAlgorithm::Rsa { bits }, _) if *bits < 2048 => {
                    return Err(SignatureError::Weak(format!("an RSA key of {bits} bits")));
                }
                (_, Some(Hash::Sha1)) => return Err(SignatureError::Weak("SHA-1".to_owned())),
                _ => {}
            }
        }
        UnparsedPublicKey::new(algorithm.provider(self.algorithm())?, self.bits())
            .verify(message, signature)
            .map_err(|_| SignatureError::Wrong)
    }
}

/// The outermost structure of certificates, lists and responses: what is signed, how, and the
/// signature, as positions in their encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signed {
    message: Range<usize>,
    algorithm: SignatureAlgorithm,
    signature: Range<usize>,
}

impl Signed {
    /// Reads the three parts; `what` is for the error.
    pub(crate) fn read(octets: &[u8], what: &'static str) -> Result<Self, ParseError> {
        Self::read_parts(octets).ok_or(ParseError::Der(what))
    }

    fn read_parts(octets: &[u8]) -> Option<Self> {
        let outer = der::only(octets)?.tagged(der::SEQUENCE)?;
        let (_, after_message) = der::first(outer.content)?;
        let (identifier, after_identifier) = der::first(after_message)?;
        // OCSP responses may carry certificates behind the signature.
        let (signature, _) = der::first(after_identifier)?;
        let [0, signature @ ..] = signature.tagged(der::BIT_STRING)?.content else {
            return None;
        };
        let at = |part: &[u8]| part.as_ptr() as usize - octets.as_ptr() as usize;
        let begin = at(outer.content);
        Some(Self {
            message: begin..begin + (outer.content.len() - after_message.len()),
            algorithm: SignatureAlgorithm::read(identifier)?,
            signature: at(signature)..at(signature) + signature.len(),
        })
    }

    /// What was signed.
    pub(crate) fn message<'a>(&self, octets: &'a [u8]) -> &'a [u8] {
        &octets[self.message.clone()]
    }

    /// Checks the signature.
    pub(crate) fn verify(
        &self,
        octets: &[u8],
        key: &PublicKey,
        strength: Strength,
    ) -> Result<(), SignatureError> {
        let signature = &octets[self.signature.clone()];
        key.verify(&self.algorithm, self.message(octets), signature, strength)
    }
}

#[cfg(test)]
mod tests;

//! Private keys: every form that openssl and strongSwan write, checked and ready to sign.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    },
};

use pkcs8::EncryptedPrivateKeyInfoRef;

use crate::{
    Curve, KeyError, KeyKind, MAX_INPUT, ParseError, PublicKey,
    der::{self, Element},
    dotted, pem,
};

/// A private key. The provider holds its numbers, has checked that they belong together, and wipes
/// them when it is dropped.
pub struct PrivateKey {
    pair: KeyPair,
    public: PublicKey,
}

/// The key as the provider signs with it.
pub enum KeyPair {
    /// RSA, 2048 to 8192 bits.
    Rsa(rsa::KeyPair),
    /// ECDSA with the hash that goes with the curve in RFC 4754; signatures in DER.
    Ecdsa(EcdsaKeyPair),
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
}

const PKCS8: &str = "PRIVATE KEY";
const PKCS1: &str = "RSA PRIVATE KEY";
const SEC1: &str = "EC PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

impl PrivateKey {
    /// Reads a private key in DER or PEM: PKCS#8 (RFC 5208, RFC 5958), RSAPrivateKey (RFC 8017
    /// appendix A.1.2) or ECPrivateKey (RFC 5915), not encrypted. With `wanted` it must be of that
    /// kind. The input stays the caller's to wipe.
    pub fn parse(input: &[u8], wanted: Option<KeyKind>) -> Result<Self, KeyError> {
        if input.len() > MAX_INPUT {
            return Err(ParseError::TooLong.into());
        }
        if !pem::is_pem(input) {
            return Self::from_der(input, wanted);
        }
        let block = pem_block(input)?;
        if block.encrypted || block.label == ENCRYPTED {
            return Err(KeyError::Encrypted);
        }
        Self::from_der(&block.content, wanted)
    }

    /// Reads a private key in DER or PEM that is encrypted with PBES2 (RFC 8018 section 6.2) in
    /// PKCS#8. The input and the passphrase stay the caller's to wipe.
    pub fn decrypt(input: &[u8], passphrase: &[u8]) -> Result<Self, KeyError> {
        if input.len() > MAX_INPUT {
            return Err(ParseError::TooLong.into());
        }
        if !pem::is_pem(input) {
            return Self::decrypt_der(input, passphrase);
        }
        let block = pem_block(input)?;
        // RFC 1421 section 4.6.1.1, as openssl wrote before PKCS#8.
        if block.encrypted {
            return Err(KeyError::Encryption);
        }
        Self::decrypt_der(&block.content, passphrase)
    }

    fn decrypt_der(octets: &[u8], passphrase: &[u8]) -> Result<Self, KeyError> {
        let encrypted =
            EncryptedPrivateKeyInfoRef::try_from(octets).map_err(|_| KeyError::Encryption)?;
        let decrypted = encrypted.decrypt(passphrase).map_err(|error| match error {
            pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::DecryptFailed)
            | pkcs8::Error::Asn1(_) => KeyError::Passphrase,
            _ => KeyError::Encryption,
        })?;
        // One in 256 wrong passphrases leads to padding that looks right.
        Self::from_der(decrypted.as_bytes(), None).map_err(|error| match error {
            KeyError::Parse(_) => KeyError::Passphrase,
            other => other,
        })
    }

    fn from_der(octets: &[u8], wanted: Option<KeyKind>) -> Result<Self, KeyError> {
        let form = Form::of(octets)?;
        if let Some(wanted) = wanted
            && wanted != form.kind()
        {
            let found = form.kind();
            return Err(KeyError::OtherKind { found, wanted });
        }
        let rejected = || KeyError::Rejected(form.kind());
        let (pair, spki) = match form {
            Form::Rsa { pkcs8 } => {
                let pair = if pkcs8 {
                    rsa::KeyPair::from_pkcs8(octets)
                } else {
                    rsa::KeyPair::from_der(octets)
                };
                let pair = pair.map_err(|_| rejected())?;
                let spki = pair.public_key().as_der();
                (KeyPair::Rsa(pair), spki)
            }
            Form::Ecdsa(curve) => {
                let algorithm = match curve {
                    Curve::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
                    Curve::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
                    Curve::P521 => &ECDSA_P521_SHA512_ASN1_SIGNING,
                };
                let pair = EcdsaKeyPair::from_private_key_der(algorithm, octets)
                    .map_err(|_| rejected())?;
                let spki = pair.public_key().as_der();
                (KeyPair::Ecdsa(pair), spki)
            }
            Form::Ed25519 => {
                // Most programs write the first version of PKCS#8, which has no public key to
                // compare with.
                let pair =
                    Ed25519KeyPair::from_pkcs8_maybe_unchecked(octets).map_err(|_| rejected())?;
                let spki = pair.public_key().as_der();
                (KeyPair::Ed25519(pair), spki)
            }
        };
        let spki: PublicKeyX509Der<'_> = spki.map_err(|_| rejected())?;
        let public = PublicKey::from_spki(spki.as_ref())?;
        Ok(Self { pair, public })
    }

    /// The public key that belongs to it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The provider's key, for signing.
    pub fn pair(&self) -> &KeyPair {
        &self.pair
    }
}

fn pem_block(input: &[u8]) -> Result<pem::Block, KeyError> {
    pem::block(input, &[PKCS8, PKCS1, SEC1, ENCRYPTED])
        .map_err(|_| ParseError::Pem)?
        .ok_or_else(|| ParseError::NoPem(PKCS8).into())
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.public)
    }
}

/// What the outermost structure says about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Rsa { pkcs8: bool },
    Ecdsa(Curve),
    Ed25519,
}

impl Form {
    /// Looks at the first elements only: versions and algorithm identifiers come first in all of
    /// PKCS#8, RSAPrivateKey and ECPrivateKey.
    fn of(octets: &[u8]) -> Result<Self, KeyError> {
        let not_a_key = KeyError::Parse(ParseError::Der("a private key"));
        let outer = der::only(octets)
            .filter(|outer| outer.tag == der::SEQUENCE)
            .ok_or_else(|| not_a_key.clone())?;
        let mut elements = outer.children();
        let mut next = || elements.next().ok_or_else(|| not_a_key.clone());
        let version = next()?;
        let second = next()?;
        match (version.tag, second.tag) {
            (der::INTEGER, der::SEQUENCE) => Self::of_algorithm(second),
            (der::INTEGER, der::INTEGER) => Ok(Self::Rsa { pkcs8: false }),
            (der::INTEGER, der::OCTET_STRING) => {
                let curve = elements
                    .find(|element| element.tag == der::CONTEXT_0)
                    .and_then(|element| element.children().next())
                    .ok_or_else(|| {
                        KeyError::Unsupported("ECDSA without a named curve".to_owned())
                    })?;
                Self::of_curve(curve)
            }
            // EncryptedPrivateKeyInfo (RFC 5208 section 6): algorithm, then the octets.
            (der::SEQUENCE, der::OCTET_STRING) => Err(KeyError::Encrypted),
            _ => Err(not_a_key),
        }
    }

    /// An AlgorithmIdentifier in PKCS#8.
    fn of_algorithm(identifier: Element<'_>) -> Result<Self, KeyError> {
        let mut elements = identifier.children();
        let oid = elements
            .next()
            .filter(|element| element.tag == der::OBJECT_IDENTIFIER)
            .ok_or(ParseError::Der("a private key"))?;
        match oid.content {
            // rsaEncryption (RFC 8017 appendix A.1).
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01] => Ok(Self::Rsa { pkcs8: true }),
            // id-ecPublicKey (RFC 5480 section 2.1.1).
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => {
                let curve = elements.next().ok_or_else(|| {
                    KeyError::Unsupported("ECDSA without a named curve".to_owned())
                })?;
                Self::of_curve(curve)
            }
            // id-Ed25519, id-Ed448 (RFC 8410 section 3).
            [0x2b, 0x65, 0x70] => Ok(Self::Ed25519),
            [0x2b, 0x65, 0x71] => Err(KeyError::Unsupported("Ed448".to_owned())),
            other => Err(KeyError::Unsupported(dotted(other))),
        }
    }

    fn of_curve(curve: Element<'_>) -> Result<Self, KeyError> {
        if curve.tag != der::OBJECT_IDENTIFIER {
            return Err(KeyError::Unsupported(
                "ECDSA without a named curve".to_owned(),
            ));
        }
        Curve::from_oid(curve.content)
            .map(Self::Ecdsa)
            .ok_or_else(|| {
                KeyError::Unsupported(format!("ECDSA on the curve {}", dotted(curve.content)))
            })
    }

    fn kind(self) -> KeyKind {
        match self {
            Self::Rsa { .. } => KeyKind::Rsa,
            Self::Ecdsa(_) => KeyKind::Ecdsa,
            Self::Ed25519 => KeyKind::Ed25519,
        }
    }
}

#[cfg(test)]
mod tests;

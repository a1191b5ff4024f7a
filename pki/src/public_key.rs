//! Public keys (RFC 5280 section 4.1.2.7) and their names.

use std::fmt;

use aws_lc_rs::digest;
use x509_parser::{oid_registry, prelude::FromDer, x509::SubjectPublicKeyInfo};

use crate::{MAX_INPUT, ParseError, der, pem};

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: KeyAlgorithm,
    id: KeyId,
    spki: Box<[u8]>,
}

/// What a key is for, with what tells keys of one algorithm apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSA with a modulus of that many bits.
    Rsa {
        /// Size of the modulus.
        bits: usize,
    },
    /// ECDSA.
    Ecdsa(Curve),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// An algorithm, or a curve, that nothing here can compute with, by its object identifier.
    Other(String),
}

/// The curves of ECDSA keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// NIST P-256, secp256r1.
    P256,
    /// NIST P-384, secp384r1.
    P384,
    /// NIST P-521, secp521r1.
    P521,
}

/// The families of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA.
    Rsa,
    /// ECDSA.
    Ecdsa,
    /// Ed25519.
    Ed25519,
}

impl fmt::Display for KeyKind {
    /// With its article, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "an RSA",
            Self::Ecdsa => "an ECDSA",
            Self::Ed25519 => "an Ed25519",
        })
    }
}

/// The name of a key: the SHA-1 of the public key itself, without its algorithm, as in method (1)
/// of RFC 5280 section 4.2.1.2. Certificates and private keys with the same one belong together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 20]);

impl KeyId {
    fn of(subject_public_key: &[u8]) -> Self {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, subject_public_key);
        Self(hash.as_ref().try_into().expect("SHA-1 has 20 octets"))
    }

    /// The octets.
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Reads 40 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return None;
        };
        let digit = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
        let octets: Option<Vec<u8>> = pairs
            .iter()
            .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
            .collect();
        octets?.try_into().ok().map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo, or an RSAPublicKey (RFC 8017 appendix A.1.1), in DER or PEM.
    pub fn parse(input: &[u8]) -> Result<Self, ParseError> {
        const SPKI: &str = "PUBLIC KEY";
        const RSA: &str = "RSA PUBLIC KEY";
        if input.len() > MAX_INPUT {
            return Err(ParseError::TooLong);
        }
        if pem::is_pem(input) {
            let block = pem::block(input, &[SPKI, RSA]).map_err(|_| ParseError::Pem)?;
            let block = block.ok_or(ParseError::NoPem(SPKI))?;
            return if block.label == RSA {
                Self::from_rsa(&block.content)
            } else {
                Self::from_spki(&block.content)
            };
        }
        let first = der::only(input).and_then(|outer| outer.children().next());
        match first {
            Some(first) if first.tag == der::INTEGER => Self::from_rsa(input),
            _ => Self::from_spki(input),
        }
    }

    /// Reads the DER of a SubjectPublicKeyInfo.
    pub(crate) fn from_spki(octets: &[u8]) -> Result<Self, ParseError> {
        match SubjectPublicKeyInfo::from_der(octets) {
            Ok(([], spki)) => Self::from_parsed(&spki),
            _ => Err(ParseError::Der("a public key")),
        }
    }

    pub(crate) fn from_parsed(spki: &SubjectPublicKeyInfo<'_>) -> Result<Self, ParseError> {
        // Behind the key there may be nothing: the parser would leave it out without a word.
        let parts = der::only(spki.raw).and_then(der::Element::all);
        if parts.is_none_or(|parts| parts.len() != 2) {
            return Err(ParseError::Der("a public key"));
        }
        Ok(Self {
            algorithm: algorithm(spki)?,
            id: KeyId::of(&spki.subject_public_key.data),
            spki: spki.raw.into(),
        })
    }

    /// Puts an RSAPublicKey into a SubjectPublicKeyInfo.
    fn from_rsa(octets: &[u8]) -> Result<Self, ParseError> {
        /// The algorithm identifier: rsaEncryption with parameters NULL (RFC 3279 section 2.3.1).
        const ALGORITHM: [u8; 15] = [
            0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
            0x00,
        ];
        rsa_modulus(octets).ok_or(ParseError::Der("an RSA public key"))?;
        let bits = der::encode(0x03, &[&[0], octets]);
        Self::from_spki(&der::encode(der::SEQUENCE, &[&ALGORITHM, &bits]))
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> &KeyAlgorithm {
        &self.algorithm
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn id_ref(&self) -> &KeyId {
        &self.id
    }

    /// The key itself, the content of the BIT STRING.
    pub(crate) fn bits(&self) -> &[u8] {
        let outer = der::only(&self.spki);
        let bits = outer.and_then(|outer| outer.children().nth(1));
        bits.map_or(&[], |bits| bits.content.get(1..).unwrap_or_default())
    }

    /// The DER of its SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?}, {})", self.algorithm, self.id)
    }
}

fn algorithm(spki: &SubjectPublicKeyInfo<'_>) -> Result<KeyAlgorithm, ParseError> {
    let oid = &spki.algorithm.algorithm;
    if *oid == oid_registry::OID_SIG_ED25519 {
        let right = spki.subject_public_key.data.len() == 32;
        return if right {
            Ok(KeyAlgorithm::Ed25519)
        } else {
            Err(ParseError::PublicKey)
        };
    }
    if *oid == oid_registry::OID_PKCS1_RSAENCRYPTION {
        let modulus = rsa_modulus(&spki.subject_public_key.data).ok_or(ParseError::PublicKey)?;
        return Ok(KeyAlgorithm::Rsa {
            bits: bits(modulus),
        });
    }
    if *oid != oid_registry::OID_KEY_TYPE_EC_PUBLIC_KEY {
        return Ok(KeyAlgorithm::Other(oid.to_id_string()));
    }
    let curve = spki.algorithm.parameters.as_ref();
    let curve = curve
        .and_then(|parameters| parameters.as_oid().ok())
        .ok_or(ParseError::PublicKey)?;
    let Some(known) = Curve::from_oid(curve.as_bytes()) else {
        return Ok(KeyAlgorithm::Other(curve.to_id_string()));
    };
    // SEC 1 section 2.3.3: uncompressed, the only form that RFC 5480 section 2.2 requires.
    let point = &spki.subject_public_key.data;
    if point.first() == Some(&4) && point.len() == 1 + 2 * known.coordinate_len() {
        Ok(KeyAlgorithm::Ecdsa(known))
    } else {
        Err(ParseError::PublicKey)
    }
}

/// The modulus of an RSAPublicKey: exactly two integers. A private key begins with integers too,
/// and must not be taken for a public one.
fn rsa_modulus(octets: &[u8]) -> Option<&[u8]> {
    let sequence = der::only(octets).filter(|outer| outer.tag == der::SEQUENCE)?;
    let mut integers = sequence.children();
    let (modulus, exponent) = (integers.next()?, integers.next()?);
    let tags = [modulus.tag, exponent.tag];
    let right = tags == [der::INTEGER; 2] && integers.next().is_none();
    (right && bits(modulus.content) > 0).then_some(modulus.content)
}

/// Bits of an integer that DER may have led with zeros.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|octet| **octet == 0).count();
    let number = &number[zeros..];
    number
        .first()
        .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

impl Curve {
    /// The curve with this encoded object identifier (RFC 5480 section 2.1.1.1).
    pub(crate) fn from_oid(oid: &[u8]) -> Option<Self> {
        match oid {
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => Some(Self::P256),
            [0x2b, 0x81, 0x04, 0x00, 0x22] => Some(Self::P384),
            [0x2b, 0x81, 0x04, 0x00, 0x23] => Some(Self::P521),
            _ => None,
        }
    }

    fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

#[cfg(test)]
mod tests;

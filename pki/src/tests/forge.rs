//! Certificates, lists and responses as nobody should make them: DER by hand, every part of it to
//! be chosen.

use std::sync::Arc;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    },
};

use crate::{Certificate, KeyPair, ParseError, PrivateKey, der};

/// A time at which what is forged is valid, in seconds since 1970.
pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const ECDSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der::encode(der::SEQUENCE, parts)
}

pub(crate) fn oid(encoded: &[u8]) -> Vec<u8> {
    der::encode(der::OBJECT_IDENTIFIER, &[encoded])
}

pub(crate) fn octets(content: &[u8]) -> Vec<u8> {
    der::encode(der::OCTET_STRING, &[content])
}

pub(crate) fn time(text: &str) -> Vec<u8> {
    der::encode(0x18, &[text.as_bytes()])
}

/// A name of one common name.
pub(crate) fn name(common_name: &str) -> Vec<u8> {
    let value = der::encode(0x0c, &[common_name.as_bytes()]);
    let attribute = sequence(&[&oid(&[0x55, 4, 3]), &value]);
    sequence(&[&der::encode(0x31, &[&attribute])])
}

/// An extension of X.509 itself.
pub(crate) fn extension(number: u8, critical: bool, value: &[u8]) -> Vec<u8> {
    let mark: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    sequence(&[&oid(&[0x55, 0x1d, number]), mark, &octets(value)])
}

pub(crate) fn basic_constraints(path_len: Option<u8>) -> Vec<u8> {
    let limit = path_len.map_or(Vec::new(), |limit| vec![2, 1, limit]);
    extension(19, true, &sequence(&[&[1, 1, 0xff], &limit]))
}

pub(crate) fn key_usage(bits: u8) -> Vec<u8> {
    extension(15, true, &[3, 2, 0, bits])
}

/// Purposes below id-kp.
pub(crate) fn extended_key_usage(purposes: &[u8]) -> Vec<u8> {
    let purposes: Vec<u8> = purposes
        .iter()
        .flat_map(|purpose| oid(&[0x2b, 6, 1, 5, 5, 7, 3, *purpose]))
        .collect();
    extension(37, false, &sequence(&[&purposes]))
}

pub(crate) fn alternative_names(names: &[Vec<u8>]) -> Vec<u8> {
    extension(17, false, &sequence(&[&names.concat()]))
}

/// Permitted or excluded subtrees of these general names.
pub(crate) fn name_constraints(permitted: bool, names: &[Vec<u8>]) -> Vec<u8> {
    let subtrees: Vec<u8> = names.iter().flat_map(|name| sequence(&[name])).collect();
    let tag = if permitted { 0xa0 } else { 0xa1 };
    extension(30, true, &sequence(&[&der::encode(tag, &[&subtrees])]))
}

pub(crate) fn general_name(kind: u8, content: &[u8]) -> Vec<u8> {
    der::encode(kind, &[content])
}

pub(crate) fn policies(numbers: &[u8]) -> Vec<u8> {
    let all: Vec<u8> = numbers
        .iter()
        .flat_map(|number| sequence(&[&oid(&[0x2b, *number])]))
        .collect();
    extension(32, false, &sequence(&[&all]))
}

/// A key, and whose it is.
pub(crate) struct Signer {
    pub(crate) key: PrivateKey,
    pub(crate) name: Vec<u8>,
}

impl Signer {
    pub(crate) fn new(common_name: &str) -> Self {
        let pair =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        Self::with_key(common_name, pair.expect("a key").as_ref())
    }

    pub(crate) fn p384(common_name: &str) -> Self {
        let pair =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, &SystemRandom::new());
        Self::with_key(common_name, pair.expect("a key").as_ref())
    }

    pub(crate) fn p521(common_name: &str) -> Self {
        let pair =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P521_SHA512_ASN1_SIGNING, &SystemRandom::new());
        Self::with_key(common_name, pair.expect("a key").as_ref())
    }

    pub(crate) fn ed25519(common_name: &str) -> Self {
        let pair = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        Self::with_key(common_name, pair.expect("a key").as_ref())
    }

    fn with_key(common_name: &str, pkcs8: &[u8]) -> Self {
        let key = PrivateKey::parse(pkcs8, None).expect("a key");
        let name = name(common_name);
        Self { key, name }
    }

    /// Another name for the same key.
    pub(crate) fn renamed(self, name: Vec<u8>) -> Self {
        Self { name, ..self }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self.key.pair() {
            KeyPair::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                signature.expect("a signature").as_ref().to_vec()
            }
            KeyPair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            KeyPair::Rsa(_) => panic!("RSA keys are too slow to be made here"),
        }
    }

    pub(crate) fn algorithm(&self) -> Vec<u8> {
        use crate::{Curve, KeyAlgorithm};
        let algorithm = match self.key.public().algorithm() {
            KeyAlgorithm::Ecdsa(Curve::P384) => ECDSA_SHA384,
            KeyAlgorithm::Ecdsa(Curve::P521) => ECDSA_SHA512,
            KeyAlgorithm::Ed25519 => ED25519,
            _ => ECDSA_SHA256,
        };
        sequence(&[&oid(algorithm)])
    }

    /// Puts a signature around something.
    pub(crate) fn signed(&self, message: &[u8], algorithm: &[u8]) -> Vec<u8> {
        let signature = der::encode(der::BIT_STRING, &[&[0], &self.sign(message)]);
        sequence(&[message, algorithm, &signature])
    }
}

/// A certificate to be.
pub(crate) struct Forge {
    pub(crate) serial: Vec<u8>,
    pub(crate) begin: &'static str,
    pub(crate) end: &'static str,
    pub(crate) extensions: Vec<Vec<u8>>,
    /// What the signature says about itself, where that is not what is signed.
    pub(crate) outer_algorithm: Option<Vec<u8>>,
}

impl Forge {
    pub(crate) fn leaf() -> Self {
        Self {
            serial: vec![7],
            begin: "20200101000000Z",
            end: "20491231235959Z",
            extensions: Vec::new(),
            outer_algorithm: None,
        }
    }

    pub(crate) fn ca() -> Self {
        Self::leaf().with(basic_constraints(None))
    }

    pub(crate) fn with(mut self, extension: Vec<u8>) -> Self {
        self.extensions.push(extension);
        self
    }

    pub(crate) fn der(&self, subject: &Signer, issuer: &Signer) -> Vec<u8> {
        let serial = der::encode(der::INTEGER, &[&self.serial]);
        let validity = sequence(&[&time(self.begin), &time(self.end)]);
        let extensions = if self.extensions.is_empty() {
            Vec::new()
        } else {
            der::encode(0xa3, &[&sequence(&[&self.extensions.concat()])])
        };
        let algorithm = issuer.algorithm();
        let message = sequence(&[
            &[0xa0, 3, 2, 1, 2],
            &serial,
            &algorithm,
            &issuer.name,
            &validity,
            &subject.name,
            subject.key.public().spki(),
            &extensions,
        ]);
        issuer.signed(
            &message,
            self.outer_algorithm.as_ref().unwrap_or(&algorithm),
        )
    }

    pub(crate) fn parse(
        &self,
        subject: &Signer,
        issuer: &Signer,
    ) -> Result<Certificate, ParseError> {
        Certificate::parse(&self.der(subject, issuer))
    }

    pub(crate) fn make(&self, subject: &Signer, issuer: &Signer) -> Arc<Certificate> {
        Arc::new(self.parse(subject, issuer).expect("a certificate"))
    }
}

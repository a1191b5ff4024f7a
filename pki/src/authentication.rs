//! Signing, and the two ways in which IKE writes signatures: with an AlgorithmIdentifier in front
//! (RFC 7427), or ECDSA as two numbers of fixed length (RFC 4754).

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        self, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
        RSA_PSS_SHA512, RsaEncoding, UnparsedPublicKey, VerificationAlgorithm,
    },
};

use crate::{
    Curve, Hash, KeyAlgorithm, KeyPair, PrivateKey, PublicKey, SignatureAlgorithm, SignatureError,
    der,
};

impl SignatureAlgorithm {
    /// Reads the DER of an AlgorithmIdentifier.
    pub fn parse(octets: &[u8]) -> Option<Self> {
        Self::read(der::only(octets)?)
    }

    /// The DER of its AlgorithmIdentifier (RFC 7427 appendix A, RFC 8420 appendix A); none for what
    /// is not signed with.
    pub fn identifier(&self) -> Option<Vec<u8>> {
        /// Up to the last octet of the object identifier.
        const PKCS1: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
        const ECDSA: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
        const NULL: [u8; 2] = [0x05, 0x00];
        let oid = |prefix: &[u8], last: u8| der::encode(der::OBJECT_IDENTIFIER, &[prefix, &[last]]);
        let sequence = |parts: &[&[u8]]| der::encode(der::SEQUENCE, parts);
        Some(match self {
            Self::RsaPkcs1(hash) => {
                let last = match hash {
                    Hash::Sha1 => return None,
                    Hash::Sha256 => 11,
                    Hash::Sha384 => 12,
                    Hash::Sha512 => 13,
                };
                sequence(&[&oid(&PKCS1, last), &NULL])
            }
            Self::RsaPss(hash) => {
                let (last, salt) = match hash {
                    Hash::Sha1 => return None,
                    Hash::Sha256 => (1, 32),
                    Hash::Sha384 => (2, 48),
                    Hash::Sha512 => (3, 64),
                };
                let sha2 = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
                let hash = sequence(&[&oid(&sha2, last), &NULL]);
                let mask = sequence(&[&oid(&PKCS1, 8), &hash]);
                let salt = der::encode(der::INTEGER, &[&[salt]]);
                let parameters = sequence(&[
                    &der::encode(der::CONTEXT_0, &[&hash]),
                    &der::encode(der::CONTEXT_1, &[&mask]),
                    &der::encode(der::CONTEXT_2, &[&salt]),
                ]);
                sequence(&[&oid(&PKCS1, 10), &parameters])
            }
            Self::Ecdsa(hash) => {
                let last = match hash {
                    Hash::Sha1 => return None,
                    Hash::Sha256 => 2,
                    Hash::Sha384 => 3,
                    Hash::Sha512 => 4,
                };
                sequence(&[&oid(&ECDSA, last)])
            }
            Self::Ed25519 => sequence(&[&oid(&[0x2b, 0x65], 0x70)]),
            Self::Other(_) => return None,
        })
    }
}

impl Curve {
    /// The hash that goes with it (RFC 4754), the only one that we sign with.
    pub fn hash(self) -> Hash {
        match self {
            Self::P256 => Hash::Sha256,
            Self::P384 => Hash::Sha384,
            Self::P521 => Hash::Sha512,
        }
    }

    /// Its size.
    pub fn bits(self) -> usize {
        match self {
            Self::P256 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }
}

impl PrivateKey {
    /// Signs a message. ECDSA signatures come in DER; none where the key is of another algorithm.
    pub fn sign(&self, algorithm: &SignatureAlgorithm, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match (self.pair(), self.public().algorithm(), algorithm) {
            (KeyPair::Rsa(pair), _, algorithm) => {
                let encoding: &'static dyn RsaEncoding = match algorithm {
                    SignatureAlgorithm::RsaPkcs1(Hash::Sha256) => &RSA_PKCS1_SHA256,
                    SignatureAlgorithm::RsaPkcs1(Hash::Sha384) => &RSA_PKCS1_SHA384,
                    SignatureAlgorithm::RsaPkcs1(Hash::Sha512) => &RSA_PKCS1_SHA512,
                    SignatureAlgorithm::RsaPss(Hash::Sha256) => &RSA_PSS_SHA256,
                    SignatureAlgorithm::RsaPss(Hash::Sha384) => &RSA_PSS_SHA384,
                    SignatureAlgorithm::RsaPss(Hash::Sha512) => &RSA_PSS_SHA512,
                    _ => return None,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            (KeyPair::Ecdsa(pair), KeyAlgorithm::Ecdsa(curve), SignatureAlgorithm::Ecdsa(hash))
                if *hash == curve.hash() =>
            {
                let signature = pair.sign(&random, message).ok()?;
                Some(signature.as_ref().to_vec())
            }
            (KeyPair::Ed25519(pair), _, SignatureAlgorithm::Ed25519) => {
                Some(pair.sign(message).as_ref().to_vec())
            }
            _ => None,
        }
    }

    /// Signs with ECDSA and the hash of the curve: two numbers, each as long as the curve's.
    pub fn sign_fixed(&self, message: &[u8]) -> Option<Vec<u8>> {
        let KeyAlgorithm::Ecdsa(curve) = self.public().algorithm() else {
            return None;
        };
        let signature = self.sign(&SignatureAlgorithm::Ecdsa(curve.hash()), message)?;
        let numbers = der::only(&signature)?.tagged(der::SEQUENCE)?.all()?;
        let length = curve.bits().div_ceil(8);
        let mut fixed = Vec::with_capacity(2 * length);
        for number in numbers {
            let content = number.tagged(der::INTEGER)?.content;
            let zeros = content.iter().take_while(|octet| **octet == 0).count();
            let content = &content[zeros..];
            fixed.resize(fixed.len() + length.checked_sub(content.len())?, 0);
            fixed.extend_from_slice(content);
        }
        (fixed.len() == 2 * length).then_some(fixed)
    }
}

impl PublicKey {
    /// Checks what [`PrivateKey::sign_fixed`] makes.
    pub fn verify_fixed(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let algorithm: &'static dyn VerificationAlgorithm = match self.algorithm() {
            KeyAlgorithm::Ecdsa(Curve::P256) => &signature::ECDSA_P256_SHA256_FIXED,
            KeyAlgorithm::Ecdsa(Curve::P384) => &signature::ECDSA_P384_SHA384_FIXED,
            KeyAlgorithm::Ecdsa(Curve::P521) => &signature::ECDSA_P521_SHA512_FIXED,
            _ => return Err(SignatureError::OtherKey("ECDSA".to_owned())),
        };
        UnparsedPublicKey::new(algorithm, self.bits())
            .verify(message, signature)
            .map_err(|_| SignatureError::Wrong)
    }

    /// Its size in bits, zero where nothing is known about its algorithm.
    pub fn size(&self) -> usize {
        match self.algorithm() {
            KeyAlgorithm::Rsa { bits } => *bits,
            KeyAlgorithm::Ecdsa(curve) => curve.bits(),
            KeyAlgorithm::Ed25519 => 256,
            KeyAlgorithm::Other(_) => 0,
        }
    }

    /// What CERTREQ calls it: the SHA-1 of its SubjectPublicKeyInfo (RFC 7296 section 3.7).
    pub fn spki_hash(&self) -> [u8; 20] {
        use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, self.spki());
        hash.as_ref().try_into().expect("SHA-1 has 20 octets")
    }
}

#[cfg(test)]
mod tests;

//! Signing with a private key.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa,
    signature::{
        RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
        RSA_PSS_SHA512, RsaEncoding,
    },
};

use crate::{Curve, Hash, KeyAlgorithm, KeyPair, PrivateKey, SignatureAlgorithm};

impl PrivateKey {
    /// Signs a message; `None` if the key, or anybody today, does not sign that way. ECDSA signatures
    /// are in DER, with the hash that goes with the curve.
    pub fn sign(&self, algorithm: &SignatureAlgorithm, message: &[u8]) -> Option<Vec<u8>> {
        match (self.pair(), algorithm) {
            (KeyPair::Rsa(pair), SignatureAlgorithm::RsaPkcs1(hash)) => {
                let encoding: &'static dyn RsaEncoding = match hash {
                    Hash::Sha1 => return None,
                    Hash::Sha256 => &RSA_PKCS1_SHA256,
                    Hash::Sha384 => &RSA_PKCS1_SHA384,
                    Hash::Sha512 => &RSA_PKCS1_SHA512,
                };
                rsa_sign(pair, encoding, message)
            }
            (KeyPair::Rsa(pair), SignatureAlgorithm::RsaPss(hash)) => {
                let encoding: &'static dyn RsaEncoding = match hash {
                    Hash::Sha1 => return None,
                    Hash::Sha256 => &RSA_PSS_SHA256,
                    Hash::Sha384 => &RSA_PSS_SHA384,
                    Hash::Sha512 => &RSA_PSS_SHA512,
                };
                rsa_sign(pair, encoding, message)
            }
            (KeyPair::Ecdsa(pair), SignatureAlgorithm::Ecdsa(hash)) => {
                let KeyAlgorithm::Ecdsa(curve) = self.public().algorithm() else {
                    return None;
                };
                let belongs = match curve {
                    Curve::P256 => Hash::Sha256,
                    Curve::P384 => Hash::Sha384,
                    Curve::P521 => Hash::Sha512,
                };
                if *hash != belongs {
                    return None;
                }
                let signature = pair.sign(&SystemRandom::new(), message).ok()?;
                Some(signature.as_ref().to_vec())
            }
            (KeyPair::Ed25519(pair), SignatureAlgorithm::Ed25519) => {
                Some(pair.sign(message).as_ref().to_vec())
            }
            _ => None,
        }
    }
}

fn rsa_sign(
    pair: &rsa::KeyPair,
    encoding: &'static dyn RsaEncoding,
    message: &[u8],
) -> Option<Vec<u8>> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
        .ok()?;
    Some(signature)
}

//! Key exchange methods: Curve25519 (RFC 8031) and the NIST curves (RFC 5903).

use std::fmt;

use zeroize::Zeroizing;

use super::{
    InvalidPublicValue, UnsupportedAlgorithm, algorithm,
    provider::agreement::{Curve, PrivateKey},
};
use crate::{Secret, proposal::KeyExchangeMethod};

/// The first octet of an uncompressed point (SEC 1 section 2.3.3), which IKE leaves out
/// (RFC 5903 section 7).
const UNCOMPRESSED: u8 = 4;

/// Draws of the random source before it is called broken. One draw in 2^32 is no private key of
/// ECP-256, far fewer are none of ECP-384.
const DRAWS: usize = 8;

/// Our side of one key exchange.
pub struct KeyPair {
    method: KeyExchangeMethod,
    curve: Curve,
    private: PrivateKey,
    public: Box<[u8]>,
}

impl KeyPair {
    /// A new key pair whose private key is drawn from `random`.
    pub fn generate(
        method: KeyExchangeMethod,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Self, UnsupportedAlgorithm> {
        let curve = algorithm::curve(method)?;
        let mut bytes = Zeroizing::new([0; 48]);
        let bytes = &mut bytes[..curve.private_len()];
        for _ in 0..DRAWS {
            random(bytes);
            let pair = PrivateKey::from_bytes(curve, bytes)
                .and_then(|private| private.public().map(|public| (private, public)));
            if let Some((private, public)) = pair {
                return Ok(Self {
                    method,
                    curve,
                    private,
                    public: strip(curve, public.as_ref()).into(),
                });
            }
        }
        Err(UnsupportedAlgorithm::BrokenRandomSource(method))
    }

    /// The key exchange method.
    pub fn method(&self) -> KeyExchangeMethod {
        self.method
    }

    /// Our Key Exchange Data: x and y of the point on the NIST curves (RFC 5903 section 7), the
    /// 32 octets of Curve25519 (RFC 8031 section 3.1).
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The shared secret g^ir: the x-coordinate of the common point on the NIST curves (RFC 5903
    /// section 7), the 32 octets of Curve25519 (RFC 8031 section 2).
    ///
    /// Refuses what is not a point of the curve (RFC 6989 section 2.3) and, on Curve25519, what
    /// leads to a shared secret of zero (RFC 8031 section 5 allows that check).
    pub fn agree(&self, peer: &[u8]) -> Result<Secret, InvalidPublicValue> {
        // All public values of a method have the length of ours.
        if peer.len() != self.public.len() {
            return Err(InvalidPublicValue::Length {
                method: self.method,
                expected: self.public.len(),
                actual: peer.len(),
            });
        }
        let shared = match self.curve {
            Curve::X25519 => self.private.agree(peer),
            Curve::P256 | Curve::P384 => self.private.agree(&[&[UNCOMPRESSED], peer].concat()),
        };
        shared.ok_or(InvalidPublicValue::Point(self.method))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.method)
    }
}

/// The wire form of a public key.
fn strip(curve: Curve, public: &[u8]) -> &[u8] {
    match curve {
        Curve::X25519 => public,
        Curve::P256 | Curve::P384 => public
            .strip_prefix(&[UNCOMPRESSED])
            .expect("public keys are computed in uncompressed form"),
    }
}

#[cfg(test)]
mod tests;

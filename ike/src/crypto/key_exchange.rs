//! Key exchange methods: the MODP groups (RFC 3526), the NIST curves (RFC 5903), the Brainpool curves
//! (RFC 6954), Curve25519 and Curve448 (RFC 8031) and ML-KEM (FIPS 203).
//!
//! The two sides are not alike. The initiator has a [`KeyPair`] and later learns the secret from
//! the responder's value with [`KeyPair::agree`]. The responder has both at once, its value and the
//! secret, from [`KeyPair::respond`]: with a key encapsulation mechanism its value is made for the
//! initiator's. In Diffie-Hellman methods the sides are alike, and both may use `generate` and
//! `agree`.

use std::fmt;

use zeroize::Zeroizing;

use super::{
    InvalidPublicValue, UnsupportedAlgorithm,
    algorithm::{self, KeyExchangeAlgorithm},
    provider::{
        agreement::{self, Curve},
        kem::{DecapsulationKey, MlKem},
        modp::{self, ModpGroup},
    },
};
use crate::{Secret, proposal::KeyExchangeMethod};

/// The first octet of an uncompressed point (SEC 1 section 2.3.3), which IKE leaves out
/// (RFC 5903 section 7).
const UNCOMPRESSED: u8 = 4;

/// Octets of the longest private key that is drawn.
const MOST_PRIVATE_LEN: usize = 80;

/// Draws of the random source before it is called broken. One draw in 2^32 is no private key of
/// ECP-256, far fewer are none of the others.
const DRAWS: usize = 8;

/// Our side of one key exchange.
pub struct KeyPair {
    method: KeyExchangeMethod,
    private: Private,
    public: Box<[u8]>,
}

enum Private {
    Curve(Curve, agreement::PrivateKey),
    Modp(modp::PrivateKey),
    MlKem(MlKem, DecapsulationKey),
}

/// What a responder gets from an initiator's value.
#[derive(Debug)]
pub struct Answer {
    /// Our Key Exchange Data.
    pub public: Box<[u8]>,
    /// The shared secret.
    pub shared: Secret,
}

/// Why a responder has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RespondError {
    /// We cannot do the method.
    #[error(transparent)]
    Unsupported(#[from] UnsupportedAlgorithm),
    /// The initiator's value cannot be used.
    #[error(transparent)]
    Invalid(#[from] InvalidPublicValue),
}

impl KeyPair {
    /// A new key pair whose private key is drawn from `random`, but for ML-KEM, whose library has a
    /// random source of its own.
    pub fn generate(
        method: KeyExchangeMethod,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Self, UnsupportedAlgorithm> {
        let pair = match algorithm::key_exchange(method)? {
            KeyExchangeAlgorithm::Curve(curve) => on_curve(curve, random),
            KeyExchangeAlgorithm::Modp(group) => in_group(group, random),
            KeyExchangeAlgorithm::MlKem(parameters) => DecapsulationKey::generate(parameters)
                .map(|(key, public)| (Private::MlKem(parameters, key), public)),
        };
        match pair {
            Some((private, public)) => Ok(Self {
                method,
                private,
                public,
            }),
            None => Err(UnsupportedAlgorithm::BrokenRandomSource(method)),
        }
    }

    /// The responder's whole part: our value for an initiator's, and the shared secret.
    pub fn respond(
        method: KeyExchangeMethod,
        peer: &[u8],
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Answer, RespondError> {
        if let KeyExchangeAlgorithm::MlKem(parameters) = algorithm::key_exchange(method)? {
            check_length(method, parameters.public_len(), peer)?;
            let (public, shared) = parameters
                .encapsulate(peer)
                .ok_or(InvalidPublicValue::Unusable(method))?;
            return Ok(Answer { public, shared });
        }
        let pair = Self::generate(method, random)?;
        let shared = pair.agree(peer)?;
        Ok(Answer {
            public: pair.public,
            shared,
        })
    }

    /// The key exchange method.
    pub fn method(&self) -> KeyExchangeMethod {
        self.method
    }

    /// Our Key Exchange Data: g^x as long as the prime of MODP groups (RFC 7296 section 3.4), x and
    /// y of the point on the NIST and Brainpool curves (RFC 5903 section 7, RFC 6954 section 2.1), the
    /// u-coordinate of Curve25519 and Curve448 (RFC 8031 section 3.1), the encapsulation key of ML-KEM.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The shared secret from the responder's Key Exchange Data (for Diffie-Hellman methods, from
    /// either side's): g^ir of MODP groups with leading zeros (RFC 7296 section 2.14), the
    /// x-coordinate of the common point on the NIST and Brainpool curves (RFC 5903 section 7, RFC 6954
    /// section 2.1), the output of X25519 and X448 (RFC 8031 section 2), the shared secret key of ML-KEM.
    ///
    /// Refuses what is not between 1 and p-1 (RFC 6989 section 2.1), what is not a point of the
    /// curve (section 2.3) and, on Curve25519 and Curve448, what leads to a shared secret of zero (RFC 8031
    /// section 5 allows that check). A ciphertext of ML-KEM that was not made for our key gives a
    /// secret that the peer does not know.
    pub fn agree(&self, peer: &[u8]) -> Result<Secret, InvalidPublicValue> {
        // In Diffie-Hellman methods all public values have the length of ours.
        let expected = match &self.private {
            Private::MlKem(parameters, _) => parameters.ciphertext_len(),
            Private::Curve(..) | Private::Modp(_) => self.public.len(),
        };
        check_length(self.method, expected, peer)?;
        let shared = match &self.private {
            Private::Curve(curve, private) if curve.has_points() => {
                private.agree(&[&[UNCOMPRESSED], peer].concat())
            }
            Private::Curve(_, private) => private.agree(peer),
            Private::Modp(private) => private.agree(peer),
            Private::MlKem(_, key) => key.decapsulate(peer),
        };
        shared.ok_or(InvalidPublicValue::Unusable(self.method))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.method)
    }
}

fn check_length(
    method: KeyExchangeMethod,
    expected: usize,
    peer: &[u8],
) -> Result<(), InvalidPublicValue> {
    if peer.len() == expected {
        Ok(())
    } else {
        Err(InvalidPublicValue::Length {
            method,
            expected,
            actual: peer.len(),
        })
    }
}

fn on_curve(curve: Curve, random: &mut dyn FnMut(&mut [u8])) -> Option<(Private, Box<[u8]>)> {
    draw(curve.private_len(), random, |bytes| {
        bytes[0] &= curve.first_octet_mask();
        let private = agreement::PrivateKey::from_bytes(curve, bytes)?;
        let public = strip(curve, &private.public()?).into();
        Some((Private::Curve(curve, private), public))
    })
}

fn in_group(group: ModpGroup, random: &mut dyn FnMut(&mut [u8])) -> Option<(Private, Box<[u8]>)> {
    draw(group.private_len(), random, |bytes| {
        let (private, public) = modp::PrivateKey::from_bytes(group, bytes)?;
        Some((Private::Modp(private), public))
    })
}

/// Draws so many octets until `make` can use them.
fn draw<T>(
    len: usize,
    random: &mut dyn FnMut(&mut [u8]),
    make: impl Fn(&mut [u8]) -> Option<T>,
) -> Option<T> {
    let mut bytes = Zeroizing::new([0; MOST_PRIVATE_LEN]);
    let bytes = &mut bytes[..len];
    (0..DRAWS).find_map(|_| {
        random(bytes);
        make(bytes)
    })
}

/// The wire form of a public key.
fn strip(curve: Curve, public: &[u8]) -> &[u8] {
    if curve.has_points() {
        public
            .strip_prefix(&[UNCOMPRESSED])
            .expect("public keys are computed in uncompressed form")
    } else {
        public
    }
}

#[cfg(test)]
mod tests;

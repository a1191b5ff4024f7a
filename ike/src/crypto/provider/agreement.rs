//! Key agreement by AWS-LC.

use aws_lc_rs::agreement;

use crate::Secret;

/// An elliptic curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum Curve {
    P256,
    P384,
    P521,
    X25519,
}

impl Curve {
    fn algorithm(self) -> &'static agreement::Algorithm {
        match self {
            Self::P256 => &agreement::ECDH_P256,
            Self::P384 => &agreement::ECDH_P384,
            Self::P521 => &agreement::ECDH_P521,
            Self::X25519 => &agreement::X25519,
        }
    }

    /// Octets of a private key.
    pub(in crate::crypto) fn private_len(self) -> usize {
        match self {
            Self::P256 | Self::X25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// Which bits of the first octet of a private key may be set: those of ECP-521 have 521 bits.
    pub(in crate::crypto) fn first_octet_mask(self) -> u8 {
        match self {
            Self::P256 | Self::P384 | Self::X25519 => 0xff,
            Self::P521 => 1,
        }
    }
}

/// A private key.
pub(in crate::crypto) struct PrivateKey(agreement::PrivateKey);

impl PrivateKey {
    /// `None` when the bytes are not a private key: on the NIST curves zero, or not below the
    /// order of the group.
    pub(in crate::crypto) fn from_bytes(curve: Curve, bytes: &[u8]) -> Option<Self> {
        agreement::PrivateKey::from_private_key(curve.algorithm(), bytes)
            .ok()
            .map(Self)
    }

    /// The public key: the point in its uncompressed SEC 1 form, or the u-coordinate of X25519.
    pub(in crate::crypto) fn public(&self) -> Option<impl AsRef<[u8]> + use<>> {
        self.0.compute_public_key().ok()
    }

    /// The shared secret: the x-coordinate of the common point, or X25519's output. `None` when
    /// the peer's key is not on the curve or the result is the point at infinity (or all zero).
    pub(in crate::crypto) fn agree(&self, peer: &[u8]) -> Option<Secret> {
        let peer = agreement::UnparsedPublicKey::new(self.0.algorithm(), peer);
        agreement::agree(&self.0, peer, (), |shared| Ok(Secret::new(shared))).ok()
    }
}

//! Key agreement on elliptic curves by AWS-LC; on those that it lacks, where this build has it, by
//! OpenSSL.

#[cfg(feature = "openssl")]
mod by_openssl;

use aws_lc_rs::agreement;

use crate::Secret;

/// An elliptic curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum Curve {
    P256,
    P384,
    P521,
    X25519,
    #[cfg(feature = "openssl")]
    OpenSsl(by_openssl::Curve),
}

impl Curve {
    /// Octets of a private key.
    pub(in crate::crypto) fn private_len(self) -> usize {
        match self {
            Self::P256 | Self::X25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
            #[cfg(feature = "openssl")]
            Self::OpenSsl(curve) => curve.private_len(),
        }
    }

    /// Which bits of the first octet of a private key may be set: those of ECP-521 have 521 bits.
    pub(in crate::crypto) fn first_octet_mask(self) -> u8 {
        if self == Self::P521 { 1 } else { 0xff }
    }

    /// Whether public keys are points with two coordinates, rather than one.
    pub(in crate::crypto) fn has_points(self) -> bool {
        match self {
            Self::P256 | Self::P384 | Self::P521 => true,
            Self::X25519 => false,
            #[cfg(feature = "openssl")]
            Self::OpenSsl(curve) => curve.has_points(),
        }
    }
}

/// The curves that only OpenSSL has.
#[cfg(feature = "openssl")]
impl Curve {
    pub(in crate::crypto) const X448: Self = Self::OpenSsl(by_openssl::Curve::X448);
    pub(in crate::crypto) const BRAINPOOL_P256: Self =
        Self::OpenSsl(by_openssl::Curve::BrainpoolP256);
    pub(in crate::crypto) const BRAINPOOL_P384: Self =
        Self::OpenSsl(by_openssl::Curve::BrainpoolP384);
    pub(in crate::crypto) const BRAINPOOL_P512: Self =
        Self::OpenSsl(by_openssl::Curve::BrainpoolP512);
}

/// A private key.
pub(in crate::crypto) enum PrivateKey {
    AwsLc(agreement::PrivateKey),
    #[cfg(feature = "openssl")]
    OpenSsl(by_openssl::PrivateKey),
}

impl PrivateKey {
    /// `None` when the bytes are not a private key: on curves with points zero, or not below the
    /// order of the group.
    pub(in crate::crypto) fn from_bytes(curve: Curve, bytes: &[u8]) -> Option<Self> {
        let algorithm = match curve {
            Curve::P256 => &agreement::ECDH_P256,
            Curve::P384 => &agreement::ECDH_P384,
            Curve::P521 => &agreement::ECDH_P521,
            Curve::X25519 => &agreement::X25519,
            #[cfg(feature = "openssl")]
            Curve::OpenSsl(curve) => {
                return by_openssl::PrivateKey::from_bytes(curve, bytes).map(Self::OpenSsl);
            }
        };
        agreement::PrivateKey::from_private_key(algorithm, bytes)
            .ok()
            .map(Self::AwsLc)
    }

    /// The public key: the point in its uncompressed SEC 1 form, or the u-coordinate of X25519 and
    /// X448.
    pub(in crate::crypto) fn public(&self) -> Option<Box<[u8]>> {
        match self {
            Self::AwsLc(key) => Some(key.compute_public_key().ok()?.as_ref().into()),
            #[cfg(feature = "openssl")]
            Self::OpenSsl(key) => key.public(),
        }
    }

    /// The shared secret: the x-coordinate of the common point, or X25519's and X448's output.
    /// `None` when the peer's key is not on the curve or the result is the point at infinity (or all
    /// zero).
    pub(in crate::crypto) fn agree(&self, peer: &[u8]) -> Option<Secret> {
        match self {
            Self::AwsLc(key) => {
                let peer = agreement::UnparsedPublicKey::new(key.algorithm(), peer);
                agreement::agree(key, peer, (), |shared| Ok(Secret::new(shared))).ok()
            }
            #[cfg(feature = "openssl")]
            Self::OpenSsl(key) => key.agree(peer),
        }
    }
}

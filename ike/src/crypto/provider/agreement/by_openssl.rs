//! The curves that no other library here has, by the system's OpenSSL: Curve448 (RFC 8031) and the
//! Brainpool curves (RFC 6954).

use openssl::{
    bn::{BigNum, BigNumContext},
    derive::Deriver,
    ec::{EcGroup, EcKey, EcPoint, PointConversionForm},
    error::ErrorStack,
    nid::Nid,
    pkey::{Id, PKey, Private, Public},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Secret;

/// An elliptic curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::crypto) enum Curve {
    X448,
    BrainpoolP256,
    BrainpoolP384,
    BrainpoolP512,
}

impl Curve {
    /// Octets of a private key.
    pub(super) fn private_len(self) -> usize {
        match self {
            Self::X448 => 56,
            Self::BrainpoolP256 => 32,
            Self::BrainpoolP384 => 48,
            Self::BrainpoolP512 => 64,
        }
    }

    pub(super) fn has_points(self) -> bool {
        self.nid().is_some()
    }

    /// OpenSSL's number for curves with points.
    fn nid(self) -> Option<Nid> {
        match self {
            Self::X448 => None,
            Self::BrainpoolP256 => Some(Nid::BRAINPOOL_P256R1),
            Self::BrainpoolP384 => Some(Nid::BRAINPOOL_P384R1),
            Self::BrainpoolP512 => Some(Nid::BRAINPOOL_P512R1),
        }
    }

    fn peer_key(self, peer: &[u8]) -> Result<PKey<Public>, ErrorStack> {
        let Some(nid) = self.nid() else {
            return PKey::public_key_from_raw_bytes(peer, Id::X448);
        };
        let group = EcGroup::from_curve_name(nid)?;
        let mut context = BigNumContext::new()?;
        let point = EcPoint::from_bytes(&group, peer, &mut context)?;
        let key = EcKey::from_public_key(&group, &point)?;
        key.check_key()?;
        PKey::from_ec_key(key)
    }
}

/// A private key. OpenSSL wipes it.
pub(in crate::crypto) struct PrivateKey {
    curve: Curve,
    key: PKey<Private>,
}

impl PrivateKey {
    /// `None` when the bytes are not a private key.
    pub(super) fn from_bytes(curve: Curve, bytes: &[u8]) -> Option<Self> {
        let key = match curve.nid() {
            None => PKey::private_key_from_raw_bytes(bytes, Id::X448).ok()?,
            Some(nid) => PKey::from_ec_key(on_curve(nid, bytes).ok()??).ok()?,
        };
        Some(Self { curve, key })
    }

    pub(super) fn public(&self) -> Option<Box<[u8]>> {
        let public = match self.curve.nid() {
            None => self.key.raw_public_key(),
            Some(_) => self.point(),
        };
        public.ok().map(Vec::into_boxed_slice)
    }

    fn point(&self) -> Result<Vec<u8>, ErrorStack> {
        let key = self.key.ec_key()?;
        let mut context = BigNumContext::new()?;
        let form = PointConversionForm::UNCOMPRESSED;
        key.public_key().to_bytes(key.group(), form, &mut context)
    }

    /// `None` when the peer's key is not on the curve, or the result is the point at infinity or all
    /// zero.
    pub(super) fn agree(&self, peer: &[u8]) -> Option<Secret> {
        let peer = self.curve.peer_key(peer).ok()?;
        let mut deriver = Deriver::new(&self.key).ok()?;
        deriver.set_peer(&peer).ok()?;
        let shared = Zeroizing::new(deriver.derive_to_vec().ok()?);
        let zero = Zeroizing::new(vec![0; shared.len()]);
        let is_zero = bool::from(shared.ct_eq(&zero));
        (!is_zero).then(|| Secret::new(shared.as_slice()))
    }
}

/// The key pair with this private key; `None` when it is zero or not below the group's order.
fn on_curve(nid: Nid, private: &[u8]) -> Result<Option<EcKey<Private>>, ErrorStack> {
    let group = EcGroup::from_curve_name(nid)?;
    let mut context = BigNumContext::new()?;
    let mut order = BigNum::new()?;
    group.order(&mut order, &mut context)?;
    let mut private_number = BigNum::new_secure()?;
    private_number.copy_from_slice(private)?;
    private_number.set_const_time();
    if private_number.num_bits() == 0 || *private_number >= *order {
        return Ok(None);
    }
    let mut public = EcPoint::new(&group)?;
    public.mul_generator2(&group, &private_number, &mut context)?;
    let key = EcKey::from_private_components(&group, &private_number, &public)?;
    Ok(Some(key))
}

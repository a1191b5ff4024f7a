//! Proposals as logs and control clients show them.

use std::fmt;

use super::{Proposal, Protocol, Transform};

impl Transform {
    /// Transform type (RFC 7296 section 3.3.2).
    pub fn transform_type(&self) -> u8 {
        match self {
            Self::Encryption(..) => 1,
            Self::Prf(_) => 2,
            Self::Integrity(_) => 3,
            Self::KeyExchange(_) => 4,
            Self::ExtendedSequenceNumbers(_) => 5,
            Self::AdditionalKeyExchange(slot, _) => slot.transform_type(),
            Self::Unknown { transform_type, .. } => *transform_type,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ike => "IKE",
            Self::Ah => "AH",
            Self::Esp => "ESP",
        })
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encryption(id, None) => id.fmt(f),
            Self::Encryption(id, Some(key_bits)) => write!(f, "{id}_{key_bits}"),
            Self::Prf(id) => id.fmt(f),
            Self::Integrity(id) => id.fmt(f),
            Self::KeyExchange(id) => id.fmt(f),
            Self::AdditionalKeyExchange(slot, id) => write!(f, "KE{}_{id}", slot.number()),
            Self::ExtendedSequenceNumbers(true) => f.write_str("EXT_SEQ"),
            Self::ExtendedSequenceNumbers(false) => f.write_str("NO_EXT_SEQ"),
            Self::Unknown { transform_type, id } => write!(f, "UNKNOWN_{transform_type}_{id}"),
        }
    }
}

/// `IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519`: ciphers, integrity, PRFs, key
/// exchanges, sequence numbers, then what is unknown.
impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rank = |transform: &&Transform| match transform {
            Transform::Encryption(..) => 0,
            Transform::Integrity(_) => 1,
            Transform::Prf(_) => 2,
            Transform::KeyExchange(_) => 3,
            Transform::AdditionalKeyExchange(..) => 4,
            Transform::ExtendedSequenceNumbers(_) => 5,
            Transform::Unknown { .. } => 6,
        };
        let mut transforms: Vec<_> = self.transforms.iter().collect();
        transforms.sort_by_key(rank);
        write!(f, "{}:", self.protocol)?;
        for (index, transform) in transforms.into_iter().enumerate() {
            let separator = if index == 0 { "" } else { "/" };
            write!(f, "{separator}{transform}")?;
        }
        Ok(())
    }
}

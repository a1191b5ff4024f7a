//! Algorithms that this build can do and that nobody should use.

use super::{
    EncryptionId, IntegrityId, KeyExchangeMethod, PrfId, Proposal, Transform, keywords::name_of,
};

impl Transform {
    /// Whether RFC 8247 (IKE) or RFC 8221 (ESP) advise against it: no encryption at all, 3DES, MD5,
    /// SHA-1, and groups that are within reach of those who can pay for it.
    pub fn is_weak(&self) -> bool {
        match self {
            Self::Encryption(id, _) => {
                matches!(*id, EncryptionId::NULL | EncryptionId::TRIPLE_DES)
            }
            Self::Prf(id) => matches!(*id, PrfId::HMAC_MD5 | PrfId::HMAC_SHA1),
            Self::Integrity(id) => {
                matches!(*id, IntegrityId::HMAC_MD5_96 | IntegrityId::HMAC_SHA1_96)
            }
            Self::KeyExchange(id) => matches!(
                *id,
                KeyExchangeMethod::MODP_1024 | KeyExchangeMethod::MODP_1536
            ),
            // Whatever it is, it only adds to the first key exchange.
            Self::AdditionalKeyExchange(..)
            | Self::ExtendedSequenceNumbers(_)
            | Self::Unknown { .. } => false,
        }
    }
}

impl Proposal {
    /// The keywords of its weak algorithms, for a warning.
    pub fn weak(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.transforms
            .iter()
            .filter(|transform| transform.is_weak())
            .filter_map(|transform| name_of(*transform))
    }
}

//! SA proposals: protocols, transforms and their identifiers (RFC 7296 section 3.3), how people
//! write them, and how two sides agree on one.

mod additional;
mod defaults;
mod display;
mod keywords;
mod notation;
mod selection;
mod weakness;

use crate::EspSpi;

pub use additional::{AdditionalKeyExchanges, Slot};
pub use defaults::{default_esp, default_ike};
pub use notation::NotationError;
pub use selection::{
    KeyExchangeUse, Selected, accept_esp, accept_ike, select_esp, select_ike, takes_suite,
};

/// Every transform that this build can do, once each, in the order of preference within a type.
pub fn supported() -> impl Iterator<Item = Transform> {
    keywords::transforms()
}

/// The names of all algorithms, those that need a feature included.
#[cfg(test)]
pub(crate) fn every_name() -> impl Iterator<Item = &'static str> {
    keywords::every_name()
}

macro_rules! transform_ids {
    ($(#[$doc:meta])* $type:ident { $($(#[$idoc:meta])* $konst:ident = $value:literal => $name:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(pub u16);

        #[allow(missing_docs)]
        impl $type {
            $($(#[$idoc])* pub const $konst: Self = Self($value);)*

            /// The name that VICI clients know, or `None` for an identifier without one.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "({})", self.0),
                }
            }
        }
    };
}

transform_ids! {
    /// Transform type 1.
    EncryptionId {
        TRIPLE_DES = 3 => "3DES_CBC",
        NULL = 11 => "NULL",
        AES_CBC = 12 => "AES_CBC",
        AES_CTR = 13 => "AES_CTR",
        AES_CCM_8 = 14 => "AES_CCM_8",
        AES_CCM_12 = 15 => "AES_CCM_12",
        AES_CCM_16 = 16 => "AES_CCM_16",
        AES_GCM_8 = 18 => "AES_GCM_8",
        AES_GCM_12 = 19 => "AES_GCM_12",
        AES_GCM_16 = 20 => "AES_GCM_16",
        CHACHA20_POLY1305 = 28 => "CHACHA20_POLY1305",
    }
}

impl EncryptionId {
    /// Whether the cipher protects integrity itself (RFC 5282, RFC 7634), so that no integrity
    /// algorithm goes with it.
    pub fn is_aead(self) -> bool {
        matches!(
            self,
            Self::AES_CCM_8
                | Self::AES_CCM_12
                | Self::AES_CCM_16
                | Self::AES_GCM_8
                | Self::AES_GCM_12
                | Self::AES_GCM_16
                | Self::CHACHA20_POLY1305
        )
    }
}

transform_ids! {
    /// Transform type 2.
    PrfId {
        HMAC_MD5 = 1 => "PRF_HMAC_MD5",
        HMAC_SHA1 = 2 => "PRF_HMAC_SHA1",
        AES128_XCBC = 4 => "PRF_AES128_XCBC",
        HMAC_SHA2_256 = 5 => "PRF_HMAC_SHA2_256",
        HMAC_SHA2_384 = 6 => "PRF_HMAC_SHA2_384",
        HMAC_SHA2_512 = 7 => "PRF_HMAC_SHA2_512",
        AES128_CMAC = 8 => "PRF_AES128_CMAC",
    }
}

transform_ids! {
    /// Transform type 3.
    IntegrityId {
        NONE = 0 => "NONE",
        HMAC_MD5_96 = 1 => "HMAC_MD5_96",
        HMAC_SHA1_96 = 2 => "HMAC_SHA1_96",
        AES_XCBC_96 = 5 => "AES_XCBC_96",
        AES_CMAC_96 = 8 => "AES_CMAC_96",
        HMAC_SHA2_256_128 = 12 => "HMAC_SHA2_256_128",
        HMAC_SHA2_384_192 = 13 => "HMAC_SHA2_384_192",
        HMAC_SHA2_512_256 = 14 => "HMAC_SHA2_512_256",
    }
}

transform_ids! {
    /// Transform type 4: key exchange method (RFC 9370 renamed the Diffie-Hellman group).
    KeyExchangeMethod {
        NONE = 0 => "NONE",
        MODP_1024 = 2 => "MODP_1024",
        MODP_1536 = 5 => "MODP_1536",
        MODP_2048 = 14 => "MODP_2048",
        MODP_3072 = 15 => "MODP_3072",
        MODP_4096 = 16 => "MODP_4096",
        MODP_6144 = 17 => "MODP_6144",
        MODP_8192 = 18 => "MODP_8192",
        ECP_256 = 19 => "ECP_256",
        ECP_384 = 20 => "ECP_384",
        ECP_521 = 21 => "ECP_521",
        ECP_256_BP = 28 => "ECP_256_BP",
        ECP_384_BP = 29 => "ECP_384_BP",
        ECP_512_BP = 30 => "ECP_512_BP",
        CURVE_25519 = 31 => "CURVE_25519",
        CURVE_448 = 32 => "CURVE_448",
        ML_KEM_512 = 35 => "ML_KEM_512",
        ML_KEM_768 = 36 => "ML_KEM_768",
        ML_KEM_1024 = 37 => "ML_KEM_1024",
    }
}

/// The protocol a proposal or a Delete or Notify payload speaks of (RFC 7296 section 3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// 1
    Ike,
    /// 2
    Ah,
    /// 3
    Esp,
}

/// One transform (RFC 7296 section 3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transform {
    /// Type 1 with its key length attribute, if it has one.
    Encryption(EncryptionId, Option<u16>),
    /// Type 2.
    Prf(PrfId),
    /// Type 3.
    Integrity(IntegrityId),
    /// Type 4.
    KeyExchange(KeyExchangeMethod),
    /// Type 5: whether extended sequence numbers are used.
    ExtendedSequenceNumbers(bool),
    /// Types 6 to 12: a further key exchange (RFC 9370), which NONE makes optional.
    AdditionalKeyExchange(Slot, KeyExchangeMethod),
    /// A transform that must not be chosen: unknown type, or unknown attribute
    /// (RFC 7296 section 3.3.6).
    Unknown {
        /// Transform type.
        transform_type: u8,
        /// Transform ID.
        id: u16,
    },
}

impl Transform {
    /// Whether it names a key exchange, the first one or a further one.
    pub fn is_key_exchange(&self) -> bool {
        matches!(self, Self::KeyExchange(_) | Self::AdditionalKeyExchange(..))
    }
}

/// The SPI field of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProposalSpi {
    /// None: the initial IKE_SA negotiation, whose SPIs are in the header.
    None,
    /// Eight octets: an IKE_SA being rekeyed.
    Ike(crate::IkeSpi),
    /// Four octets: ESP or AH.
    Esp(EspSpi),
}

/// One proposal: a protocol and the transforms offered for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// 1 for the first, rising by 1 (RFC 7296 section 3.3).
    pub number: u8,
    /// What the transforms are for.
    pub protocol: Protocol,
    /// The sender's inbound SPI.
    pub spi: ProposalSpi,
    /// The transforms, in order of preference within a type.
    pub transforms: Vec<Transform>,
}

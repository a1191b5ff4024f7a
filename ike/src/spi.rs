//! Security parameter indexes and message IDs (RFC 7296 sections 2.6 and 2.2).

use std::fmt;

/// The SPI of an IKE_SA, chosen by one of its ends (RFC 7296 section 2.6).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct IkeSpi(pub [u8; 8]);

impl IkeSpi {
    /// The responder's SPI before the responder has chosen one.
    pub const ZERO: Self = Self([0; 8]);

    /// Whether this is the "not yet chosen" value.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl fmt::Display for IkeSpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for IkeSpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IkeSpi({self})")
    }
}

/// Both SPIs of an IKE_SA, in the order of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IkeSpis {
    /// Chosen by the original initiator.
    pub initiator: IkeSpi,
    /// Chosen by the original responder; zero until it has answered.
    pub responder: IkeSpi,
}

/// The SPI of an ESP SA. Each CHILD_SA has two, one a direction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EspSpi(pub u32);

impl EspSpi {
    /// Values below are reserved (RFC 4303 section 2.1).
    pub const MIN: u32 = 256;
}

impl fmt::Display for EspSpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for EspSpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EspSpi({self})")
    }
}

/// The number that pairs a request with its response (RFC 7296 section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct MessageId(pub u32);

impl MessageId {
    /// The ID after this one. An IKE_SA is closed long before the counter could wrap.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

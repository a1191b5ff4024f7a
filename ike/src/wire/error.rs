//! Why a message could not be read.

/// Why octets are not an IKEv2 message.
///
/// Before IKE_SA_INIT is answered, or without a valid integrity check, the only sound reaction is
/// to drop and count; an authenticated request is answered (RFC 7296 sections 2.5 and 2.21.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A length points past the end, or the octets end before a field does.
    #[error("the message is truncated")]
    Truncated,
    /// The header's length is not the datagram's.
    #[error("the header says {header} octets, the datagram has {datagram}")]
    LengthMismatch {
        /// What the Length field says.
        header: u32,
        /// What arrived.
        datagram: usize,
    },
    /// The major version is not 2.
    #[error("the major version is not 2")]
    UnsupportedVersion,
    /// The initiator's SPI is zero, which RFC 7296 section 3.1 forbids.
    #[error("the initiator's SPI is zero")]
    ZeroInitiatorSpi,
    /// A payload of this type is unknown and marked critical (RFC 7296 section 2.5).
    #[error("payload type {0} is unknown and critical")]
    UnsupportedCriticalPayload(u8),
    /// A payload that may appear once appears again.
    #[error("a second payload of type {0}")]
    DuplicatePayload(u8),
    /// More of something than [`super::limits`] allow.
    #[error("too many {0}")]
    TooMany(&'static str),
    /// A payload contradicts its format.
    #[error("payload type {payload}: {reason}")]
    Malformed {
        /// Its type.
        payload: u8,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Octets follow the last payload.
    #[error("octets follow the last payload")]
    TrailingOctets,
    /// A payload follows an Encrypted or Encrypted Fragment payload, or one is inside another.
    #[error("an Encrypted payload is not the last payload of its message")]
    EncryptedNotLast,
}

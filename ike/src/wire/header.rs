//! The header of every message (RFC 7296 section 3.1).

use super::{ExchangeType, WireError, reader::Reader};
use crate::{IkeSpi, IkeSpis, MessageId};

/// Where the fields that depend on the payloads stand.
const NEXT_PAYLOAD: usize = 16;
const LENGTH: usize = 24;

const INITIATOR: u8 = 0x08;
const VERSION: u8 = 0x10;
const RESPONSE: u8 = 0x20;

/// The flags of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Flags {
    /// Set in messages of the original initiator of the IKE_SA.
    pub initiator: bool,
    /// The sender could speak a higher major version.
    pub version: bool,
    /// This is a response.
    pub response: bool,
}

impl From<u8> for Flags {
    /// Reserved bits are ignored, as they must be.
    fn from(octet: u8) -> Self {
        Self {
            initiator: octet & INITIATOR != 0,
            version: octet & VERSION != 0,
            response: octet & RESPONSE != 0,
        }
    }
}

impl From<Flags> for u8 {
    fn from(flags: Flags) -> Self {
        let bit = |set: bool, mask: Self| if set { mask } else { 0 };
        bit(flags.initiator, INITIATOR)
            | bit(flags.version, VERSION)
            | bit(flags.response, RESPONSE)
    }
}

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The IKE_SA. The responder's half is zero in the first request.
    pub spis: IkeSpis,
    /// Type of the first payload, 0 for none.
    pub next_payload: u8,
    /// Major version, 2.
    pub major: u8,
    /// Minor version, 0; ignored when received.
    pub minor: u8,
    /// The exchange this message belongs to.
    pub exchange: ExchangeType,
    /// The flags.
    pub flags: Flags,
    /// Pairs requests and responses.
    pub message_id: MessageId,
    /// Octets in the whole message, header included.
    pub length: u32,
}

impl Header {
    /// Octets in a header.
    pub const LEN: usize = 28;

    /// Reads the header of a datagram (from which a non-ESP marker has been removed).
    ///
    /// The Length field must equal the datagram's length and the initiator's SPI must be set, so
    /// that noise is dropped before anything is looked up.
    pub fn parse(datagram: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(datagram);
        let spis = IkeSpis {
            initiator: IkeSpi(reader.array()?),
            responder: IkeSpi(reader.array()?),
        };
        let next_payload = reader.u8()?;
        let version = reader.u8()?;
        let header = Self {
            spis,
            next_payload,
            major: version >> 4,
            minor: version & 0x0f,
            exchange: reader.u8()?.into(),
            flags: reader.u8()?.into(),
            message_id: MessageId(reader.u32()?),
            length: reader.u32()?,
        };
        if header.major != 2 {
            return Err(WireError::UnsupportedVersion);
        }
        if usize::try_from(header.length) != Ok(datagram.len()) {
            return Err(WireError::LengthMismatch {
                header: header.length,
                datagram: datagram.len(),
            });
        }
        if spis.initiator.is_zero() {
            return Err(WireError::ZeroInitiatorSpi);
        }
        Ok(header)
    }

    /// Appends the 28 octets as the fields say.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.spis.initiator.0);
        out.extend_from_slice(&self.spis.responder.0);
        out.extend_from_slice(&[
            self.next_payload,
            self.major << 4 | self.minor & 0x0f,
            self.exchange.into(),
            self.flags.into(),
        ]);
        out.extend_from_slice(&self.message_id.0.to_be_bytes());
        out.extend_from_slice(&self.length.to_be_bytes());
    }

    /// The header with the two fields that depend on what follows it.
    #[must_use]
    pub(super) fn followed_by(&self, next_payload: u8, length: usize) -> Self {
        Self {
            next_payload,
            // A message of 4 GiB cannot be sent, so saturating loses nothing.
            length: u32::try_from(length).unwrap_or(u32::MAX),
            ..*self
        }
    }

    /// Sets the same two fields in a message that begins with a written header.
    pub(super) fn complete(message: &mut [u8], next_payload: u8) {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        message[NEXT_PAYLOAD] = next_payload;
        message[LENGTH..Self::LEN].copy_from_slice(&length.to_be_bytes());
    }
}

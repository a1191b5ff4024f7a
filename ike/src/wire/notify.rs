//! The Notify payload and its message types (RFC 7296 section 3.10).

use std::fmt;

use super::{
    WireError, payload_type,
    reader::Reader,
    security_association::{protocol, protocol_number},
};
use crate::proposal::Protocol;

/// What a notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NotifyType(pub u16);

macro_rules! notify_types {
    ($($name:ident = $value:literal),* $(,)?) => {
        #[allow(missing_docs)]
        impl NotifyType {
            $(pub const $name: Self = Self($value);)*

            /// The name in the RFC that defines it, or `None` for a number not known here.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

// RFC 7296 section 3.10.1 and, above 39 and 16395, RFC 4555 (MOBIKE), RFC 4478, RFC 4739,
// RFC 5685 (redirect), RFC 5723 (resumption), RFC 5998, RFC 6023 (childless), RFC 7383
// (fragmentation), RFC 7427 (signatures), RFC 8784 (PPK), RFC 9242 and RFC 9370.
notify_types! {
    UNSUPPORTED_CRITICAL_PAYLOAD = 1,
    INVALID_IKE_SPI = 4,
    INVALID_MAJOR_VERSION = 5,
    INVALID_SYNTAX = 7,
    INVALID_MESSAGE_ID = 9,
    INVALID_SPI = 11,
    NO_PROPOSAL_CHOSEN = 14,
    INVALID_KE_PAYLOAD = 17,
    AUTHENTICATION_FAILED = 24,
    SINGLE_PAIR_REQUIRED = 34,
    NO_ADDITIONAL_SAS = 35,
    INTERNAL_ADDRESS_FAILURE = 36,
    FAILED_CP_REQUIRED = 37,
    TS_UNACCEPTABLE = 38,
    INVALID_SELECTORS = 39,
    UNACCEPTABLE_ADDRESSES = 40,
    UNEXPECTED_NAT_DETECTED = 41,
    TEMPORARY_FAILURE = 43,
    CHILD_SA_NOT_FOUND = 44,
    STATE_NOT_FOUND = 47,
    INITIAL_CONTACT = 16384,
    SET_WINDOW_SIZE = 16385,
    ADDITIONAL_TS_POSSIBLE = 16386,
    IPCOMP_SUPPORTED = 16387,
    NAT_DETECTION_SOURCE_IP = 16388,
    NAT_DETECTION_DESTINATION_IP = 16389,
    COOKIE = 16390,
    USE_TRANSPORT_MODE = 16391,
    HTTP_CERT_LOOKUP_SUPPORTED = 16392,
    REKEY_SA = 16393,
    ESP_TFC_PADDING_NOT_SUPPORTED = 16394,
    NON_FIRST_FRAGMENTS_ALSO = 16395,
    MOBIKE_SUPPORTED = 16396,
    ADDITIONAL_IP4_ADDRESS = 16397,
    ADDITIONAL_IP6_ADDRESS = 16398,
    NO_ADDITIONAL_ADDRESSES = 16399,
    UPDATE_SA_ADDRESSES = 16400,
    COOKIE2 = 16401,
    NO_NATS_ALLOWED = 16402,
    AUTH_LIFETIME = 16403,
    MULTIPLE_AUTH_SUPPORTED = 16404,
    ANOTHER_AUTH_FOLLOWS = 16405,
    REDIRECT_SUPPORTED = 16406,
    REDIRECT = 16407,
    REDIRECTED_FROM = 16408,
    TICKET_LT_OPAQUE = 16409,
    TICKET_REQUEST = 16410,
    TICKET_ACK = 16411,
    TICKET_NACK = 16412,
    TICKET_OPAQUE = 16413,
    EAP_ONLY_AUTHENTICATION = 16417,
    CHILDLESS_IKEV2_SUPPORTED = 16418,
    IKEV2_FRAGMENTATION_SUPPORTED = 16430,
    SIGNATURE_HASH_ALGORITHMS = 16431,
    USE_PPK = 16435,
    PPK_IDENTITY = 16436,
    NO_PPK_AUTH = 16437,
    INTERMEDIATE_EXCHANGE_SUPPORTED = 16438,
    ADDITIONAL_KEY_EXCHANGE = 16441,
}

impl NotifyType {
    /// Whether it reports that something failed; all other types are about status.
    pub fn is_error(self) -> bool {
        self.0 < 16_384
    }
}

impl fmt::Display for NotifyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "({})", self.0),
        }
    }
}

/// A Notify payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// What the SPI belongs to; `None` where there is no SPI.
    pub protocol: Option<Protocol>,
    /// The SA it is about: empty for the IKE_SA, four octets for ESP and AH.
    pub spi: Vec<u8>,
    /// What it says.
    pub notify_type: NotifyType,
    /// More about it, as its type defines.
    pub data: Vec<u8>,
}

impl Notify {
    pub(super) fn parse(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let [protocol_octet, spi_size] = reader.array()?;
        let notify_type = NotifyType(reader.u16()?);
        // The protocol must be ignored where there is no SPI, and a status of a kind that we do
        // not know must not fail the message: an unknown protocol is no error.
        let protocol = protocol(protocol_octet);
        let fits = match protocol {
            Some(Protocol::Ike) => matches!(spi_size, 0 | 8),
            Some(Protocol::Ah | Protocol::Esp) => matches!(spi_size, 0 | 4),
            None => true,
        };
        if !fits {
            return Err(WireError::Malformed {
                payload: payload_type::NOTIFY,
                reason: "wrong SPI size",
            });
        }
        Ok(Self {
            protocol,
            spi: reader.take(spi_size.into())?.to_vec(),
            notify_type,
            data: reader.rest().to_vec(),
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        // The size is one octet, and no SPI has more than eight.
        let spi = &self.spi[..self.spi.len().min(u8::MAX.into())];
        out.extend_from_slice(&[self.protocol.map_or(0, protocol_number), spi.len() as u8]);
        out.extend_from_slice(&self.notify_type.0.to_be_bytes());
        out.extend_from_slice(spi);
        out.extend_from_slice(&self.data);
    }
}

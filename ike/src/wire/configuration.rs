//! The Configuration payload (RFC 7296 section 3.15).

use super::{WireError, limits, reader::Reader};

/// What a Configuration payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigurationKind(pub u8);

impl ConfigurationKind {
    /// CFG_REQUEST
    pub const REQUEST: Self = Self(1);
    /// CFG_REPLY
    pub const REPLY: Self = Self(2);
    /// CFG_SET
    pub const SET: Self = Self(3);
    /// CFG_ACK
    pub const ACK: Self = Self(4);
}

/// The type of a configuration attribute, of 15 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeType(pub u16);

/// Names as IANA has registered them; the last two are Microsoft's.
#[allow(missing_docs, reason = "the names say it")]
impl AttributeType {
    pub const INTERNAL_IP4_ADDRESS: Self = Self(1);
    pub const INTERNAL_IP4_NETMASK: Self = Self(2);
    pub const INTERNAL_IP4_DNS: Self = Self(3);
    pub const INTERNAL_IP4_NBNS: Self = Self(4);
    pub const INTERNAL_IP4_DHCP: Self = Self(6);
    pub const APPLICATION_VERSION: Self = Self(7);
    pub const INTERNAL_IP6_ADDRESS: Self = Self(8);
    pub const INTERNAL_IP6_DNS: Self = Self(10);
    pub const INTERNAL_IP6_DHCP: Self = Self(12);
    pub const INTERNAL_IP4_SUBNET: Self = Self(13);
    pub const INTERNAL_IP6_SUBNET: Self = Self(15);
    pub const P_CSCF_IP4_ADDRESS: Self = Self(20);
    pub const P_CSCF_IP6_ADDRESS: Self = Self(21);
    pub const INTERNAL_DNS_DOMAIN: Self = Self(25);
    pub const INTERNAL_DNSSEC_TA: Self = Self(26);
    pub const INTERNAL_IP4_SERVER: Self = Self(23456);
    pub const INTERNAL_IP6_SERVER: Self = Self(23457);
}

/// A Configuration payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Request, reply, set or acknowledgement.
    pub kind: ConfigurationKind,
    /// Attributes with their values.
    pub attributes: Vec<(AttributeType, Vec<u8>)>,
}

/// The top bit of an attribute type is reserved and ignored.
const ATTRIBUTE_TYPE: u16 = 0x7fff;

impl Configuration {
    pub(super) fn parse(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let [kind, _, _, _] = reader.array()?;
        let mut attributes = Vec::new();
        while !reader.is_empty() {
            if attributes.len() == limits::CONFIGURATION_ATTRIBUTES {
                return Err(WireError::TooMany("configuration attributes"));
            }
            let attribute = AttributeType(reader.u16()? & ATTRIBUTE_TYPE);
            let length = reader.u16()?;
            attributes.push((attribute, reader.take(length.into())?.to_vec()));
        }
        let kind = ConfigurationKind(kind);
        Ok(Self { kind, attributes })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.kind.0, 0, 0, 0]);
        for (attribute, value) in &self.attributes {
            // No attribute comes near 65,535 octets, and a message that long cannot be sent.
            let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&(attribute.0 & ATTRIBUTE_TYPE).to_be_bytes());
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(value);
        }
    }
}

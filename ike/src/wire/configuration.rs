//! The Configuration payload (RFC 7296 section 3.15).

use super::{WireError, limits, reader::Reader};

/// A Configuration payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// 1 request, 2 reply, 3 set, 4 acknowledgement.
    pub kind: u8,
    /// Attribute types (15 bits) with their values.
    pub attributes: Vec<(u16, Vec<u8>)>,
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
            let attribute = reader.u16()? & ATTRIBUTE_TYPE;
            let length = reader.u16()?;
            attributes.push((attribute, reader.take(length.into())?.to_vec()));
        }
        Ok(Self { kind, attributes })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.kind, 0, 0, 0]);
        for (attribute, value) in &self.attributes {
            // No attribute comes near 65,535 octets, and a message that long cannot be sent.
            let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&(attribute & ATTRIBUTE_TYPE).to_be_bytes());
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(value);
        }
    }
}

//! The Delete payload (RFC 7296 section 3.11).

use super::{WireError, payload_type, reader::Reader, security_association::protocol_number};
use crate::{EspSpi, proposal::Protocol, wire::security_association::protocol};

/// A Delete payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// What is deleted: this IKE_SA, or the SAs named.
    pub protocol: Protocol,
    /// The sender's inbound SPIs; none for an IKE_SA.
    pub spis: Vec<EspSpi>,
}

const ESP_SPI_SIZE: usize = 4;

fn malformed(reason: &'static str) -> WireError {
    WireError::Malformed {
        payload: payload_type::DELETE,
        reason,
    }
}

impl Delete {
    pub(super) fn parse(body: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let [protocol_octet, spi_size] = reader.array()?;
        let count = usize::from(reader.u16()?);
        let protocol = protocol(protocol_octet).ok_or(malformed("unknown protocol"))?;
        let expected_size = if protocol == Protocol::Ike {
            0
        } else {
            ESP_SPI_SIZE
        };
        if usize::from(spi_size) != expected_size {
            return Err(malformed("wrong SPI size"));
        }
        // With an SPI size of zero the count says nothing, whatever it is.
        if reader.len() != count * expected_size {
            return Err(malformed("the number of SPIs does not match the length"));
        }
        let (spis, _) = reader.rest().as_chunks::<ESP_SPI_SIZE>();
        Ok(Self {
            protocol,
            spis: spis
                .iter()
                .map(|spi| EspSpi(u32::from_be_bytes(*spi)))
                .collect(),
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let spis: &[EspSpi] = match self.protocol {
            Protocol::Ike => &[],
            Protocol::Ah | Protocol::Esp => &self.spis,
        };
        let size = if self.protocol == Protocol::Ike {
            0
        } else {
            ESP_SPI_SIZE as u8
        };
        out.extend_from_slice(&[protocol_number(self.protocol), size]);
        // More SPIs than fit the count do not fit a datagram either.
        let count = u16::try_from(spis.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for spi in spis {
            out.extend_from_slice(&spi.0.to_be_bytes());
        }
    }
}

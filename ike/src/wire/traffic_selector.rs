//! The Traffic Selector payloads (RFC 7296 section 3.13).

use std::net::IpAddr;

use super::{WireError, limits, reader::Reader, writer::sized};
use crate::TrafficSelector;

const IPV4_ADDR_RANGE: u8 = 7;
const IPV6_ADDR_RANGE: u8 = 8;
/// Type, protocol, length and the two ports.
const FIXED: usize = 8;

pub(super) fn parse(payload: u8, body: &[u8]) -> Result<Vec<TrafficSelector>, WireError> {
    let malformed = |reason| WireError::Malformed { payload, reason };
    let mut reader = Reader::new(body);
    let [count, _, _, _] = reader.array()?;
    let count = usize::from(count);
    // The count is the peer's word; the octets present bound the allocation.
    let mut selectors = Vec::with_capacity(count.min(reader.len() / FIXED));
    for _ in 0..count {
        let [ts_type, protocol] = reader.array()?;
        let length = usize::from(reader.u16()?);
        let content = length
            .checked_sub(4)
            .ok_or(malformed("a selector shorter than its header"))?;
        let mut content = Reader::new(reader.take(content)?);
        if !matches!(ts_type, IPV4_ADDR_RANGE | IPV6_ADDR_RANGE) {
            // A selector of a kind that we do not know cannot be chosen; those beside it can
            // (RFC 9478 section 2.1 relies on that).
            continue;
        }
        let (start_port, end_port) = (content.u16()?, content.u16()?);
        let (start, end): (IpAddr, IpAddr) = if ts_type == IPV4_ADDR_RANGE {
            (content.array::<4>()?.into(), content.array::<4>()?.into())
        } else {
            (content.array::<16>()?.into(), content.array::<16>()?.into())
        };
        if !content.is_empty() {
            return Err(malformed("a selector longer than its type"));
        }
        let selector = TrafficSelector {
            protocol,
            start_port,
            end_port,
            start,
            end,
        };
        if start > end {
            return Err(malformed("an address range that ends before it starts"));
        }
        if start_port > end_port && !selector.is_opaque() {
            return Err(malformed("a port range that ends before it starts"));
        }
        selectors.push(selector);
    }
    if reader.is_empty() {
        Ok(selectors)
    } else {
        Err(malformed("octets after the last selector"))
    }
}

/// Selectors beyond [`limits::SELECTORS`] cannot be expressed: the count is one octet.
pub(super) fn write(selectors: &[TrafficSelector], out: &mut Vec<u8>) {
    let selectors = &selectors[..selectors.len().min(limits::SELECTORS)];
    out.extend_from_slice(&[selectors.len() as u8, 0, 0, 0]);
    for selector in selectors {
        let ts_type = if selector.start.is_ipv4() {
            IPV4_ADDR_RANGE
        } else {
            IPV6_ADDR_RANGE
        };
        sized(out, [ts_type, selector.protocol], |out| {
            out.extend_from_slice(&selector.start_port.to_be_bytes());
            out.extend_from_slice(&selector.end_port.to_be_bytes());
            for address in [selector.start, selector.end] {
                match address {
                    IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
                    IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
                }
            }
        });
    }
}

//! IP headers as far as policies look at them (RFC 4301 section 4.4.1.1).

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};

/// ICMP for IPv4.
pub(crate) const ICMP: u8 = 1;
/// TCP.
pub(crate) const TCP: u8 = 6;
/// UDP.
pub(crate) const UDP: u8 = 17;
/// ICMP for IPv6.
pub(crate) const ICMPV6: u8 = 58;
/// Next header of an IPv4 packet in ESP.
pub(crate) const IPV4_IN_ESP: u8 = 4;
/// Next header of an IPv6 packet in ESP.
pub(crate) const IPV6_IN_ESP: u8 = 41;
/// Next header of a dummy packet in ESP (RFC 4303 section 2.6).
pub(crate) const NO_NEXT_HEADER: u8 = 59;

/// More extension headers than any honest packet has.
const MOST_EXTENSIONS: usize = 8;

/// What a policy can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Where it comes from.
    pub(crate) source: IpAddr,
    /// Where it goes to.
    pub(crate) destination: IpAddr,
    /// The transport protocol.
    pub(crate) protocol: u8,
    /// What of the transport header matters.
    pub(crate) ports: Ports,
    /// Length of all IP headers.
    pub(crate) length: usize,
    /// Length of the packet as its header says; no more than there was.
    pub(crate) total: usize,
    /// Whether this is one of several fragments.
    pub(crate) fragment: bool,
}

/// The ports of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ports {
    /// Source and destination.
    Known(u16, u16),
    /// Type and code of an ICMP message as one number (RFC 7296 section 3.13.1).
    Icmp(u16),
    /// The protocol has none.
    None,
    /// It has, but this packet does not show them: a fragment other than the first.
    Opaque,
}

impl Header {
    /// Reads the headers of an IP packet; `None` if they are not sound.
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        match packet.first()? >> 4 {
            4 => Self::parse_v4(packet),
            6 => Self::parse_v6(packet),
            _ => None,
        }
    }

    fn parse_v4(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; 20] = packet.first_chunk()?;
        let length = usize::from(fixed[0] & 0x0f) * 4;
        let total = usize::from(be16(fixed, 2));
        if length < 20 || total < length || total > packet.len() {
            return None;
        }
        let more = fixed[6] & 0x20 != 0;
        let offset = be16(fixed, 6) & 0x1fff;
        let protocol = fixed[9];
        let payload = &packet[length..total];
        Some(Self {
            source: Ipv4Addr::new(fixed[12], fixed[13], fixed[14], fixed[15]).into(),
            destination: Ipv4Addr::new(fixed[16], fixed[17], fixed[18], fixed[19]).into(),
            protocol,
            ports: Ports::read(protocol, payload, offset == 0),
            length,
            total,
            fragment: more || offset != 0,
        })
    }

    fn parse_v6(packet: &[u8]) -> Option<Self> {
        let fixed: &[u8; 40] = packet.first_chunk()?;
        let total = 40 + usize::from(be16(fixed, 4));
        if total > packet.len() {
            return None;
        }
        let packet = &packet[..total];
        let address = |range: Range<usize>| {
            <[u8; 16]>::try_from(&fixed[range]).map(|octets| IpAddr::V6(Ipv6Addr::from(octets)))
        };
        let (mut protocol, mut length) = (fixed[6], 40);
        let (mut first, mut fragment) = (true, false);
        // RFC 8200 section 4.1. What follows a fragment header of a later fragment is payload.
        for _ in 0..MOST_EXTENSIONS {
            if !first {
                break;
            }
            let extension = &packet[length..];
            let size = match protocol {
                // Hop-by-hop options, routing, destination options.
                0 | 43 | 60 => 8 + 8 * usize::from(*extension.get(1)?),
                // Authentication (RFC 4302 section 2.2).
                51 => 8 + 4 * usize::from(*extension.get(1)?),
                // Fragment.
                44 => {
                    let field = extension.get(2..4).map(|field| be16(field, 0))?;
                    fragment |= field & 0xfff9 != 0;
                    first = field & 0xfff8 == 0;
                    8
                }
                _ => break,
            };
            protocol = *extension.first()?;
            length += size;
            if length > total {
                return None;
            }
        }
        Some(Self {
            source: address(8..24).ok()?,
            destination: address(24..40).ok()?,
            protocol,
            ports: Ports::read(protocol, &packet[length..], first),
            length,
            total,
            fragment,
        })
    }
}

impl Ports {
    fn read(protocol: u8, payload: &[u8], first: bool) -> Self {
        match (protocol, payload) {
            // TCP, UDP, DCCP, SCTP, UDP-Lite.
            (TCP | UDP | 33 | 132 | 136, [s0, s1, d0, d1, ..]) if first => Self::Known(
                u16::from_be_bytes([*s0, *s1]),
                u16::from_be_bytes([*d0, *d1]),
            ),
            (ICMP | ICMPV6, [kind, code, ..]) if first => {
                Self::Icmp(u16::from_be_bytes([*kind, *code]))
            }
            (TCP | UDP | 33 | 132 | 136 | ICMP | ICMPV6, _) => Self::Opaque,
            _ => Self::None,
        }
    }
}

/// A number in network byte order.
pub(crate) fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// A number in network byte order.
pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Where both addresses stand in the fixed header.
pub(crate) fn addresses(packet: &[u8]) -> &[u8] {
    if packet[0] >> 4 == 4 {
        &packet[12..20]
    } else {
        &packet[8..40]
    }
}

#[cfg(test)]
mod tests;

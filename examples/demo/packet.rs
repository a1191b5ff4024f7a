//! Just enough of IPv4 and ICMP for a ping.

use std::net::Ipv4Addr;

const HEADER: usize = 20;
const ICMP: u8 = 1;
const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;
/// What `ping` sends by default.
const PAYLOAD: usize = 56;

/// An echo request or reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Echo {
    pub(crate) request: bool,
    pub(crate) from: Ipv4Addr,
    pub(crate) to: Ipv4Addr,
    pub(crate) sequence: u16,
}

impl Echo {
    /// The answer to it.
    pub(crate) fn reply(self) -> Self {
        Self {
            request: false,
            from: self.to,
            to: self.from,
            ..self
        }
    }

    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let (header, icmp) = packet.split_at_checked(HEADER)?;
        if header[0] != 0x45 || header[9] != ICMP || icmp.len() < 8 {
            return None;
        }
        let address = |at: usize| {
            header[at..]
                .first_chunk::<4>()
                .map(|octets| Ipv4Addr::from(*octets))
        };
        Some(Self {
            request: match icmp[0] {
                ECHO_REQUEST => true,
                ECHO_REPLY => false,
                _ => return None,
            },
            from: address(12)?,
            to: address(16)?,
            sequence: u16::from_be_bytes([icmp[6], icmp[7]]),
        })
    }

    pub(crate) fn build(self) -> Vec<u8> {
        let length = HEADER + 8 + PAYLOAD;
        let mut packet = vec![0; length];
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&u16::try_from(length).expect("a short packet").to_be_bytes());
        packet[8] = 64;
        packet[9] = ICMP;
        packet[12..16].copy_from_slice(&self.from.octets());
        packet[16..20].copy_from_slice(&self.to.octets());
        let sum = checksum(&packet[..HEADER]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet[HEADER] = if self.request {
            ECHO_REQUEST
        } else {
            ECHO_REPLY
        };
        packet[HEADER + 6..HEADER + 8].copy_from_slice(&self.sequence.to_be_bytes());
        let sum = checksum(&packet[HEADER..]);
        packet[HEADER + 2..HEADER + 4].copy_from_slice(&sum.to_be_bytes());
        packet
    }
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| {
            u32::from(u16::from_be_bytes([
                pair[0],
                pair.get(1).copied().unwrap_or(0),
            ]))
        })
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

//! Cutting a frame with pending offload into ordinary packets, as a network card would: the kernel
//! hands over up to 64 KiB of TCP payload behind one header, and ESP protects packets.

use super::{
    checksum::{Sum, pseudo_header, set_ipv4_checksum},
    header::{Header, TCP, UDP, addresses, be16, be32},
};
use crate::device::Offload;

const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// How one frame becomes packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    kind: Kind,
    /// Length of the IP headers.
    ip: usize,
    /// Length of all headers, which each packet repeats.
    headers: usize,
    /// Payload of each packet but the last.
    size: usize,
    /// Payload of all of them.
    payload: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One packet as it stands, but perhaps for a checksum at `start` + `offset`.
    Whole { checksum: Option<(usize, usize)> },
    /// Segments of a TCP stream.
    Tcp,
    /// UDP datagrams.
    Udp,
}

impl Plan {
    /// Plans for a frame whose headers were parsed; `None` if the offload does not fit it.
    pub(crate) fn new(frame: &[u8], offload: Offload, header: &Header) -> Option<Self> {
        let (kind, transport, size) = match offload {
            Offload::None => (Kind::Whole { checksum: None }, 0, usize::MAX),
            Offload::Checksum { start, offset } => {
                let (start, field) = (usize::from(start), usize::from(start) + usize::from(offset));
                if start < header.length || field + 2 > header.total {
                    return None;
                }
                let checksum = Some((start, field));
                (Kind::Whole { checksum }, 0, usize::MAX)
            }
            Offload::TcpSegments { size } => {
                let offset = *frame.get(header.length + 12)?;
                (Kind::Tcp, usize::from(offset >> 4) * 4, size.into())
            }
            Offload::UdpSegments { size } => (Kind::Udp, 8, size.into()),
        };
        let headers = header.length + transport;
        let fits = match kind {
            Kind::Whole { .. } => true,
            Kind::Tcp => header.protocol == TCP && transport >= 20,
            Kind::Udp => header.protocol == UDP,
        };
        let segmented = !matches!(kind, Kind::Whole { .. });
        if !fits || size == 0 || headers > header.total || (segmented && header.fragment) {
            return None;
        }
        Some(Self {
            kind,
            ip: header.length,
            headers,
            size,
            payload: header.total - headers,
        })
    }

    /// How many packets it makes; at least one.
    pub(crate) fn count(&self) -> usize {
        self.payload.div_ceil(self.size).max(1)
    }

    /// Length of one packet.
    pub(crate) fn length(&self, index: usize) -> usize {
        let done = index.saturating_mul(self.size);
        self.headers + self.payload.saturating_sub(done).min(self.size)
    }

    /// Length of all packets.
    pub(crate) fn total(&self) -> usize {
        self.headers * self.count() + self.payload
    }

    /// Writes one packet; `packet` is as long as [`Plan::length`] says.
    pub(crate) fn write(&self, frame: &[u8], index: usize, packet: &mut [u8]) {
        match self.kind {
            Kind::Whole { checksum } => {
                packet.copy_from_slice(&frame[..packet.len()]);
                if let Some((start, field)) = checksum {
                    let sum = Sum::default().add(&packet[start..]).checksum();
                    packet[field..field + 2].copy_from_slice(&never_zero(sum));
                }
            }
            Kind::Tcp | Kind::Udp => {
                let payload = self.headers + index * self.size;
                let length = packet.len() - self.headers;
                packet[..self.headers].copy_from_slice(&frame[..self.headers]);
                packet[self.headers..].copy_from_slice(&frame[payload..payload + length]);
                self.fix_ip(index, packet);
                self.fix_transport(index, packet);
            }
        }
    }

    fn fix_ip(&self, index: usize, packet: &mut [u8]) {
        if packet[0] >> 4 == 4 {
            let id = be16(packet, 4).wrapping_add(index as u16);
            let total = packet.len() as u16;
            packet[2..4].copy_from_slice(&total.to_be_bytes());
            packet[4..6].copy_from_slice(&id.to_be_bytes());
            set_ipv4_checksum(&mut packet[..self.ip]);
        } else {
            let length = (packet.len() - 40) as u16;
            packet[4..6].copy_from_slice(&length.to_be_bytes());
        }
    }

    fn fix_transport(&self, index: usize, packet: &mut [u8]) {
        let length = packet.len() - self.ip;
        let (protocol, field) = match self.kind {
            Kind::Tcp => (TCP, self.ip + 16),
            Kind::Udp | Kind::Whole { .. } => (UDP, self.ip + 6),
        };
        let pseudo = pseudo_header(addresses(packet), protocol, length);
        let transport = &mut packet[self.ip..];
        if protocol == TCP {
            let sequence = be32(transport, 4).wrapping_add((index * self.size) as u32);
            transport[4..8].copy_from_slice(&sequence.to_be_bytes());
            if index + 1 < self.count() {
                transport[13] &= !(FIN | PSH);
            }
            if index > 0 {
                transport[13] &= !CWR;
            }
        } else {
            transport[4..6].copy_from_slice(&(length as u16).to_be_bytes());
        }
        packet[field..field + 2].fill(0);
        let mut checksum = pseudo.add(&packet[self.ip..]).checksum();
        if protocol == UDP {
            checksum = never_zero(checksum);
        }
        packet[field..field + 2].copy_from_slice(&checksum);
    }
}

/// Zero says "no checksum" in UDP (RFC 768); the other zero means the same to everyone else.
fn never_zero(checksum: [u8; 2]) -> [u8; 2] {
    match checksum {
        [0, 0] => [0xff, 0xff],
        other => other,
    }
}

#[cfg(test)]
mod tests;

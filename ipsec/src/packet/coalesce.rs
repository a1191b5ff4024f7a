//! Joining decrypted packets of one flow into large frames, so that the device and the network
//! stack behind it are entered once for dozens of packets.
//!
//! The rules are those of a network card's receive offload: only packets that cutting the frame
//! again would restore are joined, the order within a flow is kept, and every transport checksum is
//! verified before, because a joined frame no longer has them.

use std::{
    io::{self, IoSlice},
    ops::Range,
};

use super::{
    checksum::{pseudo_header, set_ipv4_checksum},
    header::{TCP, UDP, addresses, be16, be32},
};
use crate::device::Offload;

/// Flows that are joined side by side. A batch seldom has more; the oldest makes room.
const MOST_FLOWS: usize = 8;

/// Packets in one frame. UDP datagrams come in batches of up to 64.
const MOST_PACKETS: usize = 64;

/// IPv6 and TCP with all its options.
const MOST_HEADERS: usize = 40 + 60;

/// The length field of IPv4 ends here.
const MOST_OCTETS: usize = u16::MAX as usize;

const ACK: u8 = 0x10;
const PSH: u8 = 0x08;

/// Takes finished frames.
pub(crate) type Sink<'a> = dyn FnMut(Offload, &[IoSlice<'_>]) -> io::Result<()> + 'a;

/// Packets waiting for more of their flow. All of them lie in one `slab`, which the caller keeps
/// unchanged until [`Coalescer::flush`].
pub(crate) struct Coalescer {
    groups: Vec<Group>,
    /// Emptied groups, for their allocations.
    spare: Vec<Group>,
    tcp: bool,
    udp: bool,
}

#[derive(Default)]
struct Group {
    /// Where the first packet lies.
    first: Range<usize>,
    shape: Shape,
    /// Where the payloads lie, the first one's included.
    payloads: Vec<Range<usize>>,
    /// Payload of the first packet: none may have more.
    size: usize,
    /// Octets of headers and payloads.
    total: usize,
    /// TCP sequence number that must come next.
    next: u32,
    /// The last packet asked for delivery.
    push: bool,
}

/// Where the parts of a packet are.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Shape {
    /// Length of the IP header.
    ip: usize,
    /// Length of all headers.
    headers: usize,
    /// TCP, else UDP.
    tcp: bool,
}

impl Coalescer {
    /// Joins what the device takes.
    pub(crate) fn new(tcp: bool, udp: bool) -> Self {
        Self {
            groups: Vec::with_capacity(MOST_FLOWS),
            spare: Vec::with_capacity(MOST_FLOWS),
            tcp,
            udp,
        }
    }

    /// Takes the IP packet at `packet`; its length is that of its header.
    pub(crate) fn push(&mut self, slab: &[u8], packet: Range<usize>, sink: &mut Sink<'_>) {
        let bytes = &slab[packet.clone()];
        let shape = Shape::of(bytes).filter(|shape| if shape.tcp { self.tcp } else { self.udp });
        let Some(shape) = shape else {
            self.emit_flows_between(slab, bytes, sink);
            let _ = sink(Offload::None, &[IoSlice::new(bytes)]);
            return;
        };
        let same_flow = |group: &Group| group.is_flow_of(slab, bytes, shape);
        if let Some(index) = self.groups.iter().position(same_flow) {
            if self.groups[index].append(slab, packet.clone(), shape) {
                if self.groups[index].is_full() {
                    self.emit(index, slab, sink);
                }
                return;
            }
            self.emit(index, slab, sink);
        }
        if self.groups.len() == MOST_FLOWS {
            self.emit(0, slab, sink);
        }
        let mut group = self.spare.pop().unwrap_or_default();
        group.begin(slab, packet, shape);
        self.groups.push(group);
    }

    /// Hands over everything that waits.
    pub(crate) fn flush(&mut self, slab: &[u8], sink: &mut Sink<'_>) {
        while !self.groups.is_empty() {
            self.emit(0, slab, sink);
        }
    }

    /// A packet that cannot be joined must not overtake what waits between its addresses.
    fn emit_flows_between(&mut self, slab: &[u8], packet: &[u8], sink: &mut Sink<'_>) {
        let mut index = 0;
        while let Some(group) = self.groups.get(index) {
            let first = &slab[group.first.clone()];
            if first[0] >> 4 == packet[0] >> 4 && addresses(first) == addresses(packet) {
                self.emit(index, slab, sink);
            } else {
                index += 1;
            }
        }
    }

    fn emit(&mut self, index: usize, slab: &[u8], sink: &mut Sink<'_>) {
        let mut group = self.groups.remove(index);
        if let Err(error) = group.emit(slab, sink)
            && error.kind() == io::ErrorKind::InvalidInput
        {
            // Some kernels refuse what they announced. The packets themselves are still there.
            tracing::info!(%error, "the device refuses joined packets; handing them over one by one");
            if group.shape.tcp {
                self.tcp = false;
            } else {
                self.udp = false;
            }
            group.emit_singly(slab, sink);
        }
        group.payloads.clear();
        self.spare.push(group);
    }
}

impl Shape {
    /// The shape of a packet that may be joined with others.
    fn of(packet: &[u8]) -> Option<Self> {
        let (ip, protocol) = match packet.first()? {
            // No options; no fragment.
            0x45 if packet.len() >= 20 && matches!(packet[6..8], [0 | 0x40, 0]) => (20, packet[9]),
            first if first >> 4 == 6 && packet.len() >= 40 => (40, packet[6]),
            _ => return None,
        };
        let transport = &packet[ip..];
        let (headers, tcp) = match protocol {
            TCP if transport.len() >= 20 && transport[13] & !PSH == ACK => {
                (usize::from(transport[12] >> 4) * 4, true)
            }
            UDP if transport.len() >= 8
                && usize::from(be16(transport, 4)) == transport.len()
                && be16(transport, 6) != 0 =>
            {
                (8, false)
            }
            _ => return None,
        };
        let headers = ip + headers;
        let least = if tcp { ip + 20 } else { ip + 8 };
        (headers >= least && headers < packet.len()).then_some(Self { ip, headers, tcp })
    }
}

impl Group {
    fn begin(&mut self, slab: &[u8], packet: Range<usize>, shape: Shape) {
        let bytes = &slab[packet.clone()];
        let size = bytes.len() - shape.headers;
        self.payloads.clear();
        self.payloads.push(packet.start + shape.headers..packet.end);
        self.shape = shape;
        self.size = size;
        self.total = bytes.len();
        self.next = if shape.tcp {
            be32(bytes, shape.ip + 4).wrapping_add(size as u32)
        } else {
            0
        };
        // What pushes is complete; UDP has no such flag.
        self.push = shape.tcp && bytes[shape.ip + 13] & PSH != 0;
        self.first = packet;
    }

    /// Whether the packet has the addresses and ports of this group.
    fn is_flow_of(&self, slab: &[u8], packet: &[u8], shape: Shape) -> bool {
        let first = &slab[self.first.clone()];
        let ports = shape.ip..shape.ip + 4;
        self.shape.tcp == shape.tcp
            && self.shape.ip == shape.ip
            && first[ports.clone()] == packet[ports]
            && addresses(first) == addresses(packet)
    }

    /// Whether nothing may follow what is there.
    fn is_full(&self) -> bool {
        self.push
            || self.payloads.len() == MOST_PACKETS
            || self
                .payloads
                .last()
                .is_some_and(|last| last.len() < self.size)
    }

    /// Adds the packet if cutting the joined frame would restore it.
    fn append(&mut self, slab: &[u8], packet: Range<usize>, shape: Shape) -> bool {
        let bytes = &slab[packet.clone()];
        let first = &slab[self.first.clone()];
        let length = bytes.len() - shape.headers;
        let fits = !self.is_full()
            && self.shape == shape
            && length <= self.size
            && self.total + length <= MOST_OCTETS
            && same_headers(first, bytes, shape)
            && (!shape.tcp || be32(bytes, shape.ip + 4) == self.next)
            && (self.payloads.len() > 1 || is_intact(first, shape))
            && is_intact(bytes, shape);
        if fits {
            self.payloads.push(packet.start + shape.headers..packet.end);
            self.total += length;
            self.next = self.next.wrapping_add(length as u32);
            self.push = shape.tcp && bytes[shape.ip + 13] & PSH != 0;
        }
        fits
    }

    fn emit(&self, slab: &[u8], sink: &mut Sink<'_>) -> io::Result<()> {
        let first = &slab[self.first.clone()];
        if self.payloads.len() == 1 {
            return sink(Offload::None, &[IoSlice::new(first)]);
        }
        let mut headers = [0; MOST_HEADERS];
        let headers = &mut headers[..self.shape.headers];
        headers.copy_from_slice(&first[..self.shape.headers]);
        self.rewrite(headers);
        let mut parts = [IoSlice::new(&[]); MOST_PACKETS + 1];
        parts[0] = IoSlice::new(headers);
        for (part, payload) in parts[1..].iter_mut().zip(&self.payloads) {
            *part = IoSlice::new(&slab[payload.clone()]);
        }
        let size = self.size as u16;
        let offload = if self.shape.tcp {
            Offload::TcpSegments { size }
        } else {
            Offload::UdpSegments { size }
        };
        sink(offload, &parts[..=self.payloads.len()])
    }

    fn emit_singly(&self, slab: &[u8], sink: &mut Sink<'_>) {
        for payload in &self.payloads {
            let packet = &slab[payload.start - self.shape.headers..payload.end];
            let _ = sink(Offload::None, &[IoSlice::new(packet)]);
        }
    }

    /// Makes the first packet's headers those of the whole frame.
    fn rewrite(&self, headers: &mut [u8]) {
        let Shape { ip, tcp, .. } = self.shape;
        let length = self.total - ip;
        if ip == 20 {
            headers[2..4].copy_from_slice(&(self.total as u16).to_be_bytes());
            set_ipv4_checksum(&mut headers[..ip]);
        } else {
            headers[4..6].copy_from_slice(&(length as u16).to_be_bytes());
        }
        let protocol = if tcp { TCP } else { UDP };
        let partial = pseudo_header(addresses(headers), protocol, length).partial();
        let transport = &mut headers[ip..];
        if tcp {
            transport[13] |= if self.push { PSH } else { 0 };
            transport[16..18].copy_from_slice(&partial);
        } else {
            transport[4..6].copy_from_slice(&(length as u16).to_be_bytes());
            transport[6..8].copy_from_slice(&partial);
        }
    }
}

/// Whether the headers differ only where cutting the frame again makes them differ: lengths, the
/// IPv4 identification, the sequence number, the push flag, checksums.
fn same_headers(one: &[u8], two: &[u8], shape: Shape) -> bool {
    let ip = if shape.ip == 20 {
        one[1] == two[1] && one[6..10] == two[6..10]
    } else {
        one[..4] == two[..4] && one[6..8] == two[6..8]
    };
    if !shape.tcp {
        return ip;
    }
    let (one, two) = (&one[shape.ip..shape.headers], &two[shape.ip..shape.headers]);
    ip && one[8..13] == two[8..13]
        && (one[13] ^ two[13]) & !PSH == 0
        && one[14..16] == two[14..16]
        && one[18..] == two[18..]
}

fn is_intact(packet: &[u8], shape: Shape) -> bool {
    let protocol = if shape.tcp { TCP } else { UDP };
    let transport = &packet[shape.ip..];
    pseudo_header(addresses(packet), protocol, transport.len())
        .add(transport)
        .is_valid()
}

#[cfg(test)]
mod tests;

//! Transport mode (RFC 4303 section 3.1.1): the IP header does not travel. The packet leaves without
//! it and gets another one from the ends of the path, which behind a NAT have other addresses than
//! the sender believed (RFC 3948 section 3.1.2).
//!
//! What else stood in the header (hop limit, DSCP, IPv4 options) is not that of the sender.

use std::{net::IpAddr, ops::Range};

use holdfast_ike::{ChildSa, Mode, TrafficSelector};

use crate::packet::{
    checksum::{pseudo_header, set_ipv4_checksum},
    header::{ICMPV6, TCP, UDP, addresses},
};

/// Length of an IPv4 header without options, and of an IPv6 header.
const V4: usize = 20;
const V6: usize = 40;

/// The hop limit of packets that have come through.
const HOPS: u8 = 64;

/// Between whom the packets go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    local: IpAddr,
    remote: IpAddr,
}

/// Whether the selectors are those of the two ends.
pub(super) fn fits(child: &ChildSa) -> bool {
    let only = |selectors: &[TrafficSelector], address: IpAddr| {
        let is = |selector: &TrafficSelector| selector.start == address && selector.end == address;
        !selectors.is_empty() && selectors.iter().all(is)
    };
    only(&child.local_ts, child.path.local.ip()) && only(&child.remote_ts, child.path.remote.ip())
}

/// Where the payload of a sound IP packet begins, and which protocol that is. Extension headers of
/// IPv6 travel with it.
pub(super) fn payload(packet: &[u8]) -> (usize, u8) {
    if packet[0] >> 4 == 4 {
        (usize::from(packet[0] & 0x0f) * 4, packet[9])
    } else {
        (V6, packet[6])
    }
}

impl Ends {
    /// Those of a CHILD_SA, if it is in transport mode.
    pub(super) fn of(child: &ChildSa) -> Option<Self> {
        (child.mode == Mode::Transport).then(|| Self {
            local: child.path.local.ip(),
            remote: child.path.remote.ip(),
        })
    }

    /// Gives a payload in the slab a header, at `at` in the same slab. `None` if there is no room.
    pub(super) fn rebuild(
        &self,
        slab: &mut [u8],
        payload: Range<usize>,
        at: usize,
        protocol: u8,
        ecn: u8,
    ) -> Option<Range<usize>> {
        let length = payload.len();
        let header = if self.local.is_ipv4() { V4 } else { V6 };
        let end = at.checked_add(header + length)?;
        let total = u16::try_from(header + length).ok()?;
        if end > slab.len() {
            return None;
        }
        slab.copy_within(payload, at + header);
        let packet = &mut slab[at..end];
        packet[..header].fill(0);
        match (self.remote, self.local) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                packet[0] = 0x45;
                packet[1] = ecn;
                packet[2..4].copy_from_slice(&total.to_be_bytes());
                // Not to be fragmented, so it needs no number (RFC 6864 section 4.1).
                packet[6] = 0x40;
                packet[8] = HOPS;
                packet[9] = protocol;
                packet[12..16].copy_from_slice(&source.octets());
                packet[16..20].copy_from_slice(&destination.octets());
                set_ipv4_checksum(&mut packet[..header]);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                packet[0] = 0x60;
                packet[1] = ecn << 4;
                packet[4..6].copy_from_slice(&(length as u16).to_be_bytes());
                packet[6] = protocol;
                packet[7] = HOPS;
                packet[8..24].copy_from_slice(&source.octets());
                packet[24..40].copy_from_slice(&destination.octets());
            }
            _ => return None,
        }
        set_checksum(packet, header, protocol);
        Some(at..end)
    }
}

/// The checksum covers addresses that a NAT may have changed; ESP has proven that the rest is
/// intact (RFC 3948 section 3.1.2).
fn set_checksum(packet: &mut [u8], header: usize, protocol: u8) {
    let (field, least) = match protocol {
        TCP => (16, 20),
        UDP => (6, 8),
        ICMPV6 => (2, 4),
        _ => return,
    };
    let length = packet.len() - header;
    let field = header + field..header + field + 2;
    if length < least || (protocol == UDP && header == V4 && packet[field.clone()] == [0, 0]) {
        return;
    }
    let pseudo = pseudo_header(addresses(packet), protocol, length);
    packet[field.clone()].fill(0);
    let sum = match pseudo.add(&packet[header..]).checksum() {
        [0, 0] => [0xff, 0xff],
        sum => sum,
    };
    packet[field].copy_from_slice(&sum);
}

//! Traffic selectors and their narrowing (RFC 7296 sections 2.9 and 3.13).

mod notation;

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

pub use notation::ParseTrafficSelectorError;

/// A range of addresses, ports and one protocol.
///
/// Invariant: `start` and `end` are of one address family and `start <= end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrafficSelector {
    /// IP protocol number; 0 means any.
    pub protocol: u8,
    /// First port (or ICMP type and code) of the range.
    pub start_port: u16,
    /// Last port of the range, inclusive. `0..=65535` means any; `65535..=0` means OPAQUE.
    pub end_port: u16,
    /// First address of the range.
    pub start: IpAddr,
    /// Last address of the range, inclusive.
    pub end: IpAddr,
}

/// The most selectors that one payload can carry: its count is one octet.
const MOST: usize = 255;

impl TrafficSelector {
    /// All traffic of a network.
    pub fn from_net(net: IpNet) -> Self {
        Self {
            protocol: 0,
            start_port: 0,
            end_port: u16::MAX,
            start: net.network(),
            end: net.broadcast(),
        }
    }

    /// Whether every port belongs to it.
    pub fn is_any_port(&self) -> bool {
        (self.start_port, self.end_port) == (0, u16::MAX)
    }

    /// Whether it is for packets whose ports are not known (RFC 4301 section 4.4.1.1), such as
    /// fragments.
    pub fn is_opaque(&self) -> bool {
        (self.start_port, self.end_port) == (u16::MAX, 0)
    }

    /// What belongs to both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        if self.start.is_ipv4() != other.start.is_ipv4() {
            return None;
        }
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        if start > end {
            return None;
        }
        let protocol = match (self.protocol, other.protocol) {
            (0, protocol) | (protocol, 0) => protocol,
            (mine, theirs) if mine == theirs => mine,
            _ => return None,
        };
        let (start_port, end_port) = self.intersect_ports(other)?;
        Some(Self {
            protocol,
            start_port,
            end_port,
            start,
            end,
        })
    }

    fn intersect_ports(&self, other: &Self) -> Option<(u16, u16)> {
        // OPAQUE is within ANY and itself, but in no range of known ports.
        for (one, two) in [(self, other), (other, self)] {
            if one.is_opaque() {
                return (two.is_any_port() || two.is_opaque()).then_some((u16::MAX, 0));
            }
        }
        let start = self.start_port.max(other.start_port);
        let end = self.end_port.min(other.end_port);
        (start <= end).then_some((start, end))
    }

    /// Whether all traffic of `other` belongs to this one.
    pub fn contains(&self, other: &Self) -> bool {
        self.intersection(other).as_ref() == Some(other)
    }

    /// Whether all traffic of this one belongs to `other`.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        other.contains(self)
    }

    /// Whether packets from or to this address may belong to it.
    pub fn contains_address(&self, address: IpAddr) -> bool {
        self.start.is_ipv4() == address.is_ipv4() && (self.start..=self.end).contains(&address)
    }

    /// The networks that make up its address range, as few as possible, in ascending order.
    pub fn subnets(&self) -> Vec<IpNet> {
        match (self.start, self.end) {
            (IpAddr::V4(start), IpAddr::V4(end)) => {
                Ipv4Subnets::new(start, end, 0).map(IpNet::V4).collect()
            }
            (IpAddr::V6(start), IpAddr::V6(end)) => {
                Ipv6Subnets::new(start, end, 0).map(IpNet::V6).collect()
            }
            // Excluded by the invariant.
            _ => Vec::new(),
        }
    }

    /// What of the `offered` selectors is `allowed` (RFC 7296 section 2.9), in the order offered,
    /// without duplicates and without what another selector of the result includes.
    ///
    /// At most 255 are returned, as one payload carries no more: fewer is merely narrower.
    pub fn narrow(offered: &[Self], allowed: &[Self]) -> Vec<Self> {
        let mut narrowed: Vec<Self> = Vec::new();
        for common in offered
            .iter()
            .flat_map(|offer| allowed.iter().filter_map(|allow| offer.intersection(allow)))
        {
            if narrowed.iter().any(|kept| kept.contains(&common)) {
                continue;
            }
            narrowed.retain(|kept| !common.contains(kept));
            if narrowed.len() == MOST {
                break;
            }
            narrowed.push(common);
        }
        narrowed
    }
}

#[cfg(test)]
pub(crate) mod tests;

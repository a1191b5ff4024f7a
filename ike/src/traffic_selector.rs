//! Traffic selectors and their narrowing (RFC 7296 sections 2.9 and 3.13).

use std::net::IpAddr;

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

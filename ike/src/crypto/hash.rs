//! Digests that are part of the protocol.

use std::net::{IpAddr, SocketAddr};

use super::provider::digest::{self, Hash, Hmac};
use crate::IkeSpis;

/// SHA-1 of the concatenated parts. Only for NAT detection, where it protects nothing.
pub fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    fixed(digest::sha1(parts).as_ref())
}

/// SHA-256 of the concatenated parts.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    fixed(digest::sha256(parts).as_ref())
}

/// HMAC-SHA-256 of the concatenated parts.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    fixed(
        Hmac::new(Hash::Sha256, key)
            .sign(parts.iter().copied())
            .as_ref(),
    )
}

/// The data of NAT_DETECTION_SOURCE_IP and NAT_DETECTION_DESTINATION_IP (RFC 7296 section 2.23):
/// `HASH = SHA-1(SPIi | SPIr | IP | Port)`, each in network byte order.
///
/// An IPv4 address in IPv6 form, as dual-stack sockets report it, counts as the IPv4 address that
/// is on the wire.
pub fn nat_detection_hash(spis: IkeSpis, address: SocketAddr) -> [u8; 20] {
    let port = address.port().to_be_bytes();
    let hash = |ip: &[u8]| sha1(&[&spis.initiator.0, &spis.responder.0, ip, &port]);
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => hash(&ip.octets()),
        IpAddr::V6(ip) => hash(&ip.octets()),
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes
        .try_into()
        .expect("the length of a digest is that of its algorithm")
}

#[cfg(test)]
mod tests;

//! Explicit congestion notification across the tunnel (RFC 6040).
//!
//! The DSCP is not copied: `quinn-udp` sets the outer traffic class to the ECN field alone, so
//! outer packets carry DSCP 0. That hides the inner classes from the path and keeps packets of one
//! SA in order (RFC 4301 section 4.1 warns of classes that overtake the replay window).

use super::{checksum::set_ipv4_checksum, header::be16};

/// Not capable of ECN.
const NOT_ECT: u8 = 0b00;
/// Capable, second codepoint.
const ECT_1: u8 = 0b01;
/// Capable, first codepoint.
const ECT_0: u8 = 0b10;
/// Congestion was experienced.
const CE: u8 = 0b11;

/// The ECN field of an IP packet.
pub(crate) fn codepoint(packet: &[u8]) -> u8 {
    match packet {
        [first, second, ..] if first >> 4 == 6 => second >> 4 & CE,
        [_, second, ..] => second & CE,
        _ => NOT_ECT,
    }
}

/// Carries what happened to the outer header over to the inner packet (section 4.2, figure 4).
/// `false` says that the packet must be dropped.
pub(crate) fn decapsulate(outer: u8, packet: &mut [u8]) -> bool {
    match (codepoint(packet), outer) {
        (NOT_ECT, CE) => false,
        (ECT_0 | ECT_1, CE) => {
            set(packet, CE);
            true
        }
        (ECT_0, ECT_1) => {
            set(packet, ECT_1);
            true
        }
        _ => true,
    }
}

fn set(packet: &mut [u8], codepoint: u8) {
    if packet[0] >> 4 == 6 {
        packet[1] = packet[1] & !(CE << 4) | codepoint << 4;
        return;
    }
    packet[1] = packet[1] & !CE | codepoint;
    let length = usize::from(packet[0] & 0x0f) * 4;
    debug_assert!(usize::from(be16(packet, 2)) >= length);
    set_ipv4_checksum(&mut packet[..length]);
}

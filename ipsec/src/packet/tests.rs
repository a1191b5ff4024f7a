//! Builders of packets, and the checksum and ECN against their definitions.

use proptest::prelude::*;

use super::{checksum::Sum, ecn};

/// A TCP segment over IPv4 or IPv6 with valid checksums.
pub(crate) fn tcp(v6: bool, flags: u8, sequence: u32, options: usize, payload: &[u8]) -> Vec<u8> {
    let mut transport = vec![0; 20 + options];
    transport[..4].copy_from_slice(&[0x30, 0x39, 0, 80]);
    transport[4..8].copy_from_slice(&sequence.to_be_bytes());
    transport[12] = (((20 + options) / 4) << 4) as u8;
    transport[13] = flags;
    transport[14] = 0xff;
    transport[20..].fill(1);
    transport.extend(payload);
    ip(v6, 6, 16, transport)
}

/// A UDP datagram over IPv4 or IPv6 with valid checksums.
pub(crate) fn udp(v6: bool, payload: &[u8]) -> Vec<u8> {
    let mut transport = vec![0x30, 0x39, 0, 53, 0, 0, 0, 0];
    transport[4..6].copy_from_slice(&(8 + payload.len() as u16).to_be_bytes());
    transport.extend(payload);
    ip(v6, 17, 6, transport)
}

fn ip(v6: bool, protocol: u8, field: usize, transport: Vec<u8>) -> Vec<u8> {
    let length = transport.len() as u16;
    let mut packet = if v6 {
        let mut header = vec![0; 40];
        header[0] = 0x60;
        header[4..6].copy_from_slice(&length.to_be_bytes());
        header[6..8].copy_from_slice(&[protocol, 64]);
        header[23] = 1;
        header[39] = 2;
        header
    } else {
        let mut header = vec![0x45, 0, 0, 0, 0x12, 0x34, 0x40, 0, 64, protocol, 0, 0];
        header.extend([10, 1, 0, 1, 10, 2, 0, 2]);
        header[2..4].copy_from_slice(&(20 + length).to_be_bytes());
        let sum = naive_checksum(&header);
        header[10..12].copy_from_slice(&sum);
        header
    };
    let ip = packet.len();
    packet.extend(transport);
    let sum = match transport_checksum(&packet) {
        [0, 0] if protocol == 17 => [0xff, 0xff],
        sum => sum,
    };
    packet[ip + field..ip + field + 2].copy_from_slice(&sum);
    packet
}

/// The checksum over pseudo header and transport; zero or all ones for a packet that is intact.
pub(crate) fn transport_checksum(packet: &[u8]) -> [u8; 2] {
    let (ip, addresses, protocol) = match packet[0] >> 4 {
        4 => (20, 12..20, packet[9]),
        _ => (40, 8..40, packet[6]),
    };
    let length = (packet.len() - ip) as u32;
    let pseudo = [
        &packet[addresses],
        &length.to_be_bytes(),
        &[0, 0, 0, protocol],
        &packet[ip..],
    ];
    naive_checksum(&pseudo.concat())
}

/// RFC 1071 section 1, as it is written.
pub(crate) fn naive_checksum(bytes: &[u8]) -> [u8; 2] {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

proptest! {
    #[test]
    fn the_checksum_is_the_defined_one(
        bytes in prop::collection::vec(prop_oneof![Just(0xff_u8), any::<u8>()], 0..3000),
        cut in 0_usize..1500,
    ) {
        let expected = naive_checksum(&bytes);
        prop_assert_eq!(Sum::default().add(&bytes).checksum(), expected);
        let cut = (cut * 2).min(bytes.len() & !1);
        let sum = Sum::default().add(&bytes[..cut]).add(&bytes[cut..]);
        prop_assert_eq!(sum.checksum(), expected);
        prop_assert_eq!(sum.partial(), [!expected[0], !expected[1]]);
    }
}

/// RFC 6040 figure 4: rows are the inner codepoint, columns the outer one; `None` is "drop".
#[test]
fn ecn_is_decapsulated_by_the_table() {
    const NOT: u8 = 0;
    const ECT1: u8 = 1;
    const ECT0: u8 = 2;
    const CE: u8 = 3;
    let table = [
        (NOT, [Some(NOT), Some(NOT), Some(NOT), None]),
        (ECT0, [Some(ECT0), Some(ECT0), Some(ECT1), Some(CE)]),
        (ECT1, [Some(ECT1), Some(ECT1), Some(ECT1), Some(CE)]),
        (CE, [Some(CE), Some(CE), Some(CE), Some(CE)]),
    ];
    for v6 in [false, true] {
        for (inner, outcomes) in table {
            for (outer, outcome) in [NOT, ECT0, ECT1, CE].into_iter().zip(outcomes) {
                let mut packet = udp(v6, b"x");
                if v6 {
                    packet[1] |= inner << 4;
                } else {
                    packet[1] |= 0xb8 | inner;
                    packet[10..12].fill(0);
                    let sum = naive_checksum(&packet[..20]);
                    packet[10..12].copy_from_slice(&sum);
                }
                assert_eq!(ecn::codepoint(&packet), inner);
                let kept = ecn::decapsulate(outer, &mut packet);
                assert_eq!(kept.then(|| ecn::codepoint(&packet)), outcome);
                if !v6 {
                    assert_eq!(naive_checksum(&packet[..20]), [0, 0]);
                    assert_eq!(packet[1] & 0xfc, 0xb8, "the DSCP stays");
                }
            }
        }
    }
    assert_eq!(ecn::codepoint(&[]), NOT);
}

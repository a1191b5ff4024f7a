use proptest::prelude::*;

use super::*;
use crate::packet::{
    header::be16,
    tests::{naive_checksum, tcp, transport_checksum, udp},
};

fn cut(frame: &[u8], offload: Offload) -> Option<Vec<Vec<u8>>> {
    let header = Header::parse(frame)?;
    let plan = Plan::new(frame, offload, &header)?;
    let packets: Vec<Vec<u8>> = (0..plan.count())
        .map(|index| {
            let mut packet = vec![0; plan.length(index)];
            plan.write(frame, index, &mut packet);
            packet
        })
        .collect();
    assert_eq!(plan.total(), packets.iter().map(Vec::len).sum::<usize>());
    Some(packets)
}

fn is_intact(packet: &[u8]) -> bool {
    let header = Header::parse(packet).unwrap();
    let ip = packet[0] >> 4 == 6 || naive_checksum(&packet[..20]) == [0, 0];
    ip && header.total == packet.len() && matches!(transport_checksum(packet), [0, 0])
}

proptest! {
    #[test]
    fn tcp_segments_are_what_a_card_would_send(
        v6: bool,
        payload in prop::collection::vec(any::<u8>(), 0..9000),
        size in 500_u16..1500,
        options in prop::sample::select(vec![0_usize, 12, 40]),
        sequence: u32,
    ) {
        let flags = FIN | PSH | CWR | 0x10;
        let frame = tcp(v6, flags, sequence, options, &payload);
        let packets = cut(&frame, Offload::TcpSegments { size }).unwrap();
        let ip = if v6 { 40 } else { 20 };
        let headers = ip + 20 + options;
        let mut rebuilt: Vec<u8> = Vec::new();
        for (index, packet) in packets.iter().enumerate() {
            prop_assert!(is_intact(packet));
            prop_assert_eq!(be32(packet, ip + 4), sequence.wrapping_add(rebuilt.len() as u32));
            let (first, last) = (index == 0, index + 1 == packets.len());
            let mut expected = 0x10;
            expected |= if first { CWR } else { 0 };
            expected |= if last { FIN | PSH } else { 0 };
            prop_assert_eq!(packet[ip + 13], expected);
            if !v6 {
                prop_assert_eq!(be16(packet, 4), 0x1234 + index as u16);
            }
            prop_assert!(last || packet.len() == headers + usize::from(size));
            rebuilt.extend(&packet[headers..]);
        }
        prop_assert_eq!(rebuilt, payload);
    }

    #[test]
    fn udp_segments_are_datagrams(
        v6: bool,
        payload in prop::collection::vec(any::<u8>(), 1..5000),
        size in 100_u16..1500,
    ) {
        let frame = udp(v6, &payload);
        let packets = cut(&frame, Offload::UdpSegments { size }).unwrap();
        let headers = if v6 { 48 } else { 28 };
        prop_assert!(packets.iter().all(|packet| is_intact(packet)));
        for packet in &packets {
            let length = usize::from(be16(packet, headers - 4));
            prop_assert_eq!(length, packet.len() - headers + 8);
        }
        let rebuilt: Vec<u8> = packets.iter().flat_map(|packet| &packet[headers..]).copied().collect();
        prop_assert_eq!(rebuilt, payload);
    }

    #[test]
    fn arbitrary_frames_are_safe(
        mut frame in prop::collection::vec(any::<u8>(), 0..200),
        version in prop::sample::select(vec![0x45_u8, 0x46, 0x60]),
        protocol in prop::sample::select(vec![6_u8, 17, 0, 44]),
        (start, offset, size) in any::<(u16, u16, u16)>(),
    ) {
        if frame.len() >= 20 {
            frame[0] = version;
            frame[2] = 0;
            frame[4] = 0;
            frame[if version == 0x60 { 6 } else { 9 }] = protocol;
        }
        for offload in [
            Offload::None,
            Offload::Checksum { start, offset },
            Offload::Checksum { start: start % 64, offset: offset % 32 },
            Offload::TcpSegments { size },
            Offload::UdpSegments { size: size % 50 },
        ] {
            cut(&frame, offload);
        }
    }
}

#[test]
fn a_pending_checksum_is_computed() {
    for v6 in [false, true] {
        let whole = udp(v6, b"odd");
        let mut pending = whole.clone();
        let ip = whole.len() - 11;
        // What the kernel leaves: the sum over the pseudo header.
        let partial = pseudo_header(addresses(&whole), UDP, 11).partial();
        pending[ip + 6..ip + 8].copy_from_slice(&partial);
        let offload = Offload::Checksum {
            start: ip as u16,
            offset: 6,
        };
        assert_eq!(cut(&pending, offload), Some(vec![whole]));
    }
}

#[test]
fn offloads_that_do_not_fit_are_refused() {
    let frame = tcp(false, 0x10, 1, 0, &[0; 100]);
    assert_eq!(cut(&frame, Offload::TcpSegments { size: 0 }), None);
    assert_eq!(cut(&frame, Offload::UdpSegments { size: 10 }), None);
    let outside = Offload::Checksum {
        start: 20,
        offset: 119,
    };
    assert_eq!(cut(&frame, outside), None);
    let mut fragment = frame.clone();
    fragment[6] = 0x20;
    assert_eq!(cut(&fragment, Offload::TcpSegments { size: 10 }), None);
    let mut data_offset = frame;
    data_offset[32] = 0x40;
    assert_eq!(cut(&data_offset, Offload::TcpSegments { size: 10 }), None);
}

#[test]
fn trailing_octets_are_not_part_of_the_packet() {
    let packet = udp(false, b"payload");
    let padded = [&packet[..], &[0; 7]].concat();
    assert_eq!(cut(&padded, Offload::None), Some(vec![packet]));
}

use proptest::prelude::*;

use super::*;

/// An IPv4 packet with this protocol, fragment field and payload.
fn v4(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 20];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
    packet[6..8].copy_from_slice(&fragment.to_be_bytes());
    packet[9] = protocol;
    packet[12..16].copy_from_slice(&[10, 1, 0, 1]);
    packet[16..20].copy_from_slice(&[10, 2, 0, 2]);
    packet.extend(payload);
    packet
}

/// An IPv6 packet with this next header and payload.
fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 40];
    packet[0] = 0x60;
    packet[4..6].copy_from_slice(&(payload.len() as u16).to_be_bytes());
    packet[6] = next;
    packet[8..24].copy_from_slice(&Ipv6Addr::LOCALHOST.octets());
    packet[39] = 9;
    packet.extend(payload);
    packet
}

#[test]
fn ports_are_read_where_the_protocol_has_them() {
    let udp = [0, 53, 0x30, 0x39, 0, 8, 0, 0];
    let header = Header::parse(&v4(UDP, 0, &udp)).unwrap();
    assert_eq!(header.ports, Ports::Known(53, 12345));
    assert_eq!(header.source.to_string(), "10.1.0.1");
    assert_eq!(header.destination.to_string(), "10.2.0.2");
    assert_eq!((header.length, header.total), (20, 28));
    let header = Header::parse(&v6(TCP, &udp)).unwrap();
    assert_eq!(header.ports, Ports::Known(53, 12345));
    assert_eq!(header.source.to_string(), "::1");
    assert_eq!(header.destination.to_string(), "::9");
    let ports = |packet: &[u8]| Header::parse(packet).unwrap().ports;
    assert_eq!(ports(&v4(ICMP, 0, &[8, 3])), Ports::Icmp(0x0803));
    assert_eq!(ports(&v6(ICMPV6, &[128, 0])), Ports::Icmp(0x8000));
    assert_eq!(ports(&v4(47, 0, &udp)), Ports::None);
    // Too short to show them.
    assert_eq!(ports(&v4(UDP, 0, &udp[..3])), Ports::Opaque);
}

#[test]
fn fragments_show_their_ports_only_in_the_first() {
    let udp = [0, 53, 0x30, 0x39, 0, 8, 0, 0];
    let first = Header::parse(&v4(UDP, 0x2000, &udp)).unwrap();
    assert!(first.fragment);
    assert_eq!(first.ports, Ports::Known(53, 12345));
    let later = Header::parse(&v4(UDP, 0x0001, &udp)).unwrap();
    assert!(later.fragment);
    assert_eq!(later.ports, Ports::Opaque);
    assert!(!Header::parse(&v4(UDP, 0x4000, &udp)).unwrap().fragment);

    let fragment = |field: [u8; 2]| [&[UDP, 0, field[0], field[1], 0, 0, 0, 1][..], &udp].concat();
    let first = Header::parse(&v6(44, &fragment([0, 1]))).unwrap();
    assert!(first.fragment);
    assert_eq!(first.ports, Ports::Known(53, 12345));
    let later = Header::parse(&v6(44, &fragment([0, 8]))).unwrap();
    assert!(later.fragment);
    assert_eq!((later.protocol, later.ports), (UDP, Ports::Opaque));
    // An atomic fragment (RFC 6946) is whole.
    assert!(!Header::parse(&v6(44, &fragment([0, 0]))).unwrap().fragment);
}

#[test]
fn extension_headers_are_passed() {
    let udp = [0, 53, 0x30, 0x39, 0, 8, 0, 0];
    // Hop-by-hop options of 16 octets, destination options of 8, authentication of 12, UDP.
    let mut payload = vec![60, 1];
    payload.extend([0; 14]);
    payload.extend([51, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend([UDP, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend(udp);
    let header = Header::parse(&v6(0, &payload)).unwrap();
    assert_eq!((header.protocol, header.length), (UDP, 40 + 36));
    assert_eq!(header.ports, Ports::Known(53, 12345));
    // One that reaches beyond the packet.
    assert_eq!(Header::parse(&v6(0, &[UDP, 9, 0, 0, 0, 0, 0, 0])), None);
}

#[test]
fn lengths_that_lie_are_refused() {
    let good = v4(UDP, 0, &[0; 8]);
    for length in 0..good.len() {
        assert_eq!(Header::parse(&good[..length]), None);
    }
    let mut short_header = good.clone();
    short_header[0] = 0x44;
    assert_eq!(Header::parse(&short_header), None);
    let mut long_header = good.clone();
    long_header[0] = 0x4f;
    assert_eq!(Header::parse(&long_header), None);
    let mut version = good.clone();
    version[0] = 0x55;
    assert_eq!(Header::parse(&version), None);
    let good = v6(UDP, &[0; 8]);
    for length in 0..good.len() {
        assert_eq!(Header::parse(&good[..length]), None);
    }
    // What follows is padding, not packet.
    let padded = [&good[..], &[0; 9]].concat();
    assert_eq!(Header::parse(&padded).unwrap().total, good.len());
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_safe(
        mut packet in prop::collection::vec(any::<u8>(), 0..120),
        version in prop::sample::select(vec![4_u8, 5, 6, 15]),
        first: u8,
    ) {
        if let Some(octet) = packet.first_mut() {
            *octet = version << 4 | first & 0x0f;
        }
        if let Some(header) = Header::parse(&packet) {
            prop_assert!(header.length <= header.total);
            prop_assert!(header.total <= packet.len());
        }
    }
}

//! Transport mode: packets between the two ends themselves, whose addresses a NAT may change.

use std::net::{IpAddr, SocketAddr};

use futures::executor::block_on;
use holdfast_ike::{ChildSa, Mode, TrafficSelector};
use holdfast_ipsec::{DataPlane, InstallError};

use crate::support::{Gateway, Network, PATIENCE, child, packet};

fn host(address: IpAddr) -> Vec<TrafficSelector> {
    vec![TrafficSelector::from_net(address.into())]
}

/// The CHILD_SA of one end: `remote` is where it sees the other end.
fn transport(end: u8, local: SocketAddr, remote: SocketAddr) -> ChildSa {
    ChildSa {
        mode: Mode::Transport,
        local_ts: host(local.ip()),
        remote_ts: host(remote.ip()),
        ..child(end, local, remote)
    }
}

/// Header and checksum of a packet as its receiver makes it.
fn udp_checksum(packet: &[u8]) -> u16 {
    let mut sum: u32 = packet[12..20]
        .chunks(2)
        .chain(packet[20..].chunks(2))
        .map(|word| u32::from(u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)])))
        .sum();
    sum += 17 + (packet.len() - 20) as u32;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[test]
fn the_ip_header_does_not_travel_but_arrives() {
    let (one, two) = (Gateway::start(), Gateway::start());
    let lengths = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = std::sync::Arc::clone(&lengths);
    let network = Network::to(two.address, move |datagram| {
        log.lock().unwrap().push(datagram.len());
        vec![datagram]
    });
    block_on(
        one.plane
            .install(transport(1, one.address, network.address)),
    )
    .unwrap();
    block_on(two.plane.install(transport(2, two.address, one.address))).unwrap();
    for length in [0, 1, 400, 1200] {
        let mut sent = packet("127.0.0.1", "127.0.0.1", &vec![7; length]);
        // A checksum, so that the other end has one to make anew.
        sent[26..28].copy_from_slice(&[1, 1]);
        one.application.inject(sent.clone()).unwrap();
        let got = two.application.receive_timeout(PATIENCE).unwrap();
        assert_eq!(got.len(), sent.len());
        assert_eq!((got[9], &got[12..20]), (17, &sent[12..20]));
        assert_eq!(got[28..], sent[28..], "the payload");
        assert_eq!(udp_checksum(&got), 0xffff, "its checksum is right");
    }
    drop(network);
    let lengths = lengths.lock().unwrap();
    // ESP with AES-GCM adds 8 + 8 + 2 + 16 octets and padding, and the header is missing.
    assert!(lengths[3] < 1228 + 38, "{lengths:?}");
}

#[test]
fn addresses_are_those_of_the_path() {
    // What one calls 127.0.0.1 is 127.0.0.9 to two, as behind a NAT.
    let (one, two) = (Gateway::start(), Gateway::start());
    let seen = SocketAddr::new("127.0.0.9".parse().unwrap(), one.address.port());
    block_on(one.plane.install(transport(1, one.address, two.address))).unwrap();
    block_on(two.plane.install(transport(2, two.address, seen))).unwrap();
    let mut sent = packet("127.0.0.1", "127.0.0.1", b"hello");
    sent[26..28].copy_from_slice(&[1, 1]);
    one.application.inject(sent).unwrap();
    let got = two.application.receive_timeout(PATIENCE).unwrap();
    assert_eq!(got[12..16], [127, 0, 0, 9]);
    assert_eq!(udp_checksum(&got), 0xffff);
}

#[test]
fn other_selectors_than_those_of_the_ends_are_refused() {
    let one = Gateway::start();
    let mut sa = transport(1, one.address, one.address);
    sa.local_ts = child(1, one.address, one.address).local_ts;
    let error = block_on(one.plane.install(sa)).unwrap_err();
    assert!(matches!(error, InstallError::TransportMode), "{error}");
}

#[test]
fn fragments_are_not_protected() {
    let (one, two) = (Gateway::start(), Gateway::start());
    block_on(one.plane.install(transport(1, one.address, two.address))).unwrap();
    block_on(two.plane.install(transport(2, two.address, one.address))).unwrap();
    let mut fragment = packet("127.0.0.1", "127.0.0.1", &[7; 64]);
    fragment[6] = 0x20;
    one.application.inject(fragment).unwrap();
    let whole = packet("127.0.0.1", "127.0.0.1", &[8; 64]);
    one.application.inject(whole.clone()).unwrap();
    let got = two.application.receive_timeout(PATIENCE).unwrap();
    assert_eq!(got[28..], whole[28..]);
    assert_eq!(one.plane.counters().device_malformed, 1);
}

//! Peers that are heard at another address.

use std::{
    net::UdpSocket,
    sync::{Arc, Mutex},
};

use futures::executor::block_on;
use holdfast_ike::{EspSpi, Path};
use holdfast_ipsec::{DataPlane, PlaneEvent};

use super::{AT_ONE, AT_TWO, tunnel};
use crate::support::{Gateway, Network, PATIENCE, packet};

/// One packet from one end to the other.
fn pass(from: &Gateway, to: &Gateway, source: &str, destination: &str) {
    let sent = packet(source, destination, b"hello");
    from.application.inject(sent.clone()).unwrap();
    assert_eq!(to.application.receive_timeout(PATIENCE), Some(sent));
}

#[test]
fn a_peer_behind_a_new_address_is_told_and_answered_where_it_is() {
    let (one, mut two) = (Gateway::start(), Gateway::start());
    // What comes through the network comes from another port.
    let network = Network::to(two.address, |datagram| vec![datagram]);
    tunnel(&one, &two, Some(&network));
    pass(&one, &two, "10.1.0.1", "10.2.0.1");
    let PlaneEvent::PeerMoved { inbound, path } = two.event() else {
        panic!("something else");
    };
    assert_eq!(inbound, AT_TWO);
    assert_eq!(path.local.port(), two.address.port());
    assert_ne!(path.remote, one.address);
    // Nothing has changed yet: it is not for the data plane to decide.
    pass(&two, &one, "10.2.0.1", "10.1.0.1");
    // Told once, not with each packet.
    for _ in 0..5 {
        pass(&one, &two, "10.1.0.1", "10.2.0.1");
    }
    assert!(two.events.try_recv().is_err());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let path = Path {
        remote: socket.local_addr().unwrap(),
        ..path
    };
    block_on(two.plane.update_path(AT_TWO, path, true)).unwrap();
    two.application
        .inject(packet("10.2.0.1", "10.1.0.1", b"there"))
        .unwrap();
    let mut buffer = [0; 2000];
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    assert!(length > 0);
    assert_eq!(from, two.address);
}

#[test]
fn repeated_and_altered_packets_tell_nothing() {
    let (one, mut two) = (Gateway::start(), Gateway::start());
    let recorded = Arc::new(Mutex::new(Vec::new()));
    let tape = Arc::clone(&recorded);
    let network = Network::to(two.address, move |datagram| {
        tape.lock().unwrap().push(datagram.clone());
        vec![datagram]
    });
    tunnel(&one, &two, Some(&network));
    pass(&one, &two, "10.1.0.1", "10.2.0.1");
    let PlaneEvent::PeerMoved { path, .. } = two.event() else {
        panic!("something else");
    };
    block_on(two.plane.update_path(AT_TWO, path, true)).unwrap();
    let attacker = UdpSocket::bind("127.0.0.1:0").unwrap();
    let genuine = recorded.lock().unwrap()[0].clone();
    let mut altered = genuine.clone();
    altered[7] += 1;
    attacker.send_to(&genuine, two.address).unwrap();
    attacker.send_to(&altered, two.address).unwrap();
    two.wait_for("both are refused", |plane| {
        let counters = plane.counters();
        counters.replayed == 1 && counters.integrity_failed == 1
    });
    assert!(two.events.try_recv().is_err());
}

#[test]
fn a_path_that_no_socket_serves_changes_nothing() {
    let (one, two) = (Gateway::start(), Gateway::start());
    tunnel(&one, &two, None);
    let path = Path {
        local: "[2001:db8::1]:4500".parse().unwrap(),
        remote: "[2001:db8::2]:4500".parse().unwrap(),
    };
    assert!(block_on(one.plane.update_path(AT_ONE, path, true)).is_err());
    let path = Path {
        local: one.address,
        remote: two.address,
    };
    assert!(block_on(one.plane.update_path(AT_ONE, path, false)).is_err());
    assert!(block_on(one.plane.update_path(EspSpi(77), path, true)).is_ok());
    pass(&one, &two, "10.1.0.1", "10.2.0.1");
}

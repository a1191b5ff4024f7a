//! Traffic flow confidentiality: on the wire all packets look alike (RFC 4303 section 2.7).

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use holdfast_ike::TfcPadding;
use holdfast_ipsec::DataPlane;

use crate::support::{Gateway, Network, PATIENCE, child, packet};

/// Sends packets of these lengths of payload and hands back the lengths of the datagrams.
fn datagrams(padding: TfcPadding, payloads: &[usize]) -> Vec<usize> {
    let (one, two) = (Gateway::start(), Gateway::start());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let network = Network::to(two.address, move |datagram| {
        log.lock().unwrap().push(datagram.len());
        vec![datagram]
    });
    let mut sa = child(1, one.address, network.address);
    sa.tfc_padding = padding;
    block_on(one.plane.install(sa)).unwrap();
    block_on(two.plane.install(child(2, two.address, one.address))).unwrap();
    for &length in payloads {
        for (source, destination) in [("10.1.0.1", "10.2.0.1"), ("fd00:1::1", "fd00:2::1")] {
            let sent = packet(source, destination, &vec![7; length]);
            one.application.inject(sent.clone()).unwrap();
            assert_eq!(two.application.receive_timeout(PATIENCE), Some(sent));
        }
    }
    drop(network);
    Arc::try_unwrap(seen).unwrap().into_inner().unwrap()
}

#[test]
fn small_packets_look_like_large_ones() {
    let lengths = datagrams(TfcPadding::To(1000), &[0, 1, 17, 500, 900]);
    assert_eq!(lengths.len(), 10);
    assert!(
        lengths.iter().all(|length| *length == lengths[0]),
        "{lengths:?}"
    );
    assert!(lengths[0] > 1000);
}

#[test]
fn all_packets_grow_to_the_mtu() {
    let lengths = datagrams(TfcPadding::Mtu, &[0, 300, 1300]);
    assert!(
        lengths.iter().all(|length| *length == lengths[0]),
        "{lengths:?}"
    );
    assert!(lengths[0] > 1400);
}

#[test]
fn larger_packets_pass_as_they_are() {
    let lengths = datagrams(TfcPadding::To(100), &[500, 1300]);
    assert!(lengths[0] < lengths[2], "{lengths:?}");
}

#[test]
fn padding_beyond_every_datagram_is_cut() {
    let lengths = datagrams(TfcPadding::To(u16::MAX), &[10]);
    assert!(lengths.iter().all(|length| *length > 60_000), "{lengths:?}");
}

//! Packets that come before their SA.

use std::time::Duration;

use futures::executor::block_on;
use holdfast_ipsec::DataPlane;

use crate::support::{Gateway, PATIENCE, child, packet};

/// The other end sends before this one has its SA (RFC 7296 section 2.8).
#[test]
fn packets_wait_for_an_sa_that_is_on_its_way() {
    let (one, two) = (Gateway::start(), Gateway::start());
    let spi = two.plane.allocate_spi().unwrap();
    let mut sender = child(1, one.address, two.address);
    sender.outbound_spi = spi;
    block_on(one.plane.install(sender)).unwrap();
    let sent: Vec<_> = (0..10)
        .map(|number| packet("10.1.0.1", "10.2.0.1", &[number; 100]))
        .collect();
    for packet in &sent {
        one.application.inject(packet.clone()).unwrap();
    }
    assert_eq!(
        two.application.receive_timeout(Duration::from_millis(100)),
        None
    );
    let mut receiver = child(2, two.address, one.address);
    receiver.inbound_spi = spi;
    block_on(two.plane.install(receiver)).unwrap();
    for packet in sent {
        assert_eq!(two.application.receive_timeout(PATIENCE), Some(packet));
    }
    assert_eq!(two.plane.counters().unknown_spi, 0);
}

/// Nothing is kept for ever.
#[test]
fn packets_for_an_sa_that_never_comes_are_counted() {
    let (one, two) = (Gateway::start(), Gateway::start());
    let spi = two.plane.allocate_spi().unwrap();
    let mut sender = child(1, one.address, two.address);
    sender.outbound_spi = spi;
    block_on(one.plane.install(sender)).unwrap();
    for _ in 0..100 {
        let packet = packet("10.1.0.1", "10.2.0.1", b"too early");
        one.application.inject(packet).unwrap();
    }
    two.wait_for("all of them to be counted", |plane| {
        plane.counters().unknown_spi == 100
    });
}

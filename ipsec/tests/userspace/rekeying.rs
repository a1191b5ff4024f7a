//! A CHILD_SA takes over the traffic of another one.

use std::time::Duration;

use futures::executor::block_on;
use holdfast_ike::{EspSpi, child_sa::Sending};
use holdfast_ipsec::DataPlane;

use crate::{
    AT_ONE, AT_TWO,
    support::{Gateway, PATIENCE, child, packet},
    tunnel,
};

/// The CHILD_SA that replaces that of [`tunnel`].
fn successor(mut sa: holdfast_ike::ChildSa) -> holdfast_ike::ChildSa {
    sa.inbound_spi.0 += 0x100;
    sa.outbound_spi.0 += 0x100;
    sa
}

#[test]
fn a_replacement_that_waits_for_the_peer_receives_but_does_not_send() {
    let (one, two) = (Gateway::start(), Gateway::start());
    tunnel(&one, &two, None);
    let new = |spi: EspSpi| EspSpi(spi.0 + 0x100);
    let pass = |from: &Gateway, to: &Gateway, source: &str, destination: &str| {
        let sent = packet(source, destination, b"hello");
        from.application.inject(sent.clone()).unwrap();
        assert_eq!(to.application.receive_timeout(PATIENCE), Some(sent));
    };
    let forth = || pass(&one, &two, "10.1.0.1", "10.2.0.1");
    let back = || pass(&two, &one, "10.2.0.1", "10.1.0.1");
    let received = |gateway: &Gateway, spi| gateway.plane.usage(spi).unwrap().packets_in;
    let mut waiting = successor(child(2, two.address, one.address));
    waiting.sending = Sending::OnceHeard;
    block_on(two.plane.install(waiting)).unwrap();
    back();
    assert_eq!(received(&one, AT_ONE), 1, "by the old one");
    block_on(
        one.plane
            .install(successor(child(1, one.address, two.address))),
    )
    .unwrap();
    forth();
    assert_eq!(received(&two, new(AT_TWO)), 1, "the newest sends");
    back();
    assert_eq!(
        received(&one, new(AT_ONE)),
        1,
        "and so does the other end's"
    );
    // What is stopped goes on receiving, and nothing makes it send again.
    two.plane.stop_sending(new(AT_TWO));
    forth();
    two.plane.start_sending(new(AT_TWO));
    back();
    assert_eq!(received(&one, AT_ONE), 2);
    assert_eq!(received(&two, new(AT_TWO)), 2);
    // Without the other one nothing is left to send by.
    for spi in [AT_TWO, new(AT_TWO)] {
        block_on(two.plane.remove(spi));
    }
    two.application
        .inject(packet("10.2.0.1", "10.1.0.1", b"lost"))
        .unwrap();
    assert_eq!(
        one.application.receive_timeout(Duration::from_millis(100)),
        None
    );
}

#[test]
fn a_replacement_is_told_to_send() {
    let (one, two) = (Gateway::start(), Gateway::start());
    tunnel(&one, &two, None);
    for (gateway, sa) in [
        (&one, child(1, one.address, two.address)),
        (&two, child(2, two.address, one.address)),
    ] {
        let mut sa = successor(sa);
        sa.sending = Sending::OnceHeard;
        block_on(gateway.plane.install(sa)).unwrap();
    }
    two.plane.start_sending(EspSpi(AT_TWO.0 + 0x100));
    two.plane.stop_sending(AT_TWO);
    let sent = packet("10.2.0.1", "10.1.0.1", b"hello");
    two.application.inject(sent.clone()).unwrap();
    assert_eq!(one.application.receive_timeout(PATIENCE), Some(sent));
    let usage = one.plane.usage(EspSpi(AT_ONE.0 + 0x100)).unwrap();
    assert_eq!(usage.packets_in, 1);
}

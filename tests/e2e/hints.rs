//! A peer that has lost its IKE_SAs says so, and is called again soon: long before the retransmissions of
//! a probe would have run out.

use std::time::{Duration, Instant};

use crate::lab::{
    Lab,
    capture::Capture,
    holdfast::{self, Holdfast},
    sas::agreed_tunnel,
    topology::{CHILD, Pair, Tunnel, WIRE},
    traffic, wait,
};

/// With the usual retransmissions a silent peer is given up after 165 s.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn an_agent_that_was_killed_has_its_tunnel_back_before_its_peer_would_miss_it() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let passive = holdfast::Settings::default();
    let mut sun = Holdfast::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &passive);
    let keeping = holdfast::Settings {
        connection: "persistent = true\ndpd_delay = \"1s\"".to_owned(),
        ..holdfast::Settings::default()
    };
    let moon = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &keeping);
    let before = wait::until("the first tunnel", LIMIT, || {
        agreed_tunnel(&moon, &sun, CHILD)
    });
    let capture = Capture::start(&lab, &pair.sun.namespace, WIRE, "udp");

    sun.relaunch();
    sun.wait_until_ready();
    let since = Instant::now();
    let (here, there) = (pair.moon.inner(tunnel.inner), pair.sun.inner(tunnel.inner));
    traffic::wait_for_answer(&pair.moon.namespace, here, there, LIMIT);
    println!("traffic is back after {} ms", since.elapsed().as_millis());
    let after = wait::until("one tunnel", LIMIT, || agreed_tunnel(&moon, &sun, CHILD));
    assert_ne!(after.initiator_spi, before.initiator_spi);
    let hints = capture.stop().count("isakmp.notify.msgtype == 4");
    assert!((1..=5).contains(&hints), "{hints} hints");
}

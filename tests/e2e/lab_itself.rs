//! Proves the lab before anything is measured with it: two charons, no agent.

use std::time::Duration;

use crate::lab::{
    Lab,
    capture::Capture,
    charon::{Charon, Settings},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, Family, Pair, Tunnel, WIRE},
    traffic, wait,
};

#[test]
fn two_charons_carry_traffic_over_ipv4() {
    two_charons(Family::V4, Family::V4);
}

#[test]
fn two_charons_carry_ipv6_over_ipv6() {
    two_charons(Family::V6, Family::V6);
}

fn two_charons(outer: Family, inner: Family) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel {
        outer,
        inner,
        ..Tunnel::default()
    };
    let settings = Settings::default();
    let moon = Charon::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let mut sun = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let capture = Capture::start(&lab, &pair.sun.namespace, WIRE, "");

    moon.initiate(CHILD, Duration::from_secs(10))
        .expect("charon brings up the tunnel");
    wait::until("both charons agree", Duration::from_secs(5), || {
        agreed_tunnel(&moon, &sun, CHILD)
    });
    let (from, to) = (pair.moon.inner(inner), pair.sun.inner(inner));
    assert_eq!(traffic::ping(&pair.moon.namespace, from, to, 100), 100);
    let (forth, back) = traffic::iperf(
        &lab,
        (&pair.moon.namespace, from),
        (&pair.sun.namespace, to),
        1,
    );
    assert!(
        forth > 1.0 && back > 1.0,
        "iperf3: {forth} and {back} Mbit/s"
    );

    let packets = capture.stop();
    assert_eq!(
        packets.count("isakmp.exchangetype == 34"),
        2,
        "one IKE_SA_INIT, one answer"
    );
    assert!(packets.count("esp") > 200, "pings travel as ESP");
    assert_eq!(
        packets.count(&inner.display_filter(from)),
        0,
        "nothing travels in the clear"
    );

    sun.crash_and_restart();
    assert!(sun.sas().is_empty());
    let answer = sun.swanctl(&["--stats"]);
    assert!(answer.status.success());
}

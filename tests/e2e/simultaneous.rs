//! Two persistent ends that start at the same instant end up with one tunnel.

use std::{sync::Barrier, time::Duration};

use crate::lab::{
    Lab,
    capture::Capture,
    holdfast::{Holdfast, Settings},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, Pair, Tunnel, WIRE},
    traffic, wait,
};

const STARTS: usize = 100;

#[test]
fn two_persistent_ends_start_at_once_a_hundred_times() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let settings = Settings::persistent();
    let limit = Duration::from_secs(20);
    let mut moon = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let mut sun = Holdfast::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let (here, there) = (pair.moon.inner(tunnel.inner), pair.sun.inner(tunnel.inner));
    let capture = Capture::start(&lab, &pair.sun.namespace, WIRE, "udp port 500");

    let mut last = wait::until("the first tunnel", limit, || {
        agreed_tunnel(&moon, &sun, CHILD)
    });
    for start in 1..=STARTS {
        moon.process().kill();
        sun.process().kill();
        let gate = Barrier::new(2);
        std::thread::scope(|scope| {
            for agent in [&mut moon, &mut sun] {
                scope.spawn(|| {
                    gate.wait();
                    agent.relaunch();
                });
            }
        });
        moon.wait_until_ready();
        sun.wait_until_ready();
        let what = format!("exactly one tunnel after start {start}");
        let sa = wait::until(&what, limit, || agreed_tunnel(&moon, &sun, CHILD));
        assert_ne!(sa.initiator_spi, last.initiator_spi);
        traffic::wait_for_answer(&pair.moon.namespace, here, there, limit);
        wait::throughout(&what, Duration::from_millis(200), || {
            agreed_tunnel(&moon, &sun, CHILD).is_some()
        });
        assert_eq!(
            traffic::ping(&pair.moon.namespace, here, there, 5),
            5,
            "start {start}"
        );
        last = sa;
    }
    report_crossings(&capture.stop());
    assert_eq!(moon.sas().len(), 1);
}

/// Says how many of the starts really crossed on the wire.
fn report_crossings(packets: &crate::lab::capture::Packets) {
    let requests = packets.fields(
        "isakmp.exchangetype == 34 && isakmp.rspi == 00:00:00:00:00:00:00:00",
        &["isakmp.ispi"],
    );
    let mut spis: Vec<&str> = requests.iter().map(|row| row[0].as_str()).collect();
    spis.sort_unstable();
    spis.dedup();
    let crossed = spis.len().saturating_sub(STARTS + 1);
    println!(
        "{STARTS} starts, {} IKE_SAs begun, {crossed} of them crossing another",
        spis.len()
    );
}

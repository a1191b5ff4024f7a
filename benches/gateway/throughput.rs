//! ESP throughput: one TCP stream through a tunnel between two daemons of the same kind.

use std::time::Duration;

use crate::{
    cipher,
    lab::{
        Lab,
        charon::{self, Charon},
        holdfast::{self, Holdfast},
        sas::Daemon,
        topology::{CHILD, Pair, Tunnel},
        traffic,
    },
    summary::{Better, Row, median},
};

const ROUNDS: usize = 3;
const SECONDS: u32 = 5;

pub(crate) fn measure() -> Vec<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // Alternating, so that whatever else the machine does hits both alike.
    for round in 1..=ROUNDS {
        let holdfast = between_holdfasts();
        let charon = between_charons();
        eprintln!(
            "throughput {round}/{ROUNDS}: holdfast {holdfast:.0?}, charon {charon:.0?} Mbit/s"
        );
        ours.extend(holdfast);
        theirs.extend(charon);
    }
    vec![Row {
        name: "ESP throughput, TCP, AES-256-GCM",
        unit: "Mbit/s",
        better: Better::Higher,
        holdfast: median(ours),
        peer: median(theirs),
        limit: Some(cipher::megabits_per_second()),
    }]
}

fn between_holdfasts() -> [f64; 2] {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let settings = holdfast::Settings {
        agent: "dataplane = \"userspace\"\nlog = { level = \"warn\" }".to_owned(),
        ..holdfast::Settings::default()
    };
    let moon = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let sun = Holdfast::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    iperf(&lab, &pair, &tunnel, [&moon, &sun])
}

fn between_charons() -> [f64; 2] {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let settings = charon::Settings {
        quiet: true,
        ..charon::Settings::default()
    };
    let moon = Charon::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let sun = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    iperf(&lab, &pair, &tunnel, [&moon, &sun])
}

fn iperf(lab: &Lab, pair: &Pair, tunnel: &Tunnel, [moon, sun]: [&dyn Daemon; 2]) -> [f64; 2] {
    moon.initiate(CHILD, Duration::from_secs(10))
        .expect("the tunnel comes up");
    sun.wait_for_tunnel(CHILD, Duration::from_secs(10));
    let here = (&pair.moon.namespace, pair.moon.inner(tunnel.inner));
    let there = (&pair.sun.namespace, pair.sun.inner(tunnel.inner));
    let (forth, back) = traffic::iperf(lab, here, there, SECONDS);
    [forth, back]
}

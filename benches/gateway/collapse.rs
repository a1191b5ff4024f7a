//! The cost of asking, again and again, for a tunnel that is already on its way.
//!
//! Requests do not wait for the outcome (`timeout = -1`): only so does charon live through it.

use std::time::{Duration, Instant};

use crate::{
    lab::{
        Lab,
        charon::{self, Charon},
        holdfast::{self, Holdfast},
        measure::percentile,
        sas::Daemon,
        topology::{CHILD, CONNECTION, Pair, Tunnel},
        vici::{Client, Message},
        wait,
    },
    processes::{cpu_seconds, proportional_bytes},
    summary::{Better, Row},
};

const INITIATES: usize = 10_000;

struct Figures {
    cpu_microseconds: f64,
    median_microseconds: f64,
    kilobytes: f64,
}

pub(crate) fn measure() -> Vec<Row> {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    pair.silence_sun();
    let tunnel = Tunnel::default();

    let settings = holdfast::Settings {
        agent: "dataplane = \"userspace\"\nlog = { level = \"warn\" }".to_owned(),
        ..holdfast::Settings::default()
    };
    let mut agent = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let pid = agent.process().id();
    let ours = initiates(&agent, pid);
    drop(agent);

    let settings = charon::Settings {
        quiet: true,
        ..charon::Settings::default()
    };
    let mut charon = Charon::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let pid = charon.process().id();
    let theirs = initiates(&charon, pid);

    let row = |name, unit, of: fn(&Figures) -> f64| Row {
        name,
        unit,
        better: Better::Lower,
        holdfast: of(&ours),
        peer: of(&theirs),
        limit: None,
    };
    vec![
        row("processor time per collapsed initiate", "us", |figures| {
            figures.cpu_microseconds
        }),
        row("latency of a collapsed initiate, median", "us", |figures| {
            figures.median_microseconds
        }),
        row("memory kept after 10,000 of them", "kB", |figures| {
            figures.kilobytes
        }),
    ]
}

fn initiates(daemon: &dyn Daemon, pid: u32) -> Figures {
    let mut client = daemon.client().expect("a connection");
    initiate(&mut client);
    wait::until("the IKE_SA is on its way", Duration::from_secs(5), || {
        (daemon.sas().len() == 1).then_some(())
    });
    let (cpu, memory) = (cpu_seconds(pid), proportional_bytes(pid));
    let mut latencies: Vec<Duration> = (0..INITIATES).map(|_| initiate(&mut client)).collect();
    let cpu = cpu_seconds(pid) - cpu;
    // At least a page, which is what can be seen: "none" would make an infinite ratio.
    let growth = (proportional_bytes(pid) - memory).max(4_096.0);
    assert_eq!(daemon.sas().len(), 1, "one IKE_SA at either daemon");
    Figures {
        cpu_microseconds: cpu * 1e6 / INITIATES as f64,
        median_microseconds: percentile(&mut latencies, 50).as_secs_f64() * 1e6,
        kilobytes: growth / 1024.0,
    }
}

fn initiate(client: &mut Client) -> Duration {
    let request = Message::of(&[("child", CHILD), ("ike", CONNECTION), ("timeout", "-1")]);
    let start = Instant::now();
    let answer = client.request("initiate", &request).expect("an answer");
    assert_eq!(answer.text("success"), Some("yes"), "{answer:?}");
    start.elapsed()
}

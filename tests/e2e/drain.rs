//! SIGTERM says goodbye to every peer within the deadline; a second one does not wait.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::lab::{
    Lab, fleet,
    holdfast::{Holdfast, Settings},
    sas::Daemon,
    topology::{CHILD, Pair, Tunnel},
    wait,
};

const SAS: usize = 1_000;
const DEADLINE: Duration = Duration::from_secs(10);

#[test]
fn alone_sigterm_deletes_a_thousand_sas_within_the_deadline() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    // The peer must learn of the end from DELETE alone: it never probes.
    let sun = Holdfast::start(
        &lab,
        &pair.sun.namespace,
        &fleet::no_limits("none"),
        &fleet::waiter_tables(&pair),
    );
    let mut moon = Holdfast::start(
        &lab,
        &pair.moon.namespace,
        "dataplane = \"none\"\ndrain_timeout = \"10s\"",
        &fleet::starter_tables(&pair, SAS, "persistent = true"),
    );
    let limit = Duration::from_secs(120);
    for agent in [&moon, &sun] {
        wait::until("a thousand IKE_SAs at both ends", limit, || {
            let sas = agent.try_sas().ok()?;
            let established = sas.iter().filter(|sa| sa.state == "ESTABLISHED").count();
            (established == SAS && sas.len() == SAS).then_some(())
        });
    }

    moon.process().signal(Signal::SIGTERM);
    let (status, time) = moon
        .process()
        .wait(2 * DEADLINE)
        .expect("exit after SIGTERM");
    assert!(status.success(), "{status}:\n{}", moon.log());
    assert!(time < DEADLINE, "the drain took {time:?}");
    wait::until("every peer has its DELETE", Duration::from_secs(2), || {
        sun.sas().is_empty().then_some(())
    });
    println!("{SAS} SAs drained in {:.2} s", time.as_secs_f64());
}

/// A tunnel whose peer no longer runs: a DELETE will not be answered.
fn tunnel_to_a_frozen_peer(lab: &Lab, pair: &Pair, agent: &str) -> (Holdfast, Holdfast) {
    let tunnel = Tunnel::default();
    let mut sun = Holdfast::with_tunnel(lab, &pair.sun, &pair.moon, &tunnel, &Settings::default());
    let settings = Settings {
        agent: agent.to_owned(),
        ..Settings::default()
    };
    let moon = Holdfast::with_tunnel(lab, &pair.moon, &pair.sun, &tunnel, &settings);
    moon.initiate(CHILD, Duration::from_secs(10))
        .expect("the tunnel comes up");
    sun.process().signal(Signal::SIGSTOP);
    (moon, sun)
}

#[test]
fn a_second_sigterm_exits_at_once() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let agent = "dataplane = \"userspace\"\ndrain_timeout = \"60s\"";
    let (mut moon, _sun) = tunnel_to_a_frozen_peer(&lab, &pair, agent);

    moon.process().signal(Signal::SIGTERM);
    assert!(
        moon.process().wait(Duration::from_secs(1)).is_none(),
        "it waits for the peer"
    );
    moon.process().signal(Signal::SIGTERM);
    let (_, time) = moon.process().wait(Duration::from_secs(5)).expect("exit");
    assert!(
        time < Duration::from_secs(1),
        "the second SIGTERM took {time:?}"
    );
    assert_nothing_left(&pair);
}

#[test]
fn the_deadline_ends_a_drain_that_nobody_answers() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let agent = "dataplane = \"userspace\"\ndrain_timeout = \"2s\"";
    let (mut moon, _sun) = tunnel_to_a_frozen_peer(&lab, &pair, agent);

    moon.process().signal(Signal::SIGTERM);
    let (_, time) = moon.process().wait(Duration::from_secs(10)).expect("exit");
    assert!(
        time > Duration::from_secs(1),
        "it waits for the peer: {time:?}"
    );
    assert!(
        time < Duration::from_secs(4),
        "it does not wait longer than the deadline: {time:?}"
    );
    assert_nothing_left(&pair);
}

#[test]
fn sigint_drains_as_sigterm_does() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let sun = Holdfast::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &Settings::default());
    let mut moon =
        Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &Settings::default());
    moon.initiate(CHILD, Duration::from_secs(10))
        .expect("the tunnel comes up");

    moon.process().signal(Signal::SIGINT);
    let (status, time) = moon.process().wait(Duration::from_secs(10)).expect("exit");
    assert!(status.success(), "{status}");
    assert!(time < Duration::from_secs(2), "{time:?}");
    assert!(
        sun.sas().is_empty(),
        "the peer has its DELETE before we are gone"
    );
    assert_nothing_left(&pair);
}

/// Device and routes are gone with the agent.
fn assert_nothing_left(pair: &Pair) {
    let links = pair.moon.namespace.ip(&["link", "show"]);
    assert!(!links.contains("holdfast0"), "{links}");
    let routes = pair.moon.namespace.ip(&["route", "show", "table", "all"]);
    assert!(!routes.contains("10.2.0.0/16"), "{routes}");
}

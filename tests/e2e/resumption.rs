//! Sessions that are resumed (RFC 5723), and what happens when they cannot be.

use std::time::Duration;

use crate::lab::{
    Lab,
    holdfast::{self, Holdfast, IMPATIENT},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, Family, Pair, Tunnel},
    traffic, wait,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Two agents; moon keeps the tunnel up, and each notices within seconds that the other is away.
fn start(lab: &Lab) -> (Pair, Holdfast, Holdfast) {
    let pair = Pair::new(lab);
    let tunnel = Tunnel::default();
    let settings = |persistent| holdfast::Settings {
        connection: format!("persistent = {persistent}\nresumption = true\n{IMPATIENT}"),
        ..holdfast::Settings::default()
    };
    let sun = Holdfast::with_tunnel(lab, &pair.sun, &pair.moon, &tunnel, &settings(false));
    let moon = Holdfast::with_tunnel(lab, &pair.moon, &pair.sun, &tunnel, &settings(true));
    wait::until("the first tunnel", PATIENCE, || {
        agreed_tunnel(&moon, &sun, CHILD)
    });
    (pair, moon, sun)
}

fn ping(pair: &Pair) {
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    traffic::wait_for_answer(&pair.moon.namespace, here, there, PATIENCE);
    assert_eq!(traffic::ping(&pair.moon.namespace, here, there, 20), 20);
}

fn resumed(end: &Holdfast) -> usize {
    end.log().matches(" resumed between ").count()
}

#[test]
fn an_outage_ends_with_the_session_resumed() {
    let lab = Lab::new();
    let (pair, moon, sun) = start(&lab);
    ping(&pair);
    for outage in 1..=3 {
        pair.silence_sun();
        wait::until("moon has given up", PATIENCE, || {
            (!moon.sas().iter().any(|sa| sa.state == "ESTABLISHED")).then_some(())
        });
        pair.wake_sun();
        wait::until("one tunnel", PATIENCE, || agreed_tunnel(&moon, &sun, CHILD));
        ping(&pair);
        let (ours, theirs) = (resumed(&moon), resumed(&sun));
        println!("after outage {outage}: resumed {ours} times");
        assert_eq!(ours, theirs);
    }
    // The first attempt has the ticket. On a slow machine it may be over before sun is back.
    assert!(resumed(&moon) >= 1, "{}", moon.log());
}

#[test]
fn a_peer_that_has_restarted_gets_a_full_handshake_at_once() {
    let lab = Lab::new();
    let (pair, moon, mut sun) = start(&lab);
    sun.relaunch();
    sun.wait_until_ready();
    wait::until("one tunnel", PATIENCE, || agreed_tunnel(&moon, &sun, CHILD));
    ping(&pair);
    assert_eq!((resumed(&moon), resumed(&sun)), (0, 0));
}

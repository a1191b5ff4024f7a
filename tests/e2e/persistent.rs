//! `persistent = true`: whatever happens to the peer, the tunnel comes back, and only once.

use std::time::Duration;

use crate::lab::{
    Lab,
    charon::Charon,
    holdfast::{self, Holdfast},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, Pair, Tunnel},
    traffic, wait,
};

const CRASHES: usize = 20;

#[test]
fn charon_crashes_twenty_times_and_the_tunnel_is_back_each_time() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let mut charon = Charon::at_sun(&lab, &pair, &tunnel);
    let settings = holdfast::Settings::persistent();
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let (here, there) = (pair.moon.inner(tunnel.inner), pair.sun.inner(tunnel.inner));
    let limit = Duration::from_secs(20);

    let mut last = wait::until("the first tunnel", limit, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    for crash in 1..=CRASHES {
        assert_eq!(
            traffic::ping(&pair.moon.namespace, here, there, 20),
            20,
            "before crash {crash}"
        );
        charon.crash_and_restart();
        traffic::wait_for_answer(&pair.moon.namespace, here, there, limit);
        let sa = wait::until(&format!("one tunnel after crash {crash}"), limit, || {
            agreed_tunnel(&holdfast, &charon, CHILD)
        });
        assert_ne!(
            sa.initiator_spi, last.initiator_spi,
            "a new IKE_SA after crash {crash}"
        );
        wait::throughout("exactly one tunnel", Duration::from_millis(300), || {
            agreed_tunnel(&holdfast, &charon, CHILD).is_some()
        });
        last = sa;
    }
}

#[test]
fn an_operators_terminate_is_final_until_initiate() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    let settings = holdfast::Settings::persistent();
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    holdfast.wait_for_tunnel(CHILD, Duration::from_secs(20));

    holdfast
        .command("terminate", &[("ike", crate::lab::topology::CONNECTION)])
        .expect("terminate succeeds");
    wait::until("no SA is left", Duration::from_secs(10), || {
        (holdfast.sas().is_empty() && charon.sas().is_empty()).then_some(())
    });
    wait::throughout("down", Duration::from_secs(3), || holdfast.sas().is_empty());
    holdfast
        .initiate(CHILD, Duration::from_secs(10))
        .expect("initiate ends the rest");
    wait::until("one tunnel", Duration::from_secs(10), || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
}

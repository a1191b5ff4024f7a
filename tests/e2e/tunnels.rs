//! The main job: a tunnel between holdfast and charon, whoever starts, over and inside both
//! versions of IP.

use std::time::Duration;

use crate::lab::{
    Lab,
    capture::Capture,
    charon::Charon,
    holdfast::{self, Holdfast},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, Family, Pair, Tunnel, WIRE},
    traffic, wait,
};

const PINGS: u32 = 1_000;

/// Who sends the first message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Starter {
    Holdfast,
    Charon,
}

macro_rules! tunnels {
    ($($name:ident: $starter:ident, $inner:ident in $outer:ident;)*) => {
        $(#[test]
        fn $name() {
            tunnel(Starter::$starter, Family::$outer, Family::$inner);
        })*
    };
}

tunnels! {
    holdfast_initiates_ipv4_in_ipv4: Holdfast, V4 in V4;
    holdfast_initiates_ipv6_in_ipv4: Holdfast, V6 in V4;
    holdfast_initiates_ipv4_in_ipv6: Holdfast, V4 in V6;
    holdfast_initiates_ipv6_in_ipv6: Holdfast, V6 in V6;
    charon_initiates_ipv4_in_ipv4: Charon, V4 in V4;
    charon_initiates_ipv6_in_ipv4: Charon, V6 in V4;
    charon_initiates_ipv4_in_ipv6: Charon, V4 in V6;
    charon_initiates_ipv6_in_ipv6: Charon, V6 in V6;
}

fn tunnel(starter: Starter, outer: Family, inner: Family) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel {
        outer,
        inner,
        ..Tunnel::default()
    };
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    let holdfast = Holdfast::with_tunnel(
        &lab,
        &pair.moon,
        &pair.sun,
        &tunnel,
        &holdfast::Settings::default(),
    );
    let networks = format!(
        "net {} or net {}",
        pair.moon.network(inner),
        pair.sun.network(inner)
    );
    let in_the_clear = Capture::start(&lab, &pair.sun.namespace, WIRE, &networks);

    let patience = Duration::from_secs(10);
    match starter {
        Starter::Holdfast => holdfast.initiate(CHILD, patience),
        Starter::Charon => charon.initiate(CHILD, patience),
    }
    .expect("the tunnel comes up");
    let sa = wait::until("both ends agree", patience, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    assert_eq!(sa.initiator, starter == Starter::Holdfast);

    let (moon, sun) = (&pair.moon.namespace, &pair.sun.namespace);
    let (here, there) = (pair.moon.inner(inner), pair.sun.inner(inner));
    assert_eq!(
        traffic::ping(moon, here, there, PINGS),
        PINGS,
        "pings from moon to sun"
    );
    assert_eq!(
        traffic::ping(sun, there, here, PINGS),
        PINGS,
        "pings from sun to moon"
    );
    let (forth, back) = traffic::iperf(&lab, (moon, here), (sun, there), 2);
    assert!(
        forth > 10.0 && back > 10.0,
        "iperf3: {forth:.0} and {back:.0} Mbit/s"
    );

    let child = &agreed_tunnel(&holdfast, &charon, CHILD)
        .expect("still the same tunnel")
        .children[0];
    assert!(child.packets_in >= u64::from(2 * PINGS), "{child:?}");
    assert!(child.packets_out >= u64::from(2 * PINGS), "{child:?}");
    assert_eq!(
        in_the_clear.stop().count("frame"),
        0,
        "nothing travels in the clear"
    );
    println!("iperf3: {forth:.0} Mbit/s to charon, {back:.0} Mbit/s from charon");

    terminate_clears_both(&holdfast, &charon);
}

/// A terminated tunnel is gone at both ends.
fn terminate_clears_both(holdfast: &Holdfast, charon: &Charon) {
    holdfast
        .command("terminate", &[("ike", crate::lab::topology::CONNECTION)])
        .expect("holdfast terminates its tunnel");
    wait::until("no SA is left", Duration::from_secs(10), || {
        (holdfast.sas().is_empty() && charon.sas().is_empty()).then_some(())
    });
}

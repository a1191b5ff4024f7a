//! Traffic brings tunnels up: not even the first packet is lost, and none of them leaks.

use std::{
    net::IpAddr,
    process::{Child, Stdio},
    time::Duration,
};

use crate::lab::{
    Lab, Namespace,
    capture::Capture,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    sas::{Daemon, agreed_tunnel},
    swanctl::Swanctl,
    topology::{CHILD, CONNECTION, Family, Pair, Tunnel, WIRE},
    traffic,
    userland::Release,
    wait,
};

const PATIENCE: Duration = Duration::from_secs(10);

fn trapped(connection: &str) -> holdfast::Settings {
    holdfast::Settings {
        connection: format!("{connection}\n{}", holdfast::IMPATIENT),
        child: "start_action = \"trap\"".to_owned(),
        ..holdfast::Settings::default()
    }
}

/// The inner addresses of both ends.
fn ends(pair: &Pair) -> (IpAddr, IpAddr) {
    (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4))
}

/// Pings five times at 200 ms, waiting long for late answers: the numbers of those that came.
fn five_pings(namespace: &Namespace, from: IpAddr, to: IpAddr) -> Vec<u32> {
    let pings = ping(namespace, from, to, &["-c", "5", "-i", "0.2", "-W", "3"]);
    answered(pings)
}

fn ping(namespace: &Namespace, from: IpAddr, to: IpAddr, arguments: &[&str]) -> Child {
    namespace
        .command("ping")
        .arg("-n")
        .args(arguments)
        .args(["-I", &from.to_string(), &to.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("ping runs")
}

/// Waits for a ping to end and hands back the numbers of its answers.
fn answered(pings: Child) -> Vec<u32> {
    let output = pings.wait_with_output().expect("ping ends");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split("icmp_seq=").nth(1)?.split(' ').next())
        .map(|number| number.parse().expect("a sequence number"))
        .collect()
}

/// What is on the wire between the networks themselves, unprotected.
fn in_the_clear(lab: &Lab, pair: &Pair) -> Capture {
    let filter = "net 10.1.0.0/16 or net 10.2.0.0/16";
    Capture::start(lab, &pair.sun.namespace, WIRE, filter)
}

fn two_gateways<'a>(
    lab: &'a Lab,
    pair: &'a Pair,
    settings: &holdfast::Settings,
) -> (Charon, Holdfast) {
    let tunnel = Tunnel::default();
    let charon = Charon::with_tunnel(
        lab,
        &pair.sun,
        &pair.moon,
        &tunnel,
        &charon::Settings::default(),
    );
    let holdfast = Holdfast::with_tunnel(lab, &pair.moon, &pair.sun, &tunnel, settings);
    (charon, holdfast)
}

/// Waits until traffic for the other end is led to the trap.
fn wait_for_trap(pair: &Pair) {
    wait::until("the trap's route is there", PATIENCE, || {
        let routes = pair.moon.namespace.ip(&["route", "show", "table", "50"]);
        routes.contains("10.2.0.0/16").then_some(())
    });
}

#[test]
fn traps_answer_the_very_first_ping_again_and_again() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (charon, holdfast) = two_gateways(&lab, &pair, &trapped(""));
    let (here, there) = ends(&pair);
    let leaks = in_the_clear(&lab, &pair);
    wait_for_trap(&pair);
    assert!(holdfast.sas().is_empty(), "nobody has asked so far");
    for round in 1..=3 {
        let answers = five_pings(&pair.moon.namespace, here, there);
        assert_eq!(answers, [1, 2, 3, 4, 5], "round {round}");
        assert!(agreed_tunnel(&holdfast, &charon, CHILD).is_some());
        holdfast
            .command("terminate", &[("ike", CONNECTION)])
            .expect("terminate succeeds");
        wait::until("no SA is left", PATIENCE, || {
            (holdfast.sas().is_empty() && charon.sas().is_empty()).then_some(())
        });
        wait_for_trap(&pair);
    }
    assert_eq!(leaks.stop().count("frame"), 0, "nothing in the clear");
}

#[test]
fn traps_lose_the_first_packet_of_no_tunnel_in_twenty() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (charon, holdfast) = two_gateways(&lab, &pair, &trapped(""));
    let (here, there) = ends(&pair);
    wait_for_trap(&pair);
    let mut arrived = 0;
    for round in 1..=20 {
        let one = ping(&pair.moon.namespace, here, there, &["-c", "1", "-W", "5"]);
        arrived += answered(one).len();
        assert!(
            agreed_tunnel(&holdfast, &charon, CHILD).is_some(),
            "round {round}"
        );
        holdfast
            .command("terminate", &[("ike", CONNECTION)])
            .expect("terminate succeeds");
        wait::until("no SA is left", PATIENCE, || {
            (holdfast.sas().is_empty() && charon.sas().is_empty()).then_some(())
        });
    }
    println!("first packets into a trapped tunnel that arrived: {arrived} of 20");
    assert_eq!(arrived, 20);
}

#[test]
fn traps_let_nothing_out_while_the_peer_is_down() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (mut charon, holdfast) = two_gateways(&lab, &pair, &trapped(""));
    charon.process().kill();
    let (here, there) = ends(&pair);
    let leaks = in_the_clear(&lab, &pair);
    wait_for_trap(&pair);
    let moon = &pair.moon.namespace;
    // Longer than an attempt, and than the wait after it: it is given up and begun anew.
    let answers = answered(ping(
        moon,
        here,
        there,
        &["-c", "30", "-i", "0.2", "-W", "1"],
    ));
    assert!(answers.is_empty(), "there is nobody: {answers:?}");
    let attempts = holdfast.log().matches("initiating IKE_SA").count();
    assert!((2..=15).contains(&attempts), "{attempts} attempts in 6 s");
    let pings = ping(moon, here, there, &["-c", "100", "-i", "0.2", "-W", "1"]);
    charon.crash_and_restart();
    holdfast.wait_for_tunnel(CHILD, PATIENCE);
    let answers = answered(pings);
    assert_eq!(answers.last(), Some(&100), "{answers:?}");
    let first = answers[0];
    assert_eq!(
        answers,
        (first..=100).collect::<Vec<_>>(),
        "from the first answer on all are answered, and in order"
    );
    println!("{attempts} attempts in 6 s; first answer: ping {first} of 100");
    assert_eq!(leaks.stop().count("frame"), 0, "nothing in the clear");
}

#[test]
fn traps_of_a_persistent_connection_wait_on_its_ike_sa() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (charon, holdfast) = two_gateways(&lab, &pair, &trapped("persistent = true"));
    let (here, there) = ends(&pair);
    let ike_sa = wait::until("the IKE_SA alone", PATIENCE, || {
        let sas = holdfast.sas();
        let [sa] = sas.as_slice() else { return None };
        (sa.state == "ESTABLISHED" && sa.children.is_empty()).then(|| sa.clone())
    });
    let answers = five_pings(&pair.moon.namespace, here, there);
    assert_eq!(answers, [1, 2, 3, 4, 5]);
    let sa = agreed_tunnel(&holdfast, &charon, CHILD).expect("one tunnel");
    assert_eq!(sa.initiator_spi, ike_sa.initiator_spi, "the same IKE_SA");
}

#[test]
fn traps_are_installed_listed_and_uninstalled_by_swanctl() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (_charon, holdfast) = two_gateways(&lab, &pair, &holdfast::Settings::default());
    let (here, there) = ends(&pair);
    let swanctl = Swanctl::new(Release::Bookworm, holdfast.directory(), &holdfast);
    assert_eq!(swanctl.ok(&["--list-pols"]).trim(), "");
    swanctl.ok(&["--install", "--child", CHILD]);
    let listed = swanctl.ok(&["--list-pols"]);
    for line in [
        "gw/net, TUNNEL",
        "local:  10.1.0.0/16",
        "remote: 10.2.0.0/16",
    ] {
        assert!(listed.contains(line), "`{line}` is missing in:\n{listed}");
    }
    // Whoever installs it hears when the routes are there.
    let answers = five_pings(&pair.moon.namespace, here, there);
    assert_eq!(answers, [1, 2, 3, 4, 5]);
    swanctl.ok(&["--terminate", "--ike", CONNECTION]);
    swanctl.ok(&["--uninstall", "--child", CHILD]);
    assert_eq!(swanctl.ok(&["--list-pols"]).trim(), "");
    assert!(!traffic::answers(&pair.moon.namespace, here, there));
    assert!(holdfast.sas().is_empty());
    let again = swanctl.run(&["--uninstall", "--child", CHILD]);
    assert!(again.text().contains("uninstall failed"), "{again:?}");
}

#[test]
fn traps_of_charon_bring_the_tunnel_up_at_a_responding_holdfast() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let settings = charon::Settings {
        child: "start_action = trap".to_owned(),
        ..charon::Settings::default()
    };
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &trapped(""));
    let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    wait_for_trap(&pair);
    // Not left to charon's data plane, which differs from machine to machine.
    charon.initiate(CHILD, PATIENCE).expect("charon's attempt");
    let sa = wait::until("both agree", PATIENCE, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    assert!(!sa.initiator);
    let (here, there) = ends(&pair);
    let answers = five_pings(&pair.moon.namespace, here, there);
    assert_eq!(answers, [1, 2, 3, 4, 5]);
    // Charon takes it down; the traffic of holdfast's own trap brings it back the other way.
    charon
        .command("terminate", &[("ike", CONNECTION)])
        .expect("terminate succeeds");
    wait::until("no SA is left", PATIENCE, || {
        (holdfast.sas().is_empty() && charon.sas().is_empty()).then_some(())
    });
    let answers = five_pings(&pair.moon.namespace, here, there);
    assert_eq!(answers, [1, 2, 3, 4, 5]);
    assert!(agreed_tunnel(&holdfast, &charon, CHILD).is_some_and(|sa| sa.initiator));
}

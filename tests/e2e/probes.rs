//! Probes through the tunnel: a path that is dead while its IKE_SA lives is found and repaired.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::lab::{
    Lab, Namespace,
    capture::Capture,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    run,
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Family, Pair, Tunnel, WIRE},
    wait,
};

const PATIENCE: Duration = Duration::from_secs(15);

const INTERVAL: Duration = Duration::from_millis(300);
const TIMEOUT: Duration = Duration::from_millis(250);
const THRESHOLD: u32 = 3;

/// What a busy machine may add to what is promised.
const SLACK: Duration = Duration::from_millis(700);

fn start(lab: &Lab, pair: &Pair, probe: &str, child: &str) -> (Charon, Holdfast) {
    let tunnel = Tunnel::default();
    let settings = charon::Settings::default();
    let charon = Charon::with_tunnel(lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let probe = format!(
        "{child}\nprobe = {{ target = \"{}\", interval = \"300ms\", timeout = \"250ms\", \
         threshold = {THRESHOLD}, {probe} }}",
        pair.sun.inner(Family::V4)
    );
    let settings = holdfast::Settings {
        child: probe,
        ..holdfast::Settings::persistent()
    };
    let holdfast = Holdfast::with_tunnel(lab, &pair.moon, &pair.sun, &tunnel, &settings);
    holdfast.wait_for_tunnel(CHILD, PATIENCE);
    (charon, holdfast)
}

/// What `status` says of the path.
fn path(holdfast: &Holdfast) -> Value {
    let output = holdfast.cli(&["status", "--json", CONNECTION]);
    let status: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    status["connections"][0]["children"][0]["path"].clone()
}

fn wait_for_state(holdfast: &Holdfast, state: &str, limit: Duration) {
    let what = format!("the path is {state}");
    wait::until(&what, limit, || {
        (path(holdfast)["state"] == state).then_some(())
    });
}

/// Waits until so many probes in a row were answered.
fn wait_for_answers(holdfast: &Holdfast, count: u64) {
    wait::until("probes are answered", PATIENCE, || {
        let path = path(holdfast);
        let answered = path["sent"].as_u64()? - path["lost"].as_u64()?;
        (answered >= count && path["losses"] == 0).then_some(())
    });
}

/// Datagrams of ESP no longer arrive; those of IKE, which begin with four zero octets, do.
fn block_esp(namespace: &Namespace) {
    for rule in [
        "add table ip lab",
        "add chain ip lab input { type filter hook input priority 0 ; }",
        "add rule ip lab input udp dport 4500 @th,64,32 != 0 drop",
    ] {
        run(namespace.command("nft").arg(rule));
    }
}

fn unblock(namespace: &Namespace) {
    run(namespace.command("nft").arg("delete table ip lab"));
}

#[test]
fn probes_find_a_dead_path_in_time_and_repair_it_without_a_storm() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (charon, holdfast) = start(&lab, &pair, "kind = \"icmp\"", "");
    wait_for_answers(&holdfast, 10);
    let good = path(&holdfast);
    println!("alive: {good}");
    assert_eq!(
        (&good["state"], &good["repairs"]),
        (&"alive".into(), &0.into())
    );

    let ike = Capture::start(
        &lab,
        &pair.sun.namespace,
        WIRE,
        "udp port 500 or udp port 4500",
    );
    let blocked = Instant::now();
    block_esp(&pair.sun.namespace);
    wait_for_state(&holdfast, "dead", PATIENCE);
    let noticed = blocked.elapsed();
    let promised = INTERVAL * THRESHOLD + TIMEOUT;
    println!("dead after {noticed:.2?}, promised {promised:.2?}");
    assert!(noticed < promised + SLACK, "{noticed:?}");
    assert_eq!(holdfast.sas().len(), 1, "the IKE_SA lives");

    std::thread::sleep(Duration::from_secs(10));
    let log = holdfast.log();
    let rekeyed = log.matches("to repair its path").count();
    let anew = log.matches("to repair the path of").count();
    let requests = ike
        .stop()
        .count("isakmp.exchangetype == 34 && ip.src == 192.0.2.1");
    println!("10 s later: {rekeyed} rekeying, {anew} new connections, {requests} IKE_SA_INITs");
    // At 0.9, 2.7, 6.3 s after the first one.
    assert!(rekeyed == 1 && (1..=4).contains(&anew), "{log}");
    assert!(requests <= 2 * anew + 1, "{requests} requests");

    unblock(&pair.sun.namespace);
    let open = Instant::now();
    wait_for_state(&holdfast, "alive", PATIENCE);
    println!("alive again {:.2?} after the way was open", open.elapsed());
    wait::until("one tunnel at both ends", PATIENCE, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
}

#[test]
fn probes_by_tcp_take_either_answer_and_only_report_if_asked_to() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let probe = "kind = \"tcp\", port = 4711, action = \"report\"";
    let (_charon, holdfast) = start(&lab, &pair, probe, "");
    // Nobody listens: a reset is an answer.
    wait_for_answers(&holdfast, 3);
    let address = (pair.sun.inner(Family::V4), 4711);
    let listener = pair
        .sun
        .namespace
        .enter(|| TcpListener::bind(address).expect("a listener"));
    let before = path(&holdfast)["sent"].as_u64().unwrap_or_default();
    wait::until("the listener is probed", PATIENCE, || {
        let path = path(&holdfast);
        (path["losses"] == 0 && path["sent"].as_u64()? >= before + 10).then_some(())
    });
    listener.set_nonblocking(true).expect("no waiting");
    assert!(listener.accept().is_err(), "no connection is ever made");
    // The inner network falls silent.
    let sun = &pair.sun.namespace;
    let inner = format!("{}/32", pair.sun.inner(Family::V4));
    let silenced = Instant::now();
    sun.ip(&["addr", "del", &inner, "dev", "lo"]);
    wait_for_state(&holdfast, "dead", PATIENCE);
    let noticed = silenced.elapsed();
    std::thread::sleep(Duration::from_secs(3));
    let dead = path(&holdfast);
    println!("dead after {noticed:.2?}; 3 s later: {dead}");
    assert!(noticed < INTERVAL * THRESHOLD + TIMEOUT + SLACK);
    assert_eq!(dead["repairs"], 0);
    sun.add_address("lo", &inner);
    wait_for_state(&holdfast, "alive", PATIENCE);
}

#[test]
fn probes_keep_no_idle_child_alive() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (_charon, holdfast) = start(&lab, &pair, "kind = \"icmp\"", "inactivity = \"3s\"");
    wait_for_answers(&holdfast, 3);
    let up = Instant::now();
    wait::until("the idle child is closed", PATIENCE, || {
        let sas = holdfast.sas();
        let [sa] = sas.as_slice() else { return None };
        sa.children.is_empty().then_some(())
    });
    println!("closed {:.1?} after it was probed", up.elapsed());
}

//! The storm that kills charon: initiates for a peer that does not answer, from clients that hang
//! up at once.

use std::{
    collections::HashSet,
    io::Write,
    os::unix::net::UnixStream,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::lab::{
    Lab,
    capture::{Capture, Packets},
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    measure,
    sas::Daemon,
    topology::{CHILD, CONNECTION, Gateway, Pair, Tunnel, WIRE},
    vici::{Client, Message, request_frame},
    wait,
};

const INITIATES: usize = 10_000;
/// How many interrupted `swanctl --initiate` charon gets; fewer than these end it.
const CHARON_INITIATES: usize = 12;
const SILENCE: Duration = Duration::from_secs(3);

/// What one daemon did in the storm.
struct Outcome {
    version: String,
    initiates: String,
    ike_sas: String,
    on_the_wire: String,
    memory: String,
    stats: String,
    exit: String,
}

#[test]
fn alone_ten_thousand_initiates_collapse_into_one_ike_sa() {
    let lab = Lab::new();
    let holdfast = storm_on_holdfast(&lab);
    let charon = storm_on_charon(&lab);
    let rows = [
        (
            "initiates for a peer that is away",
            &holdfast.initiates,
            &charon.initiates,
        ),
        ("IKE_SAs", &holdfast.ike_sas, &charon.ike_sas),
        (
            "IKE_SA_INITs in flight (captured)",
            &holdfast.on_the_wire,
            &charon.on_the_wire,
        ),
        ("memory growth", &holdfast.memory, &charon.memory),
        ("stats meanwhile", &holdfast.stats, &charon.stats),
        ("exit after SIGTERM", &holdfast.exit, &charon.exit),
    ];
    println!("{:36}{:36}charon {}", "", "holdfast", charon.version);
    for (what, holdfast, charon) in rows {
        println!("{what:36}{holdfast:36}{charon}");
    }
}

fn storm_on_holdfast(lab: &Lab) -> Outcome {
    let pair = Pair::new(lab);
    pair.silence_sun();
    let settings = holdfast::Settings::default();
    let mut agent =
        Holdfast::with_tunnel(lab, &pair.moon, &pair.sun, &Tunnel::default(), &settings);
    let capture = Capture::start(
        lab,
        &pair.sun.namespace,
        WIRE,
        "udp port 500 or udp port 4500",
    );
    let socket = agent.control_socket().to_owned();
    // Threads, buffers and the first IKE_SA belong to the agent, not to the storm.
    drop_one_initiate(&socket);
    wait::until("the first IKE_SA", Duration::from_secs(5), || {
        (agent.sas().len() == 1).then_some(())
    });
    let version = version_of(&agent);
    let pid = agent.process().id();
    let before = measure::resident_bytes(pid);

    let over = AtomicBool::new(false);
    let (elapsed, mut latencies) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| time_stats(&socket, &over));
        let start = Instant::now();
        for _ in 0..INITIATES {
            drop_one_initiate(&socket);
        }
        wait_until_served(&agent);
        let elapsed = start.elapsed();
        over.store(true, Ordering::Relaxed);
        (elapsed, watch.join().expect("the watcher"))
    });

    let growth = measure::resident_bytes(pid).saturating_sub(before);
    let p99 = measure::percentile(&mut latencies, 99);
    let sas = agent.sas();
    assert_eq!(sas.len(), 1, "exactly one IKE_SA: {sas:?}");
    assert_eq!(sas[0].state, "CONNECTING");
    assert!(growth < 2 * 1024 * 1024, "memory grew by {growth} bytes");
    assert!(p99 < Duration::from_millis(20), "p99 of stats is {p99:?}");

    agent.process().signal(Signal::SIGTERM);
    let (status, exit) = agent
        .process()
        .wait(Duration::from_secs(5))
        .expect("holdfast exits after SIGTERM");
    assert!(status.success(), "exit: {status}");
    assert!(exit < Duration::from_secs(1), "exit took {exit:?}");
    let spis = initiator_spis(&capture.stop());
    assert_eq!(spis.len(), 1, "one IKE_SA_INIT in flight: {spis:?}");
    Outcome {
        version,
        initiates: format!("{INITIATES} in {:.1} s", elapsed.as_secs_f64()),
        ike_sas: sas.len().to_string(),
        on_the_wire: spis.len().to_string(),
        memory: format!("{} kB", growth / 1024),
        stats: format!(
            "p99 {:.1} ms of {}",
            p99.as_secs_f64() * 1e3,
            latencies.len()
        ),
        exit: format!("{:.2} s", exit.as_secs_f64()),
    }
}

fn version_of(daemon: &dyn Daemon) -> String {
    let answer = daemon
        .client()
        .and_then(|mut client| client.request("version", &Message::default()));
    answer
        .expect("an answer")
        .text("version")
        .unwrap_or_default()
        .to_owned()
}

/// A client that asks for the tunnel and is gone before it could hear the answer.
fn drop_one_initiate(socket: &Path) {
    let request = request_frame(
        "initiate",
        &Message::of(&[("child", CHILD), ("ike", CONNECTION)]),
    );
    let mut stream = UnixStream::connect(socket).expect("the control socket takes clients");
    stream
        .write_all(&request)
        .expect("the control socket takes the request");
}

/// Everything sent before is behind us when a client that came last has its answer.
fn wait_until_served(agent: &Holdfast) {
    let mut client = agent.client().expect("a connection");
    client.request("stats", &Message::default()).expect("stats");
}

/// Asks for `stats` again and again, each time as a new client.
fn time_stats(socket: &Path, over: &AtomicBool) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let start = Instant::now();
        let mut client = Client::connect(socket).expect("the control socket takes clients");
        client.request("stats", &Message::default()).expect("stats");
        latencies.push(start.elapsed());
    }
    latencies
}

fn initiator_spis(packets: &Packets) -> HashSet<String> {
    let rows = packets.fields("isakmp.exchangetype == 34", &["isakmp.ispi"]);
    rows.into_iter().map(|mut row| row.swap_remove(0)).collect()
}

/// The same for charon, with the tool its operators have: `swanctl --initiate`, interrupted after a
/// second. It is held to nothing here; what it does is printed beside what holdfast did.
fn storm_on_charon(lab: &Lab) -> Outcome {
    let pair = Pair::new(lab);
    pair.silence_sun();
    let mut charon = Charon::with_tunnel(
        lab,
        &pair.moon,
        &pair.sun,
        &Tunnel::default(),
        &charon::Settings::default(),
    );
    let capture = Capture::start(
        lab,
        &pair.sun.namespace,
        WIRE,
        "udp port 500 or udp port 4500",
    );
    let version = version_of(&charon);
    let pid = charon.process().id();
    let before = measure::resident_bytes(pid);
    let mut slowest = Duration::ZERO;
    let mut dead_after = None;
    let mut ike_sas = 0;
    for number in 1..=CHARON_INITIATES {
        interrupted_initiate(&charon, &pair.moon);
        let Some(latency) = answer_time(&charon) else {
            dead_after = Some(number);
            break;
        };
        slowest = slowest.max(latency);
        ike_sas = charon.try_sas().map_or(ike_sas, |sas| sas.len());
    }
    let growth = measure::resident_bytes(pid).saturating_sub(before);
    let spis = initiator_spis(&capture.so_far());
    charon.process().signal(Signal::SIGTERM);
    let exit = charon.process().wait(Duration::from_secs(20));
    Outcome {
        version,
        initiates: dead_after.map_or_else(
            || format!("{CHARON_INITIATES}, alive"),
            |number| format!("dead after {number}"),
        ),
        ike_sas: ike_sas.to_string(),
        on_the_wire: spis.len().to_string(),
        memory: format!("{} kB", growth / 1024),
        stats: if dead_after.is_some() {
            "no answer any more".to_owned()
        } else {
            format!("at most {:.1} ms", slowest.as_secs_f64() * 1e3)
        },
        exit: exit.map_or_else(
            || "still there after 20 s".to_owned(),
            |(_, time)| format!("{:.2} s", time.as_secs_f64()),
        ),
    }
}

fn interrupted_initiate(charon: &Charon, here: &Gateway) {
    let uri = format!("unix://{}", charon.control_socket().display());
    let mut command = here.namespace.command("timeout");
    command.args(["--signal", "INT", "--kill-after", "1", "1"]);
    command.args(["swanctl", "--initiate", "--ike", CONNECTION, "--uri", &uri]);
    command.output().expect("swanctl runs");
}

/// How long `stats` takes; `None` when there is no answer.
fn answer_time(charon: &Charon) -> Option<Duration> {
    let start = Instant::now();
    let mut client = charon.client().ok()?;
    client.set_patience(SILENCE).ok()?;
    client.request("stats", &Message::default()).ok()?;
    Some(start.elapsed())
}

//! A thousand control clients at once: idle ones, busy ones, ones that send garbage, ones that never
//! read. Whoever behaves notices nothing of the others.

mod hostile;

use std::{
    fs,
    io::Write,
    os::unix::net::UnixStream,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::lab::{
    Lab,
    holdfast::{Holdfast, Settings},
    measure,
    sas::Daemon,
    storm::Footprint,
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    vici::{Client, Message, register_frame},
    wait,
};

const IDLE: usize = 500;
const HOSTILE: usize = 100;
const BUSY: usize = 400;
/// Threads among which the busy clients are divided.
const HANDS: usize = 8;
/// How often the busy clients ask, all together.
const PACE: Duration = Duration::from_millis(4);
/// How long the crowd is there.
const STAY: Duration = Duration::from_secs(14);
/// What 99 of 100 answers may take, for the client that behaves.
const P99: Duration = Duration::from_millis(25);
/// What the agent may need for all of them.
const MEMORY: u64 = 24 << 20;

#[test]
fn alone_a_thousand_clients_disturb_nobody() {
    raise_file_limit();
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let mut agent = with_tunnel_up(&lab, &pair);
    let socket = agent.0.control_socket().to_owned();
    let pid = agent.0.process().id();
    let mut calm = latencies(&socket, Duration::from_secs(2));
    let before = Footprint::of(pid);
    let files = open_files(pid);

    let idle: Vec<UnixStream> = (0..IDLE).map(|_| connect(&socket)).collect();
    let over = AtomicBool::new(false);
    let answers = AtomicUsize::new(0);
    let (mut crowded, during, ends) = std::thread::scope(|scope| {
        let hostile: Vec<_> = (0..HOSTILE)
            .map(|number| {
                let (stream, over) = (connect(&socket), &over);
                scope.spawn(move || hostile::behave(number, stream, over))
            })
            .collect();
        for _ in 0..HANDS {
            scope.spawn(|| keep_busy(&socket, &over, &answers));
        }
        wait::until("everybody is there", Duration::from_secs(10), || {
            (open_files(pid) >= files + IDLE + BUSY).then_some(())
        });
        let crowded = latencies(&socket, STAY);
        let during = Footprint::of(pid);
        over.store(true, Ordering::Relaxed);
        let ends: Vec<hostile::End> = hostile
            .into_iter()
            .map(|thread| thread.join().expect("a hostile client's thread"))
            .collect();
        (crowded, during, ends)
    });

    let (calm, crowded) = (
        measure::percentile(&mut calm, 99),
        measure::percentile(&mut crowded, 99),
    );
    println!(
        "p99 of stats: {calm:?} alone, {crowded:?} in the crowd; {} answers to others; memory {} kB, \
         then {} kB; threads {}, then {}",
        answers.load(Ordering::Relaxed),
        before.resident_bytes / 1024,
        during.resident_bytes / 1024,
        before.threads,
        during.threads,
    );
    assert!(
        crowded < P99,
        "p99 of stats is {crowded:?}, and was {calm:?}"
    );
    assert!(
        answers.load(Ordering::Relaxed) > BUSY,
        "the busy are served"
    );
    let wrong: Vec<String> = ends.iter().filter_map(hostile::End::complaint).collect();
    assert!(wrong.is_empty(), "hostile clients: {wrong:?}");
    let growth = during.resident_bytes.saturating_sub(before.resident_bytes);
    assert!(growth < MEMORY, "memory grew by {growth} bytes");
    assert_eq!(during.threads, before.threads, "no thread for a client");

    drop(idle);
    wait::until("their files are closed", Duration::from_secs(15), || {
        (open_files(pid) <= files).then_some(())
    });
    assert!(
        agent.0.only_tunnel(CHILD).is_some(),
        "the tunnel is still up"
    );
}

/// Clients that want to hear everything and never listen are sent away; one that listens hears all of
/// it.
#[test]
fn who_does_not_read_events_is_dropped_and_nobody_else() {
    const DEAF: usize = 30;
    const ROUNDS: usize = 300;
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let mut agent = with_tunnel_up(&lab, &pair);
    let socket = agent.0.control_socket().to_owned();
    let pid = agent.0.process().id();
    let files = open_files(pid);
    let before = Footprint::of(pid);

    let deaf: Vec<UnixStream> = (0..DEAF).map(|_| deaf_client(&socket)).collect();
    let listener = agent.0.client().expect("a connection");
    let ups = std::thread::scope(|scope| {
        let listener = scope.spawn(|| hear_ups(listener, ROUNDS));
        for _ in 0..ROUNDS {
            terminate(&agent.0);
            agent
                .0
                .initiate(CHILD, Duration::from_secs(10))
                .expect("the tunnel comes up again");
        }
        listener.join().expect("the listener")
    });
    assert_eq!(ups, ROUNDS, "the listener has heard of every tunnel");
    wait::until("the deaf are gone", Duration::from_secs(20), || {
        (open_files(pid) <= files).then_some(())
    });
    let growth = Footprint::of(pid)
        .resident_bytes
        .saturating_sub(before.resident_bytes);
    assert!(growth < MEMORY, "memory grew by {growth} bytes");
    agent.0.wait_for_log(&["dropped"]);
    drop(deaf);
}

/// Two agents without a data plane, and a tunnel between them.
fn with_tunnel_up(lab: &Lab, pair: &Pair) -> (Holdfast, Holdfast) {
    let tunnel = Tunnel::default();
    let settings = Settings {
        agent: "dataplane = \"none\"".to_owned(),
        ..Settings::default()
    };
    let sun = Holdfast::with_tunnel(lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let moon = Holdfast::with_tunnel(lab, &pair.moon, &pair.sun, &tunnel, &settings);
    moon.initiate(CHILD, Duration::from_secs(10))
        .expect("the tunnel comes up");
    (moon, sun)
}

fn terminate(agent: &Holdfast) {
    let request = Message::of(&[("ike", CONNECTION)]);
    let answer = agent
        .client()
        .and_then(|mut client| client.request("terminate", &request))
        .expect("an answer");
    assert_eq!(answer.text("success"), Some("yes"), "{answer:?}");
}

fn connect(socket: &Path) -> UnixStream {
    UnixStream::connect(socket).expect("the control socket takes clients")
}

/// How long `stats` takes, asked for on one connection and again and again on a new one.
fn latencies(socket: &Path, time: Duration) -> Vec<Duration> {
    let start = Instant::now();
    let mut latencies = Vec::new();
    let mut lasting = Client::connect(socket).expect("a connection");
    while start.elapsed() < time {
        let asked = Instant::now();
        lasting
            .request("stats", &Message::default())
            .expect("stats");
        latencies.push(asked.elapsed());
        let asked = Instant::now();
        let mut new = Client::connect(socket).expect("another connection");
        new.request("stats", &Message::default()).expect("stats");
        latencies.push(asked.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
    latencies
}

/// A share of the busy clients, which ask in turn.
fn keep_busy(socket: &Path, over: &AtomicBool, answers: &AtomicUsize) {
    let mut clients: Vec<Client> = (0..BUSY / HANDS)
        .map(|_| Client::connect(socket).expect("a connection"))
        .collect();
    let nothing = Message::default();
    for turn in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let number = turn % clients.len();
        let client = &mut clients[number];
        match turn % 3 {
            0 => drop(client.request("stats", &nothing).expect("stats")),
            1 => drop(client.request("version", &nothing).expect("version")),
            _ => drop(
                client
                    .stream("list-sas", "list-sa", &nothing)
                    .expect("list-sas"),
            ),
        }
        answers.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(PACE * u32::try_from(HANDS).expect("a few"));
    }
}

/// Registers for everything and reads nothing of it.
fn deaf_client(socket: &Path) -> UnixStream {
    let mut stream = connect(socket);
    for event in ["log", "ike-updown", "child-updown", "alert"] {
        stream
            .write_all(&register_frame(event))
            .expect("a registration");
    }
    stream
}

/// Counts the CHILD_SAs that came up.
fn hear_ups(mut client: Client, expected: usize) -> usize {
    client.register("child-updown").expect("a registration");
    client.register("ike-updown").expect("a registration");
    let mut ups = 0;
    while ups < expected {
        let (name, message) = client.next_event().expect("an event");
        if name == "child-updown" && message.text("up") == Some("yes") {
            ups += 1;
        }
    }
    ups
}

fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("a live process")
        .count()
}

/// The test itself has a connection for each client.
fn raise_file_limit() {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit of open files");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("as much as is allowed");
}

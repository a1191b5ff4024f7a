//! Events, as whoever listens on a socket hears them.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    os::unix::net::UnixStream,
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::lab::{
    Lab, Namespace,
    charon::{self, Charon},
    holdfast::{Holdfast, PROGRAM, Settings},
    process::Process,
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    wait,
};

const LIMIT: Duration = Duration::from_secs(20);

/// What a listener has heard, and what it has not looked at yet.
struct Listener {
    lines: mpsc::Receiver<Value>,
    heard: Vec<Value>,
}

impl Listener {
    fn at(socket: &Path) -> Self {
        let stream = wait::until("the socket of events", LIMIT, || {
            UnixStream::connect(socket).ok()
        });
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("each line is an object");
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self {
            lines,
            heard: Vec::new(),
        }
    }

    /// Waits for the next event of a kind; what comes before it is passed over.
    fn next(&mut self, kind: &str) -> Value {
        loop {
            let Ok(event) = self.lines.recv_timeout(LIMIT) else {
                panic!("no {kind} after {:#?}", self.heard);
            };
            self.heard.push(event.clone());
            if event["event"] == kind {
                return event;
            }
        }
    }
}

#[test]
fn a_listener_hears_what_becomes_of_a_tunnel() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let socket = lab.directory().join("events");
    let settings = Settings {
        agent: format!(
            "dataplane = \"userspace\"\nevents = \"unix://{}\"",
            socket.display()
        ),
        ..Settings::persistent()
    };
    let mut holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let mut listener = Listener::at(&socket);
    let uri = format!("unix://{}", socket.display());
    let mut command = Command::new(PROGRAM);
    command.args(["events", "--uri", &uri]);
    let printed = lab.directory().join("printed");
    let printing = Process::spawn("holdfast events", command, &printed);

    // Nobody is there yet.
    let failed = listener.next("attempt-failed");
    assert_eq!(failed["connection"], CONNECTION);
    assert!(failed["failures"].as_u64() > Some(0), "{failed}");
    assert!(failed["next_retry_ms"].is_u64(), "{failed}");
    assert!(failed["reason"].is_string(), "{failed}");

    let mut charon = Charon::at_sun(&lab, &pair, &tunnel);
    let ike = listener.next("ike-up");
    assert_eq!(ike["remote_id"], pair.sun.id);
    let child = listener.next("child-up");
    assert_eq!(
        (&child["connection"], &child["child"]),
        (&CONNECTION.into(), &CHILD.into())
    );
    assert_eq!(child["remote_ts"][0], pair.sun.network(tunnel.inner));
    listener.next("connection-up");
    wait::until("the tunnel", LIMIT, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });

    holdfast
        .command("rekey", &[("child", CHILD)])
        .expect("rekey succeeds");
    listener.next("child-rekeyed");
    holdfast
        .command("rekey", &[("ike", CONNECTION)])
        .expect("rekey succeeds");
    listener.next("ike-rekeyed");

    charon.process().kill();
    let alert = listener.next("alert");
    assert_eq!(alert["alert"], "retransmit-send");
    let down = listener.next("connection-down");
    assert!(down["reason"].is_string(), "{down}");
    charon.crash_and_restart();
    listener.next("connection-up");

    assert!(holdfast.cli(&["reload"]).status.success());
    let reloaded = listener.next("reloaded");
    assert_eq!(reloaded["added"], serde_json::json!([]));
    holdfast.process().signal(Signal::SIGTERM);
    listener.next("draining");
    listener.next("child-down");
    listener.next("ike-down");
    assert!(holdfast.process().wait(LIMIT).is_some(), "it ends");
    assert!(!socket.exists(), "nobody finds a socket that nobody serves");
    let said = printing.log();
    for kind in ["connection-up", "connection-down", "reloaded", "draining"] {
        assert!(
            said.contains(&format!("\"event\":\"{kind}\"")),
            "{kind}: {said}"
        );
    }
}

/// charon's own client, unchanged, beside either daemon: both say the same numbers.
#[test]
fn charons_error_listener_hears_from_holdfast_what_it_hears_from_charon() {
    let lab = Lab::new();
    let tunnel = Tunnel::default();
    let impatient = "retransmit_timeout = 0.3\nretransmit_tries = 2\n\
        plugins { error-notify { socket = tcp://127.0.0.1:4503 } }";
    let of_charon = {
        let pair = Pair::new(&lab);
        let settings = charon::Settings {
            daemon: impatient.to_owned(),
            ..charon::Settings::default()
        };
        let charon = Charon::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
        let client = error_listener(&lab, &pair.moon.namespace, "of-charon");
        pair.silence_sun();
        charon.initiate(CHILD, LIMIT).expect_err("nobody answers");
        numbers(&client)
    };
    let of_holdfast = {
        let pair = Pair::new(&lab);
        let settings = Settings {
            agent: "dataplane = \"userspace\"\nerror_notify = \"tcp://127.0.0.1:4503\"".to_owned(),
            connection: "retransmit = { timeout = \"300ms\", tries = 2 }".to_owned(),
            ..Settings::default()
        };
        let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
        let client = error_listener(&lab, &pair.moon.namespace, "of-holdfast");
        pair.silence_sun();
        holdfast.initiate(CHILD, LIMIT).expect_err("nobody answers");
        let said = client.log();
        assert!(said.contains(CONNECTION), "{said}");
        numbers(&client)
    };
    assert!(!of_charon.is_empty());
    assert_eq!(of_holdfast, of_charon);
}

/// Debian's client of charon's error-notify plugin.
fn error_listener(lab: &Lab, namespace: &Namespace, log: &str) -> Process {
    let mut command = namespace.command("stdbuf");
    command
        .args(["-oL", "/usr/lib/ipsec/error-notify"])
        .env("TCP_PORT", "4503");
    let log = lab.directory().join(log);
    let client = Process::spawn("error-notify", command, &log);
    // It says nothing before there is something to say.
    thread::sleep(Duration::from_millis(500));
    client
}

/// The numbers of the errors that it told of.
fn numbers(client: &Process) -> BTreeSet<u32> {
    wait::until("an error", LIMIT, || {
        (!client.log().is_empty()).then_some(())
    });
    thread::sleep(Duration::from_millis(300));
    let said = client.log();
    println!("{said}");
    let first = |line: &str| line.split(' ').next()?.parse().ok();
    said.lines().filter_map(first).collect()
}

//! Whole agents against each other, in one process, over loopback.

#![allow(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

mod configure;
mod lab;
mod traps;

use std::time::{Duration, Instant};

use holdfast_actors::{Exit, StartError};
use lab::{Agent, Sa, Setup, eventually};

/// The peer of other tests when it must be killed; nothing by itself.
#[test]
fn peer_process() {
    lab::be_peer_process();
}

fn is_up(sa: &Sa) -> bool {
    sa.state == "ESTABLISHED" && sa.children.len() == 1 && sa.children[0].1 == "INSTALLED"
}

/// Exactly one IKE_SA with one CHILD_SA for each of `count` connections.
fn all_up(sas: &[Sa], count: usize) -> bool {
    sas.len() == count && sas.iter().all(is_up)
}

#[test]
fn a_tunnel_comes_up_on_request_and_goes_on_request() {
    let (first, second) = Setup::pair();
    let (a, b) = (first.start(), second.start());
    assert_eq!((a.sas(), b.sas()), (vec![], vec![]));
    assert_eq!(a.state("c0"), "idle");

    a.succeed("initiate", &[("child", "net"), ("ike", "c0")]);
    let (ours, theirs) = (a.sas(), b.sas());
    assert!(all_up(&ours, 1), "{ours:?}");
    assert!(all_up(&theirs, 1), "{theirs:?}");
    assert_eq!(ours[0].spis, theirs[0].spis);
    assert_eq!((a.state("c0"), b.state("c0")), ("up".into(), "up".into()));

    // Once more is no work.
    a.succeed("initiate", &[("child", "net")]);
    assert_eq!(a.counter("create-child-out-req"), 0);
    assert_eq!(a.counter("ike-init-out-req"), 1);

    a.succeed("terminate", &[("ike", "c0")]);
    assert_eq!(a.sas(), []);
    eventually("the peer knows", || b.sas().is_empty());
    assert_eq!(
        a.command("terminate", &[("ike", "c0")])
            .verdict()
            .unwrap_err(),
        "no matching SAs to terminate found"
    );
    assert_eq!((a.stop(), b.stop()), (Exit::Drained, Exit::Drained));
}

#[test]
fn clients_are_told_what_is_wrong() {
    let (mut first, mut second) = Setup::pair();
    second.keys = "unique = \"no\"".to_owned();
    first.connections = 2;
    let (a, b) = (first.start(), second.start());
    let refused =
        |arguments: &[(&str, &str)]| a.command("initiate", arguments).verdict().unwrap_err();
    assert_eq!(refused(&[]), "missing configuration name");
    assert_eq!(refused(&[("child", "x")]), "CHILD_SA config 'x' not found");
    assert_eq!(refused(&[("ike", "x")]), "IKE_SA config 'x' not found");
    // The peer does not know the second connection's identities.
    let reason = refused(&[("ike", "c1"), ("child", "net")]);
    assert!(
        reason.starts_with("establishing CHILD_SA 'net' failed: "),
        "{reason}"
    );
    assert!(
        reason.contains("compare the secret and the ids"),
        "{reason}"
    );
    assert_eq!(
        a.command("terminate", &[]).verdict().unwrap_err(),
        "missing terminate selector"
    );
    assert_eq!((a.stop(), b.stop()), (Exit::Drained, Exit::Drained));
}

#[test]
fn a_timeout_answers_and_the_attempt_goes_on() {
    let (first, second) = Setup::pair();
    let a = first.start();
    let began = Instant::now();
    let arguments = [("child", "net"), ("timeout", "200")];
    let reason = a.command("initiate", &arguments).verdict().unwrap_err();
    assert_eq!(reason, "CHILD_SA 'net' not established after 200ms");
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(a.state("c0"), "connecting");
    a.succeed("initiate", &[("child", "net"), ("timeout", "-1")]);
    assert_eq!(a.sas().len(), 1);
    // Nobody listens there, which is known, but it may change at any moment.
    let health = a.health("c0");
    assert!(
        health.get_str("reason").unwrap().contains("nobody listens"),
        "{health:?}"
    );
    let b = second.start();
    eventually("the retransmission is answered", || all_up(&b.sas(), 1));
    assert!(all_up(&a.sas(), 1));
    assert_eq!(a.counter("ike-init-out-req"), 1);
}

#[test]
fn a_persistent_connection_returns_after_its_peer_did() {
    let (mut first, second) = Setup::pair();
    first.keys = "persistent = true\nreconnect = { initial = \"50ms\", max = \"100ms\" }\n\
        retransmit = { timeout = \"100ms\", base = 1.0, tries = 3 }"
        .to_owned();
    let a = first.start();
    eventually("attempts fail", || {
        a.health("c0").get_int("failures").unwrap() >= 2
    });
    let mut b = second.start();
    eventually("up", || all_up(&a.sas(), 1) && a.state("c0") == "up");
    for _ in 0..3 {
        assert_eq!(b.stop(), Exit::Drained);
        eventually("down", || a.sas().iter().all(|sa| !is_up(sa)));
        b = second.start();
        eventually("up again", || all_up(&a.sas(), 1) && all_up(&b.sas(), 1));
    }
    // Down means down.
    a.succeed("terminate", &[("ike", "c0")]);
    assert_eq!(a.state("c0"), "disabled");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((a.sas(), b.sas()), (vec![], vec![]));
    a.succeed("initiate", &[("ike", "c0")]);
    eventually("up on request", || a.state("c0") == "up");
}

#[test]
fn a_peer_that_was_killed_is_noticed_and_reconnected() {
    let (mut first, second) = Setup::pair();
    first.keys = "persistent = true\ndpd_delay = \"200ms\"\n\
        reconnect = { initial = \"50ms\", max = \"100ms\" }\n\
        retransmit = { timeout = \"100ms\", base = 1.0, tries = 3 }"
        .to_owned();
    let a = first.start();
    let b = second.start_process();
    eventually("up", || all_up(&a.sas(), 1) && all_up(&b.sas(), 1));
    let before = a.sas()[0].spis.clone();
    b.kill();
    let b = second.start_process();
    eventually("up again", || {
        all_up(&a.sas(), 1) && all_up(&b.sas(), 1) && a.sas()[0].spis != before
    });
    assert_eq!(a.sas()[0].spis, b.sas()[0].spis);
}

/// Both ends begin at the same instant, again and again.
#[test]
fn two_persistent_ends_agree_on_one_tunnel() {
    for round in 0..10 {
        let (mut first, mut second) = Setup::pair();
        for setup in [&mut first, &mut second] {
            setup.keys = "persistent = true\nreconnect = { initial = \"20ms\", max = \"50ms\" }\n\
                retransmit = { timeout = \"50ms\", base = 1.0, tries = 10 }"
                .to_owned();
        }
        let (a, b) = std::thread::scope(|scope| {
            let a = scope.spawn(|| first.start());
            let b = scope.spawn(|| second.start());
            (a.join().unwrap(), b.join().unwrap())
        });
        let agreed = |a: &Agent, b: &Agent| {
            let (ours, theirs) = (a.sas(), b.sas());
            all_up(&ours, 1) && all_up(&theirs, 1) && ours[0].spis == theirs[0].spis
        };
        eventually("one tunnel", || agreed(&a, &b));
        std::thread::sleep(Duration::from_millis(100));
        assert!(agreed(&a, &b), "round {round}: {:?} {:?}", a.sas(), b.sas());
    }
}

#[test]
fn a_drain_says_goodbye_to_everybody() {
    const COUNT: usize = 50;
    let (mut first, mut second) = Setup::pair();
    first.connections = COUNT;
    second.connections = COUNT;
    first.keys = "persistent = true".to_owned();
    let (a, b) = (first.start(), second.start());
    eventually("all up", || {
        all_up(&a.sas(), COUNT) && all_up(&b.sas(), COUNT)
    });
    assert_eq!(a.stop(), Exit::Drained);
    assert_eq!(b.sas(), [], "each got its DELETE, and was answered");
    assert_eq!(b.stop(), Exit::Drained);
}

#[test]
fn a_drain_does_not_wait_for_the_dead_beyond_its_deadline() {
    let (mut first, second) = Setup::pair();
    first.agent = "drain_timeout = \"500ms\"".to_owned();
    let a = first.start();
    let b = second.start_process();
    a.succeed("initiate", &[("child", "net")]);
    b.kill();
    let began = Instant::now();
    assert_eq!(a.stop(), Exit::Late(1));
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(500) && took < Duration::from_secs(5),
        "{took:?}"
    );
}

#[test]
fn a_second_request_to_stop_is_obeyed_at_once() {
    let (first, second) = Setup::pair();
    let a = first.start();
    let b = second.start_process();
    a.succeed("initiate", &[("child", "net")]);
    b.kill();
    a.ask_to_stop();
    let began = Instant::now();
    assert_eq!(a.stop(), Exit::Interrupted);
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// Thousands of impatient clients and an unreachable peer: one attempt, prompt answers, prompt end.
#[test]
fn a_storm_of_clients_is_one_attempt() {
    const STORM: usize = 2_000;
    let (first, _) = Setup::pair();
    let a = first.start();
    let request = holdfast_vici::Packet::CommandRequest {
        name: "initiate".to_owned(),
        message: [("ike", "c0")].into_iter().collect(),
    }
    .to_frame()
    .unwrap();
    for _ in 0..STORM {
        use std::io::Write as _;
        let mut client = std::os::unix::net::UnixStream::connect(&a.vici).unwrap();
        client.write_all(&request).unwrap();
    }
    assert_eq!(a.half_open(), 1);
    assert_eq!(a.counter("ike-init-out-req"), 1);
    eventually("the clients are gone", || {
        a.command("stats", &[]).get_int("control-clients").unwrap() == 1
    });
    let began = Instant::now();
    assert_eq!(a.stop(), Exit::Drained);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    let (first, _) = Setup::pair();
    let _a = first.start();
    match first.try_start() {
        Err(StartError::PortInUse(address)) => {
            assert_eq!(address.to_string(), format!("{}:15500", first.local));
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("two agents on one port"),
    }
}

#[test]
fn health_is_served_over_http() {
    let (mut first, second) = Setup::pair();
    let port = {
        let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        probe.local_addr().unwrap().port()
    };
    first.agent = format!("health = \"127.0.0.1:{port}\"");
    first.keys = "persistent = true".to_owned();
    let _b = second.start();
    let a = first.start();
    let fetch = |path: &str| {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(fetch("/healthz").ends_with("ok\n"));
    assert!(fetch("/readyz").ends_with("ready\n"));
    eventually("status says so", || {
        fetch("/status").contains(r#""connections":{"c0":{"state":"up""#)
    });
    let metrics = fetch("/metrics");
    assert!(
        metrics.contains("holdfast_connection_up{connection=\"c0\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("holdfast_ike_init_out_req_total 1"),
        "{metrics}"
    );
    assert!(metrics.contains("text/plain; version=0.0.4"), "{metrics}");
    assert_eq!(a.stop(), Exit::Drained);
}

#[test]
fn listings_and_events_are_what_clients_of_charon_expect() {
    let (first, second) = Setup::pair();
    let (a, b) = (first.start(), second.start());
    let mut listener = a.listen(&["ike-updown", "child-updown", "log"]);

    let (events, _) = a.command_with_events("list-conns", &[]);
    let conn = events[0].message.child("c0").unwrap();
    assert_eq!(conn.get_str("version"), Some("IKEv2"));
    assert_eq!(conn.get_str("unique"), Some("UNIQUE_NO"));
    assert_eq!(conn.get_str("local-1.class"), Some("pre-shared key"));
    assert_eq!(conn.get_str("remote-1.id"), Some("b0.example"));
    assert_eq!(conn.get_str("children.net.mode"), Some("TUNNEL"));
    assert_eq!(
        conn.get_str_list("children.net.remote-ts")
            .collect::<Vec<_>>(),
        ["10.0.0.0/16"]
    );

    let (lines, response) = a.command_with_events("initiate", &[("child", "net")]);
    assert_eq!(response.verdict(), Ok(()));
    let last = &lines.last().unwrap().message;
    assert_eq!(last.get_str("group"), Some("CHD"));
    assert!(
        last.get_str("msg")
            .unwrap()
            .contains("CHILD_SA net established")
    );

    let (events, _) = a.command_with_events("list-sas", &[]);
    let sa = events[0].message.child("c0").unwrap();
    for (key, expected) in [
        ("version", "2"),
        ("initiator", "yes"),
        ("local-id", "a0.example"),
        ("remote-id", "b0.example"),
        ("encr-alg", "AES_GCM_16"),
        ("encr-keysize", "128"),
        ("prf-alg", "PRF_HMAC_SHA2_256"),
        ("dh-group", "CURVE_25519"),
        ("child-sas.net-1.reqid", "1"),
        ("child-sas.net-1.protocol", "ESP"),
        ("child-sas.net-1.bytes-in", "0"),
    ] {
        assert_eq!(sa.get_str(key), Some(expected), "{key}");
    }
    assert_eq!(sa.iter().last().unwrap().0, "child-sas", "always last");

    a.succeed("terminate", &[("ike", "c0")]);
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let event = listener.next();
        if event.name != "log" {
            let up = event.message.get_bool("up").unwrap_or(false);
            assert!(event.message.child("c0").is_some());
            seen.push((event.name, up));
        }
    }
    let expected = [
        ("ike-updown", true),
        ("child-updown", true),
        ("child-updown", false),
        ("ike-updown", false),
    ];
    let expected: Vec<_> = expected.map(|(name, up)| (name.to_owned(), up)).to_vec();
    assert_eq!(seen, expected);
    assert_eq!((a.stop(), b.stop()), (Exit::Drained, Exit::Drained));
}

#[test]
fn keys_are_logged_only_where_asked_for() {
    let (mut first, second) = Setup::pair();
    first.agent = "keylog = \"DIRECTORY/keys\"".to_owned();
    let (a, b) = (first.start(), second.start());
    a.succeed("initiate", &[("child", "net")]);
    let lines = |table: &str| {
        let file = a.directory().join("keys").join(table);
        std::fs::read_to_string(file).unwrap().lines().count()
    };
    eventually("keys are written", || {
        lines("ikev2_decryption_table") == 1 && lines("esp_sa") == 2
    });
    let stats = a.command("stats", &[]);
    assert!(stats.get_str("keylog").unwrap().ends_with("/keys"), "loud");
    assert!(!b.directory().join("keys").exists());
    assert!(!b.command("stats", &[]).contains("keylog"));
}

/// A panic inside one of many costs that one, and it comes back by itself.
#[cfg(feature = "fault-injection")]
#[test]
fn a_panic_costs_one_ike_sa() {
    const COUNT: usize = 20;
    let (mut first, mut second) = Setup::pair();
    first.connections = COUNT;
    second.connections = COUNT;
    first.keys = "persistent = true\nreconnect = { initial = \"20ms\", max = \"50ms\" }".to_owned();
    let (a, b) = (first.start(), second.start());
    eventually("all up", || {
        all_up(&a.sas(), COUNT) && all_up(&b.sas(), COUNT)
    });
    let before = a.sas();
    let victim = before[COUNT / 2].clone();
    a.succeed("inject-panic", &[("ike-id", &victim.id)]);
    eventually("all up again", || {
        let now = a.sas();
        all_up(&now, COUNT) && !now.contains(&victim)
    });
    assert_eq!(a.counter("panics"), 1);
    let stats = a.command("stats", &[]);
    let reserved = stats.get_str("reserved-spis").unwrap();
    assert_eq!(reserved, COUNT.to_string(), "the victim's SPI was purged");
    let now = a.sas();
    for sa in before.iter().filter(|sa| **sa != victim) {
        assert!(now.contains(sa), "untouched: {sa:?}");
    }
    // The peer learned by INITIAL_CONTACT that the old one is dead, and nothing is left behind.
    eventually("the peer too", || all_up(&b.sas(), COUNT));
    assert_eq!((a.stop(), b.stop()), (Exit::Drained, Exit::Drained));
}

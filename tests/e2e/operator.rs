//! The program's own commands and the health endpoint, as an operator and a monitor use them.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Output,
    time::Duration,
};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{Holdfast, Settings},
    sas::agreed_tunnel,
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    wait,
};

#[test]
fn status_tells_why_a_tunnel_is_down_and_that_it_is_up() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let settings = Settings::persistent();
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);

    // Nobody is at the peer's address: silence, or an ICMP error, whichever is noticed first.
    let why = |text: &str| text.contains("nobody listens") || text.contains("does not answer");
    let down = wait::until("a reason", Duration::from_secs(10), || {
        let status = json(&holdfast.cli(&["status", "--json"]));
        why(&text(&status)).then_some(status)
    });
    assert!(
        text(&down).contains(CONNECTION) && !text(&down).contains("\"up\""),
        "{down}"
    );
    let table = wait::until("the table says so, too", Duration::from_secs(5), || {
        let table = String::from_utf8_lossy(&holdfast.cli(&["status"]).stdout).into_owned();
        (table.contains(CONNECTION) && why(&table)).then_some(table)
    });
    println!("{table}");

    let charon = Charon::with_tunnel(
        &lab,
        &pair.sun,
        &pair.moon,
        &tunnel,
        &charon::Settings::default(),
    );
    wait::until("the tunnel", Duration::from_secs(20), || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    wait::until("status says up", Duration::from_secs(5), || {
        text(&json(&holdfast.cli(&["status", "--json"])))
            .contains("\"up\"")
            .then_some(())
    });
}

#[test]
fn initiate_and_terminate_from_the_command_line() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let charon = Charon::with_tunnel(
        &lab,
        &pair.sun,
        &pair.moon,
        &tunnel,
        &charon::Settings::default(),
    );
    let holdfast =
        Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &Settings::default());
    let up = holdfast.cli(&["initiate", CONNECTION, "--child", CHILD, "--timeout", "10"]);
    assert!(up.status.success(), "{up:?}");
    assert!(agreed_tunnel(&holdfast, &charon, CHILD).is_some());
    let down = holdfast.cli(&["terminate", CONNECTION]);
    assert!(down.status.success(), "{down:?}");
    let unknown = holdfast.cli(&["initiate", "nosuch"]);
    assert!(!unknown.status.success());
    assert!(
        String::from_utf8_lossy(&unknown.stderr).contains("nosuch"),
        "{unknown:?}"
    );
}

#[test]
fn health_endpoint_answers() {
    let lab = Lab::new();
    let namespace = lab.namespace("health");
    let settings =
        "dataplane = \"none\"\nport = 15500\nport_nat_t = 14500\nhealth = \"127.0.0.1:18500\"";
    let holdfast = Holdfast::start(&lab, &namespace, settings, "");
    let answer = |path: &str| {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        namespace.enter(|| {
            let mut stream = TcpStream::connect("127.0.0.1:18500").expect("the health endpoint");
            stream.write_all(request.as_bytes()).expect("a request");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer");
            answer
        })
    };
    assert!(answer("/healthz").starts_with("HTTP/1.1 200"));
    assert!(answer("/readyz").starts_with("HTTP/1.1 200"));
    let status = answer("/status");
    let body = status.split("\r\n\r\n").nth(1).expect("a body");
    serde_json::from_str::<serde_json::Value>(body).expect("JSON");
    drop(holdfast);
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn text(value: &serde_json::Value) -> String {
    value.to_string()
}

//! The program's own commands and the health endpoint, as an operator and a monitor use them.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
    time::Duration,
};

use crate::lab::{
    Lab,
    charon::Charon,
    holdfast::{Holdfast, Settings},
    http,
    sas::agreed_tunnel,
    topology::{CHILD, CONNECTION, Pair, Tunnel},
    traffic, wait,
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

    let charon = Charon::at_sun(&lab, &pair, &tunnel);
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
    let charon = Charon::at_sun(&lab, &pair, &tunnel);
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
    let answer = |path: &str| http::get(&namespace, "127.0.0.1:18500", path, "");
    assert_eq!(answer("/healthz").status, 200);
    assert_eq!(answer("/readyz").status, 200);
    let status = answer("/status").body;
    serde_json::from_str::<serde_json::Value>(&status).expect("JSON");
    drop(holdfast);
}

#[test]
fn readiness_is_what_the_operator_requires_and_metrics_tell_the_rest() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let tunnel = Tunnel::default();
    let settings = Settings {
        agent: format!(
            "dataplane = \"userspace\"\nhealth = \"{HEALTH}\"\nreadiness = {{ require = \"all\" }}"
        ),
        ..Settings::persistent()
    };
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    let moon = &pair.moon.namespace;
    let get = |path: &str, headers: &str| http::get(moon, HEALTH, path, headers);
    let missing = wait::until("a reason", Duration::from_secs(10), || {
        let answer = get("/readyz", "");
        assert_eq!(answer.status, 503);
        answer
            .body
            .starts_with("gw: waiting: ")
            .then_some(answer.body)
    });
    println!("{missing}");

    let charon = Charon::at_sun(&lab, &pair, &tunnel);
    wait::until("the tunnel", Duration::from_secs(20), || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    wait::until("ready", Duration::from_secs(5), || {
        (get("/readyz", "").status == 200).then_some(())
    });
    let (here, there) = (pair.moon.inner(tunnel.inner), pair.sun.inner(tunnel.inner));
    assert_eq!(traffic::ping(moon, here, there, 20), 20);

    let classic = get("/metrics", "");
    assert!(
        classic.headers.contains("text/plain; version=0.0.4"),
        "{classic:?}"
    );
    check_metrics(&classic.body);
    for sample in [
        "holdfast_connection_up{connection=\"gw\"} 1",
        "holdfast_connection_state{connection=\"gw\",state=\"up\"} 1",
        "holdfast_connection_state{connection=\"gw\",state=\"waiting\"} 0",
        "holdfast_connection_handshake_seconds_count{connection=\"gw\"} 1",
        "holdfast_child_packets_total{connection=\"gw\",child=\"net\",direction=\"in\"} 20",
        "holdfast_actor_mailbox_messages{actor=\"ike_sa\"} 0",
    ] {
        let lines: Vec<&str> = classic.body.lines().collect();
        assert!(lines.contains(&sample), "{sample}:\n{}", classic.body);
    }
    let failures = classic.body.lines().find_map(|line| {
        line.strip_prefix("holdfast_connection_failures_total{connection=\"gw\"} ")
    });
    assert_ne!(failures, Some("0"));
    let modern = get("/metrics", "Accept: application/openmetrics-text\r\n").body;
    assert!(modern.ends_with("# EOF\n"), "{modern}");
    assert!(
        modern.contains("# TYPE holdfast_child_packets counter\n"),
        "{modern}"
    );
}

const HEALTH: &str = "127.0.0.1:8500";

/// By the judgement of Prometheus's own tool.
fn check_metrics(page: &str) {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    let mut input = promtool.stdin.take().expect("its input");
    input.write_all(page.as_bytes()).expect("it reads");
    drop(input);
    let said = promtool.wait_with_output().expect("its verdict");
    assert!(said.status.success(), "{said:?}\n{page}");
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn text(value: &serde_json::Value) -> String {
    value.to_string()
}

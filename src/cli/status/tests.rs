use holdfast_vici::Message;

use super::{
    json,
    report::Report,
    table::{render, render_details},
};
use crate::cli::output::Style;

fn child(state: &str) -> Message {
    Message::new().with("state", state)
}

fn carrying() -> Message {
    child("up")
        .with("up-since", 11_520_u64)
        .with("bytes-in", 1_288_490_189_u64)
        .with("bytes-out", 356_515_840_u64)
        .with("packets-in", 1_000_123_u64)
        .with("packets-out", 400_321_u64)
        .with("local-ts", vec!["10.1.0.0/16"])
        .with("remote-ts", vec!["10.2.0.0/16", "10.3.0.0/16"])
}

fn connection(name: &str, state: &str) -> Message {
    Message::new()
        .with("state", state)
        .with("persistent", name != "guest")
}

fn report() -> Report {
    let mut paris = connection("paris", "up")
        .with("since", 11_520_u64)
        .with("peer", "192.0.2.2:4500")
        .with("remote-id", "sun.example")
        .with("reason", "")
        .with("failures", 0_u32)
        .with("ike-sas", 1_u32);
    paris.push(
        "children",
        Message::new()
            .with("net", carrying())
            .with("lab", child("down")),
    );
    let mut rome = connection("rome", "waiting")
        .with("since", 41_u64)
        .with("peer", "192.0.2.9:500")
        .with("reason", "the peer does not answer")
        .with("failures", 5_u32)
        .with("next-retry", 12_400_u64)
        .with("ike-sas", 0_u32);
    rome.push("children", Message::new().with("net", child("waiting")));
    let guest = connection("guest", "idle").with("reason", "nobody asked for it");
    let events = [("paris", paris), ("rome", rome), ("guest", guest)]
        .map(|(name, section)| Message::new().with(name, section));
    Report::read(&events, &Message::success())
}

#[test]
fn everything_at_a_glance() {
    assert_eq!(
        render(&report(), Style::default()),
        "\
CONNECTION  STATE    SINCE   PEER                          CHILDREN  TRAFFIC                  NEXT RETRY  WHY
paris       up       3h 12m  192.0.2.2:4500 (sun.example)  1/2 up    1.2 GiB in, 340 MiB out
rome        waiting  41s     192.0.2.9:500                 0/1 up    -                        in 12s      the peer does not answer (5 attempts failed)
guest       idle     -       -                             0/0 up    -                                    nobody asked for it

3 connections: 1 up, 1 waiting, 1 idle
"
    );
}

#[test]
fn columns_without_content_are_left_out() {
    let mut report = report();
    report.connections.truncate(1);
    assert_eq!(
        render(&report, Style::default()),
        "\
CONNECTION  STATE  SINCE   PEER                          CHILDREN  TRAFFIC
paris       up     3h 12m  192.0.2.2:4500 (sun.example)  1/2 up    1.2 GiB in, 340 MiB out

1 connection: 1 up
"
    );
}

#[test]
fn the_reason_is_wrapped_where_the_terminal_ends() {
    let mut report = report();
    report.connections.remove(0);
    let style = Style {
        width: Some(100),
        ..Style::default()
    };
    assert_eq!(
        render(&report, style),
        "\
CONNECTION  STATE    SINCE  PEER           CHILDREN  TRAFFIC  NEXT RETRY  WHY
rome        waiting  41s    192.0.2.9:500  0/1 up    -        in 12s      the peer does not answer
                                                                          (5 attempts failed)
guest       idle     -      -              0/0 up    -                    nobody asked for it

2 connections: 1 waiting, 1 idle
"
    );
    for width in [0, 1, 20, 80, 1000, u16::MAX] {
        let style = Style {
            width: Some(width),
            ..Style::default()
        };
        assert!(
            render(&report, style).contains("rome        waiting"),
            "{width}"
        );
    }
}

#[test]
fn children_in_detail() {
    let mut report = report();
    report.connections.truncate(1);
    assert_eq!(
        render_details(&report, Style::default()),
        "\
CONNECTION  STATE  SINCE   PEER                          CHILDREN  TRAFFIC
paris       up     3h 12m  192.0.2.2:4500 (sun.example)  1/2 up    1.2 GiB in, 340 MiB out

CHILD  STATE  SINCE   TRAFFIC                  PACKETS                 LOCAL        REMOTE
net    up     3h 12m  1.2 GiB in, 340 MiB out  1000123 in, 400321 out  10.1.0.0/16  10.2.0.0/16 10.3.0.0/16
lab    down   -       -                        0 in, 0 out             -            -
"
    );
}

#[test]
fn states_are_coloured_and_nothing_else() {
    let style = Style {
        colour: true,
        width: None,
    };
    let mut report = report();
    report.connections[2].reason = Some("up and down".to_owned());
    let text = render(&report, style);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("\x1b[1mCONNECTION") && lines[0].ends_with("\x1b[0m"));
    assert!(lines[1].starts_with("paris       \x1b[32mup\x1b[0m       3h 12m"));
    assert!(lines[2].starts_with("rome        \x1b[33mwaiting\x1b[0m  41s"));
    assert!(lines[3].starts_with("guest       \x1b[2midle\x1b[0m     -"));
    assert!(lines[3].ends_with("up and down"));
    assert_eq!(text.matches("\x1b[0m").count(), 4);
}

#[test]
fn a_peer_cannot_write_to_the_terminal() {
    let section = connection("paris", "up")
        .with("remote-id", "\x1b]0;gotcha\x07")
        .with("reason", "line\nline");
    let report = Report::read(
        &[Message::new().with("paris", section)],
        &Message::success(),
    );
    assert_eq!(report.connections[0].remote_id, None);
    assert_eq!(report.connections[0].reason, None);

    let section = connection("paris", "up").with("remote-id", "x".repeat(60_000));
    let report = Report::read(
        &[Message::new().with("paris", section)],
        &Message::success(),
    );
    assert!(render(&report, Style::default()).len() < 300);
}

#[test]
fn states_of_later_agents_are_shown() {
    let report = Report::read(
        &[
            Message::new().with("paris", connection("paris", "hibernating")),
            Message::new().with("rome", Message::new()),
        ],
        &Message::success(),
    );
    let style = Style {
        colour: true,
        width: None,
    };
    let text = render(&report, style);
    assert!(text.contains("paris       hibernating  -"), "{text}");
    assert!(
        text.ends_with("2 connections: 1 hibernating, 1 unknown\n"),
        "{text}"
    );
}

/// Programs depend on every key of this.
#[test]
fn keys_of_the_json() {
    let mut report = report();
    report.connections.truncate(2);
    let value: serde_json::Value = serde_json::from_str(&json::render(&report)).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "connections": [
                {
                    "name": "paris",
                    "state": "up",
                    "persistent": true,
                    "since_seconds": 11520,
                    "peer": "192.0.2.2:4500",
                    "remote_id": "sun.example",
                    "reason": null,
                    "failures": 0,
                    "next_retry_ms": null,
                    "ike_sas": 1,
                    "children": [
                        {
                            "name": "net",
                            "state": "up",
                            "up_seconds": 11520,
                            "bytes_in": 1_288_490_189_u64,
                            "bytes_out": 356_515_840,
                            "packets_in": 1_000_123,
                            "packets_out": 400_321,
                            "local_ts": ["10.1.0.0/16"],
                            "remote_ts": ["10.2.0.0/16", "10.3.0.0/16"],
                        },
                        {
                            "name": "lab",
                            "state": "down",
                            "up_seconds": null,
                            "bytes_in": 0,
                            "bytes_out": 0,
                            "packets_in": 0,
                            "packets_out": 0,
                            "local_ts": [],
                            "remote_ts": [],
                        },
                    ],
                },
                {
                    "name": "rome",
                    "state": "waiting",
                    "persistent": true,
                    "since_seconds": 41,
                    "peer": "192.0.2.9:500",
                    "remote_id": null,
                    "reason": "the peer does not answer",
                    "failures": 5,
                    "next_retry_ms": 12400,
                    "ike_sas": 0,
                    "children": [
                        {
                            "name": "net",
                            "state": "waiting",
                            "up_seconds": null,
                            "bytes_in": 0,
                            "bytes_out": 0,
                            "packets_in": 0,
                            "packets_out": 0,
                            "local_ts": [],
                            "remote_ts": [],
                        },
                    ],
                },
            ],
            "sandbox": null,
        })
    );
}

#[test]
fn the_sandbox_is_stated() {
    let sandbox = Message::new()
        .with("enabled", true)
        .with("capabilities", "CAP_NET_ADMIN")
        .with("no-new-privileges", true)
        .with("system-calls", "120 of them (seccomp)")
        .with("files", "all: the kernel has no Landlock");
    let response = Message::success().with("sandbox", sandbox);
    let sandbox = Report::read(&[], &response).sandbox.unwrap();
    assert_eq!(
        sandbox.sentence(),
        "Sandbox: CAP_NET_ADMIN; no new privileges; system calls: 120 of them (seccomp); \
         files: all: the kernel has no Landlock"
    );
    let off = Message::success().with("sandbox", Message::new().with("enabled", false));
    let sandbox = Report::read(&[], &off).sandbox.unwrap();
    assert_eq!(sandbox.sentence(), "Sandbox: off (agent.sandbox)");
}

#[test]
fn state_that_is_not_kept_is_stated() {
    let response = Message::success().with("state-warning", "state.redb: no space left");
    let events = [Message::new().with("guest", connection("guest", "idle"))];
    let report = Report::read(&events, &response);
    let text = render(&report, Style::default());
    let line = "State is not kept, a restart would forget what is new: state.redb: no space left\n";
    assert!(text.ends_with(line), "{text}");
    assert!(json::render(&report).contains("\"state_warning\": \"state.redb: no space left\""));
}

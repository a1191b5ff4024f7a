use holdfast_vici::Message;

use super::{agent::Agent, holdfast};

#[allow(clippy::unnecessary_wraps, reason = "the shape of every script")]
fn two_connections(
    command: &str,
    request: &Message,
) -> Option<(Vec<(&'static str, Message)>, Message)> {
    assert_eq!(command, "health");
    let paris = Message::new()
        .with("state", "up")
        .with("since", 75_u64)
        .with("peer", "192.0.2.2:4500");
    let rome = Message::new()
        .with("state", "waiting")
        .with("reason", "192.0.2.9 does not answer");
    let events = [("paris", paris), ("rome", rome)]
        .into_iter()
        .filter(|(name, _)| request.get_str("name").is_none_or(|wanted| wanted == *name))
        .map(|(name, connection)| ("health", Message::new().with(name, connection)))
        .collect();
    Some((events, Message::success()))
}

#[test]
fn every_connection() {
    let agent = Agent::start(two_connections);
    let ran = holdfast(&["status", "--uri", &agent.uri()]);
    assert_eq!((ran.code, ran.complaints.as_str()), (0, ""));
    for part in ["paris", "1m 15s", "rome", "192.0.2.9 does not answer"] {
        assert!(ran.results.contains(part), "{}", ran.results);
    }
    assert!(ran.results.ends_with("\n2 connections: 1 up, 1 waiting\n"));
}

#[test]
fn one_connection() {
    let agent = Agent::start(two_connections);
    let ran = holdfast(&["status", "rome", "--uri", &agent.uri()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.results.contains("paris"), "{}", ran.results);
    let ran = holdfast(&["status", "nosuch", "--uri", &agent.uri()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.complaints.contains("`nosuch`"), "{ran:?}");
}

#[test]
fn json() {
    let agent = Agent::start(two_connections);
    let ran = holdfast(&["status", "--json", "--uri", &agent.uri()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let status: serde_json::Value = serde_json::from_str(&ran.results).unwrap();
    assert_eq!(status["connections"][0]["state"], "up");
    assert_eq!(
        status["connections"][1]["reason"],
        "192.0.2.9 does not answer"
    );
}

#[test]
fn an_empty_configuration() {
    let agent = Agent::start(|_, _| Some((Vec::new(), Message::success())));
    let ran = holdfast(&["status", "--uri", &agent.uri()]);
    assert_eq!((ran.code, ran.complaints.as_str()), (0, ""));
    assert!(ran.results.starts_with("No connections are configured"));
    let ran = holdfast(&["status", "--json", "--uri", &agent.uri()]);
    let status: serde_json::Value = serde_json::from_str(&ran.results).unwrap();
    assert_eq!(
        status,
        serde_json::json!({ "connections": [], "sandbox": null })
    );
}

#[test]
fn an_agent_that_refuses() {
    let agent = Agent::start(|_, _| Some((Vec::new(), Message::failure("shutting down"))));
    let ran = holdfast(&["status", "--uri", &agent.uri()]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.complaints, "holdfast: shutting down\n");
}

use holdfast_vici::Message;

use super::{agent::Agent, holdfast};

fn children(names: &[&str]) -> Message {
    names
        .iter()
        .map(|name| (*name, Message::new().with("mode", "TUNNEL")))
        .collect()
}

/// `paris` has two children, `rome` none; `net` comes up, nothing else does.
#[allow(clippy::unnecessary_wraps, reason = "the shape of every script")]
fn two_children(
    command: &str,
    request: &Message,
) -> Option<(Vec<(&'static str, Message)>, Message)> {
    let ike = request.get_str("ike").unwrap();
    match command {
        "list-conns" => {
            let connection = match ike {
                "paris" => children(&["net", "lab"]),
                "rome" => children(&[]),
                _ => return Some((Vec::new(), Message::new())),
            };
            let event = Message::new().with(ike, Message::new().with("children", connection));
            Some((vec![("list-conn", event)], Message::new()))
        }
        "initiate" => {
            let response = match request.get_str("child") {
                Some("net") | None => Message::success(),
                Some(child) => {
                    Message::failure(format_args!("establishing CHILD_SA '{child}' failed"))
                }
            };
            Some((Vec::new(), response))
        }
        _ => None,
    }
}

fn texts(message: &Message) -> Vec<(&str, &str)> {
    message
        .iter()
        .map(|(key, value)| (key, value.as_str().unwrap()))
        .collect()
}

#[test]
fn one_child() {
    let agent = Agent::start(two_children);
    let uri = agent.uri();
    let words = ["initiate", "paris", "--child", "net", "--timeout", "2s"];
    let ran = holdfast(&[&words[..], &["--uri", &uri]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.results, "`net` of `paris` is up\n");
    assert_eq!(ran.complaints, "");
    let asked = agent.asked();
    let [(command, request)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(command, "initiate");
    let request = texts(request);
    assert_eq!(request[..2], [("child", "net"), ("ike", "paris")]);
    let (key, timeout) = request[2];
    assert_eq!(key, "timeout");
    assert!(
        (1..=2000).contains(&timeout.parse::<u32>().unwrap()),
        "{timeout}"
    );
}

#[test]
fn every_child() {
    let agent = Agent::start(two_children);
    let ran = holdfast(&["initiate", "paris", "--uri", &agent.uri()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.results, "`net` of `paris` is up\n");
    assert_eq!(
        ran.complaints,
        "holdfast: `lab` of `paris` is not up: establishing CHILD_SA 'lab' failed\n"
    );
    assert!(
        agent
            .asked()
            .iter()
            .all(|(_, request)| !request.contains("timeout")),
        "no limit unless asked for"
    );
}

#[test]
fn a_connection_without_children() {
    let agent = Agent::start(two_children);
    let ran = holdfast(&["initiate", "rome", "--uri", &agent.uri()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.results, "`rome` is up\n");
    assert_eq!(texts(&agent.asked()[1].1), [("ike", "rome")]);
}

#[test]
fn an_unknown_connection() {
    let agent = Agent::start(two_children);
    let ran = holdfast(&["initiate", "nosuch", "--uri", &agent.uri()]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.complaints.contains("no connection is called `nosuch`"),
        "{ran:?}"
    );
    assert_eq!(agent.asked().len(), 1, "nothing is initiated");
}

/// `paris` has two SAs that end, `oslo` two of which one does, others none.
fn some_sas(command: &str, request: &Message) -> Option<(Vec<(&'static str, Message)>, Message)> {
    let (matches, terminated, complaint) = match (command, request.get_str("ike")?) {
        ("terminate", "paris") => (2_u32, 2_u32, None),
        ("terminate", "oslo") => (2, 1, Some("not all matching SAs could be terminated")),
        ("terminate", _) => (0, 0, Some("no matching SAs to terminate found")),
        _ => return None,
    };
    let response = Message::new()
        .with("success", complaint.is_none())
        .with("matches", matches)
        .with("terminated", terminated)
        .with_some("errmsg", complaint);
    Some((Vec::new(), response))
}

#[test]
fn taking_down() {
    let agent = Agent::start(some_sas);
    let uri = agent.uri();
    let ran = holdfast(&[
        "terminate",
        "paris",
        "--force",
        "--timeout",
        "1",
        "--uri",
        &uri,
    ]);
    assert_eq!((ran.code, ran.complaints.as_str()), (0, ""));
    assert_eq!(ran.results, "`paris` is down (2 SAs terminated)\n");
    assert_eq!(
        texts(&agent.asked()[0].1),
        [("ike", "paris"), ("force", "yes"), ("timeout", "1000")]
    );

    let ran = holdfast(&["terminate", "paris", "--child", "net", "--uri", &uri]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        texts(&agent.asked()[1].1),
        [("child", "net"), ("ike", "paris")]
    );

    let ran = holdfast(&["terminate", "oslo", "--uri", &uri]);
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.complaints,
        "holdfast: `oslo`: 1 of 2 terminated: not all matching SAs could be terminated\n"
    );

    let ran = holdfast(&["terminate", "rome", "--uri", &uri]);
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.complaints,
        "holdfast: `rome` is not up; `holdfast status` shows what is\n"
    );
}

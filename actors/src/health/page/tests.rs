use std::{net::SocketAddr, sync::Arc, time::Duration};

use holdfast_ipsec::NonePlane;

use super::*;
use crate::{
    history::{Condition, History},
    supervisor::connection::status::ChildStatus,
};

const HOSTILE: &str = "</p><script>alert(1)</script>\"'>&<img src=x onerror=alert(2)>";

fn plane() -> Plane {
    Plane::new(Arc::new(NonePlane::new(Arc::new(|_: &mut [u8]| ()))))
}

fn status(name: &str, state: State) -> ConnectionStatus {
    let history = History::default();
    history.note(
        Condition::Down,
        SystemTime::now() - Duration::from_secs(7200),
    );
    history.note(Condition::Up, SystemTime::now() - Duration::from_secs(3600));
    ConnectionStatus {
        name: name.into(),
        state,
        persistent: true,
        since: Instant::now(),
        peer: Some(SocketAddr::from(([192, 0, 2, 2], 4500))),
        remote_id: Some(HOSTILE.to_owned()),
        reason: HOSTILE.into(),
        failures: 3,
        next_retry: Some(Instant::now() + Duration::from_secs(75)),
        refused: false,
        maintenance: None,
        ike_sas: 1,
        children: vec![ChildStatus {
            name: HOSTILE.into(),
            state,
            up_since: Some(Instant::now()),
            inbound: None,
            local_ts: vec![HOSTILE.to_owned()],
            remote_ts: vec!["10.2.0.0/16".to_owned()],
            traffic: Arc::default(),
        }],
        history: Arc::new(history),
    }
}

fn show<T>(connections: Vec<ConnectionStatus>, show: impl FnOnce(View<'_>) -> T) -> T {
    show(View {
        started: Instant::now(),
        draining: false,
        plane: &plane(),
        snapshot: &Snapshot {
            at: Instant::now(),
            connections,
        },
        throughput: &Throughput::default(),
        now: Now::read(),
    })
}

#[test]
fn whatever_a_peer_calls_itself_it_stays_text() {
    let all = State::ALL.map(|state| status(HOSTILE, state)).to_vec();
    let page = show(all, page);
    assert_eq!(page.matches("<script>").count(), 1, "ours alone");
    assert!(!page.contains("<img"), "{page}");
    let article = show(vec![status(HOSTILE, State::Up)], |view| {
        article(&view.snapshot.connections[0], view)
    });
    let name = "data-name=\"&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;&amp;";
    assert!(article.contains(name), "{article}");
    assert_eq!(article.lines().count(), 1, "one line of an event");
}

#[test]
fn it_tells_why_and_what_comes_next() {
    let mut waiting = status("rome", State::Waiting);
    waiting.reason = "the peer does not answer".into();
    let page = show(vec![status("paris", State::Up), waiting], page);
    assert!(page.contains("2 connections: 1 up, 1 waiting"), "{page}");
    assert!(
        page.contains(": the peer does not answer (3 attempts failed). The next try is <time"),
        "{page}"
    );
    assert!(page.contains(">in 1m 14s</time>"), "{page}");
    assert!(page.contains("up 50.0 % of the time"), "{page}");
}

#[test]
fn browsers_are_told_to_run_nothing_but_our_script() {
    let policy = policy();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'sha256-"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    let page = show(Vec::new(), page);
    assert!(
        !page.contains("style=\"") && !page.contains(" onclick"),
        "{page}"
    );
    assert!(page.contains("No connections are configured"), "{page}");
}

#[test]
fn only_news_changes_the_mark() {
    let mark = |status: &ConnectionStatus| show(vec![status.clone()], |view| mark(status, view));
    let paris = status("paris", State::Up);
    assert_eq!(mark(&paris), mark(&paris));
    let mut failing = paris.clone();
    failing.failures += 1;
    assert_ne!(mark(&paris), mark(&failing));
}

/// Not a benchmark: an order of magnitude.
#[test]
fn a_thousand_connections_make_a_page_of_bearable_size() {
    let many = (0..1000).map(|number| status(&format!("c{number}"), State::Up));
    let many: Vec<_> = many.collect();
    let began = Instant::now();
    let page = show(many, page);
    assert!(page.len() < 4_000_000, "{} octets", page.len());
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
}

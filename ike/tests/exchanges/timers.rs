//! Deadlines: what keeps them away, and what absurd configurations do to them.

use std::time::Duration;

use holdfast_ike::{
    Path,
    config::Retransmit,
    sa::{CloseCause, Command, Input},
};

use crate::pair::{End, Pair};

fn deadline(end: &End) -> Option<(std::time::Instant, &'static str)> {
    end.sa.as_ref().expect("it lives").poll_timeout()
}

#[test]
fn traffic_is_a_sign_of_life() {
    let mut pair = Pair::new();
    pair.initiator.connection.dpd_delay = Duration::from_secs(30);
    let mut pair = pair.up();
    let mut last = pair.now;
    for _ in 0..10 {
        pair.pass(Duration::from_secs(28));
        last = pair.now;
        pair.initiator.env.last_inbound = Some(last);
        pair.pass(Duration::from_secs(1));
        assert!(pair.initiator.sent.is_empty(), "no probe");
    }
    assert_eq!(
        deadline(&pair.initiator),
        Some((last + Duration::from_secs(30), "liveness check"))
    );
    pair.pass(Duration::from_secs(29));
    assert_eq!(pair.initiator.sent.len(), 1, "a probe");
}

#[test]
fn a_request_of_the_peer_is_a_sign_of_life() {
    let mut pair = Pair::new();
    pair.initiator.connection.dpd_delay = Duration::from_secs(30);
    let mut pair = pair.up();
    pair.pass(Duration::from_secs(20));
    let now = pair.now;
    pair.responder.feed(Input::Command(Command::Probe), now);
    let (path, probe) = pair.responder.sent.pop().expect("a probe");
    pair.reach_initiator(path, &probe);
    pair.settle();
    pair.pass(Duration::from_secs(15));
    assert!(pair.initiator.sent.is_empty());
    // The same message again is none: anybody could have kept it.
    pair.reach_initiator(path, &probe);
    pair.initiator.sent.clear();
    pair.pass(Duration::from_secs(15));
    assert_eq!(pair.initiator.sent.len(), 1, "a probe");
}

#[test]
fn no_probe_while_another_request_is_unanswered() {
    let mut pair = Pair::new();
    pair.initiator.connection.dpd_delay = Duration::from_secs(5);
    let mut pair = pair.up();
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Probe), now);
    let (_, request) = pair.initiator.sent.pop().expect("a request");
    while pair.initiator.closed().is_none() {
        let (at, _) = deadline(&pair.initiator).expect("a deadline");
        pair.pass(at - pair.now);
        for (_, sent) in std::mem::take(&mut pair.initiator.sent) {
            assert_eq!(sent, request, "the one request, again");
        }
    }
    assert_eq!(pair.initiator.closed(), Some(CloseCause::PeerUnresponsive));
    assert_eq!(deadline(&pair.initiator), None, "nothing fires after that");
}

#[test]
fn without_deadlines_configured_an_idle_ike_sa_has_none() {
    let pair = Pair::new().up();
    assert_eq!(deadline(&pair.initiator), None);
    assert_eq!(deadline(&pair.responder), None);
}

#[test]
fn lifetimes_beyond_all_time_never_come() {
    let mut pair = Pair::new();
    for end in [&mut pair.initiator, &mut pair.responder] {
        let connection = &mut end.connection;
        connection.dpd_delay = Duration::MAX;
        connection.rekey_time = Duration::MAX;
        connection.over_time = Duration::MAX;
        connection.half_open_timeout = Duration::MAX;
        connection.keep_alive = Duration::MAX;
        connection.encap = true;
        connection.retransmit = Retransmit {
            timeout: Duration::MAX,
            limit: Duration::MAX,
            base: f64::NAN,
            ..Retransmit::default()
        };
        for child in &mut connection.children {
            std::sync::Arc::make_mut(child).rekey_time = Duration::MAX;
        }
    }
    let mut pair = pair.up();
    assert_eq!(deadline(&pair.initiator), None);
    pair.pass(Duration::from_secs(1_000_000_000));
    pair.settle();
    assert!(pair.initiator.is_established() && pair.responder.is_established());
}

#[test]
fn retransmission_without_a_wait_does_not_spin() {
    let mut pair = Pair::new();
    pair.initiator.connection.retransmit = Retransmit {
        timeout: Duration::ZERO,
        tries: u32::MAX,
        ..Retransmit::default()
    };
    pair.start();
    pair.pass(Duration::ZERO);
    assert_eq!(pair.initiator.sent.len(), 1, "time must pass in between");
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.initiator.sent.len(), 2);
}

#[test]
fn a_lifetime_that_has_passed_closes_the_ike_sa_once() {
    let mut pair = Pair::new();
    pair.initiator.connection.rekey_time = Duration::from_secs(100);
    pair.initiator.connection.over_time = Duration::from_secs(110);
    let mut pair = pair.up();
    pair.pass(Duration::from_secs(100));
    assert_eq!(pair.initiator.sent.len(), 1, "a request to rekey it");
    pair.initiator.sent.clear();
    assert!(pair.initiator.is_established());
    pair.pass(Duration::from_secs(10));
    pair.settle();
    assert_eq!(pair.initiator.closed(), Some(CloseCause::Expired));
    assert_eq!(pair.responder.closed(), Some(CloseCause::PeerDeleted));
}

/// The peer has forgotten everything, and says so, without a key to prove it.
fn disowned() -> (Pair, (Path, Vec<u8>)) {
    let mut pair = Pair::new().up();
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Probe), now);
    let (path, probe) = pair.initiator.sent[0].clone();
    let sa = pair.responder.sa.take();
    pair.reach_responder(path, &probe);
    let hint = pair.responder.sent.pop().expect("a hint");
    pair.responder.sa = sa;
    (pair, hint)
}

#[test]
fn a_peer_that_has_forgotten_us_is_given_up_soon() {
    let (mut pair, (path, hint)) = disowned();
    pair.responder.sa = None;
    pair.reach_initiator(path, &hint);
    pair.initiator.sent.clear();
    pair.pass(Duration::from_millis(500));
    assert_eq!(pair.initiator.sent.len(), 1, "asked again at once");
    // Said again, it changes nothing.
    pair.reach_initiator(path, &hint);
    for _ in 0..3 {
        pair.pass(Duration::from_millis(500));
    }
    assert_eq!(pair.initiator.sent.len(), 4);
    assert_eq!(pair.initiator.closed(), None);
    pair.pass(Duration::from_millis(500));
    assert_eq!(pair.initiator.closed(), Some(CloseCause::PeerUnresponsive));
}

#[test]
fn a_forged_hint_costs_a_living_peer_one_answer() {
    let (mut pair, (path, hint)) = disowned();
    pair.reach_initiator(path, &hint);
    pair.initiator.sent.clear();
    pair.pass(Duration::from_millis(500));
    assert_eq!(pair.initiator.sent.len(), 1);
    pair.settle();
    pair.pass(Duration::from_secs(10));
    assert!(pair.initiator.is_established() && pair.responder.is_established());
    // What nobody has asked gets no hearing.
    pair.reach_initiator(path, &hint);
    assert!(pair.initiator.sent.is_empty());
}

//! Malformed, truncated, replayed, reordered, reflected and oversized datagrams.

use holdfast_ike::{
    Path,
    sa::{Command, Input},
};

use crate::pair::{End, Pair};

/// All datagrams of a whole life: set-up, a probe, and the end.
fn recorded() -> Vec<(Path, Vec<u8>)> {
    let mut pair = Pair::new();
    pair.start();
    let mut all = Vec::new();
    for step in 0..5 {
        let now = pair.now;
        match step {
            3 => pair.initiator.feed(Input::Command(Command::Probe), now),
            4 => pair.responder.feed(Input::Command(Command::Probe), now),
            _ => {}
        }
        for _ in 0..2 {
            for (path, data) in std::mem::take(&mut pair.initiator.sent) {
                all.push((path, data.clone()));
                pair.reach_responder(path, &data);
            }
            for (path, data) in std::mem::take(&mut pair.responder.sent) {
                all.push((path, data.clone()));
                pair.reach_initiator(path, &data);
            }
        }
    }
    assert_eq!(all.len(), 8);
    all
}

fn unharmed(end: &End) {
    assert!(end.is_established());
    assert_eq!(end.installed.len(), 1);
    assert_eq!(end.closed(), None);
}

fn throw(pair: &mut Pair, path: Path, data: &[u8]) {
    pair.reach_responder(path, data);
    pair.reach_initiator(path, data);
    pair.initiator.sent.clear();
    pair.responder.sent.clear();
}

#[test]
fn nothing_recorded_harms_when_replayed_truncated_or_changed() {
    let recorded = recorded();
    let mut pair = Pair::new().up();
    for (path, data) in &recorded {
        throw(&mut pair, *path, data);
        for length in 0..data.len() {
            throw(&mut pair, *path, &data[..length]);
        }
        for index in 0..data.len() {
            let mut changed = data.clone();
            changed[index] ^= 1 << (index % 8);
            throw(&mut pair, *path, &changed);
        }
        let mut longer = data.clone();
        longer.resize(65_000, 0);
        throw(&mut pair, *path, &longer);
    }
    unharmed(&pair.initiator);
    unharmed(&pair.responder);
    let counters = &pair.responder.env.counters;
    assert!(counters.invalid.get() > 0);
    assert!(counters.integrity_failed.get() > 0);
    assert!(counters.reflected.get() > 0);
    assert!(counters.out_of_window.get() > 0);
    // And it still works.
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Probe), now);
    pair.settle();
    unharmed(&pair.initiator);
}

#[test]
fn a_half_open_responder_survives_the_same() {
    let recorded = recorded();
    let mut pair = Pair::new();
    pair.start();
    let (path, request) = pair.initiator.sent.pop().expect("a request");
    pair.reach_responder(path, &request);
    let response = pair.responder.sent.pop().expect("a response");
    for (path, data) in &recorded[1..] {
        for index in 0..data.len() {
            let mut changed = data.clone();
            changed[index] ^= 0x80;
            pair.reach_responder(*path, &changed);
        }
    }
    assert_eq!(pair.responder.closed(), None);
    pair.responder.sent.clear();
    pair.reach_responder(path, &request);
    let repeated = pair.responder.sent.pop().expect("the cached response");
    assert_eq!(repeated.1, response.1);
    pair.reach_initiator(repeated.0, &repeated.1);
    pair.settle();
    unharmed(&pair.initiator);
    unharmed(&pair.responder);
}

#[test]
fn a_repeated_request_gets_the_same_answer_and_does_nothing_twice() {
    let mut pair = Pair::new();
    pair.start();
    let mut seen = 0;
    while !pair.initiator.is_established() {
        let (path, data) = pair.initiator.sent.pop().expect("a request");
        pair.reach_responder(path, &data);
        let first = pair.responder.sent.pop().expect("a response");
        pair.reach_responder(path, &data);
        let second = pair.responder.sent.pop().expect("a response");
        assert_eq!(first.1, second.1);
        pair.reach_initiator(first.0, &first.1);
        pair.reach_initiator(second.0, &second.1);
        seen += 1;
    }
    assert_eq!(seen, 2);
    assert_eq!(pair.responder.installed.len(), 1);
    assert_eq!(pair.responder.env.counters.retransmit_in.get(), 2);
}

#[test]
fn our_own_messages_are_not_answers() {
    let mut pair = Pair::new();
    pair.start();
    let (path, data) = pair.initiator.sent.pop().expect("a request");
    let swapped = Path {
        local: path.remote,
        remote: path.local,
    };
    pair.reach_initiator(swapped, &data);
    assert_eq!(pair.initiator.env.counters.reflected.get(), 1);
    pair.reach_responder(path, &data);
    pair.settle();
    assert!(pair.initiator.is_established());
}

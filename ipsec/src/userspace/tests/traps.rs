//! What a trap holds, and for how long.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_ike::TrafficSelector;

use super::{child, installed};
use crate::{
    Offload, Policy, PolicyAction, PolicyId,
    packet::{header::Header, segment::Plan},
    userspace::traps::{ASK_AGAIN, Held, PATIENCE, Trap, Traps},
};

fn everything() -> Vec<TrafficSelector> {
    vec!["0.0.0.0/0".parse().map(TrafficSelector::from_net).unwrap()]
}

fn trap(traps: &Traps) -> Arc<Trap> {
    let policy = Policy {
        id: PolicyId(1),
        action: PolicyAction::Protect,
        local_ts: everything(),
        remote_ts: everything(),
        peers: vec![],
    };
    assert!(traps.publish(&policy, 0).is_some());
    assert!(
        traps.publish(&policy, 1).is_none(),
        "its number names it alone"
    );
    traps.get(PolicyId(1)).unwrap()
}

/// A packet of this length whose last octet of the source address is `number`.
fn held(number: u8, length: u16, since: Instant) -> Held {
    let mut frame = vec![0; length.into()];
    frame[0] = 0x45;
    frame[2..4].copy_from_slice(&length.to_be_bytes());
    frame[9] = 17;
    frame[12..20].copy_from_slice(&[10, 1, 0, number, 10, 2, 0, 1]);
    let header = Header::parse(&frame).unwrap();
    Held {
        plan: Plan::new(&frame, Offload::None, &header).unwrap(),
        frame: frame.into(),
        header,
        since,
    }
}

/// Who is let out when there is a CHILD_SA for these sources.
fn release(trap: &Trap, now: Instant, covered: impl Fn(u8) -> bool) -> (Vec<u8>, usize) {
    let sa = installed(&child(300, everything(), everything()), 0);
    let last = |header: &Header| match header.source {
        std::net::IpAddr::V4(source) => source.octets()[3],
        std::net::IpAddr::V6(_) => panic!("no IPv6 here"),
    };
    let find = |header: &Header| covered(last(header)).then(|| Arc::clone(&sa));
    let (released, dropped) = trap.release(now, find);
    let numbers = released.iter().map(|(held, _)| last(&held.header));
    (numbers.collect(), dropped)
}

#[test]
fn the_oldest_make_room() {
    let traps = Traps::new();
    let trap = trap(&traps);
    let now = Instant::now();
    for number in 0..64 {
        assert_eq!(trap.hold(held(number, 100, now)), 0);
    }
    for number in 64..70 {
        assert_eq!(trap.hold(held(number, 100, now)), 1);
    }
    let (numbers, dropped) = release(&trap, now, |_| true);
    assert_eq!((numbers, dropped), ((6..70).collect(), 0));
    assert!(trap.is_empty());
    // Octets count as well: three of these do not fit.
    assert_eq!(trap.hold(held(1, 60_000, now)), 0);
    assert_eq!(trap.hold(held(2, 60_000, now)), 0);
    assert_eq!(trap.hold(held(3, 60_000, now)), 1);
    assert_eq!(release(&trap, now, |_| true), (vec![2, 3], 0));
}

#[test]
fn what_is_not_covered_stays_in_order() {
    let traps = Traps::new();
    let trap = trap(&traps);
    let now = Instant::now();
    for number in 0..10 {
        trap.hold(held(number, 100, now));
    }
    let even = |number: u8| number.is_multiple_of(2);
    assert_eq!(release(&trap, now, even).0, [0, 2, 4, 6, 8]);
    assert_eq!(release(&trap, now, even).0, []);
    assert_eq!(release(&trap, now, |_| true).0, [1, 3, 5, 7, 9]);
}

#[test]
fn nothing_waits_for_ever() {
    let traps = Traps::new();
    let trap = trap(&traps);
    let now = Instant::now();
    trap.hold(held(1, 100, now));
    trap.hold(held(2, 100, now + Duration::from_secs(1)));
    assert_eq!(release(&trap, now + PATIENCE, |_| true), (vec![2], 1));
    trap.hold(held(3, 100, now));
    assert_eq!(trap.hold(held(4, 100, now + PATIENCE)), 1);
    assert_eq!(trap.fail(), 1);
    trap.hold(held(5, 100, now));
    assert_eq!(traps.withdraw(PolicyId(1)), Some(1));
    assert_eq!(traps.withdraw(PolicyId(1)), None);
    assert!(traps.is_empty());
    // The sending thread may have found it just before.
    assert_eq!(trap.hold(held(6, 100, now)), 1);
    assert!(!trap.is_to_ask(now) && trap.is_empty());
}

#[test]
fn a_question_is_asked_once_until_it_is_answered_or_lost() {
    let traps = Traps::new();
    let trap = trap(&traps);
    let now = Instant::now();
    trap.hold(held(1, 100, now));
    assert!(trap.is_to_ask(now));
    trap.asked(now);
    let just_before = now + ASK_AGAIN.saturating_sub(Duration::from_millis(1));
    assert!(!trap.is_to_ask(now) && !trap.is_to_ask(just_before));
    assert!(trap.is_to_ask(now + ASK_AGAIN), "lost");
    release(&trap, now, |_| false);
    assert!(!trap.is_to_ask(now), "nobody has answered");
    release(&trap, now, |_| true);
    assert!(trap.is_to_ask(now), "answered");
    trap.asked(now);
    trap.fail();
    assert!(trap.is_to_ask(now), "answered as well");
}

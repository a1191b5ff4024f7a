//! Rekeying with several key exchanges: IKE_FOLLOWUP_KE (RFC 9370 section 2.2.4).

use std::{sync::Arc, time::Duration};

use holdfast_ike::{
    proposal::KeyExchangeMethod,
    sa::{Command, Event, Failure, Input},
    wire::{ExchangeType, Header},
};

use crate::{
    children::initiate,
    hybrid::{HYBRID, hybrid},
    pair::{End, Pair, esp},
    rekey_child::{rekey as rekey_child, take},
    rekey_ike::{assert_it_goes_on, rekey as rekey_ike},
};

const TWO: &str = "aes256gcm16-x25519-ke1_mlkem768-ke2_ecp384";

/// Both ends with additional key exchanges, in IKE and in ESP.
fn thorough() -> Pair {
    let mut pair = hybrid(HYBRID);
    for end in [&mut pair.initiator, &mut pair.responder] {
        for child in &mut end.connection.children {
            Arc::make_mut(child).proposals = esp(TWO);
        }
    }
    pair
}

fn exchange(data: &[u8]) -> ExchangeType {
    Header::parse(data).expect("a message").exchange
}

fn ends(pair: &mut Pair, by_initiator: bool) -> (&mut End, &mut End) {
    let (a, b) = (&mut pair.initiator, &mut pair.responder);
    if by_initiator { (a, b) } else { (b, a) }
}

fn assert_same_keys(pair: &Pair) {
    let (a, b) = (&pair.initiator.installed, &pair.responder.installed);
    assert_eq!((a.len(), b.len()), (1, 1));
    assert_eq!(a[0].inbound_spi, b[0].outbound_spi);
    assert_eq!(a[0].inbound_key.encryption, b[0].outbound_key.encryption);
    assert_eq!(a[0].outbound_key.encryption, b[0].inbound_key.encryption);
}

fn child_rekeyings(end: &End) -> usize {
    let rekeyed = |event: &&Event| matches!(event, Event::ChildRekeyed { .. });
    end.events.iter().filter(rekeyed).count()
}

fn ike_rekeyings(end: &End) -> usize {
    let rekeyed = |event: &&Event| matches!(event, Event::IkeRekeyed(_));
    end.events.iter().filter(rekeyed).count()
}

#[test]
fn either_end_rekeys_a_child() {
    for by_initiator in [true, false] {
        let mut pair = thorough().up();
        assert!(pair.initiator.installed[0].suite.additional.is_empty());
        let now = pair.now;
        rekey_child(ends(&mut pair, by_initiator).0, now);
        pair.settle();
        pair.pass(Duration::from_secs(5));
        pair.settle();
        assert_same_keys(&pair);
        for end in [&pair.initiator, &pair.responder] {
            let suite = end.installed[0].suite;
            assert_eq!(suite.additional.nth(0), Some(KeyExchangeMethod::ML_KEM_768));
            assert_eq!(suite.additional.nth(1), Some(KeyExchangeMethod::ECP_384));
            assert_eq!(child_rekeyings(end), 1);
        }
    }
}

#[test]
fn either_end_rekeys_the_ike_sa() {
    for by_initiator in [true, false] {
        let mut pair = thorough().up();
        let now = pair.now;
        rekey_ike(ends(&mut pair, by_initiator).0, now);
        pair.settle();
        assert_eq!(ike_rekeyings(&pair.initiator), 1);
        assert_eq!(ike_rekeyings(&pair.responder), 1);
        assert_it_goes_on(&mut pair);
    }
}

/// Both ends may have one more.
fn with_a_further_child() -> Pair {
    let mut pair = thorough();
    for (end, nets) in [
        (&mut pair.initiator, ["10.3.0.0/16", "10.4.0.0/16"]),
        (&mut pair.responder, ["10.4.0.0/16", "10.3.0.0/16"]),
    ] {
        let mut child = crate::pair::child("more", nets[0], nets[1]);
        child.proposals = esp(TWO);
        end.connection.children.push(Arc::new(child));
    }
    pair.up()
}

#[test]
fn a_further_child() {
    let mut pair = with_a_further_child();
    initiate(&mut pair, 1);
    pair.settle();
    let (a, b) = (&pair.initiator.installed[1], &pair.responder.installed[1]);
    assert_eq!(a.inbound_key.encryption, b.outbound_key.encryption);
    assert!(!a.suite.additional.is_empty());
}

/// Both ends ask for the same child, the second one while what the first has begun is half done.
#[test]
fn a_further_child_that_both_ends_want() {
    let mut pair = with_a_further_child();
    let config = pair.responder.connection.children[1].clone();
    let now = pair.now;
    let command = Command::Initiate(config);
    pair.responder.feed(Input::Command(command), now);
    let (path, first) = take(&mut pair.responder);
    pair.reach_initiator(path, &first);
    initiate(&mut pair, 1);
    pair.settle();
    for end in [&pair.initiator, &pair.responder] {
        let names: Vec<_> = end.installed.iter().map(|child| &*child.name).collect();
        assert_eq!(names.iter().filter(|name| **name == "more").count(), 1);
        assert_eq!(end.env.ledger.dangling(), 0);
    }
    let (a, b) = (&pair.initiator.installed[1], &pair.responder.installed[1]);
    assert_eq!(a.inbound_key.encryption, b.outbound_key.encryption);
}

/// Runs a rekeying in which one datagram, by number, is lost once.
fn with_loss(lose: usize, begin: impl Fn(&mut Pair)) -> Pair {
    let mut pair = thorough().up();
    begin(&mut pair);
    let mut number = 0;
    for _ in 0..20 {
        for (path, data) in std::mem::take(&mut pair.initiator.sent) {
            if number != lose {
                pair.reach_responder(path, &data);
            }
            number += 1;
        }
        for (path, data) in std::mem::take(&mut pair.responder.sent) {
            if number != lose {
                pair.reach_initiator(path, &data);
            }
            number += 1;
        }
        if pair.initiator.sent.is_empty() && pair.responder.sent.is_empty() {
            pair.pass(Duration::from_secs(4));
        }
    }
    pair
}

#[test]
fn any_message_may_be_lost() {
    for lose in 0..8 {
        for by_initiator in [true, false] {
            let pair = with_loss(lose, |pair| {
                let now = pair.now;
                rekey_child(ends(pair, by_initiator).0, now);
            });
            assert_same_keys(&pair);
            assert_eq!(
                child_rekeyings(&pair.initiator),
                1,
                "without message {lose}"
            );
            let mut pair = with_loss(lose, |pair| {
                let now = pair.now;
                rekey_ike(ends(pair, by_initiator).0, now);
            });
            assert_eq!(ike_rekeyings(&pair.initiator), 1, "without message {lose}");
            assert_eq!(ike_rekeyings(&pair.responder), 1);
            assert_it_goes_on(&mut pair);
        }
    }
}

/// Both ends at once, in whatever order the messages come: one datagram at a time, from the side that
/// the bits of `order` choose.
fn crossing(order: u32, begin: impl Fn(&mut End, std::time::Instant)) -> Pair {
    crossing_over(order, begin, |_| {})
}

/// The same, with a look at both ends after each datagram.
fn crossing_over(
    order: u32,
    begin: impl Fn(&mut End, std::time::Instant),
    mut look: impl FnMut(&mut Pair),
) -> Pair {
    let mut pair = thorough().up();
    pair.initiator.env.reseed(order as u8);
    pair.responder.env.reseed((order as u8).wrapping_add(77));
    let now = pair.now;
    begin(&mut pair.initiator, now);
    begin(&mut pair.responder, now);
    for step in 0..200 {
        let from_initiator = order >> (step % 16) & 1 == 1;
        let empty = |end: &End| end.sent.is_empty();
        if empty(&pair.initiator) && empty(&pair.responder) {
            break;
        }
        if empty(&pair.responder) || from_initiator && !empty(&pair.initiator) {
            let (path, data) = pair.initiator.sent.remove(0);
            pair.reach_responder(path, &data);
        } else {
            let (path, data) = pair.responder.sent.remove(0);
            pair.reach_initiator(path, &data);
        }
        look(&mut pair);
    }
    pair.settle();
    pair
}

#[test]
fn both_ends_rekey_the_child_at_once() {
    for order in 0..512 {
        let mut pair = crossing(order * 127, rekey_child);
        pair.pass(Duration::from_secs(5));
        pair.settle();
        assert_same_keys(&pair);
        for end in [&pair.initiator, &pair.responder] {
            assert_eq!(
                end.child_downs().len(),
                child_rekeyings(end),
                "order {order}"
            );
            assert!(child_rekeyings(end) >= 1, "order {order}");
            assert!(end.child_failures().is_empty());
        }
    }
}

/// The data plane of one end cannot install the CHILD_SA that was to stay, while the other one, which was
/// to be closed in its favour, is not finished: then that one stays.
#[test]
fn both_ends_rekey_the_child_at_once_and_a_data_plane_refuses() {
    for order in 0..512 {
        let by_initiator = order % 2 == 0;
        let mut refuses = true;
        let mut pair = crossing_over(order * 127, rekey_child, |pair| {
            let end = ends(pair, by_initiator).0;
            let failure = Failure::NotInstalled;
            refuses &= !end.has_event(
                |event| matches!(event, Event::RekeyFailed { failure: why, .. } if *why == failure),
            );
            end.refuse_install = refuses;
        });
        for _ in 0..3 {
            pair.pass(Duration::from_secs(15));
            pair.settle();
        }
        assert_same_keys(&pair);
        let before = [&pair.initiator, &pair.responder].map(child_rekeyings);
        let now = pair.now;
        rekey_child(&mut pair.initiator, now);
        pair.settle();
        pair.pass(Duration::from_secs(5));
        let after = [&pair.initiator, &pair.responder].map(child_rekeyings);
        assert_eq!(after, before.map(|count| count + 1), "order {order}");
    }
}

#[test]
fn both_ends_rekey_the_ike_sa_at_once() {
    for order in 0..512 {
        let mut pair = crossing(order * 127, rekey_ike);
        for end in [&pair.initiator, &pair.responder] {
            assert!(ike_rekeyings(end) >= 1, "order {order}");
        }
        assert_it_goes_on(&mut pair);
    }
}

/// The peer goes silent in the middle: what it began is forgotten, and nothing is lost but that.
#[test]
fn what_is_half_done_is_forgotten() {
    let mut pair = thorough().up();
    let now = pair.now;
    rekey_child(&mut pair.initiator, now);
    let (path, request) = pair.initiator.sent.remove(0);
    pair.reach_responder(path, &request);
    let (path, response) = pair.responder.sent.remove(0);
    let spis = pair.responder.env.ledger.len();
    pair.pass(Duration::from_secs(60));
    assert_eq!(pair.responder.env.ledger.len(), spis - 1, "the SPI is free");
    // The requester comes back to it too late.
    pair.initiator.sent.clear();
    pair.reach_initiator(path, &response);
    let (path, follow_up) = pair.initiator.sent.remove(0);
    assert_eq!(exchange(&follow_up), ExchangeType::IkeFollowupKe);
    pair.reach_responder(path, &follow_up);
    pair.settle();
    assert!(pair.initiator.has_event(|event| matches!(
        event,
        Event::RekeyFailed {
            failure: Failure::TemporaryFailure,
            ..
        }
    )));
    // It is tried again.
    pair.pass(Duration::from_secs(15));
    pair.settle();
    pair.pass(Duration::from_secs(5));
    pair.settle();
    assert_same_keys(&pair);
    assert_eq!(child_rekeyings(&pair.initiator), 1);
}

/// An operator closes the child while the peer rekeys it: nothing of it is left.
#[test]
fn a_child_that_is_closed_while_the_peer_rekeys_it() {
    let mut pair = thorough().up();
    let now = pair.now;
    rekey_child(&mut pair.initiator, now);
    let (path, request) = pair.initiator.sent.remove(0);
    pair.reach_responder(path, &request);
    let spi = pair.responder.installed[0].inbound_spi;
    pair.responder
        .feed(Input::Command(Command::TerminateChild(spi)), now);
    pair.settle();
    pair.pass(Duration::from_secs(5));
    pair.settle();
    assert!(pair.responder.installed.is_empty() && pair.initiator.installed.is_empty());
    assert!(pair.responder.is_established() && pair.initiator.is_established());
}

/// The data plane takes its time, and the peer repeats the last request meanwhile.
#[test]
fn the_last_response_waits_for_the_data_plane() {
    let mut pair = thorough().up();
    pair.responder.hold_installs = true;
    let now = pair.now;
    rekey_child(&mut pair.initiator, now);
    pair.settle();
    assert_eq!(child_rekeyings(&pair.initiator), 0);
    pair.pass(Duration::from_secs(4));
    pair.settle();
    let now = pair.now;
    pair.responder.finish_installs(true, now);
    pair.settle();
    assert_eq!(child_rekeyings(&pair.initiator), 1);
    pair.responder.feed(Input::Timeout, now);
}

//! Rekeying CHILD_SAs, alone and when both ends do it (RFC 7296 sections 1.3.3, 2.8 and 2.25.1).

use std::{sync::Arc, time::Duration};

use holdfast_ike::{
    EspSpi, Path,
    child_sa::Sending,
    sa::{ChildDownCause, Command, Event, Failure, Input},
    wire::{ExchangeType, NotifyType, Payload},
};

use crate::{
    children::{initiate, two_children},
    forge::{Forger, reveal, transparent},
    pair::{End, Pair, esp},
    pending::refused_with,
};

const RETIREMENT: Duration = Duration::from_secs(5);

fn command(end: &mut End, command: Command, pair_now: std::time::Instant) {
    end.feed(Input::Command(command), pair_now);
}

/// The CHILD_SA that an end had first.
fn first(end: &End) -> EspSpi {
    end.installed[0].inbound_spi
}

pub(crate) fn rekey(end: &mut End, now: std::time::Instant) {
    let spi = first(end);
    command(end, Command::RekeyChild(spi), now);
}

fn rekeyed(end: &End) -> Vec<(EspSpi, EspSpi)> {
    let pairs = |event: &Event| match event {
        Event::ChildRekeyed { old, new } => Some((*old, new.inbound_spi)),
        _ => None,
    };
    end.events.iter().filter_map(pairs).collect()
}

/// Takes the one datagram that an end has sent.
pub(crate) fn take(end: &mut End) -> (Path, Vec<u8>) {
    assert_eq!(end.sent.len(), 1, "one datagram");
    end.sent.remove(0)
}

/// One CHILD_SA is left at each end, the same, and nobody was told that it was down.
fn assert_one_is_left(pair: &mut Pair) {
    pair.pass(RETIREMENT);
    pair.settle();
    let (a, b) = (&pair.initiator.installed, &pair.responder.installed);
    let [a, b] = [a, b].map(|installed| {
        assert_eq!(installed.len(), 1, "{installed:?}");
        &installed[0]
    });
    assert_eq!(
        (a.inbound_spi, a.outbound_spi),
        (b.outbound_spi, b.inbound_spi)
    );
    assert_eq!(a.inbound_key.encryption, b.outbound_key.encryption);
    assert_eq!(a.outbound_key.encryption, b.inbound_key.encryption);
    for end in [&pair.initiator, &pair.responder] {
        assert!(end.is_established());
        assert!(
            end.child_downs()
                .iter()
                .all(|cause| *cause == ChildDownCause::Rekeyed),
            "{:?}",
            end.child_downs()
        );
        assert_eq!(end.env.ledger.dangling(), 0);
    }
}

#[test]
fn one_exchange_replaces_it_and_another_deletes_the_old_one() {
    let mut pair = Pair::new().up();
    let old = (first(&pair.initiator), first(&pair.responder));
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    pair.reach_responder(path, &request);
    assert_eq!(pair.responder.installed.len(), 2, "before it answers");
    assert_eq!(pair.responder.installed[1].sending, Sending::OnceHeard);
    assert_eq!(
        rekeyed(&pair.responder),
        [],
        "the old one still carries all"
    );
    let (path, response) = take(&mut pair.responder);
    pair.reach_initiator(path, &response);
    assert_eq!(pair.initiator.installed[1].sending, Sending::AtOnce);
    let new = pair.initiator.installed[1].inbound_spi;
    assert_eq!(rekeyed(&pair.initiator), [(old.0, new)]);
    assert_eq!(
        pair.initiator.child_downs(),
        [],
        "the peer still has the old one"
    );
    let (path, deletion) = take(&mut pair.initiator);
    pair.reach_responder(path, &deletion);
    let replacement = pair.responder.installed[1].inbound_spi;
    assert_eq!(rekeyed(&pair.responder), [(old.1, replacement)]);
    assert_eq!(
        pair.responder.sending,
        [(replacement, true), (old.1, false)],
        "first the new one, then no longer the old one"
    );
    pair.settle();
    assert_eq!(pair.initiator.sending, [(old.0, false)]);
    for end in [&pair.initiator, &pair.responder] {
        assert_eq!(end.child_downs(), [ChildDownCause::Rekeyed]);
        assert_eq!(end.installed.len(), 2, "packets may be on their way");
    }
    assert_one_is_left(&mut pair);
}

#[test]
fn many_requests_for_it_are_one_and_a_new_one_is_another() {
    let mut pair = Pair::new().up();
    for _ in 0..100 {
        rekey(&mut pair.initiator, pair.now);
    }
    assert_eq!(pair.initiator.sent.len(), 1);
    pair.settle();
    rekey(&mut pair.initiator, pair.now);
    assert_eq!(pair.initiator.sent.len(), 0, "it has been replaced");
    pair.pass(RETIREMENT);
    rekey(&mut pair.initiator, pair.now);
    pair.settle();
    assert_eq!(rekeyed(&pair.initiator).len(), 2);
    assert_one_is_left(&mut pair);
}

#[test]
fn its_time_comes_at_random_within_rand_time() {
    let mut pair = Pair::new();
    for child in &mut pair.initiator.connection.children {
        let child = Arc::make_mut(child);
        child.rekey_time = Duration::from_secs(100);
        child.rand_time = Duration::from_secs(10);
    }
    let mut pair = pair.up();
    pair.pass(Duration::from_secs(89));
    assert!(rekeyed(&pair.initiator).is_empty() && pair.initiator.sent.is_empty());
    pair.pass(Duration::from_secs(11));
    pair.settle();
    assert_eq!(rekeyed(&pair.initiator).len(), 1);
    assert_one_is_left(&mut pair);
    // And so on with the new one.
    pair.pass(Duration::from_secs(100));
    pair.settle();
    assert_eq!(rekeyed(&pair.initiator).len(), 2);
    assert_one_is_left(&mut pair);
}

#[test]
fn limits_of_the_data_plane_ask_for_it() {
    let mut pair = Pair::new().up();
    let (now, inbound_spi) = (pair.now, first(&pair.responder));
    for _ in 0..3 {
        let hard = false;
        let input = Input::ChildExpired { inbound_spi, hard };
        pair.responder.feed(input, now);
    }
    pair.settle();
    assert_eq!(rekeyed(&pair.responder).len(), 1);
    assert_one_is_left(&mut pair);
}

/// It is over before the data plane has taken the one that replaces it: nothing is replaced that the
/// world knows to be down.
#[test]
fn one_that_reaches_its_limit_while_it_is_being_replaced() {
    let mut pair = Pair::new().up();
    let old = first(&pair.responder);
    pair.responder.hold_installs = true;
    let now = pair.now;
    rekey(&mut pair.initiator, now);
    let (path, request) = take(&mut pair.initiator);
    pair.reach_responder(path, &request);
    let hard = true;
    let input = Input::ChildExpired {
        inbound_spi: old,
        hard,
    };
    pair.responder.feed(input, now);
    assert_eq!(pair.responder.child_downs(), [ChildDownCause::Rekeyed]);
    pair.responder.finish_installs(true, now);
    pair.responder.hold_installs = false;
    pair.settle();
    assert_eq!(rekeyed(&pair.responder), []);
    let up = |event: &Event| matches!(event, Event::ChildUp(up) if up.inbound_spi != old);
    assert!(pair.responder.has_event(up));
    pair.pass(RETIREMENT);
    pair.settle();
    let (a, b) = (&pair.initiator.installed, &pair.responder.installed);
    assert_eq!((a.len(), b.len()), (1, 1));
    assert_eq!(a[0].inbound_spi, b[0].outbound_spi);
}

/// The same, and the data plane does not take the new one: whoever wants the child hears of it.
#[test]
fn one_that_reaches_its_limit_and_is_not_replaced_after_all() {
    let mut pair = Pair::new().up();
    let inbound_spi = first(&pair.initiator);
    let now = pair.now;
    pair.initiator.hold_installs = true;
    rekey(&mut pair.initiator, now);
    pair.settle();
    let hard = true;
    let input = Input::ChildExpired { inbound_spi, hard };
    pair.initiator.feed(input, now);
    pair.initiator.finish_installs(false, now);
    pair.settle();
    assert_eq!(pair.initiator.child_downs(), [ChildDownCause::Rekeyed]);
    assert_eq!(pair.initiator.child_failures(), [Failure::NotInstalled]);
    assert!(pair.initiator.installed.is_empty());
}

#[test]
fn the_peer_asks_for_another_group() {
    let mut pair = Pair::new();
    for (end, text) in [
        (&mut pair.initiator, "aes256gcm16-x25519-ecp256"),
        (&mut pair.responder, "aes256gcm16-ecp256"),
    ] {
        Arc::make_mut(&mut end.connection.children[0]).proposals = esp(text);
    }
    let mut pair = pair.up();
    rekey(&mut pair.initiator, pair.now);
    pair.settle();
    assert_eq!(rekeyed(&pair.initiator).len(), 1);
    assert!(pair.initiator.installed[1].suite.key_exchange.is_some());
    assert_one_is_left(&mut pair);
}

#[test]
fn both_ends_at_once_and_the_lowest_nonce_loses() {
    let mut survivors = Vec::new();
    for seed in 0..20 {
        let mut pair = Pair::new().up();
        pair.initiator.env.reseed(seed);
        rekey(&mut pair.initiator, pair.now);
        rekey(&mut pair.responder, pair.now);
        pair.settle();
        assert_one_is_left(&mut pair);
        for end in [&pair.initiator, &pair.responder] {
            let told: Vec<_> = rekeyed(end).into_iter().map(|(_, new)| new).collect();
            assert_eq!(told, [first(end)], "what is told is what is left");
        }
        survivors.push(pair.initiator.installed[0].sending);
    }
    assert!(
        survivors.contains(&Sending::AtOnce) && survivors.contains(&Sending::OnceHeard),
        "now one end wins, now the other: {survivors:?}"
    );
}

#[test]
fn both_ends_at_once_with_data_planes_that_take_their_time() {
    for seed in 0..20 {
        let mut pair = Pair::new().up();
        pair.initiator.env.reseed(seed);
        for end in [&mut pair.initiator, &mut pair.responder] {
            end.hold_installs = true;
        }
        rekey(&mut pair.initiator, pair.now);
        rekey(&mut pair.responder, pair.now);
        let now = pair.now;
        for _ in 0..6 {
            pair.settle();
            pair.initiator.finish_installs(true, now);
            pair.settle();
            pair.responder.finish_installs(true, now);
        }
        pair.settle();
        assert_one_is_left(&mut pair);
    }
}

#[test]
fn one_end_is_through_before_it_hears_of_the_others_rekeying() {
    // Section 2.8.1: the responder's request is late.
    for delivered_after_deletion in [false, true] {
        let mut pair = Pair::new().up();
        rekey(&mut pair.responder, pair.now);
        let (late_path, late) = take(&mut pair.responder);
        rekey(&mut pair.initiator, pair.now);
        let (path, request) = take(&mut pair.initiator);
        pair.reach_responder(path, &request);
        let (path, response) = take(&mut pair.responder);
        pair.reach_initiator(path, &response);
        let (path, deletion) = take(&mut pair.initiator);
        if delivered_after_deletion {
            pair.reach_responder(path, &deletion);
            let (path, answer) = take(&mut pair.responder);
            pair.reach_initiator(path, &answer);
        } else {
            pair.initiator.sent.push((path, deletion));
        }
        pair.reach_initiator(late_path, &late);
        pair.settle();
        assert_eq!(rekeyed(&pair.responder).len(), 1, "its own came to nothing");
        assert!(
            !pair
                .responder
                .has_event(|event| matches!(event, Event::RekeyFailed { .. })),
            "and nothing is missing"
        );
        assert_one_is_left(&mut pair);
    }
}

#[test]
fn a_child_that_the_peer_closes_meanwhile_is_closed() {
    let mut pair = Pair::new().up();
    rekey(&mut pair.initiator, pair.now);
    let (now, spi) = (pair.now, first(&pair.responder));
    command(&mut pair.responder, Command::TerminateChild(spi), now);
    pair.settle();
    for end in [&pair.initiator, &pair.responder] {
        assert!(end.installed.is_empty() && end.is_established());
        assert_eq!(end.env.ledger.dangling(), 0);
    }
    assert_eq!(pair.initiator.child_downs(), [ChildDownCause::PeerDeleted]);
    assert_eq!(pair.initiator.child_failures(), []);
}

#[test]
fn who_closes_a_child_means_what_takes_its_place_too() {
    // While the request is in flight, and after it.
    for in_flight in [true, false] {
        let mut pair = Pair::new().up();
        let (now, spi) = (pair.now, first(&pair.initiator));
        rekey(&mut pair.initiator, now);
        if !in_flight {
            let (path, request) = take(&mut pair.initiator);
            pair.reach_responder(path, &request);
            let (path, response) = take(&mut pair.responder);
            pair.reach_initiator(path, &response);
        }
        command(&mut pair.initiator, Command::TerminateChild(spi), now);
        pair.settle();
        pair.pass(RETIREMENT);
        pair.settle();
        for end in [&pair.initiator, &pair.responder] {
            assert!(
                end.installed.is_empty() && end.is_established(),
                "{in_flight}"
            );
        }
    }
}

#[test]
fn a_child_that_the_peer_does_not_know_is_made_anew() {
    let mut pair = transparent().up();
    let mut peer = Forger::of(&pair.responder);
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    let (header, payloads) = Forger::of(&pair.initiator).read_own(&request);
    let Some(Payload::Notify(rekey)) = payloads.first() else {
        panic!("{payloads:?}");
    };
    let refusal = Payload::Notify(holdfast_ike::wire::Notify {
        notify_type: NotifyType::CHILD_SA_NOT_FOUND,
        ..rekey.clone()
    });
    let id = header.message_id.0;
    let response = peer.message(header.exchange, id, true, &[refusal]);
    let back = Path {
        local: path.remote,
        remote: path.local,
    };
    pair.reach_initiator(back, &response);
    assert_eq!(pair.initiator.child_downs(), [ChildDownCause::PeerDeleted]);
    assert!(pair.initiator.installed.is_empty());
    // It may have learnt of it from a late response, so it is told; then comes the new one.
    let (_, deletion) = take(&mut pair.initiator);
    let (_, payloads) = Forger::of(&pair.initiator).read_own(&deletion);
    assert!(matches!(payloads[..], [Payload::Delete(_)]));
    let answer = peer.message(ExchangeType::Informational, id + 1, true, &[]);
    pair.reach_initiator(back, &answer);
    let (_, request) = take(&mut pair.initiator);
    let (_, payloads) = Forger::of(&pair.initiator).read_own(&request);
    assert!(matches!(payloads[0], Payload::SecurityAssociation(_)));
}

#[test]
fn a_peer_that_is_busy_is_asked_again_later() {
    let mut pair = reveal(two_children()).up();
    let mut peer = Forger::of(&pair.responder);
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    let (header, _) = Forger::of(&pair.initiator).read_own(&request);
    let busy = crate::misbehaviour::notify(NotifyType::TEMPORARY_FAILURE, Vec::new());
    let response = peer.message(header.exchange, header.message_id.0, true, &[busy]);
    let back = Path {
        local: path.remote,
        remote: path.local,
    };
    pair.reach_initiator(back, &response);
    assert!(pair.initiator.has_event(|event| matches!(
        event,
        Event::RekeyFailed { child: Some(name), failure: Failure::TemporaryFailure } if &**name == "a"
    )));
    pair.pass(Duration::from_millis(4999));
    assert!(pair.initiator.sent.is_empty(), "not at once");
    pair.pass(Duration::from_millis(10_001));
    let (_, again) = take(&mut pair.initiator);
    let (_, payloads) = Forger::of(&pair.initiator).read_own(&again);
    assert!(matches!(&payloads[0], Payload::Notify(n) if n.notify_type == NotifyType::REKEY_SA));
    assert_eq!(pair.initiator.installed.len(), 1, "the old one lives on");
}

#[test]
fn a_data_plane_that_refuses_leaves_the_old_one() {
    for responder in [false, true] {
        let mut pair = Pair::new().up();
        let old = first(&pair.initiator);
        pair.initiator.refuse_install = !responder;
        pair.responder.refuse_install = responder;
        rekey(&mut pair.initiator, pair.now);
        pair.settle();
        assert_eq!(first(&pair.initiator), old);
        assert_eq!(pair.initiator.installed.len(), 1);
        assert!(
            pair.initiator
                .has_event(|event| matches!(event, Event::RekeyFailed { .. }))
        );
        for end in [&mut pair.initiator, &mut pair.responder] {
            assert_eq!(end.installed.len(), 1);
            assert_eq!((end.child_downs(), end.child_failures()), (vec![], vec![]));
            end.refuse_install = false;
        }
        pair.pass(Duration::from_secs(15));
        pair.settle();
        assert_eq!(rekeyed(&pair.initiator).len(), 1, "tried again");
        assert_one_is_left(&mut pair);
    }
}

#[test]
fn a_child_that_is_being_rekeyed_by_us_is_rekeyed_by_the_peer_as_usual() {
    let mut pair = reveal(Pair::new()).up();
    rekey(&mut pair.initiator, pair.now);
    pair.initiator.sent.clear();
    rekey(&mut pair.responder, pair.now);
    let (path, request) = take(&mut pair.responder);
    pair.reach_initiator(path, &request);
    let (_, response) = take(&mut pair.initiator);
    let (_, payloads) = Forger::of(&pair.initiator).read_own(&response);
    assert!(!refused_with(&payloads, NotifyType::TEMPORARY_FAILURE));
    assert!(matches!(payloads[0], Payload::SecurityAssociation(_)));
}

#[test]
fn a_response_that_comes_after_the_deletion_of_what_it_grants() {
    let mut pair = two_children().up();
    initiate(&mut pair, 1);
    pair.settle();
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    pair.reach_responder(path, &request);
    let (back, response) = take(&mut pair.responder);
    let (now, old) = (pair.now, first(&pair.responder));
    command(&mut pair.responder, Command::TerminateChild(old), now);
    pair.settle();
    pair.reach_initiator(back, &response);
    pair.settle();
    pair.pass(RETIREMENT);
    pair.settle();
    for end in [&pair.initiator, &pair.responder] {
        assert_eq!(end.installed.len(), 1, "the other child");
        assert_eq!(&*end.installed[0].name, "b");
        assert_eq!(end.env.ledger.dangling(), 0);
    }
}

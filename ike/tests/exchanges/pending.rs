//! What happens while the data plane has not answered yet: a response that waits for it, and a
//! child that the peer believes in before it carries anything.

use holdfast_ike::{
    EspSpi,
    proposal::Protocol,
    sa::{ChildDownCause, CloseCause, Command, Event, Failure, Input},
    wire::{Delete, ExchangeType, NotifyType, Payload},
};

use crate::{
    children::{initiate, two_children},
    forge::{Forger, reveal, transparent},
    pair::Pair,
};

pub(crate) fn delete(spi: EspSpi) -> Payload {
    Payload::Delete(Delete {
        protocol: Protocol::Esp,
        spis: vec![spi],
    })
}

pub(crate) fn refused_with(payloads: &[Payload], refusal: NotifyType) -> bool {
    payloads
        .iter()
        .any(|payload| matches!(payload, Payload::Notify(n) if n.notify_type == refusal))
}

/// Both ends are up with one child, the second one waits for the responder's data plane.
fn second_child_pending() -> Pair {
    let mut pair = reveal(two_children()).up();
    pair.responder.hold_installs = true;
    initiate(&mut pair, 1);
    let (path, request) = pair.initiator.sent.pop().expect("a request");
    pair.reach_responder(path, &request);
    assert!(pair.responder.sent.is_empty(), "the answer waits");
    // The request once more: there is nothing to say yet.
    pair.reach_responder(path, &request);
    assert!(pair.responder.sent.is_empty());
    pair
}

fn finish(pair: &mut Pair, installed: bool) {
    let now = pair.now;
    pair.responder.hold_installs = false;
    pair.responder.finish_installs(installed, now);
}

#[test]
fn a_request_repeated_while_its_answer_waits_is_answered_once() {
    let mut pair = Pair::new();
    pair.responder.hold_installs = true;
    pair.start();
    pair.settle();
    assert!(!pair.initiator.is_established());
    // The initiator asks again and again.
    for _ in 0..3 {
        pair.pass(std::time::Duration::from_secs(30));
        pair.settle();
    }
    finish(&mut pair, true);
    assert_eq!(pair.responder.sent.len(), 1);
    pair.settle();
    assert!(pair.initiator.is_established());
    assert_eq!(pair.initiator.installed.len(), 1);
    assert_eq!(pair.responder.installed.len(), 1);
}

#[test]
fn the_peer_closes_everything_while_its_answer_waits() {
    let mut pair = second_child_pending();
    let now = pair.now;
    let mut peer = Forger::of(&pair.initiator);
    let bye = [Payload::Delete(Delete {
        protocol: Protocol::Ike,
        spis: Vec::new(),
    })];
    let bye = peer.request(ExchangeType::Informational, 3, &bye);
    let path = pair.initiator.path;
    pair.reach_responder(path, &bye);
    assert_eq!(pair.responder.closed(), Some(CloseCause::PeerDeleted));
    pair.responder.sent.clear();
    pair.responder.finish_installs(true, now);
    assert!(pair.responder.sent.is_empty(), "nobody is left to be told");
}

#[test]
fn we_close_everything_while_an_answer_waits() {
    let mut pair = second_child_pending();
    let now = pair.now;
    pair.responder.feed(Input::Command(Command::Terminate), now);
    pair.settle();
    finish(&mut pair, true);
    pair.settle();
    assert_eq!(pair.responder.closed(), Some(CloseCause::Terminated));
    assert_eq!(pair.initiator.closed(), Some(CloseCause::PeerDeleted));
}

#[test]
fn a_request_out_of_turn_does_not_confuse_the_answer_that_waits() {
    let mut pair = second_child_pending();
    let mut peer = Forger::of(&pair.initiator);
    let path = pair.initiator.path;
    // Beyond the window of one: ID 2 is unanswered.
    let probe = peer.request(ExchangeType::Informational, 3, &[]);
    pair.reach_responder(path, &probe);
    let (_, probed) = pair.responder.sent.pop().expect("an answer");
    finish(&mut pair, true);
    let (_, created) = pair.responder.sent.pop().expect("the answer that waited");
    assert_eq!(peer.read(&created).0.message_id.0, 2);
    // The last request repeated gets the last answer.
    pair.reach_responder(path, &probe);
    assert_eq!(pair.responder.sent.pop().expect("an answer").1, probed);
}

#[test]
fn one_child_at_a_time() {
    let mut pair = second_child_pending();
    let mut peer = Forger::of(&pair.initiator);
    // A copy of the request that waits, with the next ID.
    let (_, in_flight) = {
        let now = pair.now;
        pair.now += std::time::Duration::from_secs(4);
        let later = pair.now;
        pair.initiator.feed(Input::Timeout, later);
        pair.now = now;
        pair.initiator.sent.pop().expect("a retransmission")
    };
    let (_, payloads) = peer.read_own(&in_flight);
    let second = peer.request(ExchangeType::CreateChildSa, 3, &payloads);
    let path = pair.initiator.path;
    pair.reach_responder(path, &second);
    let (_, answer) = pair.responder.sent.pop().expect("an answer");
    let (header, payloads) = peer.read(&answer);
    assert_eq!(header.message_id.0, 3);
    assert!(refused_with(&payloads, NotifyType::TEMPORARY_FAILURE));
    finish(&mut pair, true);
    let (_, answer) = pair.responder.sent.pop().expect("an answer");
    assert_eq!(peer.read(&answer).0.message_id.0, 2);
    assert_eq!(pair.responder.installed.len(), 2);
}

#[test]
fn a_child_deleted_by_the_peer_while_its_answer_waits_is_refused() {
    let mut pair = second_child_pending();
    let mut peer = Forger::of(&pair.initiator);
    let path = pair.initiator.path;
    // The peer's own SPI for it: the next one after that of the first child.
    let spi = EspSpi(pair.initiator.installed[0].inbound_spi.0 + 1);
    let bye = peer.request(ExchangeType::Informational, 3, &[delete(spi)]);
    pair.reach_responder(path, &bye);
    finish(&mut pair, true);
    let answers: Vec<_> = std::mem::take(&mut pair.responder.sent)
        .iter()
        .map(|(_, answer)| peer.read(answer))
        .collect();
    let created = answers.iter().find(|(header, _)| header.message_id.0 == 2);
    let (_, payloads) = created.expect("the answer that waited");
    assert!(refused_with(payloads, NotifyType::TEMPORARY_FAILURE));
    assert_eq!(pair.responder.installed.len(), 1);
    assert_eq!(pair.responder.env.ledger.dangling(), 0);
    assert_eq!(
        pair.responder.child_failures(),
        [Failure::TemporaryFailure],
        "told once"
    );
}

#[test]
fn a_child_that_the_peer_deletes_before_we_have_installed_it() {
    let mut pair = transparent();
    pair.initiator.hold_installs = true;
    pair.start();
    pair.settle();
    assert!(pair.initiator.is_established());
    let now = pair.now;
    let spi = pair.responder.installed[0].inbound_spi;
    pair.responder
        .feed(Input::Command(Command::TerminateChild(spi)), now);
    pair.settle();
    assert!(pair.responder.installed.is_empty());
    // It never was up, and whoever waits for it must learn that it will not be.
    assert_eq!(pair.initiator.child_failures(), [Failure::TemporaryFailure]);
    pair.initiator.finish_installs(true, now);
    assert!(pair.initiator.installed.is_empty());
    assert_eq!(pair.initiator.env.ledger.len(), 0);
    assert!(!pair.initiator.has_event(|e| matches!(e, Event::ChildUp(_))));
    assert!(pair.initiator.child_downs().is_empty());
}

#[test]
fn a_child_terminated_before_it_is_installed_goes_down_after_it_came_up() {
    for installed in [true, false] {
        let mut pair = second_child_pending();
        let now = pair.now;
        let spi = EspSpi(pair.responder.installed[0].inbound_spi.0 + 1);
        pair.responder
            .feed(Input::Command(Command::TerminateChild(spi)), now);
        assert!(pair.responder.sent.is_empty(), "first things first");
        finish(&mut pair, installed);
        pair.settle();
        for end in [&pair.initiator, &pair.responder] {
            assert_eq!(end.installed.len(), 1);
            assert_eq!(end.env.ledger.dangling(), 0);
            assert!(end.is_established());
        }
        let (downs, failures) = (
            pair.responder.child_downs(),
            pair.responder.child_failures(),
        );
        if installed {
            assert_eq!(downs, [ChildDownCause::Terminated]);
            assert!(failures.is_empty());
        } else {
            assert!(downs.is_empty());
            assert_eq!(failures, [Failure::NotInstalled]);
        }
    }
}

#[test]
fn what_could_not_be_installed_gives_its_spi_back() {
    for responder in [false, true] {
        let mut pair = two_children().up();
        let end = if responder {
            &mut pair.responder
        } else {
            &mut pair.initiator
        };
        end.refuse_install = true;
        initiate(&mut pair, 1);
        pair.settle();
        for end in [&pair.initiator, &pair.responder] {
            assert_eq!(end.installed.len(), 1);
            assert_eq!(end.env.ledger.dangling(), 0);
            assert!(end.is_established());
        }
        assert_eq!(pair.initiator.child_failures().len(), 1);
    }
}

#[test]
fn an_answer_of_the_data_plane_that_nobody_waits_for_is_ignored() {
    let mut pair = Pair::new().up();
    let now = pair.now;
    let up = |pair: &Pair| {
        let ups = |e: &&Event| matches!(e, Event::ChildUp(_));
        pair.initiator.events.iter().filter(ups).count()
    };
    for installed in [true, false] {
        for inbound_spi in [pair.initiator.installed[0].inbound_spi, EspSpi(0xdead)] {
            let input = Input::ChildInstalled {
                inbound_spi,
                installed,
            };
            pair.initiator.feed(input, now);
        }
    }
    assert!(pair.initiator.sent.is_empty());
    assert_eq!((up(&pair), pair.initiator.installed.len()), (1, 1));
}

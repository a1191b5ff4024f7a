//! What becomes of an IKE_SA that has been rekeyed (RFC 7296 sections 2.8 and 2.25.2).

use std::time::Duration;

use holdfast_ike::{
    sa::{Command, Input},
    wire::{ExchangeType, NotifyType, Payload},
};

use crate::{
    children::two_children,
    forge::{Forger, transparent},
    pair::Pair,
    pending::{delete, refused_with},
    rekey_child::take,
    rekey_ike::{assert_it_goes_on, rekey},
};

#[test]
fn a_lost_answer_to_the_deletion_is_sent_again() {
    let mut pair = Pair::new().up();
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    pair.reach_responder(path, &request);
    let (back, response) = take(&mut pair.responder);
    pair.reach_initiator(back, &response);
    let (path, deletion) = take(&mut pair.initiator);
    pair.reach_responder(path, &deletion);
    take(&mut pair.responder);
    pair.pass(Duration::from_secs(4));
    let (path, again) = take(&mut pair.initiator);
    assert_eq!(again, deletion);
    pair.reach_responder(path, &again);
    pair.settle();
    assert_eq!(pair.initiator.env.ike_spis.len(), 1);
    assert_it_goes_on(&mut pair);
}

#[test]
fn a_peer_that_never_answers_the_deletion_does_not_hurt() {
    let mut pair = Pair::new().up();
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    pair.reach_responder(path, &request);
    let (back, response) = take(&mut pair.responder);
    pair.reach_initiator(back, &response);
    for _ in 0..10 {
        pair.initiator.sent.clear();
        pair.pass(Duration::from_secs(60));
    }
    pair.initiator.sent.clear();
    assert_it_goes_on(&mut pair);
}

#[test]
fn work_waits_until_the_peer_knows_the_new_ike_sa() {
    let mut pair = two_children().up();
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    pair.reach_responder(path, &request);
    let (now, config) = (pair.now, pair.responder.connection.children[1].clone());
    let command = Command::Initiate(config);
    pair.responder.feed(Input::Command(command), now);
    assert_eq!(pair.responder.sent.len(), 1, "the answer and nothing else");
    pair.settle();
    assert_eq!(pair.initiator.installed.len(), 2);
    assert_it_goes_on(&mut pair);
}

#[test]
fn what_comes_for_a_former_ike_sa_is_answered_there() {
    let mut pair = transparent().up();
    let mut peer = Forger::of(&pair.initiator);
    let path = pair.initiator.path;
    let child = pair.initiator.installed[0].inbound_spi;
    rekey(&mut pair.initiator, pair.now);
    let (_, request) = take(&mut pair.initiator);
    pair.reach_responder(path, &request);
    pair.responder.sent.clear();
    let answer = |pair: &mut Pair| {
        let (_, answer) = take(&mut pair.responder);
        peer.read(&answer).1
    };
    // The peer has not had our answer. What it asks now is about what there still is.
    let mut forger = Forger::of(&pair.initiator);
    let busy = forger.request(ExchangeType::CreateChildSa, 3, &[]);
    pair.reach_responder(path, &busy);
    let payloads = answer(&mut pair);
    assert!(refused_with(&payloads, NotifyType::TEMPORARY_FAILURE));
    let probe = forger.request(ExchangeType::Informational, 4, &[]);
    pair.reach_responder(path, &probe);
    assert!(answer(&mut pair).is_empty());
    pair.reach_responder(path, &probe);
    assert!(answer(&mut pair).is_empty(), "from the cache");
    let bye = forger.request(ExchangeType::Informational, 5, &[delete(child)]);
    pair.reach_responder(path, &bye);
    let payloads = answer(&mut pair);
    assert!(matches!(payloads[..], [Payload::Delete(_)]));
    assert!(pair.responder.installed.is_empty());
    // Garbage changes nothing.
    let mut garbage = peer.request(ExchangeType::Informational, 6, &[]);
    if let Some(last) = garbage.last_mut() {
        *last ^= 1;
    }
    pair.reach_responder(path, &garbage);
    assert!(pair.responder.sent.is_empty());
    assert_eq!(pair.responder.env.counters.integrity_failed.get(), 1);
}

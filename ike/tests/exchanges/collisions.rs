//! Exchanges that cross (RFC 7296 section 2.25), and rekeying that the peer asks for.

use std::{sync::Arc, time::Duration};

use holdfast_ike::{
    EspSpi,
    proposal::{ProposalSpi, Protocol},
    sa::{ChildDownCause, CloseCause, Command, Failure, Input},
    wire::{ExchangeType, Notify, NotifyType, Payload},
};

use crate::{
    children::{initiate, two_children},
    forge::{Forger, reveal, transparent},
    pair::Pair,
    pending::{delete, refused_with},
    rekey_child::{rekey, take},
    rekey_ike::rekey as rekey_ike,
};

fn rekey_notify(spi: EspSpi) -> Payload {
    Payload::Notify(Notify {
        protocol: Some(Protocol::Esp),
        spi: spi.0.to_be_bytes().to_vec(),
        notify_type: NotifyType::REKEY_SA,
        data: Vec::new(),
    })
}

/// A request for a child like the first one, as the initiator would make it to rekey `spi`.
fn rekey_request(pair: &mut Pair, peer: &mut Forger, id: u32, spi: EspSpi) -> Vec<u8> {
    initiate(pair, 1);
    let (_, request) = pair.initiator.sent.pop().expect("a request");
    let (_, mut payloads) = peer.read_own(&request);
    for payload in &mut payloads {
        match payload {
            Payload::TsResponder(selectors) => {
                selectors.clone_from(&pair.initiator.installed[0].remote_ts);
            }
            Payload::SecurityAssociation(proposals) => {
                for proposal in proposals {
                    proposal.spi = ProposalSpi::Esp(EspSpi(0xabcd_0001));
                }
            }
            _ => {}
        }
    }
    payloads.insert(0, rekey_notify(spi));
    peer.request(ExchangeType::CreateChildSa, id, &payloads)
}

fn answer(pair: &mut Pair, peer: &Forger) -> Vec<Payload> {
    let (_, answer) = pair.responder.sent.pop().expect("an answer");
    peer.read(&answer).1
}

#[test]
fn the_peer_rekeys_a_child_and_deletes_the_old_one() {
    let mut pair = reveal(two_children()).up();
    let mut peer = Forger::of(&pair.initiator);
    let old = pair.initiator.installed[0].inbound_spi;
    let path = pair.initiator.path;
    let request = rekey_request(&mut pair, &mut peer, 2, old);
    pair.reach_responder(path, &request);
    let payloads = answer(&mut pair, &peer);
    assert!(
        payloads
            .iter()
            .any(|p| matches!(p, Payload::SecurityAssociation(_)))
    );
    assert_eq!(
        pair.responder.installed.len(),
        2,
        "the old one stays until the peer deletes it"
    );
    let bye = peer.request(ExchangeType::Informational, 3, &[delete(old)]);
    pair.reach_responder(path, &bye);
    assert_eq!(pair.responder.child_downs(), [ChildDownCause::Rekeyed]);
    assert_eq!(
        pair.responder.installed.len(),
        2,
        "packets may be on their way"
    );
    pair.pass(Duration::from_secs(5));
    assert_eq!(pair.responder.installed.len(), 1);
    assert_eq!(pair.responder.installed[0].outbound_spi.0, 0xabcd_0001);
    assert_eq!(&*pair.responder.installed[0].name, "a");
}

#[test]
fn a_child_that_is_being_closed_is_not_rekeyed() {
    let mut pair = reveal(two_children()).up();
    let mut peer = Forger::of(&pair.initiator);
    let (now, path) = (pair.now, pair.initiator.path);
    let old = pair.initiator.installed[0].inbound_spi;
    let closing = pair.responder.installed[0].inbound_spi;
    let request = rekey_request(&mut pair, &mut peer, 2, old);
    pair.responder
        .feed(Input::Command(Command::TerminateChild(closing)), now);
    pair.responder.sent.clear();
    pair.reach_responder(path, &request);
    let payloads = answer(&mut pair, &peer);
    assert!(refused_with(&payloads, NotifyType::TEMPORARY_FAILURE));
}

#[test]
fn a_child_that_does_not_exist_is_not_rekeyed() {
    let mut pair = reveal(two_children()).up();
    let mut peer = Forger::of(&pair.initiator);
    let path = pair.initiator.path;
    let request = rekey_request(&mut pair, &mut peer, 2, EspSpi(0x1234_5678));
    pair.reach_responder(path, &request);
    let payloads = answer(&mut pair, &peer);
    let [Payload::Notify(notify)] = payloads.as_slice() else {
        panic!("{payloads:?}");
    };
    assert_eq!(notify.notify_type, NotifyType::CHILD_SA_NOT_FOUND);
    assert_eq!(notify.spi, [0x12, 0x34, 0x56, 0x78]);
    assert_eq!(notify.protocol, Some(Protocol::Esp));
    assert!(pair.responder.is_established());
}

/// The peer has granted what we asked for, its answer is lost, and it rekeys what it made already: that
/// there is no such CHILD_SA is not ours to say yet.
#[test]
fn a_child_that_we_have_not_heard_of_yet_is_not_rekeyed() {
    let mut pair = reveal(two_children()).up();
    let mut peer = Forger::of(&pair.initiator);
    let (now, path) = (pair.now, pair.initiator.path);
    let request = rekey_request(&mut pair, &mut peer, 2, EspSpi(0x1234_5678));
    rekey(&mut pair.responder, now);
    pair.responder.sent.clear();
    pair.reach_responder(path, &request);
    let payloads = answer(&mut pair, &peer);
    assert!(refused_with(&payloads, NotifyType::TEMPORARY_FAILURE));
}

/// The peer wants to rekey what we have made of another one, while our DELETE of that is on its way.
#[test]
fn a_child_whose_predecessor_is_being_deleted_is_not_rekeyed() {
    let mut pair = reveal(two_children()).up();
    let mut peer = Forger::of(&pair.initiator);
    let (now, path) = (pair.now, pair.initiator.path);
    rekey(&mut pair.responder, now);
    let (back, request) = take(&mut pair.responder);
    pair.reach_initiator(back, &request);
    let (there, response) = take(&mut pair.initiator);
    pair.reach_responder(there, &response);
    let _lost_deletion = take(&mut pair.responder);
    let new = pair.responder.installed[1].outbound_spi;
    let request = rekey_request(&mut pair, &mut peer, 2, new);
    pair.reach_responder(path, &request);
    let payloads = answer(&mut pair, &peer);
    assert!(refused_with(&payloads, NotifyType::TEMPORARY_FAILURE));
}

/// A rekeying of the peer's is refused for now. Ours of the same CHILD_SA is due a second later, and waits:
/// the peer may not have heard of the refusal yet.
#[test]
fn what_was_refused_for_now_is_left_to_the_peer() {
    let mut pair = reveal(two_children());
    let due = Duration::from_secs(60);
    Arc::make_mut(&mut pair.responder.connection.children[0]).rekey_time = due;
    let mut pair = pair.up();
    let mut peer = Forger::of(&pair.initiator);
    let path = pair.initiator.path;
    pair.pass(Duration::from_secs(59));
    let now = pair.now;
    rekey_ike(&mut pair.responder, now);
    let (back, rekeying) = take(&mut pair.responder);
    let child = pair.responder.installed[0].outbound_spi;
    let request = rekey_request(&mut pair, &mut peer, 2, child);
    pair.reach_responder(path, &request);
    let payloads = answer(&mut pair, &peer);
    assert!(refused_with(&payloads, NotifyType::TEMPORARY_FAILURE));
    // The peer is busy as well, so that nothing of ours is under way any more.
    pair.reach_initiator(back, &rekeying);
    let (there, busy) = take(&mut pair.initiator);
    pair.reach_responder(there, &busy);
    pair.pass(Duration::from_secs(2));
    assert!(pair.responder.sent.is_empty(), "it waits");
    pair.pass(Duration::from_secs(20));
    let (_, again) = take(&mut pair.responder);
    assert!(!again.is_empty(), "it does not wait for ever");
}

#[test]
fn requests_that_arrive_while_we_close() {
    let mut pair = transparent().up();
    let mut peer = Forger::of(&pair.initiator);
    let (now, path) = (pair.now, pair.initiator.path);
    pair.responder.feed(Input::Command(Command::Terminate), now);
    pair.responder.sent.clear();
    let probe = peer.request(ExchangeType::Informational, 2, &[]);
    pair.reach_responder(path, &probe);
    assert!(answer(&mut pair, &peer).is_empty());
    let child = pair.initiator.installed[0].inbound_spi;
    let bye = peer.request(ExchangeType::Informational, 3, &[delete(child)]);
    pair.reach_responder(path, &bye);
    let payloads = answer(&mut pair, &peer);
    assert!(matches!(payloads.as_slice(), [Payload::Delete(_)]));
    assert!(pair.responder.installed.is_empty());
    assert_eq!(
        pair.responder.child_downs(),
        [ChildDownCause::PeerDeleted],
        "told, for it was up"
    );
    assert_eq!(pair.responder.closed(), None);
    // Only the answer to our own request is missing now; no timer but that of its repetition runs.
    let sa = pair.responder.sa.as_ref().expect("it lives");
    assert_eq!(sa.poll_timeout().expect("a deadline").1, "retransmit");
}

#[test]
fn a_deletion_that_crosses_the_creation_leaves_no_half() {
    // The responder grants a child and deletes it at once; the initiator learns of the deletion
    // first.
    let mut pair = reveal(two_children()).up();
    initiate(&mut pair, 1);
    let (path, request) = pair.initiator.sent.pop().expect("a request");
    pair.reach_responder(path, &request);
    let (back, granted) = pair.responder.sent.pop().expect("an answer");
    let (now, spi) = (pair.now, pair.responder.installed[1].inbound_spi);
    pair.responder
        .feed(Input::Command(Command::TerminateChild(spi)), now);
    let (_, deletion) = pair.responder.sent.pop().expect("a request");
    pair.reach_initiator(back, &deletion);
    pair.reach_initiator(back, &granted);
    pair.settle();
    for end in [&pair.initiator, &pair.responder] {
        assert_eq!(end.installed.len(), 1);
        assert_eq!(end.env.ledger.dangling(), 0);
    }
    assert_eq!(pair.initiator.child_failures(), [Failure::TemporaryFailure]);
}

#[test]
fn both_ends_close_while_a_child_is_being_created() {
    let mut pair = two_children().up();
    initiate(&mut pair, 1);
    let now = pair.now;
    for end in [&mut pair.initiator, &mut pair.responder] {
        end.feed(Input::Command(Command::Terminate), now);
    }
    pair.settle();
    for end in [&pair.initiator, &pair.responder] {
        assert_eq!(end.closed(), Some(CloseCause::Terminated));
    }
}

#[test]
fn a_full_queue_does_not_keep_us_from_closing() {
    let mut pair = two_children().up();
    let now = pair.now;
    // The first is in flight, the others wait.
    for n in 0..100 {
        let mut config = (*pair.initiator.connection.children[1]).clone();
        config.name = format!("child-{n}").into();
        let command = Command::Initiate(Arc::new(config));
        pair.initiator.feed(Input::Command(command), now);
    }
    assert_eq!(
        pair.initiator.child_failures().len(),
        100 - 33,
        "what does not fit is refused aloud"
    );
    pair.initiator.feed(Input::Command(Command::Terminate), now);
    pair.settle();
    assert_eq!(pair.initiator.closed(), Some(CloseCause::Terminated));
    assert_eq!(pair.responder.closed(), Some(CloseCause::PeerDeleted));
}

/// Both ends ask for the same child. The older of the two goes, also with what is about to take its
/// place.
#[test]
fn of_two_alike_the_older_goes_although_it_is_being_rekeyed() {
    let mut pair = two_children().up();
    let now = pair.now;
    let config = pair.responder.connection.children[1].clone();
    let command = Command::Initiate(config);
    pair.responder.feed(Input::Command(command), now);
    let (path, late) = take(&mut pair.responder);
    initiate(&mut pair, 1);
    pair.settle();
    let older = pair.initiator.installed[1].inbound_spi;
    let command = Command::RekeyChild(older);
    pair.initiator.feed(Input::Command(command), now);
    pair.reach_initiator(path, &late);
    pair.settle();
    pair.pass(Duration::from_secs(5));
    pair.settle();
    for end in [&pair.initiator, &pair.responder] {
        let names: Vec<_> = end.installed.iter().map(|child| &*child.name).collect();
        assert_eq!(names, ["a", "b"]);
    }
    let (a, b) = (&pair.initiator.installed[1], &pair.responder.installed[1]);
    assert_eq!(a.inbound_spi, b.outbound_spi);
    assert_ne!(a.inbound_spi, older);
}

//! CREATE_CHILD_SA and the deletion of single children.

use std::sync::Arc;

use holdfast_ike::sa::{ChildDownCause, Command, Event, Input};

use crate::pair::{Pair, child, connection, esp};

pub(crate) fn two_children() -> Pair {
    Pair::with(
        connection(
            "moon",
            "sun",
            vec![
                child("a", "10.1.0.0/16", "10.2.0.0/16"),
                child("b", "10.1.0.0/16", "10.3.0.0/16"),
            ],
        ),
        connection(
            "sun",
            "moon",
            vec![
                child("a", "10.2.0.0/16", "10.1.0.0/16"),
                child("b", "10.3.0.0/16", "10.1.0.0/16"),
            ],
        ),
    )
}

pub(crate) fn initiate(pair: &mut Pair, index: usize) {
    let config = pair.initiator.connection.children[index].clone();
    let now = pair.now;
    pair.initiator
        .feed(Input::Command(Command::Initiate(config)), now);
}

#[test]
fn a_second_child_gets_fresh_keys() {
    let mut pair = two_children().up();
    initiate(&mut pair, 1);
    pair.settle();
    let (ours, theirs) = (&pair.initiator.installed, &pair.responder.installed);
    assert_eq!((ours.len(), theirs.len()), (2, 2));
    assert_eq!(
        ours[1].inbound_key.encryption,
        theirs[1].outbound_key.encryption
    );
    assert_ne!(
        ours[0].inbound_key.encryption,
        ours[1].inbound_key.encryption
    );
    assert!(
        ours[1].suite.key_exchange.is_some(),
        "perfect forward secrecy"
    );
}

#[test]
fn a_thousand_initiates_are_one() {
    let mut pair = two_children().up();
    for _ in 0..1000 {
        initiate(&mut pair, 1);
    }
    assert_eq!(pair.initiator.sent.len(), 1);
    pair.settle();
    initiate(&mut pair, 1);
    assert!(pair.initiator.sent.is_empty(), "it is up");
    assert_eq!(pair.initiator.installed.len(), 2);
}

#[test]
fn the_peer_asks_for_another_group() {
    let mut pair = two_children();
    let set = |pair: &mut Pair, ours: &str, theirs: &str| {
        for (end, text) in [(&mut pair.initiator, ours), (&mut pair.responder, theirs)] {
            for config in &mut end.connection.children {
                Arc::make_mut(config).proposals = esp(text);
            }
        }
    };
    set(&mut pair, "aes256gcm16-x25519-ecp256", "aes256gcm16-ecp256");
    let mut pair = pair.up();
    initiate(&mut pair, 1);
    pair.settle();
    assert_eq!(pair.initiator.installed.len(), 2);
    assert_eq!(pair.responder.installed.len(), 2);
}

#[test]
fn deleting_one_child_leaves_the_other() {
    let mut pair = two_children().up();
    initiate(&mut pair, 1);
    pair.settle();
    let spi = pair.initiator.installed[0].inbound_spi;
    let now = pair.now;
    pair.initiator
        .feed(Input::Command(Command::TerminateChild(spi)), now);
    pair.settle();
    assert_eq!(pair.initiator.installed.len(), 1);
    assert_eq!(pair.responder.installed.len(), 1);
    assert!(pair.responder.has_event(|event| matches!(
        event,
        Event::ChildDown(down) if down.cause == ChildDownCause::PeerDeleted && &*down.name == "a"
    )));
    assert!(pair.initiator.is_established());
}

#[test]
fn both_ends_delete_the_same_child() {
    let mut pair = Pair::new().up();
    let now = pair.now;
    for end in [&mut pair.initiator, &mut pair.responder] {
        let spi = end.installed[0].inbound_spi;
        end.feed(Input::Command(Command::TerminateChild(spi)), now);
    }
    pair.settle();
    for end in [&pair.initiator, &pair.responder] {
        assert!(end.installed.is_empty() && end.is_established());
        let downs = end
            .events
            .iter()
            .filter(|event| matches!(event, Event::ChildDown(_)))
            .count();
        assert_eq!(downs, 1, "told once");
    }
}

#[test]
fn both_ends_create_the_same_child() {
    let mut pair = two_children().up();
    initiate(&mut pair, 1);
    let config = pair.responder.connection.children[1].clone();
    let now = pair.now;
    pair.responder
        .feed(Input::Command(Command::Initiate(config)), now);
    pair.settle();
    assert_eq!(pair.initiator.installed.len(), 2);
    assert_eq!(pair.responder.installed.len(), 2);
    for end in [&pair.initiator, &pair.responder] {
        assert!(
            !end.has_event(|event| matches!(event, Event::ChildFailed { .. })),
            "it is up at both ends, whoever asked"
        );
    }
}

#[test]
fn an_expired_child_is_gone_at_both_ends() {
    let mut pair = Pair::new().up();
    let inbound_spi = pair.initiator.installed[0].inbound_spi;
    let now = pair.now;
    let soft = Input::ChildExpired {
        inbound_spi,
        hard: false,
    };
    pair.initiator.feed(soft, now);
    assert_eq!(pair.initiator.sent.len(), 1, "a request to rekey it");
    pair.initiator.sent.clear();
    let hard = Input::ChildExpired {
        inbound_spi,
        hard: true,
    };
    pair.initiator.feed(hard, now);
    assert!(pair.initiator.installed.is_empty());
    assert!(pair.initiator.has_event(|event| matches!(
        event,
        Event::ChildDown(down) if down.cause == ChildDownCause::Expired
    )));
}

//! An authenticated peer that breaks the rules: what is fatal for the IKE_SA and what is not
//! (RFC 7296 section 2.21.3), and what it can make us keep.

use std::sync::Arc;

use holdfast_ike::{
    Path, TrafficSelector,
    proposal::{KeyExchangeMethod, ProposalSpi, Protocol},
    sa::{CloseCause, Failure},
    wire::{Delete, ExchangeType, Notify, NotifyType, Payload, payload_type},
};

use crate::{
    children::{initiate, two_children},
    forge::{Forger, reveal, transparent},
    pair::{Pair, esp},
    pending::refused_with,
};

pub(crate) fn notify(notify_type: NotifyType, data: Vec<u8>) -> Payload {
    Payload::Notify(Notify {
        protocol: None,
        spi: Vec::new(),
        notify_type,
        data,
    })
}

/// The initiator asks for the second child; what is answered is up to the test.
fn asked_for_child(method: &str) -> (Pair, Forger, Path) {
    let mut pair = reveal(two_children());
    for config in &mut pair.initiator.connection.children {
        Arc::make_mut(config).proposals = esp(method);
    }
    let mut pair = pair.up();
    initiate(&mut pair, 1);
    let (path, request) = pair.initiator.sent.pop().expect("a request");
    let back = Path {
        local: path.remote,
        remote: path.local,
    };
    let forger = Forger::of(&pair.responder);
    assert_eq!(forger.read(&request).0.message_id.0, 2);
    (pair, forger, back)
}

/// What the responder would have answered.
fn genuine_answer(pair: &mut Pair, forger: &Forger) -> Vec<Payload> {
    let now = pair.now + std::time::Duration::from_secs(4);
    pair.initiator.feed(holdfast_ike::sa::Input::Timeout, now);
    let (path, request) = pair.initiator.sent.pop().expect("a retransmission");
    pair.reach_responder(path, &request);
    let (_, answer) = pair.responder.sent.pop().expect("an answer");
    forger.read_own(&answer).1
}

#[test]
fn a_child_that_is_more_than_was_asked_for_is_deleted_at_the_peer() {
    let (mut pair, mut forger, back) = asked_for_child("aes256gcm16-x25519");
    let mut payloads = genuine_answer(&mut pair, &forger);
    for payload in &mut payloads {
        if let Payload::TsResponder(selectors) = payload {
            *selectors = vec![TrafficSelector::from_config("0.0.0.0/0").expect("a literal")];
        }
    }
    let widened = forger.message(ExchangeType::CreateChildSa, 2, true, &payloads);
    pair.reach_initiator(back, &widened);
    assert_eq!(pair.initiator.child_failures(), [Failure::TsUnacceptable]);
    assert_eq!(pair.initiator.env.ledger.dangling(), 0);
    // The peer has it installed.
    assert_eq!(pair.responder.installed.len(), 2);
    pair.settle();
    assert_eq!(pair.responder.installed.len(), 1);
    assert!(pair.initiator.is_established() && pair.responder.is_established());
}

#[test]
fn other_methods_cannot_be_demanded_for_ever() {
    let (mut pair, mut forger, back) = asked_for_child("aes256gcm16-x25519-ecp256");
    let methods = [KeyExchangeMethod::ECP_256, KeyExchangeMethod::CURVE_25519];
    for (id, method) in (2..).zip(methods) {
        let data = method.0.to_be_bytes().to_vec();
        let demand = [notify(NotifyType::INVALID_KE_PAYLOAD, data)];
        let demand = forger.message(ExchangeType::CreateChildSa, id, true, &demand);
        pair.reach_initiator(back, &demand);
    }
    assert_eq!(pair.initiator.sent.len(), 1, "asked once more, not twice");
    assert_eq!(
        pair.initiator.child_failures(),
        [Failure::InvalidKeyExchange]
    );
    assert_eq!(pair.initiator.env.ledger.dangling(), 0);
    assert!(pair.initiator.is_established());
}

#[test]
fn invalid_syntax_in_an_answer_is_the_end() {
    let (mut pair, mut forger, back) = asked_for_child("aes256gcm16-x25519");
    let refusal = [notify(NotifyType::INVALID_SYNTAX, Vec::new())];
    let refusal = forger.message(ExchangeType::CreateChildSa, 2, true, &refusal);
    pair.reach_initiator(back, &refusal);
    assert_eq!(
        pair.initiator.closed(),
        Some(CloseCause::Failed(Failure::InvalidSyntax))
    );
}

#[test]
fn invalid_syntax_in_a_request_is_the_end_for_both() {
    let short_nonce = [
        Payload::TsInitiator(Vec::new()),
        Payload::TsResponder(Vec::new()),
        Payload::Nonce(vec![0; 4]),
    ];
    let cases: [(ExchangeType, &[Payload]); 3] = [
        (ExchangeType::CreateChildSa, &short_nonce),
        (ExchangeType::IkeAuth, &[]),
        (ExchangeType::Other(240), &[]),
    ];
    for (exchange, payloads) in cases {
        let mut pair = transparent().up();
        let mut peer = Forger::of(&pair.initiator);
        let path = pair.initiator.path;
        let request = peer.request(exchange, 2, payloads);
        pair.reach_responder(path, &request);
        let (_, answer) = pair.responder.sent.pop().expect("an answer");
        let (header, payloads) = peer.read(&answer);
        assert_eq!(header.exchange, exchange);
        assert!(refused_with(&payloads, NotifyType::INVALID_SYNTAX));
        assert_eq!(
            pair.responder.closed(),
            Some(CloseCause::Failed(Failure::InvalidSyntax)),
            "{exchange}"
        );
    }
}

#[test]
fn an_unknown_critical_payload_fails_its_exchange_only() {
    let mut pair = transparent().up();
    let mut peer = Forger::of(&pair.initiator);
    let path = pair.initiator.path;
    let critical = [0, 0x80, 0, 4];
    let request = peer.raw(ExchangeType::Informational, 2, false, 200, &critical);
    pair.reach_responder(path, &request);
    let (_, answer) = pair.responder.sent.pop().expect("an answer");
    let (_, payloads) = peer.read(&answer);
    let refusal = notify(NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD, vec![200]);
    assert_eq!(payloads, [refusal]);
    assert!(pair.responder.is_established());
}

#[test]
fn an_answer_that_cannot_be_read_ends_it_at_both_ends() {
    let (mut pair, mut forger, back) = asked_for_child("aes256gcm16-x25519");
    let garbage = forger.raw(
        ExchangeType::CreateChildSa,
        2,
        true,
        payload_type::SECURITY_ASSOCIATION,
        &[0, 0, 0, 5, 9],
    );
    pair.reach_initiator(back, &garbage);
    assert_eq!(
        pair.initiator.closed(),
        Some(CloseCause::Failed(Failure::InvalidSyntax))
    );
    // The responder never saw the request for a child: ID 2 is what it expects.
    assert_eq!(pair.initiator.sent.len(), 1, "the peer is told");
    let (_, payloads) = forger.read(&pair.initiator.sent[0].1);
    assert!(matches!(payloads.as_slice(), [Payload::Delete(d)] if d.protocol == Protocol::Ike));
}

#[test]
fn an_spi_deleted_twice_in_one_message_is_answered_once() {
    let mut pair = transparent().up();
    let mut peer = Forger::of(&pair.initiator);
    let path = pair.initiator.path;
    let spi = pair.initiator.installed[0].inbound_spi;
    let twice = Payload::Delete(Delete {
        protocol: Protocol::Esp,
        spis: vec![spi, spi],
    });
    let request = peer.request(ExchangeType::Informational, 2, &[twice.clone(), twice]);
    pair.reach_responder(path, &request);
    let (_, answer) = pair.responder.sent.pop().expect("an answer");
    let (_, payloads) = peer.read(&answer);
    let [Payload::Delete(delete)] = payloads.as_slice() else {
        panic!("{payloads:?}");
    };
    assert_eq!(delete.spis.len(), 1);
    assert_eq!(pair.responder.child_downs().len(), 1);
}

#[test]
fn the_number_of_children_has_a_limit() {
    let (mut pair, _, _) = asked_for_child("aes256gcm16-x25519");
    let mut peer = Forger::of(&pair.initiator);
    let now = pair.now + std::time::Duration::from_secs(4);
    pair.initiator.feed(holdfast_ike::sa::Input::Timeout, now);
    let (path, request) = pair.initiator.sent.pop().expect("a retransmission");
    let (_, template) = peer.read_own(&request);
    let mut id = 2;
    let refusal = loop {
        // Each one protects another host, so none replaces another.
        let host = format!("10.3.{}.{}/32", id / 256, id % 256);
        let mut payloads = template.clone();
        for payload in &mut payloads {
            match payload {
                Payload::TsResponder(selectors) => {
                    *selectors = vec![TrafficSelector::from_config(&host).expect("a host")];
                }
                Payload::SecurityAssociation(proposals) => {
                    proposals[0].spi = ProposalSpi::Esp(holdfast_ike::EspSpi(0xaaaa_0000 + id));
                }
                _ => {}
            }
        }
        let request = peer.request(ExchangeType::CreateChildSa, id, &payloads);
        pair.reach_responder(path, &request);
        let (_, answer) = pair.responder.sent.pop().expect("an answer");
        let (_, payloads) = peer.read(&answer);
        if refused_with(&payloads, NotifyType::NO_ADDITIONAL_SAS) {
            break id;
        }
        id += 1;
        assert!(id < 2000, "no limit");
    };
    assert!(refusal > 500, "it is generous: {refusal}");
    assert!(pair.responder.is_established());
}

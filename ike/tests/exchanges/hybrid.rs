//! Several key exchanges: IKE_INTERMEDIATE before IKE_AUTH (RFC 9242, RFC 9370 section 2.2.2).

use std::time::Duration;

use holdfast_ike::{
    proposal::KeyExchangeMethod,
    sa::{CloseCause, Event, Failure},
    wire::{ExchangeType, Header},
};

use crate::pair::{End, Pair, ike};

pub(crate) const HYBRID: &str = "aes256gcm16-prfsha384-x25519-ke1_mlkem768";

pub(crate) fn hybrid(notation: &str) -> Pair {
    let mut pair = Pair::new();
    for end in [&mut pair.initiator, &mut pair.responder] {
        end.connection.proposals = ike(notation);
    }
    pair
}

/// The additional key exchanges of the IKE_SA.
fn agreed(end: &End) -> Vec<KeyExchangeMethod> {
    let methods = |event: &Event| match event {
        Event::Established(established) => {
            let additional = established.suite.additional;
            Some(additional.iter().map(|(_, method)| method).collect())
        }
        _ => None,
    };
    end.events.iter().find_map(methods).expect("established")
}

/// Exchange types of what an end has on its way.
fn exchanges(end: &End) -> Vec<ExchangeType> {
    end.sent
        .iter()
        .map(|(_, data)| Header::parse(data).expect("a message").exchange)
        .collect()
}

#[test]
fn one_two_and_seven_additional_key_exchanges() {
    use KeyExchangeMethod as M;
    for (notation, methods) in [
        ("x25519-ke1_mlkem512", vec![M::ML_KEM_512]),
        ("ecp384-ke1_mlkem1024", vec![M::ML_KEM_1024]),
        (
            "x25519-ke1_mlkem768-ke2_ecp384",
            vec![M::ML_KEM_768, M::ECP_384],
        ),
        ("x25519-ke5_mlkem768-ke5_none", vec![M::ML_KEM_768]),
        (
            "x25519-ke1_ecp256-ke2_ecp384-ke3_ecp521-ke4_mlkem512-ke5_mlkem768-ke6_mlkem1024-ke7_modp2048",
            vec![
                M::ECP_256,
                M::ECP_384,
                M::ECP_521,
                M::ML_KEM_512,
                M::ML_KEM_768,
                M::ML_KEM_1024,
                M::MODP_2048,
            ],
        ),
    ] {
        for cipher in ["aes256gcm16-prfsha384", "aes128-sha256-prfaesxcbc"] {
            let pair = hybrid(&format!("{cipher}-{notation}")).up();
            let (a, b) = (&pair.initiator, &pair.responder);
            assert_eq!(agreed(a), methods);
            assert_eq!(agreed(b), methods);
            let (ours, theirs) = (&a.installed[0], &b.installed[0]);
            assert_eq!(ours.inbound_key.encryption, theirs.outbound_key.encryption);
        }
    }
}

#[test]
fn one_end_without_them() {
    // The responder takes none, and none is fine.
    let mut pair = hybrid(HYBRID);
    pair.initiator.connection.proposals = ike(&format!("{HYBRID}-ke1_none"));
    pair.responder.connection.proposals = ike("aes256gcm16-prfsha384-x25519");
    assert_eq!(agreed(&pair.up().initiator), []);
    // Somebody must have one.
    let mut pair = hybrid(HYBRID);
    pair.responder.connection.proposals = ike("aes256gcm16-prfsha384-x25519");
    pair.start();
    pair.settle();
    pair.pass(Duration::from_secs(1));
    assert_eq!(
        pair.initiator.closed(),
        Some(CloseCause::Failed(Failure::NoProposalChosen))
    );
}

/// Every message is lost once, requests and responses: each is repeated under the keys it was made
/// with.
#[test]
fn lost_messages_are_repeated_under_their_own_keys() {
    for lose in 0..8 {
        let mut pair = hybrid("aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_ecp384");
        pair.start();
        let mut number = 0;
        for _ in 0..20 {
            let requests = std::mem::take(&mut pair.initiator.sent);
            for (path, data) in requests {
                if number != lose {
                    pair.reach_responder(path, &data);
                }
                number += 1;
            }
            let responses = std::mem::take(&mut pair.responder.sent);
            for (path, data) in responses {
                if number != lose {
                    pair.reach_initiator(path, &data);
                }
                number += 1;
            }
            if pair.initiator.sent.is_empty() && !pair.initiator.is_established() {
                pair.pass(Duration::from_secs(4));
            }
        }
        assert!(pair.initiator.is_established(), "without message {lose}");
        assert!(pair.responder.is_established(), "without message {lose}");
        assert_eq!(pair.initiator.env.counters.integrity_failed.get(), 0);
        assert_eq!(pair.responder.env.counters.integrity_failed.get(), 0);
    }
}

#[test]
fn every_message_twice() {
    let mut pair = hybrid("aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke2_ecp384");
    pair.start();
    for _ in 0..10 {
        for (path, data) in std::mem::take(&mut pair.initiator.sent) {
            pair.reach_responder(path, &data);
            pair.reach_responder(path, &data);
        }
        for (path, data) in std::mem::take(&mut pair.responder.sent) {
            pair.reach_initiator(path, &data);
            pair.reach_initiator(path, &data);
        }
    }
    assert!(pair.initiator.is_established() && pair.responder.is_established());
    assert_eq!(pair.responder.installed.len(), 1);
}

/// A half-open IKE_SA costs one key exchange until more is asked for, and does not live for ever.
#[test]
fn a_responder_does_not_wait_for_ever() {
    let mut pair = hybrid(HYBRID);
    pair.start();
    let (path, init) = pair.initiator.sent.remove(0);
    pair.reach_responder(path, &init);
    let (path, answer) = pair.responder.sent.remove(0);
    pair.reach_initiator(path, &answer);
    let fragments = exchanges(&pair.initiator);
    assert_eq!(fragments, [ExchangeType::IkeIntermediate; 2]);
    for (path, fragment) in std::mem::take(&mut pair.initiator.sent) {
        pair.reach_responder(path, &fragment);
    }
    assert!(!pair.responder.sent.is_empty());
    pair.responder.sent.clear();
    let limit = pair.responder.connection.half_open_timeout;
    pair.pass(limit);
    assert_eq!(pair.responder.closed(), Some(CloseCause::HalfOpenTimeout));
}

/// AUTH covers the key exchanges: a secret that is right is not enough when one of them was another.
#[test]
fn a_wrong_secret_is_refused_as_ever() {
    let mut pair = hybrid(HYBRID);
    pair.responder.env.psk = Some("battery staple");
    pair.start();
    pair.settle();
    assert_eq!(
        pair.initiator.closed(),
        Some(CloseCause::Failed(Failure::AuthenticationRefused))
    );
    assert_eq!(
        pair.responder.closed(),
        Some(CloseCause::Failed(Failure::AuthenticationFailed))
    );
}

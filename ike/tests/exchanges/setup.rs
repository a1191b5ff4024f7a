//! IKE_SA_INIT and IKE_AUTH: agreement and refusal.

use std::time::Duration;

use holdfast_ike::{
    config::IdMatch,
    proposal::KeyExchangeMethod,
    sa::{CloseCause, Command, Event, Failure, Input},
};

use crate::pair::{Pair, child, connection, esp, ike};

#[test]
fn four_messages_bring_up_a_tunnel_with_matching_keys() {
    let pair = Pair::new().up();
    let (a, b) = (&pair.initiator.installed[0], &pair.responder.installed[0]);
    assert_eq!(a.inbound_spi, b.outbound_spi);
    assert_eq!(a.outbound_spi, b.inbound_spi);
    assert_eq!(a.inbound_key.encryption, b.outbound_key.encryption);
    assert_eq!(a.outbound_key.encryption, b.inbound_key.encryption);
    assert_ne!(a.inbound_key.encryption, a.outbound_key.encryption);
    assert_eq!(a.local_ts, b.remote_ts);
    assert!(!a.encapsulation, "no NAT, nobody asked for it");
    let established = |end: &crate::pair::End| {
        end.has_event(|event| matches!(event, Event::Established(e) if e.initial_contact))
    };
    assert!(established(&pair.initiator) && established(&pair.responder));
}

#[test]
fn every_cipher_prf_and_group() {
    for cipher in ["aes128gcm16", "aes256gcm16", "chacha20poly1305"] {
        for prf in ["prfsha256", "prfsha384", "prfsha512"] {
            for group in ["x25519", "ecp256", "ecp384"] {
                let mut pair = Pair::new();
                for end in [&mut pair.initiator, &mut pair.responder] {
                    end.connection.proposals = ike(&format!("{cipher}-{prf}-{group}"));
                }
                let pair = pair.up();
                assert_eq!(pair.responder.installed.len(), 1, "{cipher}-{prf}-{group}");
            }
        }
    }
}

/// A KEM too: the responder's value is not of the initiator's kind, and has another length.
#[test]
fn classic_suites_and_a_kem() {
    for suite in [
        "aes256-sha256-modp2048",
        "aes128ctr-aesxcbc-ecp521",
        "aes192-sha512-aescmac-prfaescmac-modp1024",
        "aes256ccm8-prfaesxcbc-mlkem512",
        "aes192gcm12-prfsha384-mlkem768",
        "aes128-sha1-mlkem1024",
    ] {
        let mut pair = Pair::new();
        for end in [&mut pair.initiator, &mut pair.responder] {
            end.connection.proposals = ike(suite);
        }
        let pair = pair.up();
        assert_eq!(pair.responder.installed.len(), 1, "{suite}");
    }
}

#[test]
fn the_responder_asks_for_another_group() {
    let mut pair = Pair::new();
    pair.initiator.connection.proposals = ike("aes256gcm16-prfsha384-x25519-ecp384");
    pair.responder.connection.proposals = ike("aes256gcm16-prfsha384-ecp384");
    let pair = pair.up();
    assert!(pair.initiator.has_event(|event| matches!(
        event,
        Event::Established(e) if e.suite.key_exchange == KeyExchangeMethod::ECP_384
    )));
}

#[test]
fn a_group_that_was_not_offered_is_refused() {
    let mut pair = Pair::new();
    pair.responder.connection.proposals = ike("aes256gcm16-prfsha384-ecp384");
    pair.start();
    pair.settle();
    // Nobody has signed the refusal, so it is not believed at once.
    pair.pass(Duration::from_secs(1));
    assert_eq!(
        pair.initiator.closed(),
        Some(CloseCause::Failed(Failure::NoProposalChosen))
    );
    assert!(pair.responder.sa.is_none());
    assert_eq!(pair.responder.env.counters.no_proposal.get(), 1);
}

#[test]
fn a_wrong_secret_is_told_to_both_operators() {
    let mut pair = Pair::new();
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
    assert!(pair.initiator.installed.is_empty() && pair.responder.installed.is_empty());
    assert_eq!(pair.responder.env.counters.auth_failed.get(), 1);
}

#[test]
fn a_responder_that_is_somebody_else_is_told_so() {
    let mut pair = Pair::new();
    // It answers with its address for a name.
    pair.responder.connection.local[0].id = None;
    pair.initiator.connection.remote[0].id = IdMatch::Any;
    pair.start();
    pair.settle();
    assert!(pair.initiator.is_established(), "any identity will do");

    let mut pair = Pair::new();
    pair.initiator.connection.remote[0].id =
        IdMatch::Exact(holdfast_ike::Identification::Fqdn("pluto".into()));
    pair.start();
    pair.settle();
    assert_eq!(
        pair.responder.closed(),
        Some(CloseCause::Failed(Failure::NoConnection))
    );
    assert_eq!(
        pair.initiator.closed(),
        Some(CloseCause::Failed(Failure::AuthenticationRefused)),
        "which name was wrong is nobody's business"
    );
}

#[test]
fn no_secret_ends_before_anything_is_claimed() {
    let mut pair = Pair::new();
    pair.initiator.env.psk = None;
    pair.start();
    pair.settle();
    assert_eq!(
        pair.initiator.closed(),
        Some(CloseCause::Failed(Failure::NoSecret))
    );
    assert!(!pair.responder.is_established());
}

#[test]
fn selectors_are_narrowed_by_the_responder() {
    let pair = Pair::with(
        connection("moon", "sun", vec![child("net", "0.0.0.0/0", "0.0.0.0/0")]),
        connection(
            "sun",
            "moon",
            vec![child("net", "10.2.0.0/16", "10.1.0.0/24")],
        ),
    )
    .up();
    let texts = |selectors: &[holdfast_ike::TrafficSelector]| {
        selectors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let child = &pair.initiator.installed[0];
    assert_eq!(texts(&child.local_ts), ["10.1.0.0/24"]);
    assert_eq!(texts(&child.remote_ts), ["10.2.0.0/16"]);
}

#[test]
fn unacceptable_selectors_leave_the_ike_sa_up_and_say_why() {
    let pair = Pair::with(
        connection(
            "moon",
            "sun",
            vec![child("net", "10.1.0.0/16", "10.9.0.0/16")],
        ),
        connection(
            "sun",
            "moon",
            vec![child("net", "10.2.0.0/16", "10.1.0.0/16")],
        ),
    )
    .up();
    assert!(pair.initiator.has_event(|event| matches!(
        event,
        Event::ChildFailed {
            failure: Failure::TsUnacceptable,
            ..
        }
    )));
    assert_eq!(pair.responder.env.counters.ts_unacceptable.get(), 1);
    assert!(pair.initiator.installed.is_empty() && pair.responder.installed.is_empty());
}

#[test]
fn esp_proposals_without_overlap_leave_the_ike_sa_up_and_say_why() {
    let mut pair = Pair::new();
    let mut net = child("net", "10.2.0.0/16", "10.1.0.0/16");
    net.proposals = esp("chacha20poly1305");
    pair.responder.connection = connection("sun", "moon", vec![net]);
    let pair = pair.up();
    assert!(pair.initiator.has_event(|event| matches!(
        event,
        Event::ChildFailed {
            failure: Failure::NoProposalChosen,
            ..
        }
    )));
}

#[test]
fn the_best_matching_child_is_chosen() {
    let pair = Pair::with(
        connection(
            "moon",
            "sun",
            vec![child("b", "10.1.0.0/16", "10.2.2.0/24")],
        ),
        connection(
            "sun",
            "moon",
            vec![
                child("narrower", "10.2.2.128/25", "10.1.0.0/16"),
                child("exact", "10.2.2.0/24", "10.1.0.0/16"),
            ],
        ),
    )
    .up();
    assert_eq!(&*pair.responder.installed[0].name, "exact");
}

#[test]
fn an_ike_sa_without_children() {
    let mut pair = Pair::new();
    pair.start_with(None);
    pair.settle();
    assert!(pair.initiator.is_established() && pair.responder.is_established());
    assert!(pair.initiator.installed.is_empty());
}

#[test]
fn forced_encapsulation_moves_both_ends_to_the_nat_t_port() {
    let mut pair = Pair::new();
    pair.options.force_encapsulation = true;
    let pair = pair.up();
    for end in [&pair.initiator, &pair.responder] {
        assert_eq!(end.installed[0].path.local.port(), 4500);
        assert_eq!(end.installed[0].path.remote.port(), 4500);
        assert!(end.installed[0].encapsulation);
    }
}

#[test]
fn a_data_plane_that_refuses_fails_the_child_at_both_ends() {
    for responder in [false, true] {
        let mut pair = Pair::new();
        pair.initiator.refuse_install = !responder;
        pair.responder.refuse_install = responder;
        let pair = pair.up();
        for end in [&pair.initiator, &pair.responder] {
            assert!(end.installed.is_empty());
        }
        assert!(
            pair.initiator
                .has_event(|event| matches!(event, Event::ChildFailed { .. }))
        );
    }
}

#[test]
fn an_unanswered_request_is_repeated_and_given_up() {
    let mut pair = Pair::new();
    pair.start();
    let start = pair.now;
    let first = pair.initiator.sent.pop().expect("a request");
    let mut times = Vec::new();
    while pair.initiator.closed().is_none() {
        let sa = pair.initiator.sa.as_ref().expect("it lives");
        let (at, reason) = sa.poll_timeout().expect("a deadline");
        assert_eq!(reason, "retransmit");
        pair.pass(at - pair.now);
        if let Some(again) = pair.initiator.sent.pop() {
            assert_eq!(again, first, "bit for bit");
            times.push((pair.now - start).as_secs());
        }
    }
    assert_eq!(times, [4, 11, 24, 47, 89]);
    assert_eq!((pair.now - start).as_secs(), 165);
    assert_eq!(pair.initiator.closed(), Some(CloseCause::PeerUnresponsive));
}

#[test]
fn a_silent_initiator_is_forgotten() {
    let mut pair = Pair::new();
    pair.start();
    let (path, data) = pair.initiator.sent.pop().expect("a request");
    pair.reach_responder(path, &data);
    pair.pass(Duration::from_secs(29));
    assert_eq!(pair.responder.closed(), None);
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.responder.closed(), Some(CloseCause::HalfOpenTimeout));
}

#[test]
fn liveness_finds_out_that_the_peer_is_gone() {
    let mut pair = Pair::new();
    pair.initiator.connection.dpd_delay = Duration::from_secs(30);
    let mut pair = pair.up();
    pair.pass(Duration::from_secs(30));
    assert_eq!(pair.initiator.sent.len(), 1, "a probe");
    pair.settle();
    assert!(pair.initiator.is_established());
    let died = pair.now;
    while pair.initiator.closed().is_none() {
        let sa = pair.initiator.sa.as_ref().expect("it lives");
        let (at, _) = sa.poll_timeout().expect("a deadline");
        pair.pass(at.saturating_duration_since(pair.now));
    }
    assert_eq!(pair.initiator.closed(), Some(CloseCause::PeerUnresponsive));
    assert_eq!((pair.now - died).as_secs(), 30 + 165);
    assert!(pair.initiator.installed.is_empty());
}

#[test]
fn terminate_tells_the_peer_and_waits_for_its_answer() {
    let mut pair = Pair::new().up();
    let now = pair.now;
    pair.responder.feed(Input::Command(Command::Terminate), now);
    assert_eq!(pair.responder.closed(), None);
    pair.settle();
    assert_eq!(pair.responder.closed(), Some(CloseCause::Terminated));
    assert_eq!(pair.initiator.closed(), Some(CloseCause::PeerDeleted));
    assert!(pair.initiator.installed.is_empty() && pair.responder.installed.is_empty());
}

#[test]
fn both_ends_terminate_at_once() {
    let mut pair = Pair::new().up();
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Terminate), now);
    pair.responder.feed(Input::Command(Command::Terminate), now);
    pair.settle();
    assert_eq!(pair.initiator.closed(), Some(CloseCause::Terminated));
    assert_eq!(pair.responder.closed(), Some(CloseCause::Terminated));
}

#[test]
fn terminate_during_ike_auth_reaches_a_responder_that_has_accepted() {
    let mut pair = Pair::new();
    pair.start();
    for _ in 0..2 {
        for (path, data) in std::mem::take(&mut pair.initiator.sent) {
            pair.reach_responder(path, &data);
        }
        let responses = std::mem::take(&mut pair.responder.sent);
        if !pair.responder.is_established() {
            for (path, data) in responses {
                pair.reach_initiator(path, &data);
            }
        }
    }
    assert!(pair.responder.is_established() && !pair.initiator.is_established());
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Terminate), now);
    pair.settle();
    assert_eq!(pair.responder.closed(), Some(CloseCause::PeerDeleted));
}

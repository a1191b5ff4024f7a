//! NAT detection, the move to the NAT-T port, and the selectors that follow the addresses
//! (RFC 7296 section 2.23).

use std::{sync::Arc, time::Duration};

use holdfast_ike::{
    Path,
    config::SelectorTemplate,
    sa::{Event, event::Nat},
};

use crate::pair::{End, Pair, child};

fn nat(end: &End) -> Nat {
    end.events
        .iter()
        .find_map(|event| match event {
            Event::Established(established) => Some(established.nat),
            _ => None,
        })
        .expect("it is established")
}

const OUTSIDE: &str = "198.51.100.9";

/// The two ends with an address translator in front of the initiator.
pub(crate) fn translated() -> Pair {
    let mut pair = Pair::new();
    pair.start();
    for _ in 0..10 {
        for (mut path, data) in std::mem::take(&mut pair.initiator.sent) {
            path.local.set_ip(OUTSIDE.parse().expect("an address"));
            path.local.set_port(path.local.port() + 10_000);
            pair.reach_responder(path, &data);
        }
        for (mut path, data) in std::mem::take(&mut pair.responder.sent) {
            assert_eq!(path.remote.ip().to_string(), OUTSIDE);
            path.remote.set_ip(pair.initiator.path.local.ip());
            path.remote.set_port(path.remote.port() - 10_000);
            pair.reach_initiator(path, &data);
        }
    }
    assert!(pair.initiator.is_established() && pair.responder.is_established());
    pair
}

#[test]
fn a_translated_initiator_is_noticed_by_both_ends() {
    let mut pair = translated();
    let inside = nat(&pair.initiator);
    assert!(inside.local && !inside.remote && !inside.faked);
    let outside = nat(&pair.responder);
    assert!(!outside.local && outside.remote && !outside.faked);
    let here = &pair.initiator.installed[0];
    assert_eq!(here.path.local.port(), 4500);
    assert_eq!(here.path.remote.port(), 4500);
    let there = &pair.responder.installed[0];
    assert_eq!(there.path.remote.to_string(), format!("{OUTSIDE}:14500"));
    assert!(here.encapsulation && there.encapsulation);
    // Only the end behind the translator keeps its mapping open.
    pair.pass(Duration::from_secs(20));
    assert_eq!(pair.initiator.sent.pop().expect("a keepalive").1, [0xff]);
    assert!(pair.responder.sent.is_empty());
}

#[test]
fn keepalives_end_with_the_ike_sa() {
    let mut pair = translated();
    let now = pair.now;
    let abandon = holdfast_ike::sa::Command::Abandon(holdfast_ike::sa::CloseCause::Replaced);
    pair.initiator
        .feed(holdfast_ike::sa::Input::Command(abandon), now);
    assert!(
        pair.initiator
            .sa
            .as_ref()
            .is_some_and(|sa| sa.poll_timeout().is_none())
    );
    pair.pass(Duration::from_secs(60));
    assert!(pair.initiator.sent.is_empty());
}

#[test]
fn an_answer_that_claims_a_translator_is_believed_whoever_of_the_candidates_claims_it() {
    // Encapsulation is asked for by the responder alone.
    let mut pair = Pair::new();
    pair.responder.connection.encap = true;
    let pair = pair.up();
    assert!(nat(&pair.initiator).remote);
    assert!(nat(&pair.responder).faked);
    for end in [&pair.initiator, &pair.responder] {
        assert!(end.installed[0].encapsulation);
    }
}

#[test]
fn a_claim_made_for_another_candidate_still_binds_us() {
    // The first candidate asks for encapsulation, IKE_AUTH chooses the second.
    let mut pair = Pair::new();
    let mut other = pair.responder.connection.clone();
    other.encap = true;
    other.name = "other".into();
    other.remote[0].id =
        holdfast_ike::config::IdMatch::Exact(holdfast_ike::Identification::Fqdn("pluto".into()));
    pair.further_candidates.push(other);
    let pair = pair.up();
    assert_eq!(
        pair.initiator.installed[0].encapsulation, pair.responder.installed[0].encapsulation,
        "both or neither"
    );
    assert!(pair.initiator.installed[0].encapsulation);
}

#[test]
fn dynamic_selectors_are_the_addresses_of_the_ends() {
    let mut pair = Pair::new();
    let dynamic = SelectorTemplate::Dynamic {
        protocol: 6,
        start_port: 0,
        end_port: u16::MAX,
    };
    let mut config = child("net", "10.1.0.0/16", "10.2.0.0/16");
    config.local_ts = vec![dynamic];
    config.remote_ts = vec![dynamic];
    for end in [&mut pair.initiator, &mut pair.responder] {
        end.connection.children = vec![Arc::new(config.clone())];
    }
    let pair = pair.up();
    let Path { local, remote } = pair.initiator.path;
    let (here, there) = (&pair.initiator.installed[0], &pair.responder.installed[0]);
    assert_eq!(here.local_ts.len(), 1);
    assert_eq!(
        (here.local_ts[0].start, here.local_ts[0].end),
        (local.ip(), local.ip())
    );
    assert_eq!(here.remote_ts[0].start, remote.ip());
    assert_eq!(here.local_ts[0].protocol, 6);
    assert_eq!(here.local_ts, there.remote_ts);
    assert_eq!(here.remote_ts, there.local_ts);
}

#[test]
fn a_wildcard_is_narrowed_to_a_dynamic_selector() {
    let mut pair = Pair::new();
    pair.initiator.connection.children = vec![Arc::new(child("net", "0.0.0.0/0", "0.0.0.0/0"))];
    let mut config = child("net", "10.2.0.0/16", "10.1.0.0/16");
    config.remote_ts = vec![SelectorTemplate::Dynamic {
        protocol: 0,
        start_port: 0,
        end_port: u16::MAX,
    }];
    pair.responder.connection.children = vec![Arc::new(config)];
    let pair = pair.up();
    let child = &pair.initiator.installed[0];
    assert_eq!(child.local_ts[0].start, pair.initiator.path.local.ip());
    assert_eq!(child.local_ts[0].end, pair.initiator.path.local.ip());
    assert_eq!(child.remote_ts[0].to_string(), "10.2.0.0/16");
}

//! Idle CHILD_SAs, randomised limits, padding, and proofs of identity that grow old.

use std::{sync::Arc, time::Duration};

use holdfast_ike::{
    ChildOptions, TfcPadding,
    child_sa::Lifetime,
    config::Reauthentication,
    sa::{ChildDownCause, CloseCause, Command, Event, Input},
};

use crate::pair::{End, Pair};

fn with_options(options: ChildOptions) -> Pair {
    let mut pair = Pair::new();
    set_options(&mut pair.initiator, options);
    pair
}

fn set_options(end: &mut End, options: ChildOptions) {
    for child in &mut end.connection.children {
        Arc::make_mut(child).options = options;
    }
}

const IDLE: ChildOptions = ChildOptions {
    rand_bytes: 0,
    rand_packets: 0,
    tfc_padding: TfcPadding::Off,
    inactivity: Duration::from_secs(60),
    reqid: 0,
};

#[test]
fn a_child_that_carries_nothing_is_closed_and_its_ike_sa_stays() {
    let mut pair = with_options(IDLE).up();
    pair.pass(Duration::from_secs(59));
    assert_eq!(pair.initiator.child_downs(), []);
    pair.pass(Duration::from_secs(1));
    pair.settle();
    assert_eq!(pair.initiator.child_downs(), [ChildDownCause::Inactive]);
    assert_eq!(pair.responder.child_downs(), [ChildDownCause::PeerDeleted]);
    assert!(pair.initiator.installed.is_empty() && pair.responder.installed.is_empty());
    assert!(pair.initiator.is_established() && pair.responder.is_established());
}

#[test]
fn traffic_keeps_a_child_up() {
    let mut pair = with_options(IDLE).up();
    for _ in 0..5 {
        pair.pass(Duration::from_secs(40));
        pair.initiator.env.last_inbound = Some(pair.now);
    }
    pair.pass(Duration::from_secs(59));
    assert_eq!(pair.initiator.child_downs(), []);
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.initiator.child_downs(), [ChildDownCause::Inactive]);
}

#[test]
fn rekeying_is_no_use() {
    let mut pair = with_options(IDLE).up();
    pair.pass(Duration::from_secs(50));
    let child = pair.initiator.installed[0].inbound_spi;
    pair.initiator
        .feed(Input::Command(Command::RekeyChild(child)), pair.now);
    pair.settle();
    assert!(
        pair.initiator
            .has_event(|event| matches!(event, Event::ChildRekeyed { .. }))
    );
    pair.pass(Duration::from_secs(10));
    pair.settle();
    let downs = pair.initiator.child_downs();
    assert!(downs.contains(&ChildDownCause::Inactive), "{downs:?}");
}

#[test]
fn limits_of_traffic_are_randomised_within_bounds() {
    let limits = Lifetime {
        soft_bytes: 1000,
        hard_bytes: 1200,
        soft_packets: 100,
        hard_packets: 120,
        ..Lifetime::default()
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut pair = with_options(ChildOptions {
        rand_bytes: 200,
        // More than may be taken off.
        rand_packets: 1_000_000,
        ..ChildOptions::default()
    });
    Arc::make_mut(&mut pair.initiator.connection.children[0]).lifetime = limits;
    let mut pair = pair.up();
    for _ in 0..40 {
        let child = pair.initiator.installed.last().expect("one is up");
        let got = child.lifetime;
        assert!((800..=1000).contains(&got.soft_bytes), "{got:?}");
        assert!((50..=100).contains(&got.soft_packets), "{got:?}");
        assert_eq!((got.hard_bytes, got.hard_packets), (1200, 120));
        seen.insert(got.soft_bytes);
        let spi = child.inbound_spi;
        pair.initiator
            .feed(Input::Command(Command::RekeyChild(spi)), pair.now);
        pair.settle();
        pair.pass(Duration::from_secs(10));
    }
    assert!(seen.len() > 5, "{seen:?}");
    assert_eq!(pair.responder.installed[0].lifetime, Lifetime::default());
}

#[test]
fn both_ends_pad_as_each_is_configured() {
    let mut pair = with_options(ChildOptions {
        tfc_padding: TfcPadding::Mtu,
        ..ChildOptions::default()
    });
    set_options(
        &mut pair.responder,
        ChildOptions {
            tfc_padding: TfcPadding::To(900),
            ..ChildOptions::default()
        },
    );
    let pair = pair.up();
    assert_eq!(pair.initiator.installed[0].tfc_padding, TfcPadding::Mtu);
    assert_eq!(pair.responder.installed[0].tfc_padding, TfcPadding::To(900));
}

#[test]
fn an_old_proof_asks_for_a_replacement_and_ends_the_ike_sa_at_last() {
    let mut pair = Pair::new();
    pair.initiator.connection.rekey_time = Duration::from_secs(40);
    pair.initiator.connection.reauth = Reauthentication {
        time: Duration::from_secs(100),
        rand_time: Duration::ZERO,
        over_time: Duration::from_secs(110),
    };
    let mut pair = pair.up();
    let asked = |pair: &Pair| {
        pair.initiator
            .has_event(|event| matches!(event, Event::NeedsReplacement))
    };
    for _ in 0..33 {
        pair.pass(Duration::from_secs(3));
        pair.settle();
    }
    assert!(
        pair.initiator
            .has_event(|event| matches!(event, Event::IkeRekeyed(_)))
    );
    assert!(!asked(&pair));
    pair.pass(Duration::from_secs(1));
    assert!(asked(&pair), "rekeying proves nothing");
    pair.settle();
    pair.pass(Duration::from_secs(10));
    pair.settle();
    assert_eq!(pair.initiator.closed(), Some(CloseCause::Expired));
    assert_eq!(pair.responder.closed(), Some(CloseCause::PeerDeleted));
}

#[test]
fn a_responder_says_how_long_it_believes_and_the_initiator_obeys() {
    let mut pair = Pair::new();
    pair.responder.connection.reauth = Reauthentication {
        time: Duration::from_secs(1000),
        rand_time: Duration::ZERO,
        over_time: Duration::from_secs(1100),
    };
    let mut pair = pair.up();
    let asked = |pair: &Pair| {
        pair.initiator
            .has_event(|event| matches!(event, Event::NeedsReplacement))
    };
    // A twentieth of it is random.
    pair.pass(Duration::from_secs(849));
    assert!(!asked(&pair));
    pair.pass(Duration::from_secs(52));
    assert!(asked(&pair));
    assert!(pair.initiator.is_established());
    pair.pass(Duration::from_secs(199));
    pair.settle();
    assert_eq!(pair.responder.closed(), Some(CloseCause::Expired));
}

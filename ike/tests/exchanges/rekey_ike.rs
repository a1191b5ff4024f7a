//! Rekeying the IKE_SA, alone and when both ends do it (RFC 7296 sections 1.3.2, 2.8.2, 2.18 and
//! 2.25.2).

use std::time::{Duration, Instant};

use holdfast_ike::{
    IkeSpis, Path,
    proposal::{KeyExchangeMethod, Proposal},
    sa::{ChildDownCause, CloseCause, Command, Event, Failure, Input, Rekeyed, Role},
    wire::{ExchangeType, NotifyType},
};

use crate::{
    children::{initiate, two_children},
    forge::{Forger, transparent},
    misbehaviour::notify,
    pair::{End, Pair, ike},
    pending::refused_with,
    rekey_child::{rekey as rekey_child, take},
};

pub(crate) fn rekey(end: &mut End, now: Instant) {
    end.feed(Input::Command(Command::Rekey), now);
}

fn rekeyed(end: &End) -> Vec<Rekeyed> {
    let rekeyed = |event: &Event| match event {
        Event::IkeRekeyed(rekeyed) => Some(*rekeyed),
        _ => None,
    };
    end.events.iter().filter_map(rekeyed).collect()
}

fn spis(end: &End) -> IkeSpis {
    end.sa.as_ref().expect("it lives").spis()
}

/// Both ends are on the same IKE_SA, in opposite roles, with their child as it was, and it works.
pub(crate) fn assert_it_goes_on(pair: &mut Pair) {
    assert_eq!(spis(&pair.initiator), spis(&pair.responder));
    let role = |end: &End| end.sa.as_ref().expect("it lives").role();
    assert_ne!(role(&pair.initiator), role(&pair.responder));
    let children: Vec<_> = [&pair.initiator, &pair.responder]
        .iter()
        .map(|end| {
            assert!(end.is_established() && end.child_downs().is_empty());
            end.installed[0].inbound_spi
        })
        .collect();
    // Whatever is left of former IKE_SAs goes with time.
    pair.pass(Duration::from_secs(200));
    pair.settle();
    for end in [&pair.initiator, &pair.responder] {
        assert_eq!(end.env.ike_spis.len(), 1, "only the present one");
    }
    let now = pair.now;
    for end in [&mut pair.initiator, &mut pair.responder] {
        end.feed(Input::Command(Command::Probe), now);
    }
    pair.settle();
    rekey_child(&mut pair.initiator, now);
    pair.settle();
    for (end, old) in [&pair.initiator, &pair.responder].iter().zip(children) {
        assert!(
            end.has_event(
                |event| matches!(event, Event::ChildRekeyed { old: was, .. } if *was == old)
            ),
            "the child is known under the new IKE_SA"
        );
    }
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Terminate), now);
    pair.settle();
    assert_eq!(pair.responder.closed(), Some(CloseCause::PeerDeleted));
}

#[test]
fn either_end_rekeys_and_the_children_stay() {
    for by_initiator in [true, false] {
        let mut pair = Pair::new().up();
        let old = spis(&pair.initiator);
        let now = pair.now;
        let end = if by_initiator {
            &mut pair.initiator
        } else {
            &mut pair.responder
        };
        rekey(end, now);
        pair.settle();
        let new = spis(&pair.initiator);
        assert!(new.initiator != old.initiator && new.responder != old.responder);
        for (end, role) in [
            (&pair.initiator, Role::Initiator),
            (&pair.responder, Role::Responder),
        ] {
            let told = rekeyed(end);
            assert_eq!(told.len(), 1);
            assert_eq!(told[0].spis, new);
            assert_eq!(
                told[0].role == role,
                by_initiator,
                "whoever rekeys is the initiator"
            );
            assert_eq!(end.installed.len(), 1);
        }
        assert_it_goes_on(&mut pair);
    }
}

#[test]
fn message_ids_begin_anew_and_the_old_keys_are_not_used_again() {
    let mut pair = transparent().up();
    let before = Forger::of(&pair.responder);
    rekey(&mut pair.initiator, pair.now);
    pair.settle();
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Probe), now);
    let (_, probe) = take(&mut pair.initiator);
    let header = holdfast_ike::wire::Header::parse(&probe).expect("a message");
    assert_eq!(header.message_id.0, 0);
    assert_eq!(header.spis, spis(&pair.responder));
    let old = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| before.read(&probe)));
    assert!(old.is_err(), "not readable with the old keys");
}

#[test]
fn again_and_again_in_turns() {
    let mut pair = two_children().up();
    for round in 0..40 {
        let now = pair.now;
        let end = if round % 2 == 0 {
            &mut pair.initiator
        } else {
            &mut pair.responder
        };
        rekey(end, now);
        pair.settle();
        assert_eq!(spis(&pair.initiator), spis(&pair.responder));
        pair.pass(Duration::from_secs(3));
        pair.settle();
    }
    assert_eq!(rekeyed(&pair.initiator).len(), 40);
    assert!(
        pair.initiator.env.ike_spis.len() < 20,
        "former ones do not pile up"
    );
    assert_it_goes_on(&mut pair);
}

#[test]
fn its_time_comes_at_random_within_rand_time() {
    let mut pair = Pair::new();
    pair.responder.connection.rekey_time = Duration::from_secs(100);
    pair.responder.connection.rand_time = Duration::from_secs(10);
    pair.responder.connection.over_time = Duration::from_secs(110);
    let mut pair = pair.up();
    for round in 1..5 {
        pair.pass(Duration::from_secs(89));
        pair.settle();
        assert_eq!(rekeyed(&pair.responder).len(), round - 1);
        pair.pass(Duration::from_secs(11));
        pair.settle();
        assert_eq!(
            rekeyed(&pair.responder).len(),
            round,
            "and the hard limit moves too"
        );
    }
    assert!(pair.initiator.is_established());
}

#[test]
fn asking_often_is_asking_once() {
    let mut pair = Pair::new().up();
    for _ in 0..100 {
        rekey(&mut pair.initiator, pair.now);
    }
    assert_eq!(pair.initiator.sent.len(), 1);
    pair.settle();
    assert_eq!(rekeyed(&pair.initiator).len(), 1);
}

#[test]
fn the_peer_asks_for_another_group() {
    let mut pair = Pair::new();
    pair.initiator.connection.proposals = ike("aes256gcm16-prfsha384-x25519-ecp384");
    pair.responder.connection.proposals = ike("aes256gcm16-prfsha384-ecp384");
    let mut pair = pair.up();
    rekey(&mut pair.initiator, pair.now);
    pair.settle();
    let told = rekeyed(&pair.initiator);
    assert_eq!(told[0].suite.key_exchange, KeyExchangeMethod::ECP_384);
    assert_it_goes_on(&mut pair);
}

#[test]
fn another_prf_and_cipher_than_before() {
    // SKEYSEED comes from the old PRF, the keys from the new one (section 2.18). Each end prefers
    // another suite, and the one that is asked decides.
    let [one, two] = [
        ike("aes256gcm16-prfsha384-x25519"),
        ike("chacha20poly1305-prfsha512-x25519"),
    ];
    let both = |first: &[Proposal], second: &[Proposal]| {
        let mut proposals = [first, second].concat();
        proposals[1].number = 2;
        proposals
    };
    let mut pair = Pair::new();
    pair.initiator.connection.proposals = both(&one, &two);
    pair.responder.connection.proposals = both(&two, &one);
    let mut pair = pair.up();
    rekey(&mut pair.responder, pair.now);
    pair.settle();
    let before = pair.initiator.events.iter().find_map(|event| match event {
        Event::Established(established) => Some(established.suite),
        _ => None,
    });
    let after = rekeyed(&pair.initiator)[0].suite;
    assert_ne!(before.expect("it is established").prf, after.prf);
    assert_it_goes_on(&mut pair);
}

#[test]
fn both_ends_at_once_and_the_lowest_nonce_loses() {
    let mut winners = Vec::new();
    for seed in 0..20 {
        let mut pair = Pair::new().up();
        pair.initiator.env.reseed(seed);
        rekey(&mut pair.initiator, pair.now);
        rekey(&mut pair.responder, pair.now);
        pair.settle();
        for end in [&pair.initiator, &pair.responder] {
            assert_eq!(rekeyed(end).len(), 1, "one is told of, that which stays");
        }
        winners.push(rekeyed(&pair.initiator)[0].role);
        assert_it_goes_on(&mut pair);
    }
    assert!(winners.contains(&Role::Initiator) && winners.contains(&Role::Responder));
}

#[test]
fn one_end_is_through_before_it_hears_of_the_others_rekeying() {
    // Section 2.8.2: the responder's request is late, and comes before or after the deletion.
    for deletion_first in [true, false] {
        let mut pair = Pair::new().up();
        rekey(&mut pair.responder, pair.now);
        let (late_path, late) = take(&mut pair.responder);
        rekey(&mut pair.initiator, pair.now);
        let (path, request) = take(&mut pair.initiator);
        pair.reach_responder(path, &request);
        let (path, response) = take(&mut pair.responder);
        pair.reach_initiator(path, &response);
        if !deletion_first {
            let (path, deletion) = take(&mut pair.initiator);
            pair.reach_initiator(late_path, &late);
            let (_, refusal) = take(&mut pair.initiator);
            pair.reach_responder(path, &refusal);
            assert_eq!(rekeyed(&pair.responder).len(), 1);
            pair.reach_responder(path, &deletion);
        }
        pair.settle();
        if deletion_first {
            pair.reach_initiator(late_path, &late);
            pair.settle();
        }
        for end in [&pair.initiator, &pair.responder] {
            assert_eq!(rekeyed(end).len(), 1);
            assert!(!end.has_event(|event| matches!(event, Event::RekeyFailed { .. })));
        }
        assert_it_goes_on(&mut pair);
    }
}

#[test]
fn a_lost_response_is_asked_for_again_under_the_old_keys() {
    let mut pair = Pair::new().up();
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    pair.reach_responder(path, &request);
    take(&mut pair.responder);
    pair.pass(Duration::from_secs(4));
    pair.settle();
    assert_eq!(rekeyed(&pair.initiator).len(), 1);
    assert_it_goes_on(&mut pair);
}

#[test]
fn children_are_not_created_or_rekeyed_meanwhile() {
    // Either way round the peer is busy (section 2.25.2).
    let mut pair = two_children().up();
    rekey(&mut pair.responder, pair.now);
    initiate(&mut pair, 1);
    pair.settle();
    assert_eq!(pair.initiator.child_failures(), [Failure::TemporaryFailure]);
    assert!(pair.responder.has_event(|event| matches!(
        event,
        Event::RekeyFailed {
            child: None,
            failure: Failure::TemporaryFailure
        }
    )));
    assert!(rekeyed(&pair.responder).is_empty());
    assert!(
        !pair
            .responder
            .has_event(|event| matches!(event, Event::NeedsReplacement))
    );
    pair.pass(Duration::from_secs(15));
    pair.settle();
    assert_eq!(rekeyed(&pair.responder).len(), 1, "tried again");
    assert_it_goes_on(&mut pair);
}

#[test]
fn a_child_that_is_deleted_meanwhile_is_deleted() {
    let mut pair = two_children().up();
    initiate(&mut pair, 1);
    pair.settle();
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    let (now, spi) = (pair.now, pair.responder.installed[0].inbound_spi);
    let command = Command::TerminateChild(spi);
    pair.responder.feed(Input::Command(command), now);
    let (back, deletion) = take(&mut pair.responder);
    pair.reach_initiator(back, &deletion);
    assert_eq!(pair.initiator.installed.len(), 1, "as usual");
    pair.initiator.sent.push((path, request));
    pair.settle();
    pair.pass(Duration::from_secs(15));
    pair.settle();
    assert_eq!(pair.responder.installed.len(), 1);
    assert_eq!(rekeyed(&pair.initiator).len(), 1, "in the end");
}

#[test]
fn closing_wins_over_rekeying() {
    for closed_by_other in [true, false] {
        let mut pair = Pair::new().up();
        let now = pair.now;
        rekey(&mut pair.initiator, now);
        let end = if closed_by_other {
            &mut pair.responder
        } else {
            &mut pair.initiator
        };
        end.feed(Input::Command(Command::Terminate), now);
        pair.settle();
        for end in [&pair.initiator, &pair.responder] {
            assert!(end.closed().is_some() && end.installed.is_empty());
        }
    }
}

#[test]
fn an_ike_sa_that_is_being_closed_is_not_rekeyed() {
    let mut pair = transparent().up();
    let peer = Forger::of(&pair.initiator);
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    let now = pair.now;
    pair.responder.feed(Input::Command(Command::Terminate), now);
    pair.responder.sent.clear();
    pair.reach_responder(path, &request);
    let (_, answer) = take(&mut pair.responder);
    let (_, payloads) = peer.read(&answer);
    assert!(refused_with(&payloads, NotifyType::TEMPORARY_FAILURE));
}

fn refuse(pair: &mut Pair, refusal: NotifyType) {
    let mut peer = Forger::of(&pair.responder);
    rekey(&mut pair.initiator, pair.now);
    let (path, request) = take(&mut pair.initiator);
    let (header, _) = Forger::of(&pair.initiator).read_own(&request);
    let id = header.message_id.0;
    let answer = [notify(refusal, Vec::new())];
    let response = peer.message(ExchangeType::CreateChildSa, id, true, &answer);
    let back = Path {
        local: path.remote,
        remote: path.local,
    };
    pair.reach_initiator(back, &response);
}

#[test]
fn a_peer_that_does_not_rekey_is_replaced_as_a_whole() {
    let mut pair = transparent().up();
    refuse(&mut pair, NotifyType::NO_ADDITIONAL_SAS);
    assert!(
        pair.initiator
            .has_event(|event| matches!(event, Event::NeedsReplacement))
    );
    assert!(pair.initiator.is_established());
    assert_eq!(pair.initiator.env.ike_spis.len(), 1);
}

#[test]
fn a_peer_that_stays_busy_is_replaced_before_the_end() {
    let mut pair = transparent();
    pair.initiator.connection.rekey_time = Duration::from_secs(1000);
    pair.initiator.connection.over_time = Duration::from_secs(1050);
    let mut pair = pair.up();
    refuse(&mut pair, NotifyType::TEMPORARY_FAILURE);
    let needs = |pair: &Pair| {
        pair.initiator
            .has_event(|event| matches!(event, Event::NeedsReplacement))
    };
    assert!(!needs(&pair), "there is time");
    pair.now += Duration::from_secs(995);
    let mut peer = Forger::of(&pair.responder);
    rekey(&mut pair.initiator, pair.now);
    let (path, _) = take(&mut pair.initiator);
    let busy = [notify(NotifyType::TEMPORARY_FAILURE, Vec::new())];
    let response = peer.message(ExchangeType::CreateChildSa, 3, true, &busy);
    let back = Path {
        local: path.remote,
        remote: path.local,
    };
    pair.reach_initiator(back, &response);
    assert!(needs(&pair), "now there is not");
}

/// Our answer about a CHILD_SA that the peer rekeys is lost: it asks again under the keys of now, so there
/// must be no others before it has deleted the old one.
#[test]
fn not_while_the_peer_rekeys_a_child() {
    let mut pair = Pair::new().up();
    let now = pair.now;
    rekey_child(&mut pair.responder, now);
    let (path, request) = take(&mut pair.responder);
    pair.reach_initiator(path, &request);
    take(&mut pair.initiator);
    rekey(&mut pair.initiator, now);
    assert!(pair.initiator.sent.is_empty(), "it waits");
    pair.pass(Duration::from_secs(4));
    pair.settle();
    assert_eq!(pair.initiator.child_downs(), [ChildDownCause::Rekeyed]);
    pair.pass(Duration::from_secs(15));
    pair.settle();
    for end in [&pair.initiator, &pair.responder] {
        assert_eq!(rekeyed(end).len(), 1);
        assert_eq!(end.installed.len(), 1);
    }
    assert_eq!(spis(&pair.initiator), spis(&pair.responder));
}

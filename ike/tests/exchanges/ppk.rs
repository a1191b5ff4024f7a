//! Post-quantum pre-shared keys (RFC 8784).

use std::{sync::Arc, time::Duration};

use holdfast_ike::{
    Identification,
    config::{IdMatch, LocalAuth, LocalEap, Ppk, RemoteAuth, RemoteEap},
    sa::{CloseCause, Event, Failure},
};

use crate::{
    hybrid::HYBRID,
    pair::{End, Pair, ike},
    rounds::{self, signing},
};

const KEY: &str = "a key that no quantum computer finds";

#[expect(clippy::unnecessary_wraps, reason = "what a connection holds")]
fn named(id: &str, required: bool) -> Option<Ppk> {
    let id = IdMatch::Exact(Identification::Fqdn(id.into()));
    Some(Ppk { id, required })
}

/// Both ends have the key; `required` says of each whether it insists.
fn pair(required: [bool; 2]) -> Pair {
    with_ppk(Pair::new(), required)
}

fn with_ppk(mut pair: Pair, required: [bool; 2]) -> Pair {
    for (end, required) in [&mut pair.initiator, &mut pair.responder]
        .into_iter()
        .zip(required)
    {
        end.connection.ppk = named("ppk.example", required);
        end.env.ppk = Some(KEY);
    }
    pair
}

fn uses(end: &End) -> bool {
    end.has_event(|event| matches!(event, Event::Established(e) if e.ppk))
}

fn tunnel(pair: &Pair, ppk: bool) {
    let (a, b) = (&pair.initiator, &pair.responder);
    assert_eq!((uses(a), uses(b)), (ppk, ppk));
    let (ours, theirs) = (&a.installed[0], &b.installed[0]);
    assert_eq!(ours.inbound_key.encryption, theirs.outbound_key.encryption);
    assert_eq!(ours.outbound_key.encryption, theirs.inbound_key.encryption);
}

fn fails(mut pair: Pair, initiator: Failure) {
    pair.start();
    pair.settle();
    pair.pass(Duration::from_secs(1));
    let closed = pair.initiator.closed();
    assert_eq!(closed, Some(CloseCause::Failed(initiator)));
    assert!(pair.initiator.installed.is_empty());
}

#[test]
fn both_have_it() {
    for required in [[false, false], [false, true], [true, false], [true, true]] {
        tunnel(&pair(required).up(), true);
        let mut hybrid = pair(required);
        for end in [&mut hybrid.initiator, &mut hybrid.responder] {
            end.connection.proposals = ike(HYBRID);
        }
        tunnel(&hybrid.up(), true);
    }
}

#[test]
fn any_name_that_matches() {
    for id in [
        IdMatch::Any,
        IdMatch::Pattern(Identification::Fqdn("*.example".into())),
    ] {
        let mut pair = pair([true, true]);
        pair.responder.connection.ppk = Some(Ppk { id, required: true });
        tunnel(&pair.up(), true);
    }
}

#[test]
fn one_end_does_without() {
    // Nothing configured, no such key, another name.
    let mut initiator = pair([false, false]);
    initiator.initiator.connection.ppk = None;
    tunnel(&initiator.up(), false);
    let mut initiator = pair([false, false]);
    initiator.initiator.env.ppk = None;
    tunnel(&initiator.up(), false);
    let mut responder = pair([false, false]);
    responder.responder.connection.ppk = None;
    tunnel(&responder.up(), false);
    let mut responder = pair([false, false]);
    responder.responder.env.ppk = None;
    tunnel(&responder.up(), false);
    let mut responder = pair([false, false]);
    responder.responder.connection.ppk = named("other.example", false);
    tunnel(&responder.up(), false);
}

#[test]
fn the_initiator_insists() {
    let mut lacking = pair([true, false]);
    lacking.initiator.env.ppk = None;
    fails(lacking, Failure::NoPpk);
    let mut refused = pair([true, false]);
    refused.responder.connection.ppk = None;
    fails(refused, Failure::PpkRefused);
    let mut unknown = pair([true, false]);
    unknown.responder.env.ppk = None;
    fails(unknown, Failure::AuthenticationRefused);
}

#[test]
fn the_responder_insists() {
    for change in [
        |pair: &mut Pair| pair.initiator.connection.ppk = None,
        |pair: &mut Pair| pair.initiator.env.ppk = None,
        |pair: &mut Pair| pair.responder.env.ppk = None,
    ] {
        let mut pair = pair([false, true]);
        change(&mut pair);
        pair.start();
        pair.settle();
        let closed = |failure| Some(CloseCause::Failed(failure));
        assert_eq!(
            pair.initiator.closed(),
            closed(Failure::AuthenticationRefused)
        );
        assert_eq!(pair.responder.closed(), closed(Failure::NoPpk));
    }
}

/// Whoever could do without is refused, too: the keys are not those of the peer.
#[test]
fn a_wrong_key() {
    for required in [[false, false], [true, true]] {
        let mut pair = pair(required);
        pair.responder.env.ppk = Some("another key");
        pair.start();
        pair.settle();
        let closed = pair.responder.closed();
        assert_eq!(
            closed,
            Some(CloseCause::Failed(Failure::AuthenticationFailed))
        );
        let closed = pair.initiator.closed();
        assert_eq!(
            closed,
            Some(CloseCause::Failed(Failure::AuthenticationRefused))
        );
    }
}

/// The initiator proves itself by EAP, the responder by its shared key.
fn by_eap() -> Pair {
    let mut pair = Pair::new();
    pair.initiator.connection.local[0].auth = LocalAuth::Eap(Arc::new(LocalEap::default()));
    pair.responder.connection.remote[0].auth = RemoteAuth::Eap(Arc::new(RemoteEap::default()));
    pair
}

fn settled(mut pair: Pair) -> Pair {
    pair.start();
    rounds::settle(&mut pair);
    pair
}

#[test]
fn with_signatures_and_with_eap() {
    for base in [signing, by_eap] {
        for required in [[false, false], [false, true], [true, false], [true, true]] {
            tunnel(&settled(with_ppk(base(), required)), true);
        }
        let mut lacking = with_ppk(base(), [false, false]);
        lacking.initiator.env.ppk = None;
        tunnel(&settled(lacking), false);
        let mut lacking = with_ppk(base(), [false, false]);
        lacking.responder.env.ppk = None;
        tunnel(&settled(lacking), false);
        let mut lacking = with_ppk(base(), [false, false]);
        lacking.responder.connection.ppk = None;
        tunnel(&settled(lacking), false);
    }
}

#[test]
fn whoever_insists_on_it_beside_another_proof() {
    for base in [signing, by_eap] {
        let mut refused = with_ppk(base(), [true, false]);
        refused.responder.connection.ppk = None;
        let refused = settled(refused);
        let closed = |failure| Some(CloseCause::Failed(failure));
        assert_eq!(refused.initiator.closed(), closed(Failure::PpkRefused));
        for change in [
            |pair: &mut Pair| pair.initiator.connection.ppk = None,
            |pair: &mut Pair| pair.responder.env.ppk = None,
        ] {
            let mut lacking = with_ppk(base(), [false, true]);
            change(&mut lacking);
            let lacking = settled(lacking);
            assert_eq!(lacking.responder.closed(), closed(Failure::NoPpk));
            let told = closed(Failure::AuthenticationRefused);
            assert_eq!(lacking.initiator.closed(), told);
        }
        let mut wrong = with_ppk(base(), [false, false]);
        wrong.responder.env.ppk = Some("another key");
        let wrong = settled(wrong);
        assert_eq!(
            wrong.responder.closed(),
            closed(Failure::AuthenticationFailed)
        );
        assert!(wrong.initiator.installed.is_empty());
    }
}

/// A connection that knows nothing of the PPK is not taken for one that was agreed on with it.
#[test]
fn a_signature_does_not_choose_a_connection_without_it() {
    let mut pair = with_ppk(signing(), [false, false]);
    let mut other = pair.responder.connection.clone();
    other.ppk = None;
    pair.further_candidates.push(other);
    tunnel(&settled(pair), false);
    let mut pair = with_ppk(signing(), [true, false]);
    let mut other = pair.responder.connection.clone();
    other.ppk = None;
    pair.further_candidates.push(other);
    tunnel(&settled(pair), true);
}

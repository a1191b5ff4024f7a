//! IKE_AUTH in several messages: rounds (RFC 4739), and questions that others answer.

use std::{sync::Arc, time::Duration};

use holdfast_ike::{
    Identification,
    config::RemoteRound,
    config::{IdMatch, LocalAuth, LocalPublicKey, LocalRound, RemoteAuth, RemotePublicKey},
    sa::{CloseCause, Command, CredentialId, Failure, Input},
};

use crate::{
    answers,
    pair::{End, Pair},
};

fn id(name: &str) -> Identification {
    Identification::Fqdn(name.into())
}

/// Both ends have two rounds of shared keys.
fn two_rounds() -> Pair {
    let mut pair = Pair::new();
    for (end, own, other) in [
        (&mut pair.initiator, "moon", "sun"),
        (&mut pair.responder, "sun", "moon"),
    ] {
        let second = LocalRound::psk(Some(id(&format!("{own}-two"))));
        end.connection.local.push(second);
        let second = RemoteRound::psk(IdMatch::Exact(id(&format!("{other}-two"))));
        end.connection.remote.push(second);
    }
    pair
}

/// Both ends sign.
pub(crate) fn signing() -> Pair {
    let mut pair = Pair::new();
    for end in [&mut pair.initiator, &mut pair.responder] {
        end.connection.local[0].auth = LocalAuth::PublicKey(Arc::new(LocalPublicKey::default()));
        end.connection.remote[0].auth = RemoteAuth::PublicKey(Arc::new(RemotePublicKey::default()));
    }
    pair
}

/// Answers what is asked.
fn answer(end: &mut End, now: std::time::Instant) -> bool {
    let questions = std::mem::take(&mut end.questions);
    let asked = !questions.is_empty();
    for request in questions {
        let (id, answer) = (request.id, answers::answer(request.question));
        end.feed(Input::Credential { id, answer }, now);
    }
    asked
}

/// Until nobody says or asks anything any more.
pub(crate) fn settle(pair: &mut Pair) {
    loop {
        pair.settle();
        let now = pair.now;
        if !answer(&mut pair.initiator, now) & !answer(&mut pair.responder, now) {
            return;
        }
    }
}

#[test]
fn two_rounds_of_both_ends() {
    let pair = two_rounds().up();
    assert_eq!(pair.responder.installed.len(), 1);
}

/// Every message is lost once and comes twice.
#[test]
fn rounds_survive_loss_and_repetition() {
    let mut pair = two_rounds();
    pair.start();
    for _ in 0..40 {
        pair.initiator.sent.clear();
        pair.pass(Duration::from_secs(5));
        let requests = pair.initiator.sent.split_off(0);
        for (path, data) in requests.iter().chain(&requests) {
            pair.reach_responder(*path, data);
        }
        let responses = pair.responder.sent.split_off(0);
        for (path, data) in responses.iter().chain(&responses) {
            pair.reach_initiator(*path, data);
        }
        if pair.initiator.is_established() && pair.responder.is_established() {
            return;
        }
    }
    panic!("they never agree");
}

/// The responder has a round less than the initiator wants.
#[test]
fn too_few_rounds_are_refused() {
    let mut pair = two_rounds();
    pair.responder.connection.local.pop();
    pair.start();
    pair.settle();
    let failed = CloseCause::Failed(Failure::AuthenticationFailed);
    assert_eq!(pair.initiator.closed(), Some(failed));
    assert!(pair.responder.installed.is_empty());
}

#[test]
fn signatures_are_asked_for_and_judged_outside() {
    let mut pair = signing();
    pair.start();
    settle(&mut pair);
    assert!(pair.initiator.is_established() && pair.responder.is_established());
    assert_eq!(pair.responder.installed.len(), 1);
}

#[test]
fn answers_to_other_questions_are_ignored() {
    let mut pair = signing();
    pair.start();
    pair.settle();
    let now = pair.now;
    let stale = Input::Credential {
        id: CredentialId(77),
        answer: Err(Failure::AuthenticationFailed),
    };
    pair.initiator.feed(stale, now);
    assert_eq!(pair.initiator.closed(), None);
    settle(&mut pair);
    assert!(pair.initiator.is_established());
}

#[test]
fn a_refusal_ends_it_at_both_ends() {
    let mut pair = signing();
    pair.start();
    pair.settle();
    let now = pair.now;
    answer(&mut pair.initiator, now);
    pair.settle();
    let request = pair.responder.questions.remove(0);
    let refusal = Input::Credential {
        id: request.id,
        answer: Err(Failure::UntrustedCertificate),
    };
    pair.responder.feed(refusal, now);
    pair.settle();
    let closed = |failure| Some(CloseCause::Failed(failure));
    assert_eq!(
        pair.responder.closed(),
        closed(Failure::UntrustedCertificate)
    );
    let told = closed(Failure::AuthenticationRefused);
    assert_eq!(pair.initiator.closed(), told);
}

/// Nobody answers: both give up, and either may be told to before.
#[test]
fn without_an_answer_it_ends_in_time() {
    let mut pair = signing();
    pair.start();
    pair.settle();
    pair.pass(Duration::from_secs(31));
    assert_eq!(pair.initiator.closed(), Some(CloseCause::HalfOpenTimeout));
    assert_eq!(pair.responder.closed(), Some(CloseCause::HalfOpenTimeout));
    let mut pair = signing();
    pair.start();
    pair.settle();
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Terminate), now);
    assert_eq!(pair.initiator.closed(), Some(CloseCause::Terminated));
}

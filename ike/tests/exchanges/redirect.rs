//! Clients that are sent to another gateway (RFC 5685).

use std::time::Duration;

use holdfast_ike::{
    sa::{
        CloseCause, Command, Event, Input,
        redirect::{Gateway, Redirect, RedirectAt},
    },
    wire::{Body, Header, NotifyType, Payload, parse_body},
};

use crate::pair::{End, Pair};

fn elsewhere() -> Gateway {
    "gw2.example".parse().expect("a name")
}

fn redirecting(at: RedirectAt) -> Pair {
    let mut pair = Pair::new();
    let to = elsewhere();
    pair.responder.connection.redirect = Some(Redirect { to, at });
    pair
}

fn redirects(end: &End) -> Vec<Gateway> {
    let redirect = |event: &Event| match event {
        Event::Redirected(to) => Some(to.clone()),
        _ => None,
    };
    end.events.iter().filter_map(redirect).collect()
}

#[test]
fn in_ike_sa_init_nothing_is_spent_on_the_client() {
    let mut pair = redirecting(RedirectAt::IkeSaInit);
    pair.start();
    pair.settle();
    assert_eq!(redirects(&pair.initiator), [elsewhere()]);
    assert_eq!(pair.initiator.closed(), Some(CloseCause::Redirected));
    assert!(pair.responder.sa.is_none());
}

#[test]
fn a_redirect_with_another_nonce_is_not_obeyed() {
    let mut pair = redirecting(RedirectAt::IkeSaInit);
    pair.start();
    for (path, data) in std::mem::take(&mut pair.initiator.sent) {
        pair.reach_responder(path, &data);
    }
    let (path, mut forged) = pair.responder.sent.remove(0);
    *forged.last_mut().expect("octets") ^= 1;
    pair.reach_initiator(path, &forged);
    assert!(redirects(&pair.initiator).is_empty());
    assert_eq!(pair.initiator.closed(), None);
}

#[test]
fn in_ike_auth_both_ends_let_go_of_everything() {
    let mut pair = redirecting(RedirectAt::IkeAuth);
    pair.start();
    pair.settle();
    assert_eq!(redirects(&pair.initiator), [elsewhere()]);
    assert_eq!(pair.initiator.closed(), Some(CloseCause::Redirected));
    assert_eq!(pair.responder.closed(), Some(CloseCause::Redirected));
    assert!(
        !pair
            .responder
            .has_event(|event| matches!(event, Event::Established(_)))
    );
    assert!(pair.initiator.installed.is_empty() && pair.responder.installed.is_empty());
}

#[test]
fn in_ike_auth_the_answer_is_repeated_and_a_client_that_stays_is_forgotten() {
    let mut pair = redirecting(RedirectAt::IkeAuth);
    pair.start();
    let mut lost = 0;
    while pair.responder.closed().is_none() && lost < 20 {
        for (path, data) in std::mem::take(&mut pair.initiator.sent) {
            pair.reach_responder(path, &data);
        }
        let answers = std::mem::take(&mut pair.responder.sent);
        for (path, data) in answers {
            if Header::parse(&data).is_ok_and(|header| header.message_id.0 == 0) {
                pair.reach_initiator(path, &data);
            } else {
                lost += 1;
            }
        }
        pair.pass(Duration::from_secs(5));
    }
    assert!(lost > 1, "the answer is sent again");
    assert_eq!(pair.responder.closed(), Some(CloseCause::HalfOpenTimeout));
}

#[test]
fn an_established_ike_sa_stays_until_the_client_is_there() {
    let mut pair = Pair::new().up();
    let follows =
        |event: &Event| matches!(event, Event::Established(facts) if facts.follows_redirects);
    assert!(pair.responder.has_event(follows));
    let command = Command::Redirect(elsewhere());
    pair.responder.feed(Input::Command(command), pair.now);
    pair.settle();
    assert_eq!(redirects(&pair.initiator), [elsewhere()]);
    pair.pass(Duration::from_secs(10));
    pair.settle();
    assert!(pair.initiator.is_established() && pair.responder.is_established());
    pair.pass(Duration::from_secs(21));
    pair.settle();
    assert_eq!(
        pair.responder.closed(),
        Some(CloseCause::Expired),
        "its time is over"
    );
    assert_eq!(pair.initiator.closed(), Some(CloseCause::PeerDeleted));
}

#[test]
fn nobody_is_redirected_who_does_not_follow() {
    for at in [RedirectAt::IkeSaInit, RedirectAt::IkeAuth] {
        let mut pair = redirecting(at);
        pair.options.follow_redirects = false;
        let mut pair = pair.up();
        let command = Command::Redirect(elsewhere());
        pair.responder.feed(Input::Command(command), pair.now);
        assert!(pair.responder.sent.is_empty());
    }
}

#[test]
fn a_gateway_cannot_be_redirected_by_its_client() {
    let mut pair = Pair::new().up();
    let command = Command::Redirect(elsewhere());
    pair.initiator.feed(Input::Command(command), pair.now);
    assert!(pair.initiator.sent.is_empty());
}

#[test]
fn the_next_gateway_learns_where_the_client_comes_from() {
    for (from, expected) in [
        (None, NotifyType::REDIRECT_SUPPORTED),
        (Some(elsewhere()), NotifyType::REDIRECTED_FROM),
    ] {
        let mut pair = Pair::new();
        pair.options.redirected_from = from;
        pair.start();
        let (_, request) = &pair.initiator.sent[0];
        let header = Header::parse(request).expect("a message");
        let Ok(Body::Clear(payloads)) = parse_body(&header, request) else {
            panic!("IKE_SA_INIT is not protected");
        };
        let said = payloads.iter().filter_map(|payload| match payload {
            Payload::Notify(notify) => Some(notify),
            _ => None,
        });
        let said: Vec<_> = said
            .filter(|notify| (16406..16409).contains(&notify.notify_type.0))
            .collect();
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].notify_type, expected);
        if expected == NotifyType::REDIRECTED_FROM {
            assert_eq!(said[0].data[..2], [3, 11]);
            assert_eq!(&said[0].data[2..], b"gw2.example");
        }
        pair.settle();
        assert!(pair.initiator.is_established());
    }
}

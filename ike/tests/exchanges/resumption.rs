//! Sessions that are resumed (RFC 5723).

use std::{sync::Arc, time::Duration};

use holdfast_ike::{
    config::Reauthentication,
    sa::{
        Admission, AdmissionLimits, CloseCause, Event,
        resumption::{Session, Tickets},
    },
};

use crate::pair::{End, Pair};

/// Where the exchange type is in a message.
const EXCHANGE: usize = 18;
const IKE_SA_INIT: u8 = 34;
const IKE_SESSION_RESUME: u8 = 38;

fn pair() -> Pair {
    let mut pair = Pair::new();
    for end in [&mut pair.initiator, &mut pair.responder] {
        end.connection.resumption = true;
    }
    pair
}

/// What an initiator has kept.
fn session(pair: &Pair) -> Session {
    let kept = pair
        .initiator
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Session(session) => Some((**session).clone()),
            _ => None,
        });
    kept.last().expect("a ticket")
}

/// Both ends lose what `former` was, but for the session and the responder's keys for tickets.
fn after(former: &mut Pair) -> Pair {
    let mut pair = pair();
    pair.options.session = Some(Arc::new(session(former)));
    pair.now = former.now;
    pair.responder.env.tickets = std::mem::take(&mut former.responder.env.tickets);
    pair.initiator.env.reseed(50);
    pair
}

fn is_resumed(end: &End) -> bool {
    end.has_event(|event| matches!(event, Event::Established(e) if e.resumed))
}

/// Whether the tunnel is up, and whether it is a session that was resumed.
fn tunnel(pair: &Pair, resumed: bool) {
    let (a, b) = (&pair.initiator, &pair.responder);
    assert!(a.is_established() && b.is_established());
    assert_eq!((is_resumed(a), is_resumed(b)), (resumed, resumed));
    let (ours, theirs) = (&a.installed[0], &b.installed[0]);
    assert_eq!(ours.inbound_key.encryption, theirs.outbound_key.encryption);
    assert_eq!(ours.outbound_key.encryption, theirs.inbound_key.encryption);
}

/// The exchange types of what the initiator has sent and nobody has received yet.
fn asks(pair: &Pair) -> Vec<u8> {
    let sent = pair.initiator.sent.iter();
    sent.map(|(_, message)| message[EXCHANGE]).collect()
}

#[test]
fn a_ticket_is_as_good_as_a_secret_and_brings_the_next_one() {
    let mut first = pair().up();
    tunnel(&first, false);
    let mut second = after(&mut first);
    // Nobody needs to know the secret any more.
    second.initiator.env.psk = None;
    second.responder.env.psk = None;
    second.start();
    assert_eq!(asks(&second), [IKE_SESSION_RESUME]);
    second.settle();
    tunnel(&second, true);
    let (old, new) = (
        &first.initiator.installed[0],
        &second.initiator.installed[0],
    );
    assert_ne!(old.inbound_key.encryption, new.inbound_key.encryption);
    assert_ne!(session(&first).ticket, session(&second).ticket);
    tunnel(&after(&mut second).up(), true);
}

#[test]
fn the_peer_has_restarted_and_one_round_is_lost() {
    let mut first = pair().up();
    let mut second = after(&mut first);
    second.responder.env.tickets = Tickets::default();
    second.start();
    let (path, request) = second.initiator.sent.pop().expect("a request");
    second.reach_responder(path, &request);
    let (path, refusal) = second.responder.sent.pop().expect("TICKET_NACK");
    assert_eq!(refusal[EXCHANGE], IKE_SESSION_RESUME);
    assert!(second.responder.sa.is_none(), "nothing is kept");
    second.reach_initiator(path, &refusal);
    assert_eq!(asks(&second), [IKE_SA_INIT], "at once");
    second.settle();
    tunnel(&second, false);
    tunnel(&after(&mut second).up(), true);
}

#[test]
fn a_ticket_is_good_once() {
    let mut first = pair().up();
    let used = Arc::new(session(&first));
    let mut second = after(&mut first).up();
    let mut third = after(&mut second);
    third.options.session = Some(used);
    tunnel(&third.up(), false);
}

/// Two attempts with one ticket: that both have begun does not help the second one.
#[test]
fn a_ticket_that_was_presented_twice_is_taken_once() {
    let mut first = pair().up();
    let mut second = after(&mut first);
    second.start();
    let (path, request) = second.initiator.sent.pop().expect("a request");
    second.reach_responder(path, &request);
    let (path, answer) = second.responder.sent.pop().expect("an answer");
    // Meanwhile somebody else was quicker.
    let opened = second
        .responder
        .env
        .tickets
        .open(&session(&first).ticket, second.now);
    assert!(
        second
            .responder
            .env
            .tickets
            .spend(opened.expect("not yet used").id)
    );
    second.reach_initiator(path, &answer);
    second.settle();
    assert!(!second.responder.is_established());
    let closed = second.initiator.closed();
    let temporary = holdfast_ike::sa::Failure::TemporaryFailure;
    assert_eq!(
        closed,
        Some(CloseCause::Failed(temporary)),
        "to be tried anew"
    );
}

#[test]
fn tickets_grow_old() {
    let mut first = pair();
    first.responder.connection.over_time = Duration::from_secs(60);
    let mut first = first.up();
    let mut second = after(&mut first);
    second.now += Duration::from_secs(60);
    second.start();
    assert_eq!(asks(&second), [IKE_SA_INIT], "the initiator knows");

    let mut first = pair();
    first.responder.connection.over_time = Duration::from_secs(60);
    let mut first = first.up();
    let mut second = after(&mut first);
    let mut session = session(&first);
    session.expires += Duration::from_secs(3600);
    second.options.session = Some(Arc::new(session));
    second.now += Duration::from_secs(60);
    tunnel(&second.up(), false);
}

/// A ticket alone is nothing: whoever has seen it on its way does not know what is in it.
#[test]
fn a_stolen_ticket() {
    let mut first = pair().up();
    let mut victim = pair();
    victim.initiator.env.reseed(77);
    let victim = victim.up();
    let mut second = after(&mut first);
    let mut stolen = session(&victim);
    stolen.ticket = session(&first).ticket;
    second.options.session = Some(Arc::new(stolen));
    second.start();
    second.settle();
    assert!(!second.initiator.is_established() && !second.responder.is_established());
    assert_eq!(second.responder.env.counters.integrity_failed.get(), 1);
    second.pass(Duration::from_secs(30));
    assert_eq!(second.responder.closed(), Some(CloseCause::HalfOpenTimeout));
    // And the ticket still serves whom it was given to.
    tunnel(&after_theft(&mut first, &mut second).up(), true);
}

fn after_theft(first: &mut Pair, thief: &mut Pair) -> Pair {
    first.responder.env.tickets = std::mem::take(&mut thief.responder.env.tickets);
    first.now = thief.now;
    after(first)
}

#[test]
fn what_is_lost_is_sent_again_and_silence_ends_it() {
    let mut first = pair().up();
    let mut second = after(&mut first);
    second.start();
    second.initiator.sent.clear();
    second.pass(Duration::from_secs(4));
    assert_eq!(asks(&second), [IKE_SESSION_RESUME], "once more");
    second.settle();
    tunnel(&second, true);

    let mut third = after(&mut second);
    third.start();
    while third.initiator.closed().is_none() {
        assert!(
            asks(&third)
                .iter()
                .all(|exchange| *exchange == IKE_SESSION_RESUME)
        );
        third.initiator.sent.clear();
        third.pass(Duration::from_secs(1));
    }
    assert_eq!(third.initiator.closed(), Some(CloseCause::PeerUnresponsive));
}

#[test]
fn a_lost_answer_comes_again() {
    let mut first = pair().up();
    let mut second = after(&mut first);
    second.start();
    let (path, request) = second.initiator.sent.pop().expect("a request");
    second.reach_responder(path, &request);
    let answer = second.responder.sent.pop().expect("an answer");
    second.reach_responder(path, &request);
    assert_eq!(second.responder.sent, [answer]);
    second.settle();
    tunnel(&second, true);
}

#[test]
fn whoever_is_flooded_wants_a_cookie_first() {
    let mut first = pair().up();
    let mut second = after(&mut first);
    second.admission = Admission::new(AdmissionLimits::default());
    let address = second.initiator.path.local.ip();
    (0..3).for_each(|_| second.admission.opened(address));
    let second = second.up();
    assert_eq!(second.responder.env.counters.cookies_sent.get(), 1);
    tunnel(&second, true);
}

#[test]
fn nobody_resumes_what_may_not_be_resumed() {
    for change in [
        (|end: &mut End| end.connection.resumption = false) as fn(&mut End),
        |end| {
            end.connection.reauth = Reauthentication {
                time: Duration::from_secs(3600),
                ..Reauthentication::default()
            };
        },
    ] {
        for responder in [false, true] {
            let mut pair = pair();
            change(if responder {
                &mut pair.responder
            } else {
                &mut pair.initiator
            });
            let pair = pair.up();
            assert!(
                !pair
                    .initiator
                    .has_event(|event| matches!(event, Event::Session(_)))
            );
        }
    }
}

/// Another connection, another secret, other algorithms: what was true is not true any more.
#[test]
fn a_connection_that_has_changed_takes_no_ticket() {
    for change in [
        (|end: &mut End| end.connection.name = "other".into()) as fn(&mut End),
        |end| end.connection.resumption = false,
        |end| end.connection.proposals = crate::pair::ike("aes128gcm16-prfsha256-x25519"),
    ] {
        let mut first = pair().up();
        let mut second = after(&mut first);
        change(&mut second.responder);
        second.start();
        let (path, request) = second.initiator.sent.pop().expect("a request");
        second.reach_responder(path, &request);
        assert!(second.responder.sa.is_none());
        let (_, refusal) = second.responder.sent.pop().expect("TICKET_NACK");
        assert_eq!(refusal[EXCHANGE], IKE_SESSION_RESUME);
    }
}

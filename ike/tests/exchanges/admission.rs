//! Half-open limits, cookies, and versions.

use std::time::Duration;

use holdfast_ike::sa::{Admission, AdmissionLimits, Admitted, DropReason};

use crate::pair::Pair;

fn flooded(limits: AdmissionLimits, half_open: usize) -> Pair {
    let mut pair = Pair::new();
    pair.admission = Admission::new(limits);
    for n in 0..half_open {
        pair.admission
            .opened(std::net::IpAddr::from([203, 0, 113, n as u8]));
    }
    pair
}

#[test]
fn under_load_an_initiator_must_return_a_cookie() {
    let mut pair = flooded(AdmissionLimits::default(), 30);
    pair.start();
    let (path, request) = pair.initiator.sent.pop().expect("a request");
    pair.reach_responder(path, &request);
    assert!(pair.responder.sa.is_none(), "nothing is kept for it");
    assert_eq!(pair.responder.env.counters.cookies_sent.get(), 1);
    pair.settle();
    assert!(pair.initiator.is_established() && pair.responder.is_established());
}

#[test]
fn a_cookie_grows_old_and_serves_one_address() {
    let mut pair = flooded(AdmissionLimits::default(), 30);
    pair.start();
    let (path, request) = pair.initiator.sent.pop().expect("a request");
    pair.reach_responder(path, &request);
    let (back, challenge) = pair.responder.sent.pop().expect("a challenge");
    pair.reach_initiator(back, &challenge);
    let (path, with_cookie) = pair.initiator.sent.pop().expect("another request");

    let mut elsewhere = path;
    elsewhere.local.set_ip([198, 51, 100, 7].into());
    pair.reach_responder(elsewhere, &with_cookie);
    assert!(pair.responder.sa.is_none());

    pair.now += Duration::from_secs(60);
    let now = pair.now;
    let swapped = holdfast_ike::Path {
        local: path.remote,
        remote: path.local,
    };
    let judge = |pair: &mut Pair, now| {
        pair.admission
            .judge(&with_cookie, swapped, now, &mut pair.responder.env)
    };
    assert!(
        matches!(judge(&mut pair, now), Admitted::Accept(_)),
        "one secret back"
    );
    let later = now + Duration::from_secs(120);
    assert!(matches!(judge(&mut pair, later), Admitted::Reply(_)));
}

#[test]
fn one_address_cannot_take_everything() {
    let limits = AdmissionLimits {
        cookie_threshold_ip: 3,
        block_threshold: 5,
        ..AdmissionLimits::default()
    };
    let mut pair = flooded(limits, 0);
    for _ in 0..5 {
        pair.admission.opened(pair.initiator.path.local.ip());
    }
    pair.start();
    let (path, request) = pair.initiator.sent.pop().expect("a request");
    pair.reach_responder(path, &request);
    assert!(pair.responder.sent.is_empty());
    assert_eq!(pair.responder.env.counters.half_open_refused.get(), 1);
    pair.admission.closed(pair.initiator.path.local.ip());
    pair.reach_responder(path, &request);
    assert_eq!(pair.responder.sent.len(), 1, "a challenge");
}

#[test]
fn later_versions_are_told_which_we_speak() {
    let mut pair = Pair::new();
    pair.start();
    let (path, mut request) = pair.initiator.sent.pop().expect("a request");
    request[17] = 0x30;
    pair.reach_responder(path, &request);
    let (_, reply) = pair.responder.sent.pop().expect("a reply");
    assert_eq!(reply[17], 0x20);
    assert_eq!(reply[..8], request[..8]);
    // Notify, error type 5.
    assert_eq!(reply[16], 41);
    assert_eq!(reply[28 + 6..28 + 8], [0, 5]);

    request[17] = 0x10;
    pair.reach_responder(path, &request);
    assert!(pair.responder.sent.is_empty(), "IKEv1 could not read it");
}

#[test]
fn what_belongs_to_nobody_is_counted_and_its_sender_told_once() {
    let mut pair = Pair::new().up();
    let now = pair.now;
    pair.initiator.feed(
        holdfast_ike::sa::Input::Command(holdfast_ike::sa::Command::Probe),
        now,
    );
    let (path, probe) = pair.initiator.sent.pop().expect("a request");
    pair.responder.sa = None;
    pair.reach_responder(path, &probe);
    let (back, answer) = pair.responder.sent.pop().expect("an answer");
    assert!(answer.len() <= probe.len());
    assert_eq!(answer[..16], probe[..16], "SPIs");
    assert_eq!(answer[18], probe[18], "exchange type");
    assert_eq!(answer[20..24], probe[20..24], "message ID");
    assert_eq!(answer[28 + 6..28 + 8], [0, 4], "INVALID_IKE_SPI");
    pair.reach_responder(path, &probe);
    assert!(pair.responder.sent.is_empty(), "told already");
    // An answer gets no answer.
    pair.now += Duration::from_secs(5);
    pair.reach_responder(path, &answer);
    assert!(pair.responder.sent.is_empty());
    assert_eq!(pair.responder.env.counters.invalid_spi.get(), 3);
    pair.reach_initiator(back, &answer);
    assert!(pair.initiator.is_established(), "a hint, no proof");
    let verdict = pair
        .admission
        .judge(&[0; 100], path, now, &mut pair.responder.env);
    assert!(matches!(verdict, Admitted::Drop(DropReason::Malformed)));
}

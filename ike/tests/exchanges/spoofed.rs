//! IKE_SA_INIT answers that anybody may have sent: none of them ends an attempt that a genuine
//! answer can still complete (RFC 7296 section 2.21.1).

use std::time::Duration;

use holdfast_ike::{
    IkeSpi, Path,
    proposal::KeyExchangeMethod,
    sa::{CloseCause, Failure},
    wire::{Body, Flags, Header, Notify, NotifyType, Payload, parse_body, write_message},
};

use crate::pair::{Pair, ike};

/// How long a refusal that nobody signed is not yet believed.
const DOUBT: Duration = Duration::from_secs(1);

fn notify(notify_type: NotifyType, data: Vec<u8>) -> Payload {
    Payload::Notify(Notify {
        protocol: None,
        spi: Vec::new(),
        notify_type,
        data,
    })
}

/// An answer to `request` as somebody without any key would make it.
fn answer(request: &[u8], responder: IkeSpi, payloads: &[Payload]) -> Vec<u8> {
    let mut header = Header::parse(request).expect("a request");
    header.spis.responder = responder;
    header.flags = Flags {
        initiator: false,
        version: false,
        response: true,
    };
    write_message(&header, payloads)
}

fn payloads(message: &[u8]) -> Vec<Payload> {
    let header = Header::parse(message).expect("a message");
    match parse_body(&header, message) {
        Ok(Body::Clear(payloads)) => payloads,
        other => panic!("not in the clear: {other:?}"),
    }
}

fn started() -> (Pair, Path, Vec<u8>) {
    let mut pair = Pair::new();
    pair.start();
    let (path, request) = pair.initiator.sent.pop().expect("a request");
    (pair, path, request)
}

fn back(path: Path) -> Path {
    Path {
        local: path.remote,
        remote: path.local,
    }
}

#[test]
fn a_refusal_that_anybody_can_send_does_not_stop_the_genuine_answer() {
    for refusal in [
        NotifyType::NO_PROPOSAL_CHOSEN,
        NotifyType::AUTHENTICATION_FAILED,
        NotifyType::INVALID_SYNTAX,
        NotifyType(12_345),
    ] {
        let (mut pair, path, request) = started();
        let spoofed = answer(&request, IkeSpi::ZERO, &[notify(refusal, Vec::new())]);
        pair.reach_initiator(back(path), &spoofed);
        pair.reach_initiator(back(path), &spoofed);
        pair.pass(DOUBT / 2);
        pair.reach_responder(path, &request);
        pair.settle();
        assert!(pair.initiator.is_established(), "{refusal}");
        pair.pass(DOUBT * 2);
        assert_eq!(pair.initiator.closed(), None, "the refusal is forgotten");
    }
}

#[test]
fn a_refusal_is_believed_when_nothing_better_comes() {
    let (mut pair, path, request) = started();
    let refusal = [notify(NotifyType::NO_PROPOSAL_CHOSEN, Vec::new())];
    pair.reach_initiator(back(path), &answer(&request, IkeSpi::ZERO, &refusal));
    assert_eq!(pair.initiator.closed(), None);
    pair.pass(DOUBT);
    assert_eq!(
        pair.initiator.closed(),
        Some(CloseCause::Failed(Failure::NoProposalChosen))
    );
    assert_eq!(pair.initiator.env.counters.no_proposal.get(), 1);
}

#[test]
fn answers_that_make_no_sense_do_not_stop_the_genuine_one() {
    let (mut pair, path, request) = started();
    pair.reach_responder(path, &request);
    let (_, genuine) = pair.responder.sent.pop().expect("a response");
    let responder = Header::parse(&genuine).expect("a response").spis.responder;
    let parts = payloads(&genuine);
    let mut nonsense = vec![
        answer(&request, IkeSpi::ZERO, &parts),
        answer(&request, responder, &[]),
        answer(
            &request,
            IkeSpi::ZERO,
            &[notify(NotifyType::COOKIE, vec![0; 65])],
        ),
        answer(
            &request,
            IkeSpi::ZERO,
            &[notify(NotifyType::COOKIE, Vec::new())],
        ),
        answer(
            &request,
            IkeSpi::ZERO,
            &[notify(NotifyType::INVALID_KE_PAYLOAD, vec![1])],
        ),
    ];
    // Without one of SA, KE and Nr.
    for left_out in 0..3 {
        let mut rest = parts.clone();
        rest.remove(left_out);
        nonsense.push(answer(&request, responder, &rest));
    }
    // A key exchange of another method, and a public value of the wrong size.
    for (method, data) in [
        (KeyExchangeMethod::ECP_256, vec![4; 64]),
        (KeyExchangeMethod::CURVE_25519, vec![4; 31]),
    ] {
        let mut other = parts.clone();
        other[1] = Payload::KeyExchange { method, data };
        nonsense.push(answer(&request, responder, &other));
    }
    for spoofed in &nonsense {
        pair.reach_initiator(back(path), spoofed);
        assert_eq!(pair.initiator.closed(), None);
        assert!(pair.initiator.sent.is_empty(), "nothing to say to that");
    }
    pair.reach_initiator(back(path), &genuine);
    pair.settle();
    assert!(pair.initiator.is_established() && pair.responder.is_established());
}

#[test]
fn nobody_can_talk_us_into_a_group_that_we_do_not_offer() {
    let (mut pair, path, request) = started();
    for group in [
        KeyExchangeMethod::ECP_256,
        KeyExchangeMethod(1),
        KeyExchangeMethod::CURVE_25519,
    ] {
        let data = group.0.to_be_bytes().to_vec();
        let invalid = [notify(NotifyType::INVALID_KE_PAYLOAD, data)];
        pair.reach_initiator(back(path), &answer(&request, IkeSpi::ZERO, &invalid));
        assert!(pair.initiator.sent.is_empty(), "no other request");
    }
    pair.reach_responder(path, &request);
    pair.settle();
    assert!(pair.initiator.is_established());
}

#[test]
fn a_restarted_request_offers_everything_again() {
    let mut pair = Pair::new();
    for end in [&mut pair.initiator, &mut pair.responder] {
        end.connection.proposals = ike("aes256gcm16-prfsha384-x25519-ecp384");
    }
    pair.start();
    let (path, request) = pair.initiator.sent.pop().expect("a request");
    // Spoofed: the responder would take the method that it is offered.
    let worse = KeyExchangeMethod::ECP_384.0.to_be_bytes().to_vec();
    let invalid = [notify(NotifyType::INVALID_KE_PAYLOAD, worse)];
    pair.reach_initiator(back(path), &answer(&request, IkeSpi::ZERO, &invalid));
    let (_, again) = pair.initiator.sent.last().cloned().expect("a request");
    assert_eq!(payloads(&request)[0], payloads(&again)[0], "all proposals");
    assert_eq!(payloads(&request)[2], payloads(&again)[2], "the same nonce");
    // The responder has its own opinion, so the spoofed one changes nothing.
    pair.settle();
    assert!(pair.initiator.has_event(|event| matches!(
        event,
        holdfast_ike::sa::Event::Established(e)
            if e.suite.key_exchange == KeyExchangeMethod::CURVE_25519
    )));
}

#[test]
fn endless_demands_for_other_requests_are_not_followed() {
    let (mut pair, path, request) = started();
    for n in 0..100_u8 {
        let cookie = [notify(NotifyType::COOKIE, vec![n; 8])];
        pair.reach_initiator(back(path), &answer(&request, IkeSpi::ZERO, &cookie));
    }
    assert_eq!(pair.initiator.sent.len(), 5);
    assert_eq!(pair.initiator.closed(), None);
    // A genuine answer to the last of them still counts.
    let (path, last) = pair.initiator.sent.pop().expect("a request");
    pair.initiator.sent.clear();
    pair.reach_responder(path, &last);
    pair.settle();
    assert!(pair.initiator.is_established());
}

#[test]
fn answers_for_others_are_not_ours() {
    let (mut pair, path, request) = started();
    pair.reach_responder(path, &request);
    let (_, genuine) = pair.responder.sent.pop().expect("a response");
    let mut other = genuine.clone();
    other[7] ^= 1;
    pair.reach_initiator(back(path), &other);
    assert_eq!(pair.initiator.env.counters.invalid_spi.get(), 1);
    // A request where a response belongs, and the other way round.
    let mut not_a_response = genuine.clone();
    not_a_response[19] &= !0x20;
    pair.reach_initiator(back(path), &not_a_response);
    assert!(pair.initiator.sent.is_empty());
    pair.reach_initiator(back(path), &genuine);
    pair.settle();
    assert!(pair.initiator.is_established());
    // Once it has been answered, further answers are late.
    let before = pair.initiator.env.counters.out_of_window.get();
    pair.reach_initiator(back(path), &genuine);
    assert_eq!(pair.initiator.env.counters.out_of_window.get(), before + 1);
}

#[test]
fn a_request_without_its_parts_is_not_worth_an_answer() {
    let (mut pair, path, request) = started();
    let header = Header::parse(&request).expect("a request");
    for left_out in 0..3 {
        let mut parts = payloads(&request);
        parts.remove(left_out);
        pair.reach_responder(path, &write_message(&header, &parts));
        assert!(pair.responder.sa.is_none());
        // INVALID_SYNTAX belongs into protected messages only (RFC 7296 section 3.10.1).
        assert!(pair.responder.sent.is_empty());
    }
    let mut parts = payloads(&request);
    parts[1] = Payload::KeyExchange {
        method: KeyExchangeMethod::CURVE_25519,
        data: vec![0; 32],
    };
    pair.reach_responder(path, &write_message(&header, &parts));
    assert!(pair.responder.sa.is_none() && pair.responder.sent.is_empty());
}

#[test]
fn a_huge_first_message_is_not_kept() {
    let (mut pair, path, request) = started();
    let header = Header::parse(&request).expect("a request");
    let mut parts = payloads(&request);
    parts.push(Payload::VendorId(vec![7; 60_000]));
    pair.reach_responder(path, &write_message(&header, &parts));
    assert!(pair.responder.sa.is_none() && pair.responder.sent.is_empty());
}

#[test]
fn a_cookie_that_crosses_the_answer_does_not_break_authentication() {
    let (mut pair, path, request) = started();
    // The first copy meets a flood and is challenged, the second one is taken.
    pair.admission = holdfast_ike::sa::Admission::new(holdfast_ike::sa::AdmissionLimits {
        cookie_threshold: 1,
        ..Default::default()
    });
    pair.admission.opened([203, 0, 113, 1].into());
    pair.reach_responder(path, &request);
    let (challenge_path, challenge) = pair.responder.sent.pop().expect("a challenge");
    pair.admission.closed([203, 0, 113, 1].into());
    pair.reach_responder(path, &request);
    let (answer_path, genuine) = pair.responder.sent.pop().expect("a response");
    // The challenge is first back at the initiator, whose last request is then another one.
    pair.reach_initiator(challenge_path, &challenge);
    let (path, with_cookie) = pair.initiator.sent.pop().expect("another request");
    pair.reach_responder(path, &with_cookie);
    pair.reach_initiator(answer_path, &genuine);
    pair.settle();
    assert!(pair.initiator.is_established() && pair.responder.is_established());
}

#[test]
fn a_forged_cookie_in_our_name_does_not_break_authentication() {
    let (mut pair, path, request) = started();
    pair.reach_responder(path, &request);
    let header = Header::parse(&request).expect("a request");
    let mut forged = vec![notify(NotifyType::COOKIE, vec![1; 8])];
    forged.extend(payloads(&request));
    pair.reach_responder(path, &write_message(&header, &forged));
    pair.settle();
    assert!(pair.initiator.is_established() && pair.responder.is_established());
}

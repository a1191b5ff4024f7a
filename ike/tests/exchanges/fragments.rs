//! Messages in fragments (RFC 7383).

use std::time::Duration;

use holdfast_ike::{
    Identification, Path,
    config::{Fragmentation, IdMatch},
    sa::{Command, Input},
    wire::{Body, ExchangeType, Header, parse_body},
};

use crate::pair::{Pair, child, connection};

/// Enough for a hundred octets of content, so that every IKE_AUTH needs several.
const SMALL: u16 = 200;

/// What IP, UDP and the non-ESP marker take.
const AROUND: usize = 32;

type Datagram = (Path, Vec<u8>);

fn pair_with(size: u16) -> Pair {
    let mut pair = Pair::new();
    pair.options.fragment_size = size;
    pair
}

/// Number and total of a fragment.
fn numbers(datagram: &[u8]) -> Option<(u16, u16)> {
    let header = Header::parse(datagram).expect("a message");
    match parse_body(&header, datagram).expect("a message") {
        Body::Fragment(fragment) => Some((fragment.number, fragment.total)),
        _ => None,
    }
}

fn exchange(datagram: &[u8]) -> ExchangeType {
    Header::parse(datagram).expect("a message").exchange
}

/// What the initiator has to say next, once IKE_SA_INIT is done.
fn auth_request(pair: &mut Pair) -> Vec<Datagram> {
    pair.start();
    for (path, data) in std::mem::take(&mut pair.initiator.sent) {
        pair.reach_responder(path, &data);
    }
    for (path, data) in std::mem::take(&mut pair.responder.sent) {
        pair.reach_initiator(path, &data);
    }
    std::mem::take(&mut pair.initiator.sent)
}

fn assert_up(pair: &Pair) {
    assert!(pair.initiator.is_established() && pair.responder.is_established());
    assert_eq!(pair.initiator.installed.len(), 1);
    assert_eq!(pair.responder.installed.len(), 1);
}

#[test]
fn no_protected_datagram_is_larger_than_allowed_and_ike_sa_init_stays_whole() {
    let mut pair = pair_with(SMALL);
    pair.start();
    let mut fragments = 0;
    while !(pair.initiator.sent.is_empty() && pair.responder.sent.is_empty()) {
        let requests = std::mem::take(&mut pair.initiator.sent);
        let responses = std::mem::take(&mut pair.responder.sent);
        for (_, data) in requests.iter().chain(&responses) {
            if exchange(data) == ExchangeType::IkeSaInit {
                assert_eq!(numbers(data), None);
                assert!(data.len() > usize::from(SMALL) - AROUND);
            } else {
                assert!(data.len() <= usize::from(SMALL) - AROUND);
                fragments += usize::from(numbers(data).is_some());
            }
        }
        for (path, data) in requests {
            pair.reach_responder(path, &data);
        }
        for (path, data) in responses {
            pair.reach_initiator(path, &data);
        }
    }
    assert_up(&pair);
    assert!(fragments >= 4, "IKE_AUTH both ways: {fragments}");
    let counters = &pair.responder.env.counters;
    assert_eq!(counters.ike_auth_in_req.get(), 1, "messages, not fragments");
    assert_eq!(counters.ike_auth_out_resp.get(), 1);
}

#[test]
fn fragments_may_come_in_any_order_and_twice() {
    let mut pair = pair_with(SMALL);
    let request = auth_request(&mut pair);
    let total = request.len() as u16;
    let expected: Vec<_> = (1..=total).map(|number| Some((number, total))).collect();
    let sent: Vec<_> = request.iter().map(|(_, data)| numbers(data)).collect();
    assert_eq!(sent, expected);
    for (path, data) in request.iter().rev().flat_map(|datagram| [datagram; 2]) {
        pair.reach_responder(*path, data);
    }
    let response = std::mem::take(&mut pair.responder.sent);
    assert!(response.len() >= 2 * 2, "the first one came twice");
    for (path, data) in response.iter().rev() {
        pair.reach_initiator(*path, data);
    }
    assert_up(&pair);
}

#[test]
fn one_lost_fragment_brings_them_all_again() {
    let mut pair = pair_with(SMALL);
    let request = auth_request(&mut pair);
    for (path, data) in &request[1..] {
        pair.reach_responder(*path, data);
    }
    assert!(pair.responder.sent.is_empty());
    pair.pass(Duration::from_secs(5));
    assert_eq!(pair.initiator.sent, request, "the whole batch");
    // The first one is all that was missing; the others are of a request that is answered.
    pair.settle();
    assert_up(&pair);
}

#[test]
fn only_the_first_fragment_asks_for_the_answer_again() {
    let mut pair = pair_with(SMALL);
    let request = auth_request(&mut pair);
    for (path, data) in &request {
        pair.reach_responder(*path, data);
    }
    let response = std::mem::take(&mut pair.responder.sent);
    for (path, data) in &request[1..] {
        pair.reach_responder(*path, data);
    }
    assert!(pair.responder.sent.is_empty());
    let (path, first) = &request[0];
    pair.reach_responder(*path, first);
    assert_eq!(pair.responder.sent, response, "all of it, from the cache");
    assert_eq!(pair.responder.env.counters.retransmit_in.get(), 1);
    pair.responder.sent.clear();
    let mut forged = first.clone();
    *forged.last_mut().expect("octets") ^= 1;
    pair.reach_responder(*path, &forged);
    assert!(pair.responder.sent.is_empty(), "anybody may have sent that");
}

#[test]
fn strangers_have_no_more_room_than_there_is() {
    let mut pair = pair_with(SMALL);
    let request = auth_request(&mut pair);
    pair.responder.env.fragments.0 = 1;
    let (path, first) = &request[0];
    pair.reach_responder(*path, first);
    let counters = &pair.responder.env.counters;
    assert_eq!(counters.fragments_refused.get(), 1);
    assert_eq!(pair.responder.env.fragments.1, 0, "nothing is kept");
    pair.responder.env.fragments.0 = usize::MAX;
    for (path, data) in &request[1..] {
        pair.reach_responder(*path, data);
    }
    assert!(pair.responder.env.fragments.1 > 0);
    assert!(pair.responder.sent.is_empty(), "the first one is gone");
    // All of them come again.
    pair.pass(Duration::from_secs(5));
    pair.settle();
    assert_up(&pair);
    assert_eq!(pair.responder.env.fragments.1, 0);
}

#[test]
fn a_forged_fragment_is_not_kept() {
    let mut pair = pair_with(SMALL);
    let request = auth_request(&mut pair);
    for (path, data) in &request {
        let mut forged = data.clone();
        *forged.last_mut().expect("octets") ^= 1;
        pair.reach_responder(*path, &forged);
    }
    let counters = &pair.responder.env.counters;
    assert_eq!(counters.integrity_failed.get(), request.len() as u64);
    for (path, data) in &request {
        pair.reach_responder(*path, data);
    }
    pair.settle();
    assert_up(&pair);
}

#[test]
fn rekeyed_and_further_sas_are_negotiated_in_fragments_too() {
    let mut pair = pair_with(SMALL).up();
    pair.initiator
        .feed(Input::Command(Command::Rekey), pair.now);
    assert!(pair.initiator.sent.len() > 1);
    pair.settle();
    let spi = pair.initiator.installed[0].inbound_spi;
    let command = Command::RekeyChild(spi);
    pair.initiator.feed(Input::Command(command), pair.now);
    let sent = &pair.initiator.sent;
    assert!(sent.len() > 1 && sent.iter().all(|(_, data)| numbers(data).is_some()));
    pair.settle();
    pair.pass(Duration::from_secs(10));
    assert_up(&pair);
}

#[test]
fn fragments_are_sent_only_to_who_takes_them() {
    use Fragmentation::{Accept, No, Yes};
    // Who announces what, and whether request and response are fragmented.
    for (initiator, responder, request, response) in [
        (Yes, Yes, true, true),
        (Yes, No, false, false),
        (No, Yes, false, false),
        (Accept, Yes, false, true),
        (Yes, Accept, true, false),
    ] {
        let mut pair = pair_with(SMALL);
        pair.initiator.connection.fragmentation = initiator;
        pair.responder.connection.fragmentation = responder;
        let sent = auth_request(&mut pair);
        assert_eq!(sent.len() > 1, request, "{initiator:?}, {responder:?}");
        for (path, data) in sent {
            pair.reach_responder(path, &data);
        }
        let answered = pair.responder.sent.len() > 1;
        assert_eq!(answered, response, "{initiator:?}, {responder:?}");
        pair.settle();
        assert_up(&pair);
    }
}

#[test]
fn a_path_that_swallows_large_datagrams_gets_smaller_ones() {
    let name = Identification::Fqdn("a".repeat(2000));
    let mut moon = connection(
        "moon",
        "sun",
        vec![child("net", "10.1.0.0/16", "10.2.0.0/16")],
    );
    let mut sun = connection(
        "sun",
        "moon",
        vec![child("net", "10.2.0.0/16", "10.1.0.0/16")],
    );
    moon.local[0].id = Some(name.clone());
    sun.remote[0].id = IdMatch::Exact(name);
    let mut pair = Pair::with(moon, sun);
    let mut requests = vec![auth_request(&mut pair)];
    for _ in 0..2 {
        pair.pass(Duration::from_secs(10));
        requests.push(std::mem::take(&mut pair.initiator.sent));
    }
    assert_eq!(requests[0], requests[1], "perhaps it was only lost");
    assert!(requests[2].len() > requests[1].len());
    // Some of the first attempt come late, in the midst of it.
    let (path, late) = requests[0][1].clone();
    for (index, (path, data)) in requests[2].iter().enumerate() {
        assert!(data.len() <= 576 - AROUND);
        if index == 1 {
            pair.reach_responder(path.to_owned(), &late);
        }
        pair.reach_responder(*path, data);
    }
    pair.reach_responder(path, &late);
    assert!(pair.responder.is_established());
    pair.settle();
    assert_up(&pair);
}

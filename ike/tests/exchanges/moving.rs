//! Peers whose address changes because of a NAT (RFC 7296 section 2.23), and who is not believed.

use std::{net::SocketAddr, time::Duration};

use holdfast_ike::{
    Path,
    sa::{Command, Event, Input, PathChanged},
};

use crate::pair::{End, Pair, child, connection};

const ELSEWHERE: &str = "198.51.100.7:4500";
const FURTHER: &str = "198.51.100.8:61234";

fn elsewhere(text: &str) -> SocketAddr {
    text.parse().expect("a literal")
}

/// A pair that talks by the NAT-T port.
fn pair() -> Pair {
    let mut pair = Pair::new();
    pair.options.force_encapsulation = true;
    pair.up()
}

fn moves(end: &End) -> Vec<PathChanged> {
    let change = |event: &Event| match event {
        Event::PathChanged(change) => Some(*change),
        _ => None,
    };
    end.events.iter().filter_map(change).collect()
}

/// The initiator's next message, as it arrives.
fn probe(pair: &mut Pair) -> (Path, Vec<u8>) {
    let command = Input::Command(Command::Probe);
    pair.initiator.feed(command, pair.now);
    pair.initiator.sent.pop().expect("a request")
}

#[test]
fn a_peer_whose_translator_forgot_it_is_followed() {
    let mut pair = pair();
    let before = pair.responder.installed[0].path;
    let (mut path, request) = probe(&mut pair);
    path.local = elsewhere(ELSEWHERE);
    pair.reach_responder(path, &request);
    let after = Path {
        local: before.local,
        remote: elsewhere(ELSEWHERE),
    };
    let change = moves(&pair.responder);
    assert_eq!(change.len(), 1);
    assert_eq!(change[0].path, after);
    let sa = pair.responder.sa.as_ref().expect("it lives");
    assert_eq!(sa.path(), after);
    assert_eq!(pair.responder.installed[0].path, after);
    // The answer goes there, and what comes next.
    let (path, response) = pair.responder.sent.pop().expect("a response");
    assert_eq!(path, after);
    pair.reach_initiator(before, &response);
    let now = pair.now;
    pair.responder.feed(Input::Command(Command::Probe), now);
    assert_eq!(pair.responder.sent.pop().expect("a request").0, after);
}

#[test]
fn what_was_sent_before_moves_nobody() {
    let mut pair = pair();
    let (genuine, request) = probe(&mut pair);
    pair.reach_responder(genuine, &request);
    let (_, response) = pair.responder.sent.pop().expect("a response");
    let mut forged = genuine;
    forged.local = elsewhere(ELSEWHERE);
    // Repeated, it is answered where it came from, as every repetition, and that is all.
    pair.reach_responder(forged, &request);
    assert_eq!(pair.responder.sent.pop().expect("again").1, response);
    // Altered, it is nothing.
    let mut altered = request.clone();
    *altered.last_mut().expect("it is not empty") ^= 1;
    altered[23] += 1;
    pair.reach_responder(forged, &altered);
    assert!(pair.responder.sent.is_empty());
    assert_eq!(moves(&pair.responder), []);
    let sa = pair.responder.sa.as_ref().expect("it lives");
    assert_eq!(sa.path().remote, genuine.local);
    // Nor does an answer that nobody waits for any more.
    pair.settle();
    let back = Path {
        local: genuine.remote,
        remote: genuine.local,
    };
    pair.reach_initiator(back, &response);
    let mut forged = back;
    forged.local = elsewhere(ELSEWHERE);
    pair.reach_initiator(forged, &response);
    assert_eq!(moves(&pair.initiator), []);
}

#[test]
fn a_request_in_flight_follows_too() {
    let mut pair = pair();
    let now = pair.now;
    pair.responder.feed(Input::Command(Command::Probe), now);
    pair.responder.sent.clear();
    let (mut path, request) = probe(&mut pair);
    path.local = elsewhere(ELSEWHERE);
    pair.reach_responder(path, &request);
    pair.responder.sent.clear();
    pair.pass(Duration::from_secs(4));
    let (path, _) = pair.responder.sent.pop().expect("a retransmission");
    assert_eq!(path.remote, elsewhere(ELSEWHERE));
}

#[test]
fn packets_move_the_peer_too_but_not_all_the_time() {
    let mut pair = pair();
    let spi = pair.responder.installed[0].inbound_spi;
    let local = pair.responder.installed[0].path.local;
    let packet = |pair: &mut Pair, spi, remote: &str, local| {
        let path = Path {
            local,
            remote: elsewhere(remote),
        };
        let input = Input::PeerMoved {
            inbound_spi: spi,
            path,
        };
        pair.responder.feed(input, pair.now);
    };
    packet(&mut pair, spi, ELSEWHERE, local);
    assert_eq!(moves(&pair.responder).len(), 1);
    let of_path = |pair: &Pair| pair.responder.installed[0].path.remote;
    assert_eq!(of_path(&pair), elsewhere(ELSEWHERE));
    // Too soon, and on an SA that is not there.
    packet(&mut pair, spi, FURTHER, local);
    let unknown = holdfast_ike::EspSpi(1);
    pair.now += Duration::from_secs(1);
    packet(&mut pair, unknown, FURTHER, local);
    assert_eq!(of_path(&pair), elsewhere(ELSEWHERE));
    // ESP in UDP cannot leave by the IKE port.
    let mut ike_port = local;
    ike_port.set_port(500);
    packet(&mut pair, spi, FURTHER, ike_port);
    assert_eq!(of_path(&pair), elsewhere(ELSEWHERE));
    packet(&mut pair, spi, FURTHER, local);
    assert_eq!(of_path(&pair), elsewhere(FURTHER));
    assert_eq!(moves(&pair.responder).len(), 2);
}

#[test]
fn behind_a_translator_nobody_follows() {
    let mut pair = crate::nat::translated();
    let path = pair.initiator.installed[0].path;
    let moved = Path {
        local: path.local,
        remote: elsewhere(ELSEWHERE),
    };
    let input = Input::PeerMoved {
        inbound_spi: pair.initiator.installed[0].inbound_spi,
        path: moved,
    };
    let now = pair.now;
    pair.initiator.feed(input, now);
    pair.responder.feed(Input::Command(Command::Probe), now);
    let (_, request) = pair.responder.sent.pop().expect("a request");
    let input = Input::Datagram {
        path: moved,
        data: &request,
    };
    pair.initiator.feed(input, now);
    assert_eq!(moves(&pair.initiator), []);
    assert_eq!(pair.initiator.installed[0].path, path);
}

#[test]
fn every_child_moves() {
    let children = |flip: bool| {
        [
            ("10.1.0.0/16", "10.2.0.0/16"),
            ("10.3.0.0/16", "10.4.0.0/16"),
        ]
        .into_iter()
        .zip(["net", "more"])
        .map(|((left, right), name)| {
            let (local, remote) = if flip { (right, left) } else { (left, right) };
            child(name, local, remote)
        })
        .collect()
    };
    let mut pair = Pair::with(
        connection("moon", "sun", children(false)),
        connection("sun", "moon", children(true)),
    );
    pair.options.force_encapsulation = true;
    let mut pair = pair.up();
    let second = pair.initiator.connection.children[1].clone();
    let now = pair.now;
    let initiate = Input::Command(Command::Initiate(second));
    pair.initiator.feed(initiate, now);
    pair.settle();
    let (mut path, request) = probe(&mut pair);
    path.local = elsewhere(ELSEWHERE);
    pair.reach_responder(path, &request);
    assert_eq!(pair.responder.installed.len(), 2);
    for child in &pair.responder.installed {
        assert_eq!(child.path.remote, elsewhere(ELSEWHERE));
    }
}

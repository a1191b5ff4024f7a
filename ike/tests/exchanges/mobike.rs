//! Mobility and multihoming (RFC 4555).

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use holdfast_ike::{
    Path,
    sa::{CloseCause, Command, Event, Failure, Input, PathChanged},
    wire::{ExchangeType, Notify, NotifyType, Payload},
};

use crate::{
    forge::{Forger, reveal},
    pair::{End, Pair},
};

const HOME: &str = "192.0.2.1";
const GATEWAY: &str = "192.0.2.2";
const ABROAD: &str = "198.51.100.7";
const SECOND_GATEWAY: &str = "203.0.113.2";
const HOME_6: &str = "2001:db8::1";
const GATEWAY_6: &str = "2001:db8::2";

fn addresses(list: &[&str]) -> Vec<IpAddr> {
    list.iter()
        .map(|text| text.parse().expect("a literal"))
        .collect()
}

fn path(local: &str, remote: &str) -> Path {
    let end = |text: &str| SocketAddr::new(text.parse().expect("a literal"), 4500);
    Path {
        local: end(local),
        remote: end(remote),
    }
}

/// Two ends with these addresses that both support MOBIKE, before they talk.
fn mobile(initiator: &[&str], responder: &[&str]) -> Pair {
    let mut pair = Pair::new();
    for (end, list) in [
        (&mut pair.initiator, initiator),
        (&mut pair.responder, responder),
    ] {
        end.connection.mobike = true;
        end.env.addresses = addresses(list);
    }
    pair
}

fn at(end: &End) -> Path {
    end.sa.as_ref().expect("it lives").path()
}

fn moves(end: &End) -> Vec<PathChanged> {
    let change = |event: &Event| match event {
        Event::PathChanged(change) => Some(*change),
        _ => None,
    };
    end.events.iter().filter_map(change).collect()
}

/// The initiator has these addresses from now on.
fn roam(pair: &mut Pair, list: &[&str]) {
    pair.initiator.env.addresses = addresses(list);
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::CheckPath), now);
}

/// Delivers what is sent to and from an address of the responder that is in reach.
fn settle_by(pair: &mut Pair, reachable: impl Fn(Path) -> bool) {
    for _ in 0..50 {
        let requests = std::mem::take(&mut pair.initiator.sent);
        let responses = std::mem::take(&mut pair.responder.sent);
        if requests.is_empty() && responses.is_empty() {
            return;
        }
        for (path, data) in requests {
            if reachable(path) {
                pair.reach_responder(path, &data);
            }
        }
        for (path, data) in responses {
            let back = Path {
                local: path.remote,
                remote: path.local,
            };
            if reachable(back) {
                pair.reach_initiator(path, &data);
            }
        }
    }
    panic!("they never stop talking");
}

fn agree(pair: &Pair, expected: Path) {
    let reversed = Path {
        local: expected.remote,
        remote: expected.local,
    };
    for (end, expected) in [(&pair.initiator, expected), (&pair.responder, reversed)] {
        assert_eq!(at(end), expected);
        assert_eq!(end.installed.len(), 1);
        assert_eq!(end.installed[0].path, expected);
        assert!(end.closed().is_none());
    }
}

fn spis(pair: &Pair) -> (u32, u32) {
    let child = &pair.initiator.installed[0];
    (child.inbound_spi.0, child.outbound_spi.0)
}

#[test]
fn the_initiator_moves_and_the_responder_follows() {
    let mut pair = mobile(&[HOME], &[GATEWAY]).up();
    // At once, for a NAT may be met later.
    agree(&pair, path(HOME, GATEWAY));
    let before = spis(&pair);
    roam(&mut pair, &[ABROAD]);
    pair.settle();
    agree(&pair, path(ABROAD, GATEWAY));
    assert_eq!(spis(&pair), before);
    for end in [&pair.initiator, &pair.responder] {
        assert_eq!(moves(end).len(), 1);
        let (doing, waiting) = end.sa.as_ref().expect("it lives").tasks();
        assert!(doing.is_none() && waiting.is_empty());
    }
    // And home again.
    roam(&mut pair, &[HOME, ABROAD]);
    pair.settle();
    agree(&pair, path(HOME, GATEWAY));
}

#[test]
fn news_that_change_nothing_cost_nothing() {
    let mut pair = mobile(&[HOME], &[GATEWAY]).up();
    roam(&mut pair, &[HOME]);
    assert!(pair.initiator.sent.is_empty());
    // Another address is told, though it is not used.
    roam(&mut pair, &[HOME, ABROAD]);
    assert_eq!(pair.initiator.sent.len(), 1);
    pair.settle();
    agree(&pair, path(HOME, GATEWAY));
    roam(&mut pair, &[HOME, ABROAD]);
    assert!(pair.initiator.sent.is_empty());
}

#[test]
fn an_end_without_mobike_is_not_asked_for_it() {
    for switch_off in [true, false] {
        let mut pair = mobile(&[HOME], &[GATEWAY]);
        pair.initiator.connection.mobike = switch_off;
        pair.responder.connection.mobike = !switch_off;
        let mut pair = pair.up();
        roam(&mut pair, &[ABROAD]);
        // The plain protocol: a message from the new address moves the responder.
        pair.settle();
        let port = at(&pair.initiator).local.port();
        assert_eq!(at(&pair.initiator).local.ip().to_string(), ABROAD);
        assert_eq!(
            at(&pair.responder).remote.to_string(),
            format!("{ABROAD}:{port}")
        );
        assert!(pair.responder.sent.is_empty());
    }
}

#[test]
fn a_request_in_flight_is_repeated_from_the_new_address_at_once() {
    let mut pair = mobile(&[HOME], &[GATEWAY]).up();
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Probe), now);
    pair.initiator.sent.clear();
    roam(&mut pair, &[ABROAD]);
    let paths: Vec<_> = pair.initiator.sent.iter().map(|(path, _)| *path).collect();
    assert_eq!(paths, [path(ABROAD, GATEWAY)]);
    pair.settle();
    agree(&pair, path(ABROAD, GATEWAY));
}

#[test]
fn moving_on_while_an_update_is_in_flight() {
    let mut pair = mobile(&[HOME], &[GATEWAY]).up();
    roam(&mut pair, &[ABROAD]);
    let lost = std::mem::take(&mut pair.initiator.sent);
    assert_eq!(lost.len(), 1);
    roam(&mut pair, &["198.51.100.8"]);
    pair.settle();
    agree(&pair, path("198.51.100.8", GATEWAY));
    // The update that is late is one that was answered.
    for (path, data) in lost {
        pair.reach_responder(path, &data);
    }
    pair.settle();
    agree(&pair, path("198.51.100.8", GATEWAY));
}

#[test]
fn whoever_repeats_an_update_from_elsewhere_moves_nobody() {
    let mut pair = mobile(&[HOME], &[GATEWAY]).up();
    roam(&mut pair, &[ABROAD]);
    let recorded = pair.initiator.sent.clone();
    pair.settle();
    for (mut stolen, data) in recorded {
        stolen.local = "203.0.113.66:4500".parse().expect("a literal");
        pair.reach_responder(stolen, &data);
        let mut altered = data.clone();
        altered[23] += 1;
        pair.reach_responder(stolen, &altered);
    }
    assert_eq!(moves(&pair.responder).len(), 1);
    pair.responder.sent.clear();
    agree(&pair, path(ABROAD, GATEWAY));
}

#[test]
fn a_peer_that_does_not_answer_is_looked_for_at_its_other_addresses() {
    let mut pair = mobile(&[HOME, ABROAD], &[GATEWAY, SECOND_GATEWAY]).up();
    let before = spis(&pair);
    let dead: IpAddr = GATEWAY.parse().expect("a literal");
    let alive = move |path: Path| path.remote.ip() != dead;
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Probe), now);
    settle_by(&mut pair, alive);
    for seconds in [4, 8, 13] {
        pair.pass(Duration::from_secs(seconds));
        settle_by(&mut pair, alive);
    }
    agree(&pair, path(HOME, SECOND_GATEWAY));
    assert_eq!(spis(&pair), before);
}

#[test]
fn from_one_family_to_the_other() {
    let mut pair = mobile(&[HOME, HOME_6], &[GATEWAY, GATEWAY_6]).up();
    agree(&pair, path(HOME, GATEWAY));
    // IPv4 is gone altogether.
    roam(&mut pair, &[HOME_6]);
    let v6 = |path: Path| path.local.is_ipv6() && path.remote.is_ipv6();
    settle_by(&mut pair, v6);
    agree(&pair, path(HOME_6, GATEWAY_6));
}

#[test]
fn a_responder_whose_address_changes_says_so_and_the_initiator_moves() {
    let mut pair = mobile(&[HOME], &[GATEWAY]).up();
    pair.responder.env.addresses = addresses(&[SECOND_GATEWAY]);
    let now = pair.now;
    pair.responder.feed(Input::Command(Command::CheckPath), now);
    pair.settle();
    agree(&pair, path(HOME, SECOND_GATEWAY));
}

#[test]
fn who_decides_stays_the_same_when_the_ike_sa_is_rekeyed() {
    let mut pair = mobile(&[HOME], &[GATEWAY]).up();
    let now = pair.now;
    pair.responder.feed(Input::Command(Command::Rekey), now);
    pair.settle();
    assert!(
        pair.responder
            .has_event(|event| matches!(event, Event::IkeRekeyed(_)))
    );
    roam(&mut pair, &[ABROAD]);
    pair.settle();
    agree(&pair, path(ABROAD, GATEWAY));
}

/// The initiator's messages pass a translator that gives them this port.
fn translate(pair: &mut Pair, port: u16) {
    for _ in 0..20 {
        for (mut path, data) in std::mem::take(&mut pair.initiator.sent) {
            path.local = SocketAddr::new(ABROAD.parse().expect("a literal"), port);
            if data != [0xff] {
                pair.reach_responder(path, &data);
            }
        }
        for (mut path, data) in std::mem::take(&mut pair.responder.sent) {
            if path.remote.port() == port {
                path.remote = pair.initiator.path.local;
                path.remote.set_port(4500);
                pair.reach_initiator(path, &data);
            }
        }
    }
}

#[test]
fn a_mapping_that_changes_is_noticed_by_the_next_sign_of_life() {
    let mut pair = mobile(&[HOME], &[GATEWAY]);
    pair.start();
    translate(&mut pair, 10_000);
    assert!(pair.initiator.is_established());
    let now = pair.now;
    pair.initiator.feed(Input::Command(Command::Probe), now);
    translate(&mut pair, 20_000);
    assert_eq!(
        at(&pair.responder).remote.to_string(),
        format!("{ABROAD}:20000")
    );
    assert_eq!(
        pair.responder.installed[0].path.remote,
        at(&pair.responder).remote
    );
    assert_eq!(moves(&pair.responder).len(), 1);
}

#[test]
fn packets_from_elsewhere_are_believed_once_the_peer_answers_there() {
    let mut pair = mobile(&[HOME], &[GATEWAY]);
    pair.start();
    translate(&mut pair, 10_000);
    let heard = |pair: &mut Pair, from: &str| {
        let path = Path {
            local: pair.responder.installed[0].path.local,
            remote: from.parse().expect("a literal"),
        };
        let input = Input::PeerMoved {
            inbound_spi: pair.responder.installed[0].inbound_spi,
            path,
        };
        pair.responder.feed(input, pair.now);
        path
    };
    // Somebody sends a stolen packet on: he is asked, and does not answer.
    let before = at(&pair.responder);
    heard(&mut pair, "203.0.113.66:4500");
    assert_eq!(at(&pair.responder), before);
    translate(&mut pair, 10_000);
    assert_eq!(at(&pair.responder), before);
    assert_eq!(moves(&pair.responder), []);
    // The translator has forgotten us.
    pair.now += Duration::from_secs(5);
    let now_at = heard(&mut pair, &format!("{ABROAD}:20000"));
    translate(&mut pair, 20_000);
    assert_eq!(at(&pair.responder), now_at);
    assert_eq!(pair.responder.installed[0].path, now_at);
}

fn status(notify_type: NotifyType, data: Vec<u8>) -> Payload {
    Payload::Notify(Notify {
        protocol: None,
        spi: Vec::new(),
        notify_type,
        data,
    })
}

#[test]
fn a_cookie_that_does_not_come_back_ends_it() {
    let mut pair = reveal(mobile(&[HOME], &[GATEWAY])).up();
    roam(&mut pair, &[ABROAD]);
    let (from, update) = pair.initiator.sent.pop().expect("an update");
    pair.reach_responder(from, &update);
    // The answer, and the question whether the initiator is really there.
    assert_eq!(pair.responder.sent.len(), 2);
    let mut forger = Forger::of(&pair.initiator);
    let cookie = status(NotifyType::COOKIE2, vec![1; 16]);
    let answer = forger.message(ExchangeType::Informational, 0, true, &[cookie]);
    pair.reach_responder(from, &answer);
    pair.settle();
    let cause = CloseCause::Failed(Failure::Protocol("its COOKIE2 is not ours"));
    assert_eq!(pair.responder.closed(), Some(cause));
    assert_eq!(pair.initiator.closed(), Some(CloseCause::PeerDeleted));
}

#[test]
fn a_peer_that_forbids_nats_is_told_of_one() {
    let mut pair = reveal(mobile(&[HOME], &[GATEWAY])).up();
    let mut forger = Forger::of(&pair.initiator);
    let mut sent = addresses(&[HOME, GATEWAY])
        .iter()
        .flat_map(|address| match address {
            IpAddr::V4(address) => address.octets(),
            IpAddr::V6(_) => unreachable!("IPv4 here"),
        })
        .collect::<Vec<u8>>();
    sent.extend([0x11, 0x94, 0x11, 0x94]);
    let payloads = [
        status(NotifyType::UPDATE_SA_ADDRESSES, Vec::new()),
        status(NotifyType::NO_NATS_ALLOWED, sent),
    ];
    let request = forger.request(ExchangeType::Informational, 2, &payloads);
    pair.reach_responder(path(ABROAD, GATEWAY), &request);
    let (_, answer) = pair.responder.sent.pop().expect("an answer");
    let (_, said) = forger.read(&answer);
    let told = |payload: &Payload| {
        matches!(payload, Payload::Notify(notify)
            if notify.notify_type == NotifyType::UNEXPECTED_NAT_DETECTED)
    };
    assert!(said.iter().any(told), "{said:?}");
    assert_eq!(moves(&pair.responder), []);
}

#[test]
fn a_refused_path_is_left() {
    let mut pair = reveal(mobile(&[HOME, ABROAD], &[GATEWAY])).up();
    let mut forger = Forger::of(&pair.responder);
    roam(&mut pair, &[ABROAD, HOME]);
    assert_eq!(at(&pair.initiator), path(ABROAD, GATEWAY));
    pair.initiator.sent.clear();
    let refusal = status(NotifyType::UNACCEPTABLE_ADDRESSES, Vec::new());
    let answer = forger.message(ExchangeType::Informational, 2, true, &[refusal]);
    pair.reach_initiator(path(GATEWAY, ABROAD), &answer);
    assert_eq!(at(&pair.initiator), path(HOME, GATEWAY));
}

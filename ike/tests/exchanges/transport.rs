//! Transport mode: who asks, who agrees, and selectors that a NAT has made wrong.

use std::sync::Arc;

use holdfast_ike::{
    Mode, Path,
    config::SelectorTemplate,
    sa::{Command, Event, Input},
};

use crate::pair::{End, Pair};

/// The end's own address.
const DYNAMIC: SelectorTemplate = SelectorTemplate::Dynamic {
    protocol: 0,
    start_port: 0,
    end_port: u16::MAX,
};

fn host_to_host(initiator: Mode, responder: Mode) -> Pair {
    let mut pair = Pair::new();
    for (end, mode) in [
        (&mut pair.initiator, initiator),
        (&mut pair.responder, responder),
    ] {
        let child = Arc::make_mut(&mut end.connection.children[0]);
        child.mode = mode;
        child.local_ts = vec![DYNAMIC];
        child.remote_ts = vec![DYNAMIC];
    }
    pair
}

fn modes(pair: &Pair) -> [Mode; 2] {
    [&pair.initiator, &pair.responder].map(|end: &End| end.installed[0].mode)
}

#[test]
fn both_ends_want_it() {
    let mut pair = host_to_host(Mode::Transport, Mode::Transport).up();
    assert_eq!(modes(&pair), [Mode::Transport; 2]);
    assert!(
        pair.initiator
            .has_event(|event| matches!(event, Event::ChildUp(up) if up.mode == Mode::Transport))
    );
    // And it stays.
    let child = pair.responder.installed[0].inbound_spi;
    pair.responder
        .feed(Input::Command(Command::RekeyChild(child)), pair.now);
    pair.settle();
    let rekeyed = pair.responder.installed.last().expect("a new one");
    assert_ne!(rekeyed.inbound_spi, child);
    assert_eq!(rekeyed.mode, Mode::Transport);
}

#[test]
fn whoever_does_not_agree_gets_a_tunnel() {
    for (initiator, responder) in [
        (Mode::Transport, Mode::Tunnel),
        (Mode::Tunnel, Mode::Transport),
    ] {
        let pair = host_to_host(initiator, responder).up();
        assert_eq!(modes(&pair), [Mode::Tunnel; 2]);
        assert_eq!(
            pair.initiator.installed[0].local_ts,
            pair.responder.installed[0].remote_ts
        );
    }
}

/// RFC 7296 section 2.23.1: both ends are behind NATs.
#[test]
fn selectors_are_translated() {
    let mut pair = host_to_host(Mode::Transport, Mode::Transport);
    let home: Path = pair.initiator.path;
    let there = pair.responder.path.local;
    let outside = "203.0.113.7:40000".parse().expect("a literal");
    // The responder believes to have another address than the initiator calls.
    let behind = std::net::SocketAddr::new("10.9.9.9".parse().expect("a literal"), there.port());
    pair.start();
    for _ in 0..10 {
        let requests = std::mem::take(&mut pair.initiator.sent);
        let responses = std::mem::take(&mut pair.responder.sent);
        for (path, data) in requests {
            let port = |address: std::net::SocketAddr, like: std::net::SocketAddr| {
                std::net::SocketAddr::new(address.ip(), like.port())
            };
            // `reach_responder` exchanges the two.
            let seen = Path {
                local: outside,
                remote: port(behind, path.remote),
            };
            pair.reach_responder(seen, &data);
        }
        for (path, data) in responses {
            let seen = Path {
                local: std::net::SocketAddr::new(there.ip(), path.local.port()),
                remote: std::net::SocketAddr::new(home.local.ip(), path.local.port()),
            };
            pair.reach_initiator(seen, &data);
        }
    }
    assert_eq!(modes(&pair), [Mode::Transport; 2]);
    let of = |end: &End| {
        let child = &end.installed[0];
        [child.local_ts[0].start, child.remote_ts[0].start]
    };
    assert_eq!(of(&pair.initiator), [home.local.ip(), there.ip()]);
    assert_eq!(of(&pair.responder), [behind.ip(), outside.ip()]);
}

//! Maintenance, the packet budget and signs of life, seen from one connection.

use super::{super::*, desk::*};
use crate::{
    store::{Connections, Maintenance},
    supervisor::connection::status::State,
};
use holdfast_ike::sa::CloseCause;

fn begin(desk: &mut Desk) {
    let maintenance = Maintenance::begin(Some("new line"));
    desk.with(|connection, world, actions| {
        connection.begin_maintenance(maintenance, world, actions);
    });
}

#[test]
fn maintenance_outlasts_reloads_and_traffic_until_it_is_ended() {
    let trapped = ("net", "start_action = \"trap\"");
    let mut desk = Desk::new(PERSISTENT, &[trapped]);
    desk.reconcile();
    let id = desk.attempt();
    begin(&mut desk);
    desk.close(id, CloseCause::Terminated);
    assert_eq!(desk.state(), State::Maintenance);
    assert!(desk.reason().contains("new line"));
    desk.configure(&format!("{PERSISTENT}\nencap = true"), &[NET]);
    desk.configure(PERSISTENT, &[trapped]);
    desk.with(|connection, world, actions| {
        connection.acquire(&"net".into(), world, actions);
    });
    desk.wait(Duration::from_secs(3600));
    assert_eq!((desk.begun(), desk.state()), (1, State::Maintenance));
    assert!(desk.connection.kept_down().is_some());
    assert!(desk.with(Supervised::end_maintenance));
    assert_eq!((desk.begun(), desk.state()), (2, State::Connecting));
    assert!(!desk.with(Supervised::end_maintenance));
}

#[test]
fn what_is_remembered_holds_from_the_start() {
    let mut desk = Desk::new(
        "persistent = true\nremote_addrs = [\"192.0.2.2\", \"192.0.2.3\"]",
        &[NET],
    );
    let mut remembered = Connections {
        maintenance: [("paris".into(), Maintenance::begin(None))].into(),
        addresses: [("paris".into(), "192.0.2.3".parse().unwrap())].into(),
        histories: BTreeMap::new(),
    };
    desk.connection.remember(&mut remembered);
    desk.reconcile();
    assert_eq!((desk.begun(), desk.state()), (0, State::Maintenance));
    assert!(desk.with(Supervised::end_maintenance));
    // The address that worked last comes first.
    assert!(matches!(
        desk.log.iter().find(|action| matches!(action, Action::Begin { .. })),
        Some(Action::Begin { remote, .. }) if remote.to_string() == "192.0.2.3"
    ));
}

/// One attempt that nobody answers.
fn fail(desk: &mut Desk, retransmissions: u32) {
    let id = desk.attempt();
    for attempt in 1..=retransmissions {
        desk.with(|connection, world, actions| {
            connection.retransmitting(id, attempt, world, actions);
        });
    }
    desk.close(id, CloseCause::PeerUnresponsive);
}

#[test]
fn waits_stretch_to_the_packet_budget() {
    let keys = format!("{PERSISTENT}\nreconnect = {{ budget = 24 }}");
    let mut desk = Desk::new(&keys, &[NET]);
    desk.reconcile();
    let start = desk.now;
    let hours: u32 = 5;
    while desk.now < start + Duration::from_secs(3600 * u64::from(hours)) {
        if desk.state() == State::Connecting {
            fail(&mut desk, 5);
        }
        desk.wait(Duration::from_secs(1));
    }
    // Six packets each: two attempts from what is saved up, then two an hour.
    let expected = 2 + 2 * hours as usize;
    assert!(desk.begun().abs_diff(expected) <= 1, "{}", desk.begun());
    // An operator is obeyed.
    if desk.state() == State::Connecting {
        fail(&mut desk, 5);
    }
    let before = desk.begun();
    desk.initiate(&Goal::IkeSa);
    assert_eq!(desk.begun(), before + 1);
}

#[test]
fn a_peer_that_answers_others_is_asked_again_shortly() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let id = desk.attempt();
    let peer_answers = |desk: &mut Desk| {
        desk.with(|connection, world, _| connection.peer_answers(world));
    };
    peer_answers(&mut desk);
    desk.wait(Duration::from_secs(1));
    assert_eq!(desk.ordered("CheckPath"), 0, "it may just be on its way");
    desk.registry.get_mut(id).unwrap().retransmissions = 1;
    // However many others come up.
    for _ in 0..10 {
        peer_answers(&mut desk);
    }
    desk.wait(Duration::from_secs(1));
    assert_eq!(desk.ordered("CheckPath"), 1);
    // Once in a while, should it be lost.
    peer_answers(&mut desk);
    desk.wait(Duration::from_secs(1));
    assert_eq!(desk.ordered("CheckPath"), 1);
    desk.wait(Duration::from_secs(3));
    assert_eq!(desk.ordered("CheckPath"), 2);
    // An answer ends it, and the attempt was the same all the time.
    peer_answers(&mut desk);
    desk.registry.get_mut(id).unwrap().retransmissions = 0;
    desk.wait(Duration::from_secs(10));
    assert_eq!((desk.ordered("CheckPath"), desk.begun()), (2, 1));
}

#[test]
fn a_scout_asks_a_silent_peer_at_once() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let id = desk.attempt();
    assert_eq!(desk.connection.silent_peer(&desk.registry), None);
    desk.registry.get_mut(id).unwrap().retransmissions = 2;
    let peer = desk.registry.get(id).unwrap().path.remote.ip();
    assert_eq!(desk.connection.silent_peer(&desk.registry), Some(peer));
    desk.with(Supervised::ask_again);
    assert_eq!((desk.ordered("CheckPath"), desk.begun()), (1, 1));
    desk.establish(id);
    assert_eq!(desk.connection.silent_peer(&desk.registry), None);
}

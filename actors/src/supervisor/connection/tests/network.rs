//! News of our own addresses and routes.

use std::time::Duration;

use holdfast_ike::sa::{CloseCause, Command, Failure};

use super::{
    super::{Action, status::State},
    desk::{Desk, NET, PERSISTENT},
};
use crate::supervisor::policy::EndCause;

impl Desk {
    fn network_changed(&mut self, stranded: bool) {
        self.with(|connection, world, actions| {
            connection.network_changed(stranded, Duration::ZERO, world, actions);
        });
    }

    fn not_begun(&mut self) {
        self.with(|connection, world, actions| {
            connection.not_begun(EndCause::NoRoute, world, actions);
        });
    }
}

#[test]
fn a_wait_ends_when_the_network_changes_but_not_with_each_change() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let id = desk.attempt();
    desk.close(id, CloseCause::PeerUnresponsive);
    assert_eq!(desk.state(), State::Waiting);
    assert!(desk.connection.awaits_network());
    desk.network_changed(false);
    assert_eq!((desk.state(), desk.begun()), (State::Connecting, 2));
    // Again at once: the next wait is no longer than the shortest one.
    let id = desk.attempt();
    desk.close(id, CloseCause::PeerUnresponsive);
    desk.network_changed(false);
    assert_eq!(desk.state(), State::Waiting);
    let wait = desk.connection.deadline().unwrap() - desk.now;
    assert!(wait <= Duration::from_secs(1), "{wait:?}");
}

#[test]
fn without_a_route_it_waits_for_one() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.not_begun();
    assert_eq!(desk.state(), State::Waiting);
    desk.network_changed(false);
    assert_eq!(desk.state(), State::Connecting);
}

#[test]
fn an_attempt_from_an_address_that_is_gone_begins_anew_at_once() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let id = desk.attempt();
    assert_eq!(desk.connection.connecting(), Some(id));
    desk.network_changed(true);
    assert_eq!(desk.ordered("Abandon"), 1);
    desk.close(id, CloseCause::PeerUnresponsive);
    assert_eq!((desk.state(), desk.begun()), (State::Connecting, 2));
    // One that is not affected is only reminded.
    desk.network_changed(false);
    let last = desk.log.last();
    assert!(matches!(
        last,
        Some(Action::Command {
            command: Command::CheckPath,
            ..
        })
    ));
    let id = desk.attempt();
    desk.close(id, CloseCause::PeerUnresponsive);
    assert_eq!(desk.state(), State::Waiting, "as ever");
}

#[test]
fn of_many_attempts_each_repeats_its_request_at_a_time_of_its_own() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let spread = Duration::from_secs(5);
    desk.with(|connection, world, actions| {
        connection.network_changed(false, spread, world, actions);
    });
    assert_eq!(desk.ordered("CheckPath"), 0);
    // The desk's chance is one half.
    let wait = desk.connection.deadline().unwrap() - desk.now;
    assert_eq!(wait, spread / 2);
    desk.wait(wait);
    assert_eq!((desk.ordered("CheckPath"), desk.begun()), (1, 1));
    desk.wait(spread);
    assert_eq!(desk.ordered("CheckPath"), 1);
}

#[test]
fn a_peer_that_refuses_us_is_not_bothered() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let id = desk.attempt();
    desk.close(id, CloseCause::Failed(Failure::AuthenticationRefused));
    assert!(!desk.connection.awaits_network());
    desk.network_changed(false);
    assert_eq!((desk.state(), desk.begun()), (State::Waiting, 1));
}

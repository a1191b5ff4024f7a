//! The peer's name gets other addresses, seen from one connection.

use super::{super::*, desk::*};
use crate::supervisor::{connection::status::State, registry::tests::path};

const NAMED: &str = "persistent = true\nremote_addrs = [\"gw.example\"]";

fn addresses(names: &[&str]) -> Vec<IpAddr> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// Answers the look-up that was asked for last.
fn answer(desk: &mut Desk, names: &[&str]) {
    let ticket = desk.log.iter().rev().find_map(|action| match action {
        Action::Resolve { ticket, .. } => Some(*ticket),
        _ => None,
    });
    let ticket = ticket.expect("a look-up");
    let found = addresses(names);
    desk.with(|connection, world, actions| connection.resolved(ticket, found, world, actions));
}

fn lookups(desk: &Desk) -> usize {
    let resolve = |action: &&Action| matches!(action, Action::Resolve { .. });
    desk.log.iter().filter(resolve).count()
}

/// Lets time pass until names are looked up again.
fn until_lookup(desk: &mut Desk) {
    let before = lookups(desk);
    for _ in 0..120 {
        desk.now += Duration::from_secs(1);
        desk.reconcile();
        if lookups(desk) > before {
            return;
        }
    }
    panic!("names are not looked up again");
}

fn named() -> Desk {
    let mut desk = Desk::new(NAMED, &[NET]);
    desk.reconcile();
    // The address that the desk's IKE_SAs go to.
    answer(&mut desk, &[&path().remote.ip().to_string()]);
    desk
}

#[test]
fn an_attempt_at_an_address_that_is_gone_begins_anew_at_once() {
    let mut desk = named();
    assert_eq!(desk.begun(), 1);
    until_lookup(&mut desk);
    answer(&mut desk, &[&path().remote.ip().to_string()]);
    assert_eq!(desk.ordered("Abandon"), 0, "nothing has changed");
    until_lookup(&mut desk);
    answer(&mut desk, &[]);
    assert_eq!(desk.ordered("Abandon"), 0, "no answer is no news");
    until_lookup(&mut desk);
    answer(&mut desk, &["192.0.2.99"]);
    assert_eq!(desk.ordered("Abandon"), 1);
    let id = desk.attempt();
    desk.close(id, holdfast_ike::sa::CloseCause::PeerUnresponsive);
    answer(&mut desk, &["192.0.2.99"]);
    assert_eq!((desk.begun(), desk.state()), (2, State::Connecting));
}

#[test]
fn a_living_ike_sa_is_left_alone_and_still_watched() {
    let mut desk = named();
    let id = desk.attempt();
    desk.establish(id);
    let before = desk.log.len();
    until_lookup(&mut desk);
    answer(&mut desk, &["192.0.2.99"]);
    let orders = desk.log[before..].iter();
    let commands = orders.filter(|action| matches!(action, Action::Command { .. }));
    // Only the children are asked for.
    assert!(
        commands
            .filter(|action| !format!("{action:?}").contains("Initiate"))
            .count()
            == 0
    );
    assert_eq!(desk.begun(), 1);
}

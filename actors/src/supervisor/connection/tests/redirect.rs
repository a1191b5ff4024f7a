//! Gateways that send us to other ones.

use std::time::Duration;

use holdfast_ike::sa::{CloseCause, redirect::Gateway};

use super::{
    super::{Action, status::State},
    desk::{Desk, NET, PERSISTENT},
};
use crate::handle::IkeSaId;

impl Desk {
    fn redirect(&mut self, id: IkeSaId, to: &str) {
        let to: Gateway = to.parse().unwrap();
        self.with(|connection, world, actions| connection.redirected(id, to, world, actions));
    }

    /// Redirected before it is established.
    fn send_away(&mut self, id: IkeSaId, to: &str) {
        self.redirect(id, to);
        self.close(id, CloseCause::Redirected);
    }

    /// Where attempts went, and who had sent us there.
    fn destinations(&self) -> Vec<String> {
        let destination = |action: &Action| match action {
            Action::Begin {
                remote,
                redirected_from: Some(from),
                ..
            } => Some(format!("{remote} from {from}")),
            Action::Begin { remote, .. } => Some(remote.to_string()),
            Action::Resolve { names, .. } => Some(names.join(" ")),
            _ => None,
        };
        self.log.iter().filter_map(destination).collect()
    }
}

#[test]
fn a_redirected_attempt_goes_on_at_the_other_gateway_at_once() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let id = desk.attempt();
    desk.send_away(id, "198.51.100.7");
    assert_eq!(
        desk.destinations(),
        ["192.0.2.2", "198.51.100.7 from 192.0.2.2"]
    );
    let id = desk.attempt();
    desk.establish(id);
    desk.child_up(id, "net");
    assert_eq!(desk.state(), State::Up);
    // With that gateway the redirect is gone.
    desk.wait(Duration::from_secs(120));
    desk.close(id, CloseCause::PeerUnresponsive);
    assert_eq!(desk.destinations()[2..], ["192.0.2.2"]);
}

#[test]
fn a_gateway_that_is_not_there_leads_back_to_the_configured_one() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let id = desk.attempt();
    desk.send_away(id, "198.51.100.7");
    let id = desk.attempt();
    desk.with(|connection, world, actions| connection.retransmitting(id, 2, world, actions));
    assert_eq!(desk.ordered("Abandon"), 1, "not for as long as it takes");
    desk.close(id, CloseCause::PeerUnresponsive);
    assert_eq!(desk.destinations()[2..], ["192.0.2.2"]);
}

#[test]
fn an_established_ike_sa_moves_make_before_break() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let old = desk.bring_up();
    desk.redirect(old, "198.51.100.7");
    assert_eq!(desk.destinations()[1..], ["198.51.100.7 from 192.0.2.2"]);
    assert_eq!(desk.ordered("Terminate"), 0);
    let new = desk.attempt();
    desk.establish(new);
    assert_eq!(desk.ordered("Terminate"), 0, "the child is not there yet");
    desk.child_up(new, "net");
    assert_eq!(desk.ordered("Terminate"), 0, "packets may be on their way");
    desk.wait(Duration::from_secs(10));
    assert_eq!(desk.ordered("Terminate"), 1);
    desk.close(old, CloseCause::Terminated);
    assert_eq!(desk.state(), State::Up);
}

#[test]
fn an_established_ike_sa_stays_where_the_other_gateway_is_not_there() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let old = desk.bring_up();
    desk.redirect(old, "198.51.100.7");
    let new = desk.attempt();
    desk.close(new, CloseCause::PeerUnresponsive);
    assert_eq!((desk.state(), desk.begun()), (State::Up, 2));
    assert_eq!(desk.ordered("Terminate"), 0);
}

#[test]
fn names_are_looked_up() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let id = desk.attempt();
    desk.send_away(id, "gw2.example");
    assert_eq!(desk.destinations()[1..], ["gw2.example"]);
    let address = "198.51.100.9".parse().unwrap();
    desk.with(|connection, world, actions| {
        connection.resolved(1, vec![address], world, actions);
    });
    assert_eq!(desk.destinations()[2..], ["198.51.100.9 from 192.0.2.2"]);
    assert!(desk.connection.resolved_addresses().is_empty(), "not ours");
}

#[test]
fn gateways_that_send_us_in_circles_are_left_after_five_redirects() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    for round in 0..5 {
        let id = desk.attempt();
        desk.send_away(id, &format!("198.51.100.{}", 1 + round));
    }
    assert_eq!(desk.begun(), 6);
    let id = desk.attempt();
    desk.send_away(id, "198.51.100.9");
    assert_eq!((desk.begun(), desk.state()), (6, State::Waiting));
    desk.wait(Duration::from_secs(301));
    assert_eq!(desk.destinations()[6..], ["192.0.2.2"], "back, and again");
    let id = desk.attempt();
    desk.send_away(id, "198.51.100.9");
    assert_eq!(desk.begun(), 8);
}

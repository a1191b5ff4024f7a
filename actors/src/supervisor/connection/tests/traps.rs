//! Traffic that brings children up.

use super::*;

const TRAP: (&str, &str) = ("net", "start_action = \"trap\"");

impl Desk {
    fn acquire(&mut self) {
        let child = "net".into();
        self.with(|connection, world, actions| connection.acquire(&child, world, actions));
    }

    /// Actions about traps, and no others, since the last call.
    fn trapping(&mut self) -> Vec<&'static str> {
        let log = std::mem::take(&mut self.log);
        let kinds = log.iter().filter_map(|action| match action {
            Action::Trap(_) => Some("trap"),
            Action::Untrap(_) => Some("untrap"),
            Action::Refuse(_) => Some("refuse"),
            _ => None,
        });
        kinds.collect()
    }

    fn child_state(&self) -> State {
        self.connection.status(&self.registry).children[0].state
    }
}

#[test]
fn nothing_happens_before_traffic_comes_and_then_once() {
    let mut desk = Desk::new(ASKED, &[TRAP]);
    desk.reconcile();
    desk.reconcile();
    assert_eq!(desk.trapping(), ["trap"]);
    assert_eq!(
        (desk.state(), desk.child_state()),
        (State::Idle, State::Trapped)
    );
    assert_eq!(desk.reason(), "waiting for traffic");
    for _ in 0..100 {
        desk.acquire();
    }
    let id = desk.attempt();
    desk.establish(id);
    desk.child_up(id, "net");
    desk.acquire();
    assert_eq!(desk.begun(), 1);
    assert_eq!((desk.state(), desk.child_state()), (State::Up, State::Up));
    assert_eq!(desk.trapping(), Vec::<&str>::new());
}

#[test]
fn it_comes_back_on_traffic_after_whatever_took_it_down() {
    let mut desk = Desk::new(ASKED, &[TRAP]);
    desk.reconcile();
    for round in 1..=3 {
        desk.acquire();
        let id = desk.attempt();
        desk.establish(id);
        desk.child_up(id, "net");
        if round == 2 {
            desk.with(Supervised::withdraw);
        }
        desk.close(id, CloseCause::Terminated);
        desk.wait(Duration::from_secs(600));
        assert_eq!((desk.begun(), desk.child_state()), (round, State::Trapped));
    }
    assert_eq!(desk.trapping(), ["trap"], "it never went");
}

#[test]
fn a_failed_attempt_frees_what_waits_and_traffic_does_not_hammer() {
    for (cause, slow) in [
        (CloseCause::PeerUnresponsive, false),
        (CloseCause::Failed(Failure::AuthenticationRefused), true),
    ] {
        let mut desk = Desk::new(ASKED, &[TRAP]);
        desk.reconcile();
        desk.acquire();
        let id = desk.attempt();
        desk.trapping();
        desk.close(id, cause);
        assert_eq!(desk.trapping(), ["refuse"]);
        assert_eq!(desk.state(), State::Idle, "nobody sends any more");
        // One hit may cut a short rest, the others wait.
        let mut begun = 0;
        for _ in 0..100 {
            desk.acquire();
            if let Phase::Connecting { id } = desk.connection.phase {
                begun += 1;
                desk.close(id, cause);
            }
        }
        assert_eq!(begun, usize::from(!slow), "{cause:?}");
        assert_eq!(desk.state(), State::Waiting);
        let wait = desk.connection.deadline().unwrap() - desk.now;
        assert_eq!(wait >= Duration::from_secs(30), slow, "{wait:?}");
        desk.wait(wait);
        assert_eq!(desk.state(), State::Connecting, "the hits are remembered");
    }
}

#[test]
fn a_hit_during_an_attempt_that_fails_is_served_by_the_next() {
    let mut desk = Desk::new(ASKED, &[TRAP]);
    desk.reconcile();
    desk.acquire();
    let first = desk.attempt();
    desk.wait(Duration::from_secs(3));
    desk.acquire();
    assert_eq!(desk.attempt(), first);
    desk.close(first, CloseCause::PeerUnresponsive);
    assert_eq!(desk.state(), State::Waiting);
    desk.wait(Duration::from_secs(2));
    let second = desk.attempt();
    assert_ne!(first, second);
    // Nobody came during this one: then it is over.
    desk.close(second, CloseCause::PeerUnresponsive);
    desk.wait(Duration::from_secs(600));
    assert_eq!((desk.begun(), desk.state()), (2, State::Idle));
}

#[test]
fn a_child_that_fails_on_its_ike_sa_is_tried_again_on_traffic() {
    let mut desk = Desk::new(ASKED, &[TRAP]);
    desk.reconcile();
    desk.acquire();
    let id = desk.attempt();
    desk.establish(id);
    desk.acquire();
    desk.trapping();
    desk.child_failed("net", Failure::TemporaryFailure);
    assert_eq!(desk.trapping(), ["refuse"]);
    desk.wait(Duration::from_secs(1));
    assert_eq!(desk.ordered("Initiate"), 1, "it was hit meanwhile");
    desk.child_failed("net", Failure::TemporaryFailure);
    desk.wait(Duration::from_secs(600));
    assert_eq!(desk.ordered("Initiate"), 1, "and then no more");
    desk.acquire();
    assert_eq!(desk.ordered("Initiate"), 2);
}

#[test]
fn a_persistent_connection_keeps_its_ike_sa_and_waits_with_the_child() {
    let mut desk = Desk::new(PERSISTENT, &[TRAP]);
    desk.reconcile();
    let id = desk.attempt();
    desk.establish(id);
    assert_eq!(
        (desk.state(), desk.child_state()),
        (State::Up, State::Trapped)
    );
    assert_eq!(desk.ordered("Initiate"), 0);
    desk.acquire();
    desk.acquire();
    assert_eq!(desk.ordered("Initiate"), 1);
    desk.child_up(id, "net");
    assert_eq!((desk.child_state(), desk.begun()), (State::Up, 1));
    desk.wait(Duration::from_secs(120));
    desk.child_down(id, ChildDownCause::PeerDeleted);
    assert_eq!(desk.child_state(), State::Trapped);
}

#[test]
fn traffic_cuts_the_wait_of_a_persistent_connection_within_the_rate() {
    let mut desk = Desk::new(PERSISTENT, &[TRAP]);
    desk.reconcile();
    let id = desk.attempt();
    desk.close(id, CloseCause::PeerUnresponsive);
    assert_eq!(desk.state(), State::Waiting);
    desk.acquire();
    let id = desk.attempt();
    desk.close(id, CloseCause::PeerUnresponsive);
    for _ in 0..100 {
        desk.acquire();
    }
    assert_eq!((desk.begun(), desk.state()), (2, State::Waiting));
}

#[test]
fn actions_set_traps_when_they_happen() {
    for (keys, cause) in [
        ("dpd_action = \"trap\"", CloseCause::PeerUnresponsive),
        ("close_action = \"trap\"", CloseCause::PeerDeleted),
    ] {
        let mut desk = Desk::new(ASKED, &[("net", keys)]);
        desk.initiate(&net());
        let id = desk.bring_up();
        assert_eq!(desk.trapping(), Vec::<&str>::new());
        desk.close(id, cause);
        assert_eq!(desk.trapping(), ["trap"], "{keys}");
        assert_eq!(desk.child_state(), State::Trapped);
        desk.acquire();
        assert_eq!(desk.begun(), 1);
    }
    let mut desk = Desk::new(ASKED, &[("net", "close_action = \"trap\"")]);
    desk.initiate(&net());
    let id = desk.bring_up();
    desk.child_down(id, ChildDownCause::PeerDeleted);
    assert_eq!(desk.trapping(), ["trap"]);
}

#[test]
fn traps_follow_the_configuration_and_operators() {
    let mut desk = Desk::new(ASKED, &[NET]);
    desk.reconcile();
    assert_eq!(desk.trapping(), Vec::<&str>::new());
    desk.configure(ASKED, &[TRAP]);
    assert_eq!(desk.trapping(), ["trap"]);
    // Another peer: the trap is renewed, never gone.
    desk.configure("remote_addrs = [\"192.0.2.3\"]", &[TRAP]);
    assert_eq!(desk.trapping(), ["trap"]);
    // An operator's word outlives a reload that does not concern it.
    let name: Arc<str> = "net".into();
    assert!(desk.connection.unwant_trap(&name));
    assert!(!desk.connection.unwant_trap(&name));
    desk.reconcile();
    assert_eq!(desk.trapping(), ["untrap"]);
    desk.configure(
        "remote_addrs = [\"192.0.2.3\"]\ndpd_delay = \"7s\"",
        &[TRAP],
    );
    assert_eq!(desk.trapping(), Vec::<&str>::new());
    desk.acquire();
    assert_eq!(desk.begun(), 0, "too late");
    desk.connection.want_trap(&name);
    desk.reconcile();
    assert_eq!(desk.trapping(), ["trap"]);
    desk.configure("remote_addrs = [\"192.0.2.3\"]", &[NET]);
    assert_eq!(desk.trapping(), ["untrap"]);
    let mut desk = Desk::new(ASKED, &[TRAP]);
    desk.reconcile();
    desk.with(Supervised::retire);
    assert_eq!(desk.trapping(), ["trap", "untrap"]);
}

//! What a new configuration does to a connection that runs.

use super::{super::configure::Change, *};

const STARTED: (&str, &str) = ("net", "start_action = \"start\"");
const BY_HAND: (&str, &str) = ("net", "start_action = \"none\"");
const LAB: (&str, &str) = ("lab", "start_action = \"start\"");

#[test]
fn the_same_again_touches_nothing() {
    for (keys, child) in [(PERSISTENT, NET), (ASKED, STARTED)] {
        let mut desk = Desk::new(keys, &[child]);
        desk.bring_up();
        let before = desk.log.len();
        assert_eq!(desk.configure(keys, &[child]), Change::None);
        assert_eq!((desk.log.len(), desk.state()), (before, State::Up));
    }
}

#[test]
fn a_child_more_comes_up_on_the_ike_sa_that_is_there() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let id = desk.bring_up();
    assert_eq!(desk.configure(PERSISTENT, &[NET, LAB]), Change::Updated);
    assert_eq!((desk.begun(), desk.ordered("Terminate")), (1, 0));
    assert_eq!(
        (desk.ordered("Configure"), desk.ordered("Initiate")),
        (1, 1)
    );
    desk.child_up(id, "lab");
    assert_eq!(desk.state(), State::Up);
}

#[test]
fn a_changed_child_is_replaced_and_its_neighbour_left_alone() {
    let mut desk = Desk::new(PERSISTENT, &[NET, LAB]);
    let id = desk.bring_up();
    desk.child_up(id, "lab");
    let changed = ("net", "replay_window = 64");
    assert_eq!(desk.configure(PERSISTENT, &[changed, LAB]), Change::Updated);
    assert_eq!((desk.ordered("TerminateChild"), desk.begun()), (1, 1));
    let asked = desk.ordered("Initiate");
    // The new one waits for the end of the old one, which the core would take it for.
    desk.child_down(id, ChildDownCause::Terminated);
    assert_eq!(desk.ordered("Initiate"), asked + 1);
    desk.child_up(id, "net");
    assert_eq!(desk.state(), State::Up);
}

#[test]
fn a_child_that_is_gone_goes() {
    let mut desk = Desk::new(ASKED, &[STARTED, LAB]);
    let id = desk.bring_up();
    desk.child_up(id, "lab");
    let waiter = desk.initiate(&Goal::Child("lab".into()));
    assert!(waiter.is_none(), "it is up");
    assert_eq!(desk.configure(ASKED, &[STARTED]), Change::Updated);
    assert_eq!(desk.ordered("TerminateChild"), 1);
    desk.reconcile();
    assert_eq!(desk.begun(), 1);
}

#[test]
fn who_waits_for_a_child_that_is_unloaded_is_told() {
    let mut desk = Desk::new(ASKED, &[STARTED, LAB]);
    let waiter = desk.initiate(&Goal::Child("lab".into())).unwrap();
    desk.configure(ASKED, &[STARTED]);
    assert!(matches!(&*waiter.borrow(), Progress::Failed(text) if text.contains("unloaded")));
}

#[test]
fn another_peer_means_another_ike_sa() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let old = desk.bring_up();
    let elsewhere = "persistent = true\nremote_addrs = [\"192.0.2.3\"]";
    assert_eq!(desk.configure(elsewhere, &[NET]), Change::Replaced);
    assert_eq!((desk.ordered("Terminate"), desk.begun()), (1, 2));
    let new = desk.attempt();
    desk.close(old, CloseCause::Terminated);
    desk.establish(new);
    desk.child_up(new, "net");
    assert_eq!((desk.state(), desk.begun()), (State::Up, 2));
}

#[test]
fn timers_and_policy_change_under_a_running_ike_sa() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.bring_up();
    let keys = format!("{PERSISTENT}\ndpd_delay = \"7s\"\nreconnect = {{ max = \"5s\" }}");
    assert_eq!(desk.configure(&keys, &[NET]), Change::Updated);
    assert_eq!((desk.ordered("Terminate"), desk.begun()), (0, 1));
    assert_eq!(desk.state(), State::Up);
}

#[test]
fn becoming_persistent_and_ceasing_to_be_drops_nothing() {
    let mut desk = Desk::new(ASKED, &[STARTED]);
    let id = desk.bring_up();
    assert_eq!(desk.configure(PERSISTENT, &[STARTED]), Change::Updated);
    desk.wait(Duration::from_secs(120));
    desk.close(id, CloseCause::PeerDeleted);
    let id = desk.attempt();
    desk.establish(id);
    desk.child_up(id, "net");
    desk.configure(ASKED, &[STARTED]);
    assert_eq!(desk.ordered("Terminate"), 0);
    desk.close(id, CloseCause::PeerDeleted);
    assert_eq!((desk.begun(), desk.state()), (2, State::Idle));
}

#[test]
fn what_an_operator_took_down_stays_down() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let id = desk.bring_up();
    desk.with(Supervised::withdraw);
    desk.close(id, CloseCause::Terminated);
    desk.configure(PERSISTENT, &[NET, LAB]);
    let elsewhere = "persistent = true\nremote_addrs = [\"192.0.2.3\"]";
    desk.configure(elsewhere, &[NET, LAB]);
    assert_eq!((desk.begun(), desk.state()), (1, State::Disabled));
    assert!(desk.initiate(&net()).is_some());
    assert_eq!(desk.begun(), 2);
}

#[test]
fn unloading_closes_what_the_configuration_started_and_nothing_else() {
    for (child, closed) in [(STARTED, 1), (BY_HAND, 0)] {
        let mut desk = Desk::new(ASKED, &[child]);
        desk.initiate(&net());
        let id = desk.attempt();
        desk.establish(id);
        desk.child_up(id, "net");
        desk.with(Supervised::retire);
        assert_eq!(desk.ordered("Terminate"), closed, "{child:?}");
    }
}

//! What a connection does when things happen to it.

mod configure;
mod desk;
mod maintenance;
mod names;
mod network;
mod redirect;
mod traps;

use self::desk::{ASKED, Desk, NET, PERSISTENT, connection, net};
use holdfast_ike::sa::{ChildDownCause, CloseCause, Failure, Role};

use super::{status::State, *};
use crate::supervisor::{attempt::Progress, policy::EndCause, registry::tests::path};

#[test]
fn a_persistent_connection_starts_by_itself_and_comes_back_by_itself() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let id = desk.bring_up();
    assert_eq!(desk.state(), State::Up);
    assert_eq!((desk.begun(), desk.reason().as_str()), (1, ""));

    desk.wait(Duration::from_secs(120));
    desk.close(id, CloseCause::PeerUnresponsive);
    let second = desk.attempt();
    assert_eq!(desk.state(), State::Connecting);
    assert!(desk.reason().contains("does not answer"));

    desk.close(second, CloseCause::PeerUnresponsive);
    assert_eq!(desk.state(), State::Waiting);
    let wait = desk.connection.deadline().unwrap() - desk.now;
    assert_eq!(wait, Duration::from_millis(500));
    desk.wait(wait);
    let third = desk.attempt();
    desk.establish(third);
    desk.child_up(third, "net");
    assert_eq!(desk.state(), State::Up);
    assert_eq!(desk.begun(), 3);
}

#[test]
fn ten_thousand_initiates_are_one_attempt() {
    for keys in [ASKED, PERSISTENT] {
        let mut desk = Desk::new(keys, &[NET]);
        let waiters: Vec<_> = (0..10_000).map(|_| desk.initiate(&net())).collect();
        assert_eq!((desk.begun(), desk.log.len()), (1, 1), "{keys}");
        let last = waiters.into_iter().next_back().flatten().unwrap();
        let id = desk.attempt();
        desk.establish(id);
        assert!(matches!(*last.borrow(), Progress::Pending(_)));
        desk.child_up(id, "net");
        assert!(matches!(*last.borrow(), Progress::Up(_)));
        assert!(desk.initiate(&net()).is_none(), "it is up already");
        assert!(desk.initiate(&Goal::IkeSa).is_none());
        assert_eq!(desk.log.len(), 1, "nothing was ordered for it");
    }
}

#[test]
fn authentication_failures_wait_long_and_tell_why() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let waiter = desk.initiate(&net()).unwrap();
    let id = desk.attempt();
    desk.close(id, CloseCause::Failed(Failure::AuthenticationRefused));
    assert!(
        matches!(&*waiter.borrow(), Progress::Failed(text) if text.contains("compare the secret"))
    );
    let wait = desk.connection.deadline().unwrap() - desk.now;
    assert_eq!(wait, Duration::from_secs(45));
    assert_eq!(desk.state(), State::Waiting);
    // The peer's signs of life do not bring us back sooner, an operator does, once a second.
    desk.with(|connection, world, _| connection.peer_seen(world));
    assert_eq!(desk.connection.deadline(), Some(desk.now + wait));
    assert!(desk.initiate(&net()).is_some());
    let id = desk.attempt();
    desk.close(id, CloseCause::Failed(Failure::AuthenticationRefused));
    for _ in 0..100 {
        desk.initiate(&net());
    }
    assert_eq!((desk.begun(), desk.state()), (2, State::Waiting));
}

#[test]
fn keyingtries_counts_rounds_without_an_answer() {
    let keys = format!("{ASKED}\nkeyingtries = 3");
    let mut desk = Desk::new(&keys, &[NET]);
    desk.reconcile();
    assert_eq!((desk.begun(), desk.state()), (0, State::Idle));
    let waiter = desk.initiate(&net()).unwrap();
    for round in 1..=3 {
        assert!(matches!(*waiter.borrow(), Progress::Pending(_)), "{round}");
        let id = desk.attempt();
        desk.close(id, CloseCause::PeerUnresponsive);
        desk.wait(Duration::from_secs(60));
    }
    assert!(matches!(*waiter.borrow(), Progress::Failed(_)));
    assert_eq!((desk.begun(), desk.state()), (3, State::Idle));

    // An answer that refuses ends it at once.
    desk.initiate(&net());
    let id = desk.attempt();
    desk.close(id, CloseCause::Failed(Failure::NoProposalChosen));
    desk.wait(Duration::from_secs(600));
    assert_eq!((desk.begun(), desk.state()), (4, State::Idle));
}

#[test]
fn a_child_that_falls_is_brought_back_on_the_same_ike_sa() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let id = desk.bring_up();
    desk.wait(Duration::from_secs(120));
    desk.child_down(id, ChildDownCause::PeerDeleted);
    assert_eq!(desk.ordered("Initiate"), 1);
    desk.child_up(id, "net");
    // A second time right away is flapping: it waits.
    desk.child_down(id, ChildDownCause::PeerDeleted);
    assert_eq!(
        (desk.ordered("Initiate"), desk.state()),
        (1, State::Waiting)
    );
    desk.wait(Duration::from_secs(1));
    assert_eq!((desk.ordered("Initiate"), desk.begun()), (2, 1));
}

#[test]
fn a_refused_child_waits_long_while_its_ike_sa_lives() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let id = desk.attempt();
    let waiter = desk.initiate(&net()).unwrap();
    desk.establish(id);
    desk.child_failed("net", Failure::TsUnacceptable);
    assert!(matches!(*waiter.borrow(), Progress::Failed(_)));
    assert!(desk.reason().contains("traffic selectors"));
    desk.wait(Duration::from_secs(44));
    assert_eq!(desk.ordered("Initiate"), 0);
    desk.wait(Duration::from_secs(2));
    assert_eq!((desk.ordered("Initiate"), desk.begun()), (1, 1));
}

#[test]
fn the_other_children_follow_the_first() {
    let mut desk = Desk::new(
        PERSISTENT,
        &[
            ("net", ""),
            ("voice", ""),
            ("off", "start_action = \"none\""),
        ],
    );
    let id = desk.bring_up();
    assert_eq!(
        (desk.ordered("Initiate"), desk.state()),
        (1, State::Connecting)
    );
    desk.child_up(id, "voice");
    assert_eq!(desk.state(), State::Up);
    assert!(!desk.connection.wants_child("off"));
}

#[test]
fn on_the_peers_ike_sa_the_peer_goes_first() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let reserved = desk.registry.reserve(|| [5; 8]);
    desk.registry.begin(reserved, Role::Responder, path(), None);
    desk.establish(reserved.0);
    assert_eq!(desk.ordered("Initiate"), 0);
    desk.wait(RESPONDER_GRACE);
    assert_eq!((desk.ordered("Initiate"), desk.begun()), (1, 0));
    // The same when both ends lose the child.
    desk.child_up(reserved.0, "net");
    desk.child_down(reserved.0, ChildDownCause::Expired);
    assert_eq!(desk.ordered("Initiate"), 1);
    desk.wait(RESPONDER_GRACE);
    assert_eq!((desk.ordered("Initiate"), desk.begun()), (2, 0));
}

#[test]
fn when_the_peer_is_faster_our_attempt_that_fails_is_not_repeated() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let ours = desk.attempt();
    let reserved = desk.registry.reserve(|| [5; 8]);
    desk.registry.begin(reserved, Role::Responder, path(), None);
    desk.establish(reserved.0);
    desk.child_up(reserved.0, "net");
    assert_eq!(desk.state(), State::Up);
    desk.close(ours, CloseCause::PeerUnresponsive);
    desk.wait(Duration::from_secs(600));
    assert_eq!((desk.begun(), desk.state()), (1, State::Up));
}

#[test]
fn terminate_lasts_until_the_next_initiate() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let id = desk.bring_up();
    desk.with(Supervised::withdraw);
    desk.registry.get_mut(id).unwrap().closing = true;
    desk.close(id, CloseCause::Terminated);
    desk.wait(Duration::from_secs(3600));
    assert_eq!((desk.begun(), desk.state()), (1, State::Disabled));
    assert!(desk.reason().contains("operator"));
    desk.initiate(&Goal::IkeSa);
    assert_eq!(desk.begun(), 2);
    let id = desk.attempt();
    desk.establish(id);
    desk.child_up(id, "net");
    assert_eq!(desk.state(), State::Up);
    desk.wait(Duration::from_secs(120));
    desk.close(id, CloseCause::PeerDeleted);
    assert_eq!(desk.begun(), 3, "persistent again");
}

/// What takes leave by itself would take whoever asks meanwhile down with it.
#[test]
fn who_asks_while_an_ike_sa_takes_leave_gets_a_new_one() {
    let mut desk = Desk::new(ASKED, &[NET]);
    desk.initiate(&net());
    let leaving = desk.attempt();
    desk.establish(leaving);
    desk.child_failed("net", Failure::InternalAddressFailure);
    desk.registry.closing(leaving);
    let waiter = desk.initiate(&net()).expect("it is not up");
    assert_eq!(desk.begun(), 2);
    desk.close(leaving, CloseCause::Failed(Failure::InternalAddressFailure));
    assert!(matches!(*waiter.borrow(), Progress::Pending(_)));
    let id = desk.attempt();
    desk.establish(id);
    desk.child_up(id, "net");
    assert!(matches!(*waiter.borrow(), Progress::Up(_)));
}

#[test]
fn actions_of_connections_that_are_not_persistent() {
    let restart = ("net", "dpd_action = \"restart\"\nclose_action = \"start\"");
    for (child, cause, expected) in [
        (restart, CloseCause::PeerUnresponsive, 2),
        (restart, CloseCause::PeerDeleted, 2),
        (restart, CloseCause::Expired, 1),
        (NET, CloseCause::PeerUnresponsive, 1),
        (NET, CloseCause::PeerDeleted, 1),
    ] {
        let mut desk = Desk::new(ASKED, &[child]);
        desk.initiate(&net());
        let id = desk.bring_up();
        desk.wait(Duration::from_secs(120));
        desk.close(id, cause);
        desk.wait(Duration::from_secs(120));
        assert_eq!(desk.begun(), expected, "{child:?} {cause:?}");
    }
}

#[test]
fn every_address_is_tried_before_any_wait() {
    let keys = "persistent = true\nremote_addrs = [\"192.0.2.2\", \"192.0.2.3\"]";
    let mut desk = Desk::new(keys, &[NET]);
    desk.reconcile();
    let first = desk.attempt();
    // Impatience: with another address left, a second retransmission is enough.
    desk.with(|connection, world, actions| connection.retransmitting(first, 1, world, actions));
    assert_eq!(desk.ordered("Abandon"), 0);
    desk.with(|connection, world, actions| connection.retransmitting(first, 2, world, actions));
    assert_eq!(desk.ordered("Abandon"), 1);
    desk.close(first, CloseCause::PeerUnresponsive);
    let second = desk.attempt();
    desk.with(|connection, world, actions| connection.retransmitting(second, 4, world, actions));
    assert_eq!(desk.ordered("Abandon"), 1, "there is no other left");
    desk.close(second, CloseCause::PeerUnresponsive);
    assert_eq!(desk.state(), State::Waiting);
    let remotes: Vec<_> = desk
        .log
        .iter()
        .filter_map(|action| match action {
            Action::Begin { remote, .. } => Some(remote.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(remotes, ["192.0.2.2", "192.0.2.3"]);
}

#[test]
fn an_icmp_error_is_a_reason_and_with_one_address_nothing_more() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    desk.reconcile();
    let id = desk.attempt();
    let remote = path().remote;
    desk.with(|connection, world, actions| {
        connection.unreachable(remote, "no route to the peer", world, actions);
    });
    assert_eq!(desk.ordered("Abandon"), 0);
    assert!(desk.reason().contains("no route"));
    desk.close(id, CloseCause::PeerUnresponsive);
    assert!(desk.reason().contains("no route"), "{}", desk.reason());
}

#[test]
fn names_are_looked_up_for_every_attempt() {
    let keys = "persistent = true\nremote_addrs = [\"sun.example\"]";
    let mut desk = Desk::new(keys, &[NET]);
    desk.reconcile();
    let ticket = |desk: &Desk| match desk.connection.phase {
        Phase::Resolving { ticket } => ticket,
        ref other => panic!("{other:?}"),
    };
    let first = ticket(&desk);
    desk.with(|connection, world, actions| {
        connection.resolved(first, Vec::new(), world, actions);
    });
    assert_eq!(desk.state(), State::Waiting);
    assert!(desk.reason().contains("does not resolve"));
    desk.wait(Duration::from_secs(1));
    let second = ticket(&desk);
    // An answer that comes late belongs to nobody.
    desk.with(|connection, world, actions| {
        connection.resolved(first, vec![path().remote.ip()], world, actions);
    });
    assert_eq!(desk.begun(), 0);
    desk.with(|connection, world, actions| {
        connection.resolved(second, vec![path().remote.ip()], world, actions);
    });
    assert_eq!(desk.begun(), 1);
}

#[test]
fn a_replacement_is_made_before_the_old_one_is_broken() {
    let mut desk = Desk::new(ASKED, &[("net", ""), ("voice", "")]);
    desk.initiate(&net());
    desk.initiate(&Goal::Child("voice".into()));
    let old = desk.bring_up();
    desk.child_up(old, "voice");
    desk.wait(Duration::from_secs(3600));
    desk.with(|connection, world, actions| connection.needs_replacement(old, world, actions));
    desk.with(|connection, world, actions| connection.needs_replacement(old, world, actions));
    assert_eq!(desk.begun(), 2);
    let new = desk.attempt();
    desk.now += Duration::from_secs(1);
    desk.establish(new);
    desk.child_up(new, "net");
    assert_eq!(desk.ordered("Terminate"), 0);
    // One for the first attempt's second child, one for the replacement's.
    assert_eq!(desk.ordered("Initiate"), 2);
    desk.child_up(new, "voice");
    assert_eq!(desk.ordered("Terminate"), 0, "packets may be on their way");
    desk.wait(Duration::from_secs(3));
    assert_eq!(desk.ordered("Terminate"), 1);
    desk.close(old, CloseCause::Terminated);
    desk.wait(Duration::from_secs(600));
    assert_eq!((desk.begun(), desk.state()), (2, State::Up));
}

#[test]
fn a_replacement_that_fails_is_tried_again_while_the_old_one_carries_on() {
    let mut desk = Desk::new(ASKED, &[NET]);
    desk.initiate(&net());
    let old = desk.bring_up();
    desk.with(|connection, world, actions| connection.needs_replacement(old, world, actions));
    let new = desk.attempt();
    desk.close(new, CloseCause::PeerUnresponsive);
    assert_eq!(desk.state(), State::Up);
    desk.wait(Duration::from_secs(60));
    assert_eq!(desk.begun(), 3);
}

#[test]
fn the_responder_leaves_replacement_to_the_initiator() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let (id, spi) = desk.registry.reserve(|| [5; 8]);
    desk.registry
        .begin((id, spi), Role::Responder, path(), None);
    desk.establish(id);
    desk.child_up(id, "net");
    desk.with(|connection, world, actions| connection.needs_replacement(id, world, actions));
    assert_eq!(desk.begun(), 0);
}

#[test]
fn a_panic_backs_off_and_a_shutdown_stops() {
    let mut desk = Desk::new(PERSISTENT, &[NET]);
    let id = desk.bring_up();
    desk.end(id, EndCause::Panicked);
    assert_eq!(desk.state(), State::Waiting);
    assert!(desk.reason().contains("internal error"));
    let waiter = desk.initiate(&net());
    desk.with(|connection, _, _| connection.drain());
    assert!(waiter.is_some_and(|waiter| matches!(*waiter.borrow(), Progress::Failed(_))));
    assert_eq!(desk.connection.deadline(), None);
}

#[test]
fn without_an_address_to_start_from_an_operator_is_told() {
    let mut desk = Desk::new("remote_addrs = [\"%any\"]", &[NET]);
    let waiter = desk.initiate(&net()).unwrap();
    assert!(matches!(&*waiter.borrow(), Progress::Failed(text) if text.contains("remote_addrs")));
    desk.wait(Duration::from_secs(60));
    assert_eq!((desk.begun(), desk.state()), (0, State::Idle));
}

#[test]
fn requests_find_the_connection_that_fits_best() {
    let fit = |keys: &str, local: &str, remote: &str| {
        connection(keys, &[]).fit(local.parse().unwrap(), remote.parse().unwrap())
    };
    let exact = fit(ASKED, "192.0.2.1", "192.0.2.2");
    let net = fit(
        "remote_addrs = [\"192.0.2.0/24\"]",
        "192.0.2.1",
        "192.0.2.2",
    );
    let any = fit("remote_addrs = [\"%any\"]", "192.0.2.1", "192.0.2.2");
    assert!(exact > net && net > any && any.is_some());
    assert_eq!(fit(ASKED, "192.0.2.9", "192.0.2.2"), None);
    assert_eq!(fit(ASKED, "192.0.2.1", "192.0.2.3"), None);
}

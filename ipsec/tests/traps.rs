//! Traps of the userspace data plane: the first packet is not lost, and nothing leaks.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]
#![allow(dead_code, reason = "other tests need more of the support")]

mod support;

use std::time::Duration;

use futures::executor::block_on;
use holdfast_ike::EspSpi;
use holdfast_ipsec::{DataPlane, InstallError, PlaneEvent, Policy, PolicyAction, PolicyId};

use support::{Gateway, PATIENCE, child, packet};

const TRAP: PolicyId = PolicyId(5);

/// A trap with the selectors of the first gateway's CHILD_SA.
fn trap(gateway: &Gateway) -> Policy {
    let child = child(1, gateway.address, gateway.address);
    Policy {
        id: TRAP,
        action: PolicyAction::Protect,
        local_ts: child.local_ts,
        remote_ts: child.remote_ts,
        peers: vec![],
    }
}

fn trapped() -> (Gateway, Gateway) {
    let (one, two) = (Gateway::start(), Gateway::start());
    block_on(one.plane.install_policy(trap(&one))).unwrap();
    (one, two)
}

fn send(gateway: &Gateway, number: u32) {
    let packet = packet("10.1.0.1", "10.2.0.1", &number.to_be_bytes());
    gateway.application.inject(packet).unwrap();
}

/// Installs the tunnel at both ends, the first one last.
fn tunnel(one: &Gateway, two: &Gateway) {
    block_on(two.plane.install(child(2, two.address, one.address))).unwrap();
    block_on(one.plane.install(child(1, one.address, two.address))).unwrap();
}

fn received(gateway: &Gateway) -> u32 {
    let packet = gateway.application.receive_timeout(PATIENCE).unwrap();
    u32::from_be_bytes(packet[28..].try_into().unwrap())
}

fn assert_acquires(gateway: &mut Gateway) {
    let event = gateway.event();
    let PlaneEvent::Acquire {
        policy,
        source,
        destination,
        protocol,
        ports,
    } = event
    else {
        panic!("{event:?}");
    };
    assert_eq!(policy, TRAP);
    assert_eq!(
        (source.to_string(), destination.to_string()),
        ("10.1.0.1".into(), "10.2.0.1".into())
    );
    assert_eq!((protocol, ports), (17, Some((12_345, 53))));
}

#[test]
fn the_first_packet_brings_the_tunnel_up_and_arrives_first() {
    let (mut one, two) = trapped();
    for number in 0..20 {
        send(&one, number);
    }
    assert_acquires(&mut one);
    one.wait_for("waiting", |plane| plane.counters().trapped == 20);
    assert!(one.events.try_recv().is_err(), "one question is enough");
    // Nobody sends anything more: the installation itself sets them free.
    tunnel(&one, &two);
    for number in 0..20 {
        assert_eq!(received(&two), number);
    }
    send(&one, 20);
    assert_eq!(received(&two), 20);
    let counters = one.plane.counters();
    assert_eq!((counters.trapped, counters.trap_dropped), (20, 0));
    assert_eq!(counters.no_policy, 0);
}

#[test]
fn what_waited_goes_before_what_comes_later() {
    for _ in 0..50 {
        let (one, two) = trapped();
        send(&one, 0);
        one.wait_for("waiting", |plane| plane.counters().trapped == 1);
        block_on(two.plane.install(child(2, two.address, one.address))).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| (1..40).for_each(|number| send(&one, number)));
            block_on(one.plane.install(child(1, one.address, two.address))).unwrap();
        });
        for number in 0..40 {
            assert_eq!(received(&two), number);
        }
    }
}

#[test]
fn it_asks_again_once_the_tunnel_is_down() {
    let (mut one, two) = trapped();
    for round in 0..3 {
        send(&one, round);
        assert_acquires(&mut one);
        tunnel(&one, &two);
        assert_eq!(received(&two), round);
        block_on(one.plane.remove(EspSpi(0x1001)));
        block_on(two.plane.remove(EspSpi(0x1002)));
    }
}

#[test]
fn a_failed_attempt_drops_what_waited_and_the_next_packet_asks_anew() {
    let (mut one, two) = trapped();
    send(&one, 1);
    assert_acquires(&mut one);
    one.wait_for("waiting", |plane| plane.counters().trapped == 1);
    one.plane.acquire_failed(TRAP);
    one.plane.acquire_failed(PolicyId(77));
    assert_eq!(one.plane.counters().trap_dropped, 1);
    send(&one, 2);
    assert_acquires(&mut one);
    tunnel(&one, &two);
    assert_eq!(received(&two), 2);
}

#[test]
fn a_trap_that_is_removed_takes_its_packets_with_it() {
    let (mut one, two) = trapped();
    let again = block_on(one.plane.install_policy(trap(&one)));
    assert_eq!(again, Err(InstallError::PolicyInUse(TRAP)));
    send(&one, 1);
    assert_acquires(&mut one);
    one.wait_for("waiting", |plane| plane.counters().trapped == 1);
    block_on(one.plane.remove_policy(TRAP));
    block_on(one.plane.remove_policy(TRAP));
    assert_eq!(one.plane.counters().trap_dropped, 1);
    tunnel(&one, &two);
    send(&one, 2);
    assert_eq!(received(&two), 2);
    block_on(one.plane.remove(EspSpi(0x1001)));
    send(&one, 3);
    one.wait_for("dropping", |plane| plane.counters().no_policy == 1);
}

#[test]
fn other_traffic_is_not_caught() {
    let (one, two) = trapped();
    let stranger = packet("10.1.0.1", "10.3.0.1", b"lost");
    one.application.inject(stranger).unwrap();
    one.wait_for("dropping", |plane| plane.counters().no_policy == 1);
    let mut nothing = trap(&one);
    nothing.id = PolicyId(6);
    nothing.remote_ts.clear();
    let refused = block_on(one.plane.install_policy(nothing));
    assert_eq!(refused, Err(InstallError::Selectors(0)));
    assert_eq!(
        two.application.receive_timeout(Duration::from_millis(50)),
        None
    );
}

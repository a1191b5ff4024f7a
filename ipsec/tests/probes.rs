//! Probes through the userspace data plane: made, sent and caught in it.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]
#![allow(dead_code, reason = "other tests need more of the support")]

mod support;

use std::time::Duration;

use futures::executor::block_on;
use holdfast_ike::EspSpi;
use holdfast_ipsec::{DataPlane, PlaneEvent, Probe, ProbeError, ProbeKind};

use support::{Gateway, PATIENCE, child, packet};

const AT_ONE: EspSpi = EspSpi(0x1001);

fn gateways() -> (Gateway, Gateway) {
    let (one, two) = (Gateway::start(), Gateway::start());
    block_on(two.plane.install(child(2, two.address, one.address))).unwrap();
    block_on(one.plane.install(child(1, one.address, two.address))).unwrap();
    (one, two)
}

fn probe(token: u64, target: &str) -> Probe {
    Probe {
        token,
        kind: ProbeKind::Icmp,
        source: "10.1.0.1".parse().unwrap(),
        target: target.parse().unwrap(),
    }
}

/// Answers an echo request as its target would; checksums are not looked at.
fn answer(gateway: &Gateway) {
    let mut request = gateway.application.receive_timeout(PATIENCE).unwrap();
    assert_eq!((request[9], request[20]), (1, 8), "an echo request");
    let (source, target) = (request[12..16].to_vec(), request[16..20].to_vec());
    request[12..16].copy_from_slice(&target);
    request[16..20].copy_from_slice(&source);
    request[20] = 0;
    gateway.application.inject(request).unwrap();
}

#[test]
fn a_probe_is_answered_and_nobody_sees_it() {
    let (mut one, two) = gateways();
    for token in [1, 2, u64::from(u32::MAX) * 7] {
        one.plane.probe(AT_ONE, probe(token, "10.2.0.1")).unwrap();
        answer(&two);
        let event = one.event();
        let PlaneEvent::ProbeAnswered {
            token: answered,
            round_trip,
        } = event
        else {
            panic!("{event:?}");
        };
        assert_eq!(answered, token);
        assert!(round_trip > Duration::ZERO && round_trip < PATIENCE);
    }
    // It is traffic, but no use.
    one.wait_for("three probes and their answers", |plane| {
        let usage = plane.usage(AT_ONE).unwrap();
        (usage.packets_out, usage.packets_in) == (3, 3)
    });
    let usage = one.plane.usage(AT_ONE).unwrap();
    assert_eq!((usage.last_in, usage.last_out), (None, None));
    // The application got none of it, and still gets what is its own.
    let own = packet("10.2.0.1", "10.1.0.1", b"for you");
    two.application.inject(own.clone()).unwrap();
    assert_eq!(one.application.receive_timeout(PATIENCE), Some(own));
    assert!(one.plane.usage(AT_ONE).unwrap().last_in.is_some());
}

#[test]
fn echo_replies_of_others_reach_them() {
    let (one, two) = gateways();
    one.plane.probe(AT_ONE, probe(1, "10.2.0.1")).unwrap();
    let mut request = two.application.receive_timeout(PATIENCE).unwrap();
    let mut foreign = request.clone();
    request[20] = 0;
    foreign[12..16].copy_from_slice(&[10, 2, 0, 1]);
    foreign[16..20].copy_from_slice(&[10, 1, 0, 1]);
    foreign[20] = 0;
    // Another identifier.
    foreign[24] ^= 0xff;
    two.application.inject(foreign.clone()).unwrap();
    assert_eq!(one.application.receive_timeout(PATIENCE), Some(foreign));
}

#[test]
fn a_probe_that_fits_no_child_sa_is_refused() {
    let (one, _two) = gateways();
    let refused = one.plane.probe(AT_ONE, probe(1, "10.9.0.1"));
    assert_eq!(refused, Err(ProbeError::NotCovered));
    let refused = one.plane.probe(AT_ONE, probe(1, "fd00:2::1"));
    assert_eq!(refused, Err(ProbeError::Families));
    block_on(one.plane.remove(AT_ONE));
    let refused = one.plane.probe(AT_ONE, probe(1, "10.2.0.1"));
    assert_eq!(refused, Err(ProbeError::NoSa));
}

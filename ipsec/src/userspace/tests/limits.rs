//! Lifetimes and counters.

use std::{cell::RefCell, time::Duration};

use holdfast_ike::{EspSpi, child_sa::Lifetime};

use super::{child, installed};
use crate::{
    plane::{InstallError, PlaneEvent},
    userspace::sa::{Clock, Totals},
};

fn totals(bytes: u64, packets: u64) -> Totals {
    Totals { bytes, packets }
}

#[test]
fn each_limit_is_reported_once() {
    let mut child = child(9, vec![], vec![]);
    child.lifetime = Lifetime {
        soft_bytes: 1000,
        hard_bytes: 2000,
        soft_packets: 10,
        hard_packets: 20,
        ..Lifetime::default()
    };
    for (soft, hard) in [
        (totals(1000, 1), totals(2000, 2)),
        (totals(1, 10), totals(2, 20)),
    ] {
        let sa = installed(&child, 0);
        let events = RefCell::new(Vec::new());
        let tell = |event| {
            let PlaneEvent::Expired { inbound, hard } = event else {
                panic!("{event:?}");
            };
            assert_eq!(inbound, EspSpi(9));
            events.borrow_mut().push(hard);
            true
        };
        sa.check_limits(totals(999, 9), tell);
        assert_eq!(*events.borrow(), []);
        for _ in 0..3 {
            sa.check_limits(soft, tell);
        }
        assert_eq!(*events.borrow(), [false]);
        assert!(!sa.is_dead());
        for _ in 0..3 {
            sa.check_limits(hard, tell);
        }
        assert_eq!(*events.borrow(), [false, true]);
        assert!(sa.is_dead());
    }
}

#[test]
fn a_report_that_nobody_took_is_made_again() {
    let mut child = child(9, vec![], vec![]);
    child.lifetime.hard_packets = 1;
    let sa = installed(&child, 0);
    sa.check_limits(totals(1, 1), |_| false);
    assert!(sa.is_dead(), "it ends whether anybody hears of it or not");
    let told = RefCell::new(0);
    for _ in 0..2 {
        let reported = sa.tell_hard(|_| {
            *told.borrow_mut() += 1;
            true
        });
        assert!(reported);
    }
    assert_eq!(*told.borrow(), 1);
}

#[test]
fn no_limits_means_none() {
    let sa = installed(&child(9, vec![], vec![]), 0);
    sa.check_limits(totals(u64::MAX, u64::MAX), |event| panic!("{event:?}"));
    assert!(!sa.is_dead());
    assert_eq!(sa.hard_time(), None);
}

#[test]
fn usage_tells_directions_apart() {
    let sa = installed(&child(9, vec![], vec![]), 0);
    let clock = Clock::start();
    let before = sa.usage(clock);
    assert_eq!((before.last_in, before.last_out), (None, None));
    sa.inbound.traffic.add(totals(100, 1), clock.now());
    sa.inbound.traffic.add(totals(50, 2), clock.now());
    sa.outbound.traffic.add(totals(7, 1), clock.now());
    let after = sa.usage(clock);
    assert_eq!((after.bytes_in, after.packets_in), (150, 3));
    assert_eq!((after.bytes_out, after.packets_out), (7, 1));
    assert!(after.last_in.unwrap().elapsed() < Duration::from_secs(60));
    assert!(after.last_out >= after.last_in);
}

#[test]
fn windows_that_waste_memory_are_refused() {
    let mut child = child(9, vec![], vec![]);
    child.replay_window = 1 << 20;
    let route = crate::userspace::sa::OuterRoute {
        socket: 0,
        source: None,
        destination: child.path.remote,
        segmentation: true.into(),
    };
    let error = crate::userspace::sa::Sa::new(&child, route, 0).err();
    assert!(matches!(error, Some(InstallError::ReplayWindow { .. })));
}

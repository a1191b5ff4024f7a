//! Look-ups against linear scans.

use std::{
    cmp::Reverse,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use holdfast_ike::{EspSpi, TrafficSelector};
use proptest::prelude::*;

use super::{child, installed};
use crate::{
    packet::header::{Header, Ports},
    userspace::{policy_table::PolicyTable, sa::Sa, selector, spi_table::SpiTable, tables::Tables},
};

/// Addresses close together, so that selectors overlap.
fn address(v6: bool, low: u8) -> IpAddr {
    if v6 {
        Ipv6Addr::from(0x2001_0db8 << 96 | u128::from(low)).into()
    } else {
        Ipv4Addr::new(10, 0, 0, low).into()
    }
}

prop_compose! {
    fn selector_of(v6: bool)(
        one: u8,
        two: u8,
        whole in prop::bool::weighted(0.2),
        single in prop::bool::weighted(0.3),
        protocol in prop::sample::select(vec![0_u8, 0, 6, 17, 1]),
        ports in prop::sample::select(vec![(0, u16::MAX), (0, u16::MAX), (80, 80), (50, 100), (u16::MAX, 0)]),
    ) -> TrafficSelector {
        let (start, end) = match (whole, single) {
            (true, _) => (0, 255),
            (_, true) => (one, one),
            _ => (one.min(two), one.max(two)),
        };
        TrafficSelector {
            protocol,
            start_port: ports.0,
            end_port: ports.1,
            start: address(v6, start),
            end: address(v6, end),
        }
    }
}

fn selectors() -> impl Strategy<Value = Vec<TrafficSelector>> {
    prop::collection::vec(any::<bool>().prop_flat_map(selector_of), 1..3)
}

prop_compose! {
    fn header()(
        v6: bool,
        source: u8,
        destination: u8,
        protocol in prop::sample::select(vec![6_u8, 17, 1, 47]),
        ports in (0_u16..120, 0_u16..120),
        opaque in prop::bool::weighted(0.2),
    ) -> Header {
        let ports = match protocol {
            47 => Ports::None,
            _ if opaque => Ports::Opaque,
            1 => Ports::Icmp(ports.0),
            _ => Ports::Known(ports.0, ports.1),
        };
        Header {
            source: address(v6, source),
            destination: address(v6, destination),
            protocol,
            ports,
            length: 20,
            total: 20,
            fragment: false,
        }
    }
}

/// The best policy by trying all of them.
fn scan(sas: &[Arc<Sa>], header: &Header) -> Option<Arc<Sa>> {
    let prefix = |selector: &TrafficSelector, address: IpAddr| {
        selector
            .subnets()
            .into_iter()
            .find(|net| net.contains(&address))
            .map(|net| net.prefix_len())
    };
    let width =
        |selector: &TrafficSelector| u32::from(selector.end_port.wrapping_sub(selector.start_port));
    sas.iter()
        .flat_map(|sa| {
            sa.remote_ts
                .iter()
                .flat_map(move |remote| sa.local_ts.iter().map(move |local| (sa, local, remote)))
        })
        .filter(|(_, local, remote)| {
            selector::matches_destination(remote, header) && selector::matches_source(local, header)
        })
        .min_by_key(|(sa, local, remote)| {
            (
                Reverse(prefix(remote, header.destination)),
                Reverse(prefix(local, header.source)),
                remote.protocol == 0,
                local.protocol == 0,
                width(remote) + width(local),
                Reverse(sa.order),
            )
        })
        .map(|(sa, ..)| Arc::clone(sa))
}

fn order(sa: Option<Arc<Sa>>) -> Option<u64> {
    sa.map(|sa| sa.order)
}

proptest! {
    #[test]
    fn the_policy_table_finds_what_a_scan_finds(
        policies in prop::collection::vec((selectors(), selectors()), 1..12),
        headers in prop::collection::vec(header(), 1..20),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let table = PolicyTable::new();
        let mut sas = Vec::new();
        for (index, (local, remote)) in policies.into_iter().enumerate() {
            let sa = installed(&child(1000 + index as u32, local, remote), index as u64);
            table.insert(&sa);
            sas.push(sa);
        }
        for header in &headers {
            prop_assert_eq!(order(table.find(header)), order(scan(&sas, header)));
        }
        for index in removed {
            if !sas.is_empty() {
                table.remove(&sas.remove(index.index(sas.len())));
            }
        }
        for header in &headers {
            prop_assert_eq!(order(table.find(header)), order(scan(&sas, header)));
        }
        for sa in sas.drain(..) {
            table.remove(&sa);
        }
        prop_assert!(table.is_empty());
    }

    #[test]
    fn the_spi_table_finds_what_is_in_it(
        changes in prop::collection::vec((0_u32..30, any::<bool>()), 1..60),
    ) {
        // Many in one bucket.
        let table = SpiTable::new();
        let mut model = std::collections::BTreeSet::new();
        for (number, insert) in changes {
            let spi = 256 + number * 512;
            if insert {
                let sa = installed(&child(spi, vec![], vec![]), 0);
                prop_assert_eq!(table.insert(sa), model.insert(spi));
            } else {
                prop_assert_eq!(table.remove(EspSpi(spi)).is_some(), model.remove(&spi));
            }
            for number in 0..30 {
                let spi = 256 + number * 512;
                prop_assert_eq!(table.find(spi).is_some(), model.contains(&spi));
            }
        }
    }
}

#[test]
fn a_rekeyed_sa_takes_over_and_gives_back() {
    let net = |text: &str| vec![TrafficSelector::from_net(text.parse().unwrap())];
    let pair = |spi, order| installed(&child(spi, net("10.0.0.0/25"), net("10.0.0.128/25")), order);
    let tables = Tables::new();
    let header = Header {
        source: address(false, 1),
        destination: address(false, 129),
        protocol: 47,
        ports: Ports::None,
        length: 20,
        total: 20,
        fragment: false,
    };
    let (old, new) = (pair(1000, 1), pair(2000, 2));
    assert!(tables.publish(&old));
    assert!(!tables.publish(&old), "its SPI is taken");
    assert!(tables.publish(&new));
    assert_eq!(order(tables.outbound(&header)), Some(2));
    assert!(tables.inbound(1000).is_some(), "both receive");
    tables.withdraw_exactly(&pair(2000, 3));
    assert!(tables.holds(&new), "another one with its SPI is not meant");
    tables.withdraw(EspSpi(2000));
    assert_eq!(order(tables.outbound(&header)), Some(1));
    tables.withdraw(EspSpi(1000));
    assert_eq!(order(tables.outbound(&header)), None);
}

#[test]
fn ten_thousand_children_stay_cheap_to_change() {
    // One bucket is copied for a change: with a table of n the copies add up to n^2 / 1024
    // entries instead of n^2.
    let tables = Tables::new();
    let local = TrafficSelector::from_net("10.0.0.0/8".parse().unwrap());
    for number in 0..10_000_u32 {
        let remote = Ipv4Addr::from(0xac10_0000 + number);
        let remote = TrafficSelector::from_net(IpAddr::from(remote).into());
        let spi = 256 + number.wrapping_mul(0x9e37_79b1) % 0x7fff_0000;
        let sa = installed(&child(spi, vec![local], vec![remote]), number.into());
        assert!(tables.publish(&sa));
    }
    let header = Header {
        source: address(false, 1),
        destination: Ipv4Addr::from(0xac10_0000 + 7777).into(),
        protocol: 47,
        ports: Ports::None,
        length: 20,
        total: 20,
        fragment: false,
    };
    assert_eq!(order(tables.outbound(&header)), Some(7777));
}

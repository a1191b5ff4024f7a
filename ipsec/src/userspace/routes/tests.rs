use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use holdfast_ike::{EspSpi, TrafficSelector};
use proptest::prelude::*;

use super::{Ledger, Operation, Owner, Route};
use crate::plane::InstallError;

fn selectors(nets: &[&str]) -> Vec<TrafficSelector> {
    nets.iter()
        .map(|net| TrafficSelector::from_net(net.parse().unwrap()))
        .collect()
}

fn tunnel(net: &str) -> Route {
    Route::Tunnel(net.parse().unwrap())
}

fn throw(net: &str) -> Route {
    Route::Throw(net.parse().unwrap())
}

fn sa(spi: u32) -> Owner {
    Owner::Sa(EspSpi(spi))
}

/// A ledger and the table that its operations make.
#[derive(Default)]
struct Table {
    ledger: Ledger,
    routes: BTreeSet<Route>,
}

impl Table {
    fn apply(&mut self, operations: Vec<Operation>) {
        for operation in operations {
            match operation {
                // One prefix has one route, but for what is left when the device is gone.
                Operation::Add(route) => {
                    let net = route.net();
                    if !matches!(route, Route::Backstop(_)) {
                        self.routes.remove(&Route::Tunnel(net));
                        self.routes.remove(&Route::Throw(net));
                        self.routes.remove(&Route::Prohibit(net));
                    }
                    self.routes.insert(route);
                }
                Operation::Delete(route) => {
                    assert!(self.routes.remove(&route), "{route:?} is not there");
                }
            }
        }
    }

    fn install(&mut self, spi: u32, local: &[&str], remote: &[&str], peer: &str) {
        let (local, remote) = (selectors(local), selectors(remote));
        let operations = self
            .ledger
            .install(sa(spi), &local, &remote, &[peer.parse().unwrap()])
            .unwrap();
        self.apply(operations);
    }

    fn remove(&mut self, spi: u32) {
        let operations = self.ledger.remove(sa(spi));
        self.apply(operations);
    }
}

#[test]
fn a_tunnel_between_two_networks() {
    let mut table = Table::default();
    table.install(1, &["10.1.0.0/16"], &["10.2.0.0/16"], "192.0.2.2");
    let expected = BTreeSet::from([tunnel("10.2.0.0/16"), throw("10.1.0.0/16")]);
    assert_eq!(table.routes, expected);
    table.remove(1);
    assert_eq!(table.routes, BTreeSet::new());
}

#[test]
fn a_rekeying_keeps_the_routes() {
    let mut table = Table::default();
    table.install(1, &["10.1.0.0/16"], &["10.2.0.0/16"], "192.0.2.2");
    let before = table.routes.clone();
    table.install(2, &["10.1.0.0/16"], &["10.2.0.0/16"], "192.0.2.2");
    table.remove(1);
    assert_eq!(table.routes, before);
    table.remove(2);
    table.remove(2);
    assert_eq!(table.routes, BTreeSet::new());
}

#[test]
fn peers_stay_outside_of_the_tunnel_that_covers_them() {
    let local = selectors(&["10.1.0.0/16"]);
    let mut ledger = Ledger::default();
    let operations = ledger
        .install(
            sa(1),
            &local,
            &selectors(&["0.0.0.0/0"]),
            &["192.0.2.2".parse().unwrap()],
        )
        .unwrap();
    // The peer's before the tunnel's: not even a moment may pass between.
    assert_eq!(operations[0], Operation::Add(throw("192.0.2.2/32")));
    assert_eq!(
        operations.last(),
        Some(&Operation::Add(tunnel("0.0.0.0/0")))
    );
}

#[test]
fn a_peer_that_moves_stays_outside_of_its_tunnel() {
    let mut table = Table::default();
    table.install(1, &["10.1.0.0/16"], &["0.0.0.0/0"], "192.0.2.2");
    let remote = selectors(&["0.0.0.0/0"]);
    let to = |table: &mut Table, peer: &str| {
        let operations = table
            .ledger
            .move_peer(sa(1), peer.parse().unwrap(), &remote)
            .unwrap();
        table.apply(operations);
    };
    to(&mut table, "198.51.100.7");
    assert!(table.routes.contains(&throw("198.51.100.7/32")));
    assert!(!table.routes.contains(&throw("192.0.2.2/32")));
    // Again, and of an owner that has none.
    to(&mut table, "198.51.100.7");
    let nobody = table
        .ledger
        .move_peer(sa(9), "192.0.2.9".parse().unwrap(), &remote);
    assert_eq!(nobody, Ok(Vec::new()));
    table.remove(1);
    assert!(table.routes.is_empty());
    // An address that the selectors name is refused, and nothing changes.
    table.install(2, &["10.1.0.0/16"], &["198.51.100.7/32"], "192.0.2.2");
    let before = table.routes.clone();
    let refused = table.ledger.move_peer(
        sa(2),
        "198.51.100.7".parse().unwrap(),
        &selectors(&["198.51.100.7/32"]),
    );
    assert!(refused.is_err());
    assert_eq!(table.routes, before);
    table.remove(2);
    assert!(table.routes.is_empty());
}

#[test]
fn so_do_other_peers_before_and_after() {
    let mut table = Table::default();
    table.install(1, &["10.1.0.0/16"], &["10.3.0.0/16"], "198.51.100.1");
    assert!(!table.routes.contains(&throw("198.51.100.1/32")));
    table.install(2, &["10.1.0.0/16"], &["0.0.0.0/0"], "192.0.2.2");
    assert!(table.routes.contains(&throw("198.51.100.1/32")));
    table.install(3, &["10.1.0.0/16"], &["10.4.0.0/16"], "198.51.100.9");
    assert!(table.routes.contains(&throw("198.51.100.9/32")));
    for spi in [2, 1, 3] {
        table.remove(spi);
    }
    assert_eq!(table.routes, BTreeSet::new());
}

#[test]
fn a_peer_behind_another_is_reached_through_the_tunnel_to_it() {
    let mut table = Table::default();
    table.install(1, &["10.1.0.0/16"], &["10.9.0.1/32"], "192.0.2.2");
    table.install(2, &["10.1.0.0/16"], &["10.8.0.0/16"], "10.9.0.1");
    assert!(table.routes.contains(&tunnel("10.9.0.1/32")));
    table.remove(2);
    table.remove(1);
    assert_eq!(table.routes, BTreeSet::new());
}

#[test]
fn the_peer_itself_cannot_be_tunnelled() {
    let mut ledger = Ledger::default();
    let remote = selectors(&["10.2.0.0/16", "2001:db8::2/128"]);
    let error = ledger
        .install(
            sa(1),
            &selectors(&["::/0"]),
            &remote,
            &["2001:db8::2".parse().unwrap()],
        )
        .unwrap_err();
    assert!(
        matches!(error, InstallError::Route { selector, .. } if selector == remote[1]),
        "{error}"
    );
    assert!(ledger.owners().is_empty());
    assert!(ledger.remove(sa(1)).is_empty());
}

#[test]
fn where_home_and_remote_are_one_the_tunnel_wins() {
    let mut table = Table::default();
    table.install(1, &["0.0.0.0/0"], &["0.0.0.0/0"], "192.0.2.2");
    assert!(table.routes.contains(&tunnel("0.0.0.0/0")));
    table.install(2, &["10.2.0.0/16"], &["10.5.0.0/16"], "192.0.2.3");
    table.install(3, &["10.1.0.0/16"], &["10.2.0.0/16"], "192.0.2.4");
    assert!(table.routes.contains(&tunnel("10.2.0.0/16")));
    table.remove(3);
    assert!(table.routes.contains(&throw("10.2.0.0/16")));
    table.remove(2);
    table.remove(1);
    assert_eq!(table.routes, BTreeSet::new());
}

fn some_nets() -> impl Strategy<Value = Vec<&'static str>> {
    let nets = vec![
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.2.0.0/16",
        "10.2.3.0/24",
        "192.0.2.0/24",
    ];
    prop::sample::subsequence(nets, 1..4)
}

proptest! {
    /// Whatever comes and goes, no peer is ever inside, and nothing is left at the end.
    #[test]
    fn the_table_is_right_at_every_moment(
        changes in prop::collection::vec(
            (0_u32..5, some_nets(), some_nets(), 1_u8..4, any::<bool>()),
            1..40,
        ),
    ) {
        let mut table = Table::default();
        let mut installed = BTreeMap::<u32, IpAddr>::default();
        for (spi, local, remote, peer, install) in changes {
            let peer = format!("192.0.2.{peer}");
            if install && !installed.contains_key(&spi) {
                table.install(spi, &local, &remote, &peer);
                installed.insert(spi, peer.parse().unwrap());
            } else if !install {
                table.remove(spi);
                installed.remove(&spi);
            }
            for peer in installed.values() {
                let covering = table.routes.iter().filter_map(|route| match route {
                    Route::Tunnel(net) | Route::Throw(net) if net.contains(peer) => {
                        Some((net.prefix_len(), *route))
                    }
                    _ => None,
                });
                let best = covering.max().map(|(_, route)| route);
                prop_assert!(!matches!(best, Some(Route::Tunnel(_))), "{best:?} for {peer}");
            }
        }
        for spi in 0..5 {
            table.remove(spi);
        }
        prop_assert_eq!(table.routes, BTreeSet::new());
    }
}

#[test]
fn a_trap_keeps_the_routes_that_it_shares_with_its_child_sa() {
    let mut table = Table::default();
    let trap = Owner::Policy(crate::PolicyId(7));
    let (local, remote) = (selectors(&["10.1.0.0/16"]), selectors(&["0.0.0.0/0"]));
    let peers = ["192.0.2.2", "192.0.2.3"].map(|peer| peer.parse().unwrap());
    let operations = table.ledger.install(trap, &local, &remote, &peers).unwrap();
    assert_eq!(operations[0], Operation::Add(throw("192.0.2.2/32")));
    assert_eq!(operations[1], Operation::Add(throw("192.0.2.3/32")));
    // What is left when the device is gone is there before anything leads into it.
    let everything = "0.0.0.0/0".parse().unwrap();
    let backstop = Route::Backstop(everything);
    assert_eq!(operations[2], Operation::Add(backstop));
    table.apply(operations);
    assert!(table.ledger.needs(backstop));
    assert!(!table.ledger.needs(Route::Prohibit(everything)));
    let before = table.routes.clone();
    table.install(1, &["10.1.0.0/16"], &["0.0.0.0/0"], "192.0.2.2");
    assert_eq!(table.routes, before);
    table.remove(1);
    assert_eq!(table.routes, before);
    let operations = table.ledger.remove(trap);
    table.apply(operations);
    assert_eq!(table.routes, BTreeSet::new());
}

#[test]
fn shunts_have_routes_where_no_tunnel_leads_to_the_same() {
    let mut table = Table::default();
    let shunt = |id| Owner::Policy(crate::PolicyId(id));
    let host = selectors(&["10.2.0.9/32"]);
    let prohibit = |net: &str| Route::Prohibit(net.parse().unwrap());
    table.install(1, &["10.1.0.0/16"], &["10.2.0.0/16"], "192.0.2.2");
    let operations = table.ledger.prohibit(shunt(1), &host);
    table.apply(operations);
    assert!(table.routes.contains(&prohibit("10.2.0.9/32")));
    assert!(table.ledger.needs(prohibit("10.2.0.9/32")));
    // Who lets it pass wins, and a tunnel to the very host leads both into the device.
    let operations = table.ledger.pass(shunt(2), &host);
    table.apply(operations);
    assert!(table.routes.contains(&throw("10.2.0.9/32")));
    table.install(2, &["10.1.0.0/16"], &["10.2.0.9/32"], "192.0.2.2");
    assert!(table.routes.contains(&tunnel("10.2.0.9/32")));
    table.remove(2);
    assert!(table.routes.contains(&throw("10.2.0.9/32")));
    let operations = table.ledger.remove(shunt(2));
    table.apply(operations);
    assert!(table.routes.contains(&prohibit("10.2.0.9/32")));
    let operations = table.ledger.remove(shunt(1));
    table.apply(operations);
    table.remove(1);
    assert_eq!(table.routes, BTreeSet::new());
}

//! Virtual addresses over a bad network: each is lent to one IKE_SA at a time, given back once, and
//! both ends agree on it in the end.

use std::{net::IpAddr, sync::Arc, time::Duration};

use holdfast_ike::config::SelectorTemplate;

use crate::{
    scenarios::{bad_world, calm_down, seeds},
    world::World,
};

const WORLDS: u64 = 1000;

const DYNAMIC: SelectorTemplate = SelectorTemplate::Dynamic {
    protocol: 0,
    start_port: 0,
    end_port: u16::MAX,
};

/// The left end asks for an address of each family, the right end has some.
fn road_warrior(seed: u64) -> World {
    let mut world = bad_world(seed);
    let [left, right] = &mut world.ends;
    let client = Arc::make_mut(&mut left.connection);
    client.vips = vec![IpAddr::from([0; 4]), IpAddr::from([0; 16])];
    for config in &mut client.children {
        Arc::make_mut(config).local_ts = vec![DYNAMIC];
    }
    let gateway = Arc::make_mut(&mut right.connection);
    gateway.pools = vec!["guests".into()];
    for config in &mut gateway.children {
        Arc::make_mut(config).remote_ts = vec![DYNAMIC];
    }
    right.env.lending.size = 200;
    world
}

fn assert_agreed(world: &World) {
    let [left, right] = &world.ends;
    if let Some(fault) = right.env.lending.faults.first() {
        world.complain(fault);
    }
    let lent: Vec<_> = right.env.lending.lent.iter().copied().collect();
    let mut ours = left.addresses.clone();
    ours.sort_unstable();
    if lent.len() != 2 || lent != ours {
        world.complain(&format!("{lent:?} are lent, {ours:?} are used"));
    }
    let sources = left.child("net").map(|child| child.local_ts.clone());
    let own = |address: &IpAddr| {
        let mut selectors = sources.iter().flatten();
        selectors.any(|selector| selector.start == *address && selector.end == *address)
    };
    if !ours.iter().filter(|address| address.is_ipv4()).all(own) {
        world.complain("the CHILD_SA is not for the address");
    }
}

#[test]
fn addresses_on_a_bad_network() {
    for seed in seeds(WORLDS) {
        let mut world = road_warrior(seed ^ 0xadd2);
        world.ends[0].start(world.now);
        for _ in 0..4 {
            let pause = 5 + world.rng.below(30);
            world.run(Duration::from_secs(pause));
            if world.rng.chance(50) {
                let now = world.now;
                world.ends[0].crash(now);
                world.ends[0].start(now);
            }
        }
        calm_down(&mut world);
        world.assert_at_rest();
        assert_agreed(&world);
        world.take_leave();
    }
}

#[test]
fn addresses_stay_while_everything_is_rekeyed() {
    for seed in seeds(WORLDS / 4) {
        let mut world = road_warrior(seed ^ 0x4e4e);
        world.rekey_every(Duration::from_secs(20), Duration::from_secs(13));
        world.ends[0].start(world.now);
        world.run(Duration::from_secs(120));
        world.rekey_every(Duration::ZERO, Duration::ZERO);
        calm_down(&mut world);
        assert_agreed(&world);
        world.take_leave();
    }
}

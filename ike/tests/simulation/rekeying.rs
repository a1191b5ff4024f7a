//! Both ends rekey all the time, often the same SA at the same instant.

use std::{collections::BTreeSet, time::Duration};

use holdfast_ike::sa::Command;

use crate::{
    network::Weather,
    scenarios::{bad_world, calm_down, disturb_for_a_while, seeds},
    world::World,
};

const ON_A_BAD_NETWORK: u64 = 2000;
const AT_ONCE: u64 = 2000;
const UNDER_TRAFFIC: u64 = 1000;

/// They never rest for long: at some instant everything must be in order. That is within minutes, for
/// a generation of the IKE_SA that its maker has not heard of is kept until the maker would have given up
/// (both rekey it, and the DELETE of the old one overtakes the response about the new one).
pub(crate) fn settle(mut world: World) {
    calm_down(&mut world);
    let mut complaints = BTreeSet::new();
    for _ in 0..600 {
        match world.at_rest() {
            Ok(()) => return world.take_leave(),
            Err(what) => complaints.insert(what),
        };
        world.run(Duration::from_millis(500));
    }
    world.complain(&format!("it does not come to rest: {complaints:?}"));
}

/// Asks both ends at about the same time for the same.
pub(crate) fn rekey_at_both_ends(world: &mut World) {
    let (ike, children) = (world.rng.chance(60), world.rng.chance(60));
    for index in [0, 1] {
        let now = world.now;
        let (ends, network) = (&mut world.ends, &mut world.network);
        let end = &mut ends[index];
        let installed: Vec<_> = end
            .plane
            .installed
            .iter()
            .map(|(spi, (owner, _))| (*owner, *spi))
            .collect();
        if ike {
            for owner in end.established() {
                end.command(owner, Command::Rekey, now, network);
            }
        }
        if children {
            for (owner, child) in installed {
                end.command(owner, Command::RekeyChild(child), now, network);
            }
        }
        let pause = Duration::from_millis(world.rng.below(200));
        world.run(pause);
    }
}

#[test]
fn on_a_bad_network() {
    for seed in seeds(ON_A_BAD_NETWORK) {
        let mut world = bad_world(seed ^ 0x4e4e);
        let child = Duration::from_secs(20 + world.rng.below(40));
        let ike = Duration::from_secs(90 + world.rng.below(90));
        world.rekey_every(ike, child);
        world.ends[0].start(world.now);
        if world.rng.chance(70) {
            world.ends[1].start(world.now);
        }
        disturb_for_a_while(&mut world);
        world.run(Duration::from_secs(60));
        settle(world);
    }
}

#[test]
fn at_the_same_instant() {
    for seed in seeds(AT_ONCE) {
        let mut world = bad_world(seed ^ 0x2b2b);
        world.ends[0].start(world.now);
        world.run(Duration::from_secs(10));
        for _ in 0..6 {
            rekey_at_both_ends(&mut world);
            let pause = Duration::from_millis(world.rng.below(12_000));
            world.run(pause);
        }
        settle(world);
    }
}

/// Nothing is lost while datagrams are late, doubled and out of order, and data planes slow.
#[test]
fn traffic_is_never_interrupted() {
    for seed in seeds(UNDER_TRAFFIC) {
        let mut world = World::new(seed ^ 0x7afc, 1 + (seed % 2) as usize);
        for end in &mut world.ends {
            end.plane.failures = 0;
        }
        world.ends[0].start(world.now);
        world.run(Duration::from_secs(10));
        world.assert_at_rest();
        world.network.weather = Weather {
            loss: 0,
            duplication: 30,
            latency: Duration::from_millis(1 + world.rng.below(900)),
            stragglers: 0,
        };
        for end in &mut world.ends {
            if world.rng.chance(50) {
                end.plane.delay = Duration::from_millis(300);
            }
        }
        for _ in 0..30 {
            if world.rng.chance(40) {
                rekey_at_both_ends(&mut world);
            }
            for _ in 0..8 {
                let latency = Duration::from_millis(world.rng.below(900));
                world.exchange_packets(latency);
            }
        }
        for end in &world.ends {
            if end.sas.len() != 1 {
                world.complain("the IKE_SA did not last");
            }
        }
        settle(world);
    }
}

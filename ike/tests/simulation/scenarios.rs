//! What is done to the two ends.

use std::time::Duration;

use holdfast_ike::sa::Command;

use crate::{network::Weather, world::World};

/// All seeds of one test binary; the shares below add up to it.
const SEEDS: u64 = 10_000;

fn storm(world: &mut World) -> Weather {
    Weather {
        loss: world.rng.below(40),
        duplication: world.rng.below(30),
        latency: Duration::from_millis(20 + world.rng.below(3000)),
    }
}

/// Long enough for every timer to have run out: retransmission, half-open, liveness, retries.
const CALM_DOWN: Duration = Duration::from_secs(300);

fn settle(world: &mut World, seed: u64) {
    world.network.weather = Weather::CALM;
    world.run(CALM_DOWN);
    world.assert_one_tunnel(seed);
}

#[test]
fn one_end_initiates_on_a_bad_network() {
    for seed in 0..SEEDS * 3 / 10 {
        let mut world = World::new(seed, Weather::CALM);
        world.network.weather = storm(&mut world);
        world.ends[0].start(world.now);
        world.run(Duration::from_secs(60));
        settle(&mut world, seed);
    }
}

#[test]
fn both_ends_initiate_at_once() {
    for seed in 0..SEEDS * 4 / 10 {
        let mut world = World::new(seed ^ 0xb0b0, Weather::CALM);
        world.network.weather = storm(&mut world);
        let apart = Duration::from_millis(world.rng.below(1 + world.rng.clone().below(3000)));
        world.ends[0].start(world.now);
        world.run(apart);
        world.ends[1].start(world.now);
        world.run(Duration::from_secs(60));
        settle(&mut world, seed);
    }
}

#[test]
fn crashes_deletes_and_probes_while_the_network_is_bad() {
    for seed in 0..SEEDS * 3 / 10 {
        let mut world = World::new(seed ^ 0xdead_beef, Weather::CALM);
        world.network.weather = storm(&mut world);
        world.ends[0].start(world.now);
        if world.rng.chance(70) {
            world.ends[1].start(world.now);
        }
        for _ in 0..world.rng.below(8) {
            let pause = Duration::from_millis(world.rng.below(10_000));
            world.run(pause);
            disturb(&mut world);
        }
        settle(&mut world, seed);
    }
}

/// One random act at a random end.
fn disturb(world: &mut World) {
    let end = world.rng.below(2) as usize;
    let act = world.rng.below(5);
    let now = world.now;
    let (ends, network) = (&mut world.ends, &mut world.network);
    let end = &mut ends[end];
    let sas: Vec<_> = end.sas.keys().copied().collect();
    match act {
        0 => end.crash(now),
        1 => {
            if let Some(spi) = sas.first() {
                end.command(*spi, Command::Terminate, now, network);
            }
        }
        2 => {
            if let (Some(spi), Some(child)) = (
                end.established().first(),
                end.installed.keys().next().copied(),
            ) {
                end.command(*spi, Command::TerminateChild(child), now, network);
            }
        }
        3 => {
            for spi in sas {
                end.command(spi, Command::Probe, now, network);
            }
        }
        _ => network.weather.loss = 100 - network.weather.loss,
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| {
        let mut world = World::new(seed, Weather::CALM);
        world.network.weather = storm(&mut world);
        let start = world.now;
        world.ends.iter_mut().for_each(|end| end.start(start));
        world.run(Duration::from_secs(100));
        let spis: Vec<_> = world
            .ends
            .iter()
            .map(crate::endpoint::Endpoint::established)
            .collect();
        (spis, world.now - start, world.ends[0].log.len())
    };
    assert_eq!(story(7), story(7));
    assert_ne!(story(7).0, story(8).0);
}

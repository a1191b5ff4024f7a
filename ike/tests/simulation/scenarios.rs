//! What is done to the two ends.

use std::time::Duration;

use holdfast_ike::sa::{AdmissionLimits, Command, Input};

use crate::{network::Weather, world::World};

/// Worlds in each scenario, together more than 10,000, unless `HOLDFAST_SEEDS` says another number.
const ONE_INITIATES: u64 = 2000;
const BOTH_INITIATE: u64 = 3000;
const DISTURBED: u64 = 3000;
const FLOODED: u64 = 1000;
const ATTACKED: u64 = 1000;
const ATTACKED_AT_REST: u64 = 200;

/// The seeds of a scenario's worlds: `HOLDFAST_SEEDS` is their number, or `from..to`. `hard` are those of
/// worlds that once failed, which are looked at in any case.
pub(crate) fn seeds_and(worlds: u64, hard: &[u64]) -> impl Iterator<Item = u64> {
    hard.iter().copied().chain(seeds(worlds))
}

/// The same where no world has failed.
pub(crate) fn seeds(worlds: u64) -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("HOLDFAST_SEEDS") else {
        return 0..worlds;
    };
    let number = |text: &str| -> u64 {
        text.parse()
            .unwrap_or_else(|_| panic!("HOLDFAST_SEEDS is a number or from..to, not {asked}"))
    };
    match asked.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&asked),
    }
}

/// How long the data plane takes at most.
const SLOW_PLANE: Duration = Duration::from_millis(500);

fn storm(world: &mut World) -> Weather {
    Weather {
        loss: world.rng.below(40),
        duplication: world.rng.below(30),
        latency: Duration::from_millis(20 + world.rng.below(3000)),
        stragglers: world.rng.below(30).saturating_sub(20),
    }
}

/// A world with a bad network, one child or two, and data planes fast or slow.
pub(crate) fn bad_world(seed: u64) -> World {
    let mut world = World::new(seed, 1 + (seed % 2) as usize);
    world.network.weather = storm(&mut world);
    for end in &mut world.ends {
        if world.rng.chance(60) {
            end.plane.delay = SLOW_PLANE;
        }
        if world.rng.chance(20) {
            end.plane.failures = 30;
        }
    }
    world
}

/// Long enough for every timer to have run out: retransmission, half-open, liveness, retries.
const CALM_DOWN: Duration = Duration::from_secs(300);

pub(crate) fn calm_down(world: &mut World) {
    world.network.weather = Weather::CALM;
    world.network.attacker = None;
    for end in &mut world.ends {
        end.plane.failures = 2;
    }
    world.run(CALM_DOWN);
}

fn settle(mut world: World) {
    calm_down(&mut world);
    world.assert_at_rest();
    world.take_leave();
}

#[test]
fn one_end_initiates_on_a_bad_network() {
    for seed in seeds(ONE_INITIATES) {
        let mut world = bad_world(seed);
        world.ends[0].start(world.now);
        world.run(Duration::from_secs(60));
        settle(world);
    }
}

#[test]
fn both_ends_initiate_at_once() {
    for seed in seeds(BOTH_INITIATE) {
        let mut world = bad_world(seed ^ 0xb0b0);
        let apart = Duration::from_millis(world.rng.below(1 + world.rng.clone().below(3000)));
        world.ends[0].start(world.now);
        world.run(apart);
        world.ends[1].start(world.now);
        world.run(Duration::from_secs(60));
        settle(world);
    }
}

#[test]
fn crashes_deletes_and_probes_while_the_network_is_bad() {
    for seed in seeds(DISTURBED) {
        let mut world = bad_world(seed ^ 0xdead_beef);
        world.ends[0].start(world.now);
        if world.rng.chance(70) {
            world.ends[1].start(world.now);
        }
        disturb_for_a_while(&mut world);
        settle(world);
    }
}

#[test]
fn initiators_have_to_return_cookies() {
    for seed in seeds(FLOODED) {
        let mut world = bad_world(seed ^ 0x0c00_c1e5);
        for end in &mut world.ends {
            end.limits = AdmissionLimits {
                cookie_threshold: 1,
                cookie_threshold_ip: 1,
                ..AdmissionLimits::default()
            };
            end.crash(world.now);
        }
        // A request of which the network makes two may be challenged once and taken once, and the
        // initiator cannot know which form of it was answered.
        world.network.weather.duplication = 0;
        world.ends[0].start(world.now);
        if world.rng.chance(50) {
            world.ends[1].start(world.now);
        }
        // The flood swells and ebbs.
        for _ in 0..20 {
            for end in &mut world.ends {
                let stranger = [203, 0, 113, 1].into();
                if world.rng.chance(50) {
                    end.admission.opened(stranger);
                } else {
                    end.admission.closed(stranger);
                }
            }
            world.run(Duration::from_millis(200 + world.rng.clone().below(2000)));
        }
        settle(world);
    }
}

#[test]
fn an_attacker_joins_the_bad_network() {
    for seed in seeds(ATTACKED) {
        let mut world = bad_world(seed ^ 0xbad_0bad);
        let rate = 50 + world.rng.below(150);
        world.attack(rate);
        world.ends[0].start(world.now);
        if world.rng.chance(70) {
            world.ends[1].start(world.now);
        }
        disturb_for_a_while(&mut world);
        settle(world);
    }
}

/// Whoever adds to the traffic but takes nothing away ends nothing that is up.
#[test]
fn an_attacker_alone_closes_nothing() {
    for seed in seeds(ATTACKED_AT_REST) {
        let mut world = World::new(seed ^ 0x5afe, 2);
        world.attack(0);
        world.ends[0].start(world.now);
        for end in &mut world.ends {
            end.plane.failures = 0;
        }
        world.run(Duration::from_secs(10));
        world.assert_at_rest();
        let spis = |world: &World| {
            world.ends.each_ref().map(|end| {
                let sas: Vec<_> = end.established();
                let children: Vec<_> = end.plane.installed.keys().copied().collect();
                (sas, children)
            })
        };
        let before = spis(&world);
        if let Some(attacker) = &mut world.network.attacker {
            attacker.rate = 1000;
            attacker.leads = false;
        }
        for _ in 0..20 {
            let pause = Duration::from_millis(world.rng.below(5000));
            world.run(pause);
            let now = world.now;
            let (ends, network) = (&mut world.ends, &mut world.network);
            for end in ends {
                for spi in end.established() {
                    end.command(spi, Command::Probe, now, network);
                }
            }
        }
        if before != spis(&world) {
            world.complain("the attacker has ended something");
        }
        settle(world);
    }
}

pub(crate) fn disturb_for_a_while(world: &mut World) {
    for _ in 0..world.rng.below(8) {
        let pause = Duration::from_millis(world.rng.below(10_000));
        world.run(pause);
        disturb(world);
    }
}

/// One random act at a random end.
fn disturb(world: &mut World) {
    let index = world.rng.below(2) as usize;
    let act = world.rng.below(12);
    let pick = world.rng.next() as usize;
    let now = world.now;
    let (ends, network) = (&mut world.ends, &mut world.network);
    let end = &mut ends[index];
    let sas: Vec<_> = end.sas.keys().copied().collect();
    let children: Vec<_> = end
        .plane
        .installed
        .iter()
        .map(|(spi, (owner, _))| (*owner, *spi))
        .collect();
    let child = (!children.is_empty()).then(|| children[pick % children.len()]);
    match (act, child) {
        (0, _) => end.crash(now),
        (1, _) => {
            if let Some(spi) = sas.first() {
                end.command(*spi, Command::Terminate, now, network);
            }
        }
        (2 | 3, Some((owner, child))) => {
            end.command(owner, Command::TerminateChild(child), now, network);
        }
        (4, Some((owner, inbound_spi))) => {
            let hard = pick.is_multiple_of(2);
            let input = Input::ChildExpired { inbound_spi, hard };
            end.feed(owner, input, now, network);
        }
        (8, Some((owner, child))) => {
            end.command(owner, Command::RekeyChild(child), now, network);
        }
        (9, _) => {
            for spi in sas {
                end.command(spi, Command::Rekey, now, network);
            }
        }
        (5, _) => {
            for spi in sas {
                end.command(spi, Command::Probe, now, network);
            }
        }
        (6, _) => {
            // Work already done or under way, again and again.
            for spi in sas {
                for config in end.connection.children.clone() {
                    end.command(spi, Command::Initiate(config), now, network);
                }
            }
        }
        _ => network.weather.loss = 100 - network.weather.loss,
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| {
        let mut world = bad_world(seed);
        world.attack(100);
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

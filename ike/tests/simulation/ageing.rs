//! CHILD_SAs that reach their limits of traffic, at both ends at about the same packet.

use std::time::Duration;

use holdfast_ike::sa::Input;

use crate::{
    scenarios::{bad_world, calm_down, seeds_and},
    world::World,
};

const WORLDS: u64 = 400;

/// Both data planes count the same packets.
fn wear_out(world: &mut World, hard: bool) {
    for index in [0, 1] {
        let now = world.now;
        let (ends, network) = (&mut world.ends, &mut world.network);
        let end = &mut ends[index];
        let worn: Vec<_> = end
            .plane
            .installed
            .iter()
            .map(|(spi, (owner, _))| (*owner, *spi))
            .collect();
        for (owner, inbound_spi) in worn {
            let input = Input::ChildExpired { inbound_spi, hard };
            end.feed(owner, input, now, network);
        }
        let pause = Duration::from_millis(world.rng.below(100));
        world.run(pause);
    }
}

#[test]
fn limits_of_traffic_on_a_bad_network() {
    for seed in seeds_and(WORLDS, &[10319]) {
        let mut world = bad_world(seed ^ 0xa9e5);
        world.ends[0].start(world.now);
        if world.rng.chance(50) {
            world.ends[1].start(world.now);
        }
        for _ in 0..6 {
            let pause = Duration::from_millis(world.rng.below(15_000));
            world.run(pause);
            wear_out(&mut world, false);
            if world.rng.chance(30) {
                let pause = Duration::from_millis(world.rng.below(5000));
                world.run(pause);
                wear_out(&mut world, true);
            }
        }
        calm_down(&mut world);
        world.assert_at_rest();
        world.take_leave();
    }
}

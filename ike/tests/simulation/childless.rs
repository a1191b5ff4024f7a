//! IKE_SAs that begin without a CHILD_SA (RFC 6023), on a bad network.

use std::{sync::Arc, time::Duration};

use holdfast_ike::config::Childless;

use crate::{
    scenarios::{bad_world, calm_down, disturb_for_a_while, seeds},
    world::World,
};

const WORLDS: u64 = 400;

/// Policies that both ends can live with.
const MILD: [Childless; 3] = [Childless::Allow, Childless::Prefer, Childless::Never];
const STRICT: [Childless; 2] = [Childless::Prefer, Childless::Force];

fn choose(world: &mut World) {
    let policies: &[Childless] = if world.rng.chance(50) { &MILD } else { &STRICT };
    for end in &mut world.ends {
        let choice = world.rng.below(policies.len() as u64) as usize;
        Arc::make_mut(&mut end.connection).childless = policies[choice];
    }
}

#[test]
fn children_that_come_later() {
    for seed in seeds(WORLDS) {
        let mut world = bad_world(seed ^ 0x6023);
        choose(&mut world);
        world.ends[0].start(world.now);
        if world.rng.chance(60) {
            world.ends[1].start(world.now);
        }
        world.run(Duration::from_secs(30));
        disturb_for_a_while(&mut world);
        calm_down(&mut world);
        world.assert_at_rest();
        world.take_leave();
    }
}

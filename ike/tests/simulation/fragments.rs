//! Everything but IKE_SA_INIT travels in fragments, of which the network loses, repeats and
//! reorders each on its own.

use std::time::Duration;

use crate::{
    rekeying,
    scenarios::{bad_world, disturb_for_a_while, seeds},
    world::World,
};

const ON_A_BAD_NETWORK: u64 = 1500;
const ATTACKED: u64 = 300;

/// One message needs three to five fragments: at more loss than this hardly any gets through.
const MOST_LOSS: u64 = 15;

fn fragmented_world(seed: u64) -> World {
    let mut world = bad_world(seed);
    world.network.weather.loss %= MOST_LOSS;
    for end in &mut world.ends {
        end.options.fragment_size = 180 + world.rng.below(100) as u16;
    }
    world
}

#[test]
fn handshakes_and_rekeyings_in_fragments_on_a_bad_network() {
    for seed in seeds(ON_A_BAD_NETWORK) {
        let mut world = fragmented_world(seed ^ 0xf4a9);
        let child = Duration::from_secs(20 + world.rng.below(40));
        let ike = Duration::from_secs(90 + world.rng.below(90));
        world.rekey_every(ike, child);
        world.ends[0].start(world.now);
        if world.rng.chance(50) {
            world.ends[1].start(world.now);
        }
        disturb_for_a_while(&mut world);
        rekeying::settle(world);
    }
}

#[test]
fn somebody_replays_and_forges_fragments() {
    for seed in seeds(ATTACKED) {
        let mut world = fragmented_world(seed ^ 0x0f04_9e0d);
        world.attack(100);
        world.ends[0].start(world.now);
        world.ends[1].start(world.now);
        world.run(Duration::from_secs(60));
        rekeying::settle(world);
    }
}

//! Several key exchanges: IKE_INTERMEDIATE while the tunnel comes up, IKE_FOLLOWUP_KE when keys are
//! renewed, by both ends at once, on a bad network.

use std::{sync::Arc, time::Duration};

use holdfast_ike::proposal::{Proposal, Protocol};

use crate::{
    rekeying::{self, rekey_at_both_ends},
    scenarios::{bad_world, disturb_for_a_while, seeds, seeds_and},
    world::World,
};

const ON_A_BAD_NETWORK: u64 = 60;
const AT_ONCE: u64 = 60;

/// One additional key exchange in some worlds, two in others; in some only for one of the protocols.
fn thorough_world(seed: u64) -> World {
    const IKE: [&str; 3] = ["", "-ke1_ecp256", "-ke1_ecp256-ke2_mlkem512"];
    let mut world = bad_world(seed);
    world.network.weather.loss %= 20;
    let ike = IKE[world.rng.below(3) as usize];
    let esp = IKE[world.rng.below(3) as usize];
    let parse = |text: String, protocol| {
        vec![Proposal::from_notation(&text, protocol).expect("a proposal")]
    };
    for end in &mut world.ends {
        let connection = Arc::make_mut(&mut end.connection);
        let text = format!("aes256gcm16-prfsha384-x25519{ike}");
        connection.proposals = parse(text, Protocol::Ike);
        for child in &mut connection.children {
            let text = format!("aes256gcm16-x25519{esp}");
            Arc::make_mut(child).proposals = parse(text, Protocol::Esp);
        }
        if world.rng.chance(30) {
            end.options.fragment_size = 600;
        }
    }
    world
}

#[test]
fn several_key_exchanges_on_a_bad_network() {
    for seed in seeds(ON_A_BAD_NETWORK) {
        let mut world = thorough_world(seed ^ 0x9370);
        let child = Duration::from_secs(20 + world.rng.below(40));
        let ike = Duration::from_secs(90 + world.rng.below(90));
        world.rekey_every(ike, child);
        world.ends[0].start(world.now);
        if world.rng.chance(50) {
            world.ends[1].start(world.now);
        }
        disturb_for_a_while(&mut world);
        world.run(Duration::from_secs(30));
        rekeying::settle(world);
    }
}

#[test]
fn several_key_exchanges_at_the_same_instant() {
    for seed in seeds_and(AT_ONCE, &[296]) {
        let mut world = thorough_world(seed ^ 0x0370);
        world.ends[0].start(world.now);
        world.run(Duration::from_secs(10));
        for _ in 0..5 {
            rekey_at_both_ends(&mut world);
            let pause = Duration::from_millis(world.rng.below(12_000));
            world.run(pause);
        }
        rekeying::settle(world);
    }
}

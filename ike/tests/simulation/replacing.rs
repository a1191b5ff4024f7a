//! IKE_SAs that are replaced as a whole, made before they are broken: because the proofs of identity
//! are old, or because the gateway sends its clients away.

use std::{sync::Arc, time::Duration};

use holdfast_ike::{
    config::Reauthentication,
    sa::{
        Command,
        redirect::{Gateway, Redirect, RedirectAt},
    },
};

use crate::{
    rekeying,
    scenarios::{bad_world, disturb_for_a_while, seeds},
};

const REAUTHENTICATED: u64 = 200;
const REDIRECTED: u64 = 200;

#[test]
fn old_proofs_are_renewed_on_a_bad_network() {
    for seed in seeds(REAUTHENTICATED) {
        let mut world = bad_world(seed ^ 0x4ea0);
        world.network.weather.loss %= 25;
        if world.rng.chance(50) {
            world.rekey_every(Duration::from_secs(80), Duration::from_secs(45));
        }
        for index in [0, 1] {
            if index == 0 || world.rng.chance(50) {
                let time = Duration::from_secs(70 + world.rng.below(60));
                let end = &mut world.ends[index];
                Arc::make_mut(&mut end.connection).reauth = Reauthentication {
                    time,
                    rand_time: time / 5,
                    over_time: time + Duration::from_secs(40),
                };
            }
        }
        world.ends[0].start(world.now);
        if world.rng.chance(30) {
            world.ends[1].start(world.now);
        }
        disturb_for_a_while(&mut world);
        world.run(Duration::from_secs(120));
        rekeying::settle(world);
    }
}

/// Where to is the same gateway: what counts is that nothing is lost or left on the way.
#[test]
fn clients_are_sent_away_on_a_bad_network() {
    for seed in seeds(REDIRECTED) {
        let mut world = bad_world(seed ^ 0x5685);
        world.network.weather.loss %= 25;
        let to = Gateway::Address(world.ends[1].address.ip());
        world.ends[0].start(world.now);
        for _ in 0..4 {
            let pause = Duration::from_millis(world.rng.below(30_000));
            world.run(pause);
            let at = match world.rng.below(3) {
                0 => Some(RedirectAt::IkeSaInit),
                1 => Some(RedirectAt::IkeAuth),
                _ => None,
            };
            let redirect = at.map(|at| Redirect { to: to.clone(), at });
            let gateway = &mut world.ends[1];
            Arc::make_mut(&mut gateway.connection).redirect = redirect;
            if world.rng.chance(70) {
                for spi in gateway.established() {
                    let command = Command::Redirect(to.clone());
                    gateway.command(spi, command, world.now, &mut world.network);
                }
            }
            if world.rng.chance(20) {
                world.ends[0].crash(world.now);
            }
        }
        Arc::make_mut(&mut world.ends[1].connection).redirect = None;
        rekeying::settle(world);
    }
}

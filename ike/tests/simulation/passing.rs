//! Tunnels that nobody keeps up: whatever happens to them, in the end both ends have the same, or
//! both have nothing.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    endpoint::Endpoint,
    scenarios::{bad_world, calm_down, disturb_for_a_while, seeds},
    world::World,
};

const WORLDS: u64 = 600;

fn ike_sas(end: &Endpoint) -> BTreeSet<[[u8; 8]; 2]> {
    let spis = end.sas.values().map(|tracked| tracked.sa.spis());
    spis.map(|spis| [spis.initiator.0, spis.responder.0])
        .collect()
}

/// The CHILD_SAs, as the left end numbers them.
fn children(world: &World) -> [BTreeSet<(u32, u32)>; 2] {
    let mut sides = world.ends.each_ref().map(|end| {
        let installed = end.plane.installed.values();
        installed
            .map(|(_, child)| (child.inbound_spi.0, child.outbound_spi.0))
            .collect::<BTreeSet<_>>()
    });
    sides[1] = sides[1].iter().map(|(to, from)| (*from, *to)).collect();
    sides
}

#[test]
fn what_nobody_keeps_up_ends_at_both_ends() {
    for seed in seeds(WORLDS) {
        let mut world = bad_world(seed ^ 0x0ff0);
        for index in [0, 1] {
            if index == 0 || world.rng.chance(50) {
                let (ends, network) = (&mut world.ends, &mut world.network);
                ends[index].initiate(world.now, network);
            }
        }
        disturb_for_a_while(&mut world);
        let unplugged = world.rng.chance(30);
        if unplugged {
            world.network.weather.loss = 100;
            let pause = Duration::from_millis(world.rng.below(120_000));
            world.run(pause);
        }
        calm_down(&mut world);
        let [left, right] = &world.ends;
        if ike_sas(left) != ike_sas(right) {
            world.complain("the ends disagree on their IKE_SAs");
        }
        let [here, there] = children(&world);
        if here != there {
            world.complain(&format!("{here:?} here, {there:?} there"));
        }
        world.take_leave();
    }
}

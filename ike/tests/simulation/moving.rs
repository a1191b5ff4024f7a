//! Ends that move while the network is bad: with MOBIKE and without, from address to address, through
//! times without any network, and behind a NAT that is restarted.

use std::{net::IpAddr, sync::Arc, time::Duration};

use holdfast_ike::sa::{Command, Input};

use crate::{
    nat::Nat,
    rekeying,
    scenarios::{bad_world, seeds, seeds_and},
    world::World,
};

const ROAMING: u64 = 200;
const TWO_ADDRESSES: u64 = 150;
const BEHIND_NAT: u64 = 200;

/// The left end keeps it up: it finds the right one where it is, as by its name.
fn travellers(seed: u64, mobike: bool) -> World {
    let mut world = bad_world(seed);
    world.network.weather.loss %= 25;
    if world.rng.chance(50) {
        let child = Duration::from_secs(20 + world.rng.below(40));
        world.rekey_every(Duration::from_secs(100), child);
    }
    let encapsulated = world.rng.chance(50);
    for end in &mut world.ends {
        Arc::make_mut(&mut end.connection).mobike = mobike;
        end.options.force_encapsulation = encapsulated;
        end.env.addresses = vec![end.address.ip()];
    }
    world.ends[0].start(world.now);
    world
}

/// An end is somewhere else now, and hears of it from its kernel a little later.
fn move_to(world: &mut World, index: usize, address: IpAddr) {
    let end = &mut world.ends[index];
    end.address.set_ip(address);
    end.env.addresses = vec![address];
    end.env.unplugged = false;
    if index == 1 {
        world.ends[0].peer.set_ip(address);
    }
    world.run(Duration::from_millis(100));
    check_path(world, index);
}

fn unplug(world: &mut World, index: usize) {
    world.ends[index].env.unplugged = true;
    check_path(world, index);
}

fn check_path(world: &mut World, index: usize) {
    let now = world.now;
    let (ends, network) = (&mut world.ends, &mut world.network);
    let end = &mut ends[index];
    for spi in end.sas.keys().copied().collect::<Vec<_>>() {
        end.command(spi, Command::CheckPath, now, network);
    }
}

/// A packet leaves by each CHILD_SA that sends. Whoever hears a packet from elsewhere says so.
fn send_packets(world: &mut World) -> usize {
    let mut lost = 0;
    for index in [0, 1] {
        let now = world.now;
        let (ends, network) = (&mut world.ends, &mut world.network);
        let sent: Vec<_> = ["net", "more"]
            .iter()
            .filter_map(|name| ends[index].child(name))
            .map(|child| (child.path, child.outbound_spi))
            .collect();
        for (path, spi) in sent {
            let from_here = ends[index].is_at(path.local.ip());
            let seen = from_here.then(|| network.towards(path)).flatten();
            let end = &mut ends[1 - index];
            let heard = seen.filter(|seen| end.is_at(seen.local.ip()));
            let owner = end
                .plane
                .installed
                .get(&spi)
                .map(|(owner, child)| (*owner, child.path));
            let (Some(seen), Some((owner, known))) = (heard, owner) else {
                lost += 1;
                continue;
            };
            end.plane.start_sending(spi);
            if seen.remote != known.remote {
                let input = Input::PeerMoved {
                    inbound_spi: spi,
                    path: seen,
                };
                end.feed(owner, input, now, network);
            }
        }
    }
    lost
}

/// For a while packets pass, and now and then something moves.
fn travel(world: &mut World, mut step: impl FnMut(&mut World, u8)) {
    for number in 0..3 + world.rng.below(5) as u8 {
        for _ in 0..4 {
            let pause = Duration::from_millis(world.rng.below(4000));
            world.run(pause);
            send_packets(world);
        }
        step(world, number);
    }
}

/// In the end packets pass both ways, and both ends know where the other one is.
fn arrive(mut world: World) {
    for end in &mut world.ends {
        end.env.unplugged = false;
    }
    check_path(&mut world, 0);
    check_path(&mut world, 1);
    world.network.weather = crate::network::Weather::CALM;
    for _ in 0..30 {
        world.run(Duration::from_secs(10));
        send_packets(&mut world);
    }
    world.rekey_every(Duration::ZERO, Duration::ZERO);
    let mut lost = 1;
    for _ in 0..60 {
        lost = send_packets(&mut world);
        if lost == 0 {
            break;
        }
        world.run(Duration::from_secs(1));
    }
    if lost > 0 {
        world.complain("packets do not find their way");
    }
    rekeying::settle(world);
}

#[test]
fn an_initiator_that_roams() {
    for seed in seeds_and(ROAMING, &[1975]) {
        let mobike = seed.is_multiple_of(3);
        let mut world = travellers(seed ^ 0x0404, !mobike);
        travel(&mut world, |world, number| {
            if world.rng.chance(30) {
                unplug(world, 0);
                let pause = Duration::from_millis(world.rng.below(20_000));
                world.run(pause);
            }
            move_to(world, 0, [192, 0, 2, 10 + number % 3].into());
        });
        arrive(world);
    }
}

/// Either end has a second address; now one is gone, now the other, and the first choice changes.
#[test]
fn ends_with_two_addresses() {
    for seed in seeds_and(TWO_ADDRESSES, &[701]) {
        let mut world = travellers(seed ^ 0x2add, true);
        let all = [
            [[192, 0, 2, 1], [198, 51, 100, 1]],
            [[192, 0, 2, 2], [198, 51, 100, 2]],
        ];
        travel(&mut world, |world, _| {
            let index = world.rng.below(2) as usize;
            let mut addresses: Vec<IpAddr> = all[index].map(IpAddr::from).to_vec();
            if world.rng.chance(50) {
                addresses.swap(0, 1);
            }
            if world.rng.chance(60) {
                addresses.pop();
            }
            move_to(world, index, addresses[0]);
            world.ends[index].env.addresses = addresses;
            check_path(world, index);
        });
        arrive(world);
    }
}

#[test]
fn an_initiator_behind_a_nat_that_is_restarted() {
    for seed in seeds(BEHIND_NAT) {
        let mut world = travellers(seed ^ 0x0a7a, seed.is_multiple_of(2));
        let inside = world.ends[0].address.ip();
        world.network.nat = Some(Nat::new(inside));
        travel(&mut world, |world, _| {
            if let Some(nat) = &mut world.network.nat {
                nat.restart();
            }
        });
        arrive(world);
    }
}

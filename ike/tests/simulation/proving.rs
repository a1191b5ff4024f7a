//! Authentication that takes many messages: rounds of shared keys, signatures and EAP (RFC 4739),
//! whose answers take their time, on a bad network.

use std::{sync::Arc, time::Duration};

use holdfast_ike::{
    Identification, Secret,
    config::{
        IdMatch, LocalAuth, LocalEap, LocalPublicKey, LocalRound, Ppk, RemoteAuth, RemoteEap,
        RemotePublicKey, RemoteRound,
    },
};

use crate::{
    rng::Rng,
    scenarios::{bad_world, calm_down, disturb_for_a_while, seeds},
    world::World,
};

const WORLDS: u64 = 400;

/// The longest that somebody thinks about a signature or an EAP message.
const THOUGHT: Duration = Duration::from_millis(2500);

#[derive(Clone, Copy)]
enum Proof {
    SharedKey,
    Signature,
    Eap,
}

/// One to three of the initiator's; only that end can be asked for EAP.
fn proofs(rng: &mut Rng, with_eap: bool) -> Vec<Proof> {
    (0..=rng.below(3))
        .map(|_| match rng.below(if with_eap { 3 } else { 2 }) {
            0 => Proof::SharedKey,
            1 => Proof::Signature,
            _ => Proof::Eap,
        })
        .collect()
}

fn id(name: &str, round: usize) -> Identification {
    Identification::Fqdn(format!("{name}-{round}").as_str().into())
}

fn local(name: &str, proofs: &[Proof]) -> Vec<LocalRound> {
    let round = |(number, proof): (usize, &Proof)| LocalRound {
        id: Some(id(name, number)),
        auth: match proof {
            Proof::SharedKey => LocalAuth::Psk,
            Proof::Signature => LocalAuth::PublicKey(Arc::new(LocalPublicKey::default())),
            Proof::Eap => LocalAuth::Eap(Arc::new(LocalEap::default())),
        },
    };
    proofs.iter().enumerate().map(round).collect()
}

fn remote(name: &str, proofs: &[Proof]) -> Vec<RemoteRound> {
    let round = |(number, proof): (usize, &Proof)| RemoteRound {
        id: IdMatch::Exact(id(name, number)),
        auth: match proof {
            Proof::SharedKey => RemoteAuth::Psk,
            Proof::Signature => RemoteAuth::PublicKey(Arc::new(RemotePublicKey::default())),
            Proof::Eap => RemoteAuth::Eap(Arc::new(RemoteEap::default())),
        },
    };
    proofs.iter().enumerate().map(round).collect()
}

fn doubtful_world(seed: u64) -> World {
    let mut world = bad_world(seed);
    world.network.weather.loss %= 25;
    let one_sided = world.rng.chance(60);
    let ours = proofs(&mut world.rng, one_sided);
    let theirs = proofs(&mut world.rng, false);
    let [left, right] = &mut world.ends;
    let connection = Arc::make_mut(&mut left.connection);
    connection.local = local("moon", &ours);
    connection.remote = remote("sun", &theirs);
    let connection = Arc::make_mut(&mut right.connection);
    connection.local = local("sun", &theirs);
    connection.remote = remote("moon", &ours);
    if ours.len() == 1 && theirs.len() == 1 {
        share_a_ppk(&mut world);
    }
    world.ends[0].start(world.now);
    if !one_sided && world.rng.chance(60) {
        world.ends[1].start(world.now);
    }
    for end in &mut world.ends {
        if world.rng.chance(50) {
            end.desk.delay = THOUGHT;
        }
    }
    world
}

/// One end may lack it if nobody insists.
fn share_a_ppk(world: &mut World) {
    let required = world.rng.chance(50);
    for end in &mut world.ends {
        let id = IdMatch::Exact(id("ppk", 0));
        Arc::make_mut(&mut end.connection).ppk = Some(Ppk { id, required });
        if required || world.rng.chance(70) {
            end.env.ppk = Some(Arc::new(Secret::new(*b"no quantum computer finds it")));
        }
    }
}

#[test]
fn rounds_and_eap_on_a_bad_network() {
    for seed in seeds(WORLDS) {
        let mut world = doubtful_world(seed ^ 0x4739);
        world.run(Duration::from_secs(30));
        disturb_for_a_while(&mut world);
        calm_down(&mut world);
        world.assert_at_rest();
        world.take_leave();
    }
}

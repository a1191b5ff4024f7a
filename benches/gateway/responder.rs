//! The responder under load: set-ups for each second of processor time, and memory for each tunnel.

use std::{
    hint::black_box,
    net::SocketAddr,
    time::{Duration, Instant},
};

use holdfast_ike::{crypto::KeyPair, proposal::KeyExchangeMethod};

use crate::{
    ESP_PROPOSALS, PROPOSALS,
    lab::{
        Lab,
        charon::{self, Charon},
        fleet,
        holdfast::Holdfast,
        topology::{Family, PSK, Pair},
    },
    load::{self, Generator},
    processes::{cpu_seconds, proportional_bytes},
    summary::{Better, Row, median},
};

/// Set-ups that are not measured: buffers grow, threads start.
const WARM_UP: usize = 100;
/// Set-ups for each figure of processor time.
const SET_UPS: usize = 500;
/// Tunnels for the figure of memory, and present at the second figure of processor time.
const TUNNELS: usize = 10_000;
const ROUNDS: usize = 3;

/// What one responder needed.
struct Figures {
    /// Set-ups for each second of processor time with few tunnels present.
    when_few: f64,
    /// The same with 10,000 present.
    when_many: f64,
    bytes: f64,
}

pub(crate) fn measure() -> Vec<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let holdfast = holdfast();
        let charon = charon();
        for (name, figures) in [("holdfast", &holdfast), ("charon", &charon)] {
            eprintln!(
                "responder {round}/{ROUNDS}: {name} {:.0} set-ups per CPU second, {:.0} when many, \
                 {:.0} bytes each",
                figures.when_few, figures.when_many, figures.bytes
            );
        }
        ours.push(holdfast);
        theirs.push(charon);
    }
    let middle =
        |figures: &[Figures], of: fn(&Figures) -> f64| median(figures.iter().map(of).collect());
    let limit = key_agreements_per_second();
    vec![
        Row {
            name: "set-ups as responder, few tunnels present",
            unit: "per CPU s",
            better: Better::Higher,
            holdfast: middle(&ours, |figures| figures.when_few),
            peer: middle(&theirs, |figures| figures.when_few),
            limit: Some(limit),
        },
        Row {
            name: "set-ups as responder, 10,000 tunnels present",
            unit: "per CPU s",
            better: Better::Higher,
            holdfast: middle(&ours, |figures| figures.when_many),
            peer: middle(&theirs, |figures| figures.when_many),
            limit: Some(limit),
        },
        Row {
            name: "memory per tunnel as responder",
            unit: "bytes",
            better: Better::Lower,
            holdfast: middle(&ours, |figures| figures.bytes),
            peer: middle(&theirs, |figures| figures.bytes),
            limit: None,
        },
    ]
}

fn holdfast() -> Figures {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let agent = format!("{}\nlog = {{ level = \"warn\" }}", fleet::no_limits("none"));
    let mut sun = Holdfast::start(
        &lab,
        &pair.sun.namespace,
        &agent,
        &fleet::waiter_tables(&pair),
    );
    load_on(&pair, sun.process().id())
}

/// Tuned as its documentation advises for many peers: larger tables, no flood protection, and no
/// route for each of them.
fn charon() -> Figures {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let settings = charon::Settings {
        daemon: " dos_protection = no\n ikesa_table_size = 16384\n ikesa_table_segments = 16\n \
                 install_routes = no\n"
            .to_owned(),
        quiet: true,
        ..charon::Settings::default()
    };
    let mut sun = Charon::start(&lab, &pair.sun.namespace, &settings);
    sun.configure(&format!(
        "connections {{ all {{\n version = 2\n local_addrs = {}\n proposals = {PROPOSALS}\n \
         local {{ auth = psk\n id = {} }}\n remote {{ auth = psk }}\n \
         children {{ net {{ local_ts = 10.2.0.0/16\n remote_ts = 10.1.0.0/16\n \
         esp_proposals = {ESP_PROPOSALS} }} }} }} }}\nsecrets {{ ike-lab {{ secret = \"{PSK}\" }} }}\n",
        pair.sun.outer(Family::V4),
        pair.sun.id,
    ));
    load_on(&pair, sun.process().id())
}

fn load_on(pair: &Pair, pid: u32) -> Figures {
    let local = pair.moon.outer(Family::V4);
    let remote = SocketAddr::new(pair.sun.outer(Family::V4), load::IKE_PORT);
    pair.moon.namespace.enter(|| {
        let mut generator = Generator::new(local, remote);
        generator.establish(WARM_UP);
        let memory = proportional_bytes(pid);
        let when_few = set_ups_per_cpu_second(&mut generator, pid);
        generator.establish(TUNNELS - SET_UPS);
        settle();
        let bytes = (proportional_bytes(pid) - memory) / TUNNELS as f64;
        Figures {
            when_few,
            when_many: set_ups_per_cpu_second(&mut generator, pid),
            bytes,
        }
    })
}

fn set_ups_per_cpu_second(generator: &mut Generator, pid: u32) -> f64 {
    settle();
    let before = cpu_seconds(pid);
    generator.establish(SET_UPS);
    settle();
    SET_UPS as f64 / (cpu_seconds(pid) - before)
}

/// The last tunnel's end at the responder may still be under way.
fn settle() {
    std::thread::sleep(Duration::from_millis(500));
}

/// The two X25519 operations that no responder can do without.
fn key_agreements_per_second() -> f64 {
    let mut random = load::random;
    let generate = |random: &mut dyn FnMut(&mut [u8])| {
        KeyPair::generate(KeyExchangeMethod::CURVE_25519, random).expect("X25519 is supported")
    };
    let peer = generate(&mut random);
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < Duration::from_millis(500) {
        let pair = generate(&mut random);
        black_box(pair.agree(peer.public()).expect("a valid public value"));
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

//! The strikes that an agent survives, in random order, on one agent for as long as is asked: after each
//! of them there is one tunnel, and after all of them the agent is no larger than it was.

use std::{
    collections::BTreeMap,
    thread::ScopedJoinHandle,
    time::{Duration, Instant},
};

use super::{
    Fault, Outcome,
    scene::{Scene, Settings, persistent},
    strikes,
};
use crate::lab::{
    charon,
    measure::{open_descriptors, resident_bytes},
};

/// The strikes that suit one scene and leave its agent alive.
const SURVIVED: [&str; 10] = [
    "the peer crashes",
    "the peer is restarted",
    "nothing passes for a while",
    "nothing of the peer's arrives for a while",
    "nothing of ours arrives for a while",
    "the peer moves to its other address",
    "our address changes",
    "our link goes down and up",
    "the secret is wrong, then right",
    "the machine sleeps",
];

/// Growth of resident memory after the first quarter of the time that counts as flat, in hundredths.
const GROWTH: u64 = 5;

/// What the agent had after one strike.
#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    resident: u64,
    descriptors: usize,
}

/// What one tunnel went through.
struct Story {
    samples: Vec<Sample>,
    times: BTreeMap<&'static str, Vec<Duration>>,
}

/// So many tunnels, each with an agent of its own, for so long. Prints what was seen, and fails if it is
/// not as it must be.
pub(crate) fn endurance(time: Duration, tunnels: u64, seed: u64) {
    println!("the seed is {seed}");
    let stories: Vec<Story> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..tunnels)
            .map(|number| scope.spawn(move || live(number, time, seed.wrapping_add(number))))
            .collect();
        let ends = threads.into_iter().map(ScopedJoinHandle::join);
        ends.map(|story| story.expect("every fault is survived"))
            .collect()
    });
    let mut times = BTreeMap::<_, Vec<_>>::new();
    for story in &stories {
        for (fault, taken) in &story.times {
            times.entry(*fault).or_default().extend(taken);
        }
    }
    let strikes: usize = times.values().map(Vec::len).sum();
    println!("\n{strikes} strikes on {tunnels} tunnels, the seed was {seed}\n");
    println!("| fault | times | traffic is back after: p50 | worst |\n| --- | --- | --- | --- |");
    for (name, mut taken) in times {
        taken.sort_unstable();
        let fault = fault(name);
        let outcome = Outcome {
            fault,
            times: taken,
        };
        println!(
            "| {name} | {} | {} ms | {} ms |",
            outcome.times.len(),
            outcome.median().as_millis(),
            outcome.worst().as_millis()
        );
    }
    println!(
        "\n| tunnel | quarter | resident, at most | descriptors, at most |\n| --- | --- | --- | --- |"
    );
    for (tunnel, story) in stories.iter().enumerate() {
        for quarter in 0..4 {
            let (resident, descriptors) = story.most(quarter, time);
            let kilobytes = resident / 1024;
            println!(
                "| {tunnel} | {} | {kilobytes} kB | {descriptors} |",
                quarter + 1
            );
        }
    }
    for (tunnel, story) in stories.iter().enumerate() {
        let ((early, few), (late, many)) = (story.most(1, time), story.most(3, time));
        assert!(
            late <= early + early * GROWTH / 100,
            "tunnel {tunnel}: memory grows from {early} to {late} octets"
        );
        assert!(
            many <= few,
            "tunnel {tunnel}: descriptors grow from {few} to {many}"
        );
    }
}

impl Story {
    /// The most that the agent had in a quarter of the time, which begins with 0.
    fn most(&self, quarter: u32, time: Duration) -> (u64, usize) {
        let (from, to) = (time * quarter / 4, time * (quarter + 1) / 4);
        let within = |sample: &&Sample| sample.at >= from && (sample.at < to || quarter == 3);
        let samples = || self.samples.iter().filter(within);
        let resident = samples().map(|sample| sample.resident).max();
        let descriptors = samples().map(|sample| sample.descriptors).max();
        resident
            .zip(descriptors)
            .expect("there were strikes in each quarter of the time")
    }
}

fn fault(name: &str) -> &'static Fault {
    let mut faults = strikes::ALL.iter();
    let found = faults.find(|fault| fault.name == name);
    found.unwrap_or_else(|| panic!("no fault is called {name}"))
}

/// One tunnel's life.
fn live(number: u64, time: Duration, seed: u64) -> Story {
    // Either end may have any address, and neither is told by MOBIKE where the other has gone.
    let mut scene = Scene::with_charon(&Settings {
        connection: persistent(),
        local_addrs: Some("[\"%any\"]"),
        remote_addrs: Some("[\"192.0.2.2\", \"192.0.2.12\"]"),
        charon: charon::Settings {
            connection: "mobike = no".to_owned(),
            ..charon::Settings::default()
        },
        ..Settings::default()
    });
    scene.settle("in the beginning");
    let pid = scene.holdfast.process().id();
    let (began, mut dice) = (Instant::now(), Dice(seed));
    let mut story = Story {
        samples: Vec::new(),
        times: BTreeMap::new(),
    };
    while began.elapsed() < time {
        let fault = fault(SURVIVED[dice.throw(SURVIVED.len())]);
        let times = story.times.entry(fault.name).or_default();
        (fault.strike)(&mut scene, times.len());
        let back = scene.traffic_after(Instant::now(), fault.name);
        scene.settle(&format!("after {}", fault.name));
        times.push(back);
        let sample = Sample {
            at: began.elapsed(),
            resident: resident_bytes(pid),
            descriptors: open_descriptors(pid),
        };
        story.samples.push(sample);
        println!(
            "{:>5} s, tunnel {number}: {}, back after {} ms; {} kB, {} descriptors",
            sample.at.as_secs(),
            fault.name,
            back.as_millis(),
            sample.resident / 1024,
            sample.descriptors
        );
    }
    story
}

/// Random numbers that come again with their seed (SplitMix64).
struct Dice(u64);

impl Dice {
    /// Any number below `sides`.
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let side = (mixed ^ (mixed >> 31)) % sides as u64;
        usize::try_from(side).expect("below a usize")
    }
}

#[test]
#[ignore = "a measurement for a machine at rest: make endurance"]
fn one_agent_survives_a_hundred_strikes() {
    endurance(Duration::from_secs(300), 1, 1);
}

//! The fault matrix: everything that may happen to a persistent connection, again and again. Each time
//! traffic must come back by itself, soon, over one IKE_SA with one CHILD_SA. `make faults` strikes ten
//! times each and prints how long it took.

pub(crate) mod endurance;
mod scene;
mod strikes;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread::ScopedJoinHandle,
    time::Duration,
};

use scene::Scene;

/// Between two attempts at most; what a peer's refusals may stretch it to is the same here.
const CAP: Duration = Duration::from_secs(1);
/// An attempt that nobody answers is given up after this time.
const ATTEMPT: Duration = Duration::from_millis(1300);
/// For machines that have other things to do.
const SLACK: Duration = Duration::from_millis(1500);
/// The most a tunnel may take when there is a sign that the peer is back, in the middle.
const PROMPT: Duration = Duration::from_secs(1);

/// Something that happens to a tunnel.
struct Fault {
    name: &'static str,
    /// Whether there is anything by which the agent can know that it is over: a packet of the peer, news
    /// of the network, its own start.
    visible: bool,
    /// The longest wait between two attempts.
    cap: Duration,
    /// Prepares a scene with the tunnel up, or on its way up.
    prepare: fn() -> Scene,
    /// Lets it happen, for the n-th time, and be over.
    strike: fn(&mut Scene, usize),
}

/// What came out of one fault.
struct Outcome {
    fault: &'static Fault,
    times: Vec<Duration>,
}

impl Outcome {
    fn median(&self) -> Duration {
        self.times[self.times.len() / 2]
    }

    fn worst(&self) -> Duration {
        *self.times.last().expect("it was struck")
    }
}

/// Every fault so many times, so many faults side by side; those whose name contains `only`, if that is
/// said.
pub(crate) fn matrix(times: usize, side_by_side: usize, only: Option<&str>) {
    let faults: Vec<&Fault> = strikes::ALL
        .iter()
        .filter(|fault| only.is_none_or(|only| fault.name.contains(only)))
        .collect();
    assert!(!faults.is_empty(), "no fault is called {only:?}");
    let next = AtomicUsize::new(0);
    let work = || {
        let mut outcomes = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(fault) = faults.get(number) else {
                return outcomes;
            };
            outcomes.push((number, strike(fault, times)));
        }
    };
    let mut outcomes: Vec<(usize, Outcome)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..side_by_side).map(|_| scope.spawn(work)).collect();
        let ends = threads.into_iter().map(ScopedJoinHandle::join);
        ends.flat_map(|outcomes| outcomes.expect("every fault is survived"))
            .collect()
    });
    outcomes.sort_by_key(|(number, _)| *number);
    println!(
        "\n| fault, {times} times each | traffic is back after: p50 | worst |\n| --- | --- | --- |"
    );
    for (_, outcome) in &outcomes {
        let (median, worst) = (outcome.median().as_millis(), outcome.worst().as_millis());
        println!("| {} | {median} ms | {worst} ms |", outcome.fault.name);
    }
    for (_, outcome) in &outcomes {
        judge(outcome);
    }
}

fn strike(fault: &'static Fault, times: usize) -> Outcome {
    let mut scene = (fault.prepare)();
    scene.settle(&format!("before {}", fault.name));
    let mut taken = Vec::new();
    for number in 0..times {
        (fault.strike)(&mut scene, number);
        let over = std::time::Instant::now();
        let time = scene.traffic_after(over, fault.name);
        println!("{}, {}: {} ms", fault.name, number + 1, time.as_millis());
        scene.settle(&format!("after {}", fault.name));
        taken.push(time);
    }
    taken.sort_unstable();
    Outcome {
        fault,
        times: taken,
    }
}

fn judge(outcome: &Outcome) {
    let Fault {
        name, visible, cap, ..
    } = outcome.fault;
    let (median, worst) = (outcome.median(), outcome.worst());
    if *visible && outcome.times.len() > 1 {
        assert!(median <= PROMPT, "{name}: p50 is {median:?}");
    }
    let limit = *cap + ATTEMPT + SLACK;
    assert!(worst <= limit, "{name}: the worst is {worst:?}");
}

#[test]
fn whatever_happens_the_tunnel_comes_back_once() {
    matrix(1, 4, None);
}

//! The fault matrix of `tests/e2e/faults` with ten strikes each: `cargo bench --bench faults [-- TIMES
//! [WORDS OF A FAULT]]`; or the same strikes in random order: `-- endurance [MINUTES [SEED]]`, 20 minutes
//! if nothing is said. Needs root, for it runs whole daemons in network namespaces.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the report goes to the terminal"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[path = "../../tests/e2e/lab/mod.rs"]
#[allow(
    dead_code,
    reason = "the tests use more of the lab than the benchmarks"
)]
mod lab;

#[path = "../../tests/e2e/faults/mod.rs"]
mod faults;

const TIMES: usize = 10;
/// Most of the time is spent waiting.
const SIDE_BY_SIDE: usize = 2;
/// Of endurance.
const MINUTES: u64 = 20;
const TUNNELS: u64 = 4;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    if words.first().is_some_and(|word| word == "endurance") {
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
        let time = Duration::from_secs(60 * number(1).unwrap_or(MINUTES));
        return faults::endurance::endurance(time, TUNNELS, number(2).unwrap_or_else(seed));
    }
    let times = words.first().and_then(|word| word.parse().ok());
    let only = words
        .iter()
        .skip(usize::from(times.is_some()))
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    faults::matrix(
        times.unwrap_or(TIMES),
        SIDE_BY_SIDE,
        (!only.is_empty()).then_some(&only),
    );
}

/// Another one each second.
fn seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

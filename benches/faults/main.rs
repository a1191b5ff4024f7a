//! The fault matrix of `tests/e2e/faults` with ten strikes each: `cargo bench --bench faults [-- TIMES
//! [WORDS OF A FAULT]]`. Needs root, for it runs whole daemons in network namespaces.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the report goes to the terminal"
)]

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

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
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

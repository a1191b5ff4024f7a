//! `tests/e2e/silence.rs` for longer: `cargo bench --bench silence [-- MINUTES]`, 10 if nothing
//! is said. Needs root, for it runs whole daemons in network namespaces.

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

#[path = "../../tests/e2e/silence.rs"]
mod silence;

const MINUTES: u64 = 10;

fn main() {
    let mut words = std::env::args().skip(1);
    let minutes = words.find_map(|word| word.parse().ok());
    silence::measure(std::time::Duration::from_secs(
        60 * minutes.unwrap_or(MINUTES),
    ));
}

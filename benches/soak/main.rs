//! The soak of `tests/e2e/soak.rs` for longer: `cargo bench --bench soak [-- MINUTES]`, 20 if nothing
//! is said; with `control` charon at both ends. Needs root, for it runs whole daemons in network namespaces.

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

#[path = "../../tests/e2e/soak.rs"]
mod soak;

const MINUTES: u64 = 20;

fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let minutes = words.iter().find_map(|word| word.parse().ok());
    let time = std::time::Duration::from_secs(60 * minutes.unwrap_or(MINUTES));
    if words.iter().any(|word| word == "control") {
        soak::control(time);
    } else {
        soak::soak(time);
    }
}

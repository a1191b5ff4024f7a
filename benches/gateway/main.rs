//! Holdfast beside charon: one table, and `target/bench/summary.json`.
//!
//! `cargo bench --bench gateway [-- ROW...]`: rows are chosen by a part of their name. Needs root,
//! for it measures whole daemons in network namespaces.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table goes to the terminal"
)]
#![allow(clippy::cast_precision_loss, reason = "figures of a few digits")]

#[path = "../../tests/e2e/lab/mod.rs"]
#[allow(
    dead_code,
    reason = "the tests use more of the lab than the benchmarks"
)]
mod lab;

mod cipher;
mod collapse;
mod load;
mod processes;
mod responder;
mod summary;
mod throughput;

use summary::Summary;

/// The cipher suite of every row, at both daemons.
const PROPOSALS: &str = "aes256gcm16-prfsha384-x25519";
const ESP_PROPOSALS: &str = "aes256gcm16";

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let selected = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part));
    let mut summary = Summary::default();
    if selected("throughput") {
        summary.extend(throughput::measure());
    }
    if selected("responder") {
        summary.extend(responder::measure());
    }
    if selected("collapse") {
        summary.extend(collapse::measure());
    }
    summary.print();
    let file = summary.write();
    println!("\nwritten to {}", file.display());
}

//! The storm of the README: thousands of interrupted `swanctl --initiate` over holdfast, and over two
//! releases of charon. Prints the README's table.
//!
//! `cargo bench --bench storm [-- CLIENTS]`: so many ask for the IKE_SA, and as many for the child.
//! Needs root, for it runs whole daemons in network namespaces.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the table goes to the terminal"
)]

#[path = "../../tests/e2e/lab/mod.rs"]
#[allow(
    dead_code,
    reason = "the tests use more of the lab than the benchmarks"
)]
mod lab;

#[path = "../../tests/e2e/client_storm.rs"]
#[allow(dead_code, reason = "the test's own limits are of no use here")]
mod client_storm;

mod charon;

use charon::over_charon;
use client_storm::{ROWS, over_holdfast};
use lab::{storm::Storm, userland::Release};

fn main() {
    let of_each = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(2_000);
    let storm = Storm {
        of_each,
        at_once: 50,
    };
    let mut columns = vec![("holdfast".to_owned(), over_holdfast(storm).column())];
    for release in Release::ALL {
        let name = format!("charon {}", release.version());
        columns.push((name, over_charon(storm, release).column()));
    }
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    println!("| | {} |", names.join(" | "));
    println!("| ---{} |", " | ---".repeat(columns.len()));
    for (number, row) in ROWS.iter().enumerate() {
        let cells: Vec<&str> = columns
            .iter()
            .map(|(_, column)| column[number].as_str())
            .collect();
        println!("| {row} | {} |", cells.join(" | "));
    }
}

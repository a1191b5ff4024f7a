//! What a daemon costs: processor time and memory.

use std::fs;

use nix::unistd::{SysconfVar, sysconf};

/// Processor time used so far by all threads, in seconds.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a live process");
    // The name in parentheses may contain anything; user and system time are the 12th and 13th
    // fields after it.
    let (_, rest) = stat.rsplit_once(')').expect("a name in parentheses");
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number of ticks"))
        .sum();
    let per_second = sysconf(SysconfVar::CLK_TCK)
        .ok()
        .flatten()
        .expect("ticks per second");
    ticks as f64 / per_second as f64
}

/// Memory that is this process's share, in bytes.
pub(crate) fn proportional_bytes(pid: u32) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("a live process");
    let kilobytes: f64 = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .expect("a line `Pss:`");
    kilobytes * 1024.0
}

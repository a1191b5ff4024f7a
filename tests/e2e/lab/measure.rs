//! What the operating system knows of a process.

/// Resident memory in bytes.
pub(crate) fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .unwrap_or_else(|error| panic!("process {pid}: {error}"));
    let kilobytes: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .expect("VmRSS of a live process");
    kilobytes * 1024
}

/// The value below which this share of the samples lies. Sorts them.
pub(crate) fn percentile<T: Ord + Copy>(samples: &mut [T], percent: usize) -> T {
    assert!(!samples.is_empty(), "no samples to take a percentile of");
    samples.sort_unstable();
    samples[(samples.len() * percent / 100).min(samples.len() - 1)]
}

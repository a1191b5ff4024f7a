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

/// Time that a process has had of the processors so far.
pub(crate) fn processor_time(pid: u32) -> std::time::Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .unwrap_or_else(|error| panic!("process {pid}: {error}"));
    // The name in brackets may contain anything; utime and stime are fields 14 and 15.
    let (_, rest) = stat.rsplit_once(')').expect("a name in brackets");
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum();
    // Every Linux reports them in hundredths of a second (USER_HZ).
    std::time::Duration::from_millis(ticks * 10)
}

/// Files, sockets and the like that a process has open.
pub(crate) fn open_descriptors(pid: u32) -> usize {
    let directory = std::fs::read_dir(format!("/proc/{pid}/fd"));
    directory
        .unwrap_or_else(|error| panic!("process {pid}: {error}"))
        .count()
}

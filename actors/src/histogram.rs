//! How long things took, counted by class. Written without a lock, read now and then.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The number of classes.
const CLASSES: usize = 10;

/// Counts of durations.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// The upper bounds of the classes in seconds; what is longer belongs to one more class.
    bounds: &'static [f64; CLASSES],
    counts: [AtomicU64; CLASSES + 1],
    /// The sum of all in nanoseconds.
    sum: AtomicU64,
}

/// A histogram at one instant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Upper bound in seconds and count of each class, shortest first; the last bound is infinite.
    pub(crate) classes: Vec<(f64, u64)>,
    /// The sum of all durations in seconds.
    pub(crate) sum: f64,
    /// How many there were.
    pub(crate) count: u64,
}

impl Histogram {
    /// For what a network takes: handshakes.
    pub(crate) fn of_handshakes() -> Self {
        Self::new(&[0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0])
    }

    /// For what a processor takes: messages in an actor.
    pub(crate) fn of_handling() -> Self {
        Self::new(&[
            0.00001, 0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1.0,
        ])
    }

    fn new(bounds: &'static [f64; CLASSES]) -> Self {
        Self {
            bounds,
            counts: [const { AtomicU64::new(0) }; CLASSES + 1],
            sum: AtomicU64::new(0),
        }
    }

    /// Counts one.
    pub(crate) fn observe(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let class = self.bounds.partition_point(|bound| *bound < seconds);
        self.counts[class].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// The present counts.
    pub(crate) fn read(&self) -> Reading {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self
            .counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let classes: Vec<(f64, u64)> = bounds.zip(counts).collect();
        Reading {
            count: classes.iter().map(|(_, count)| count).sum(),
            sum: Duration::from_nanos(self.sum.load(Ordering::Relaxed)).as_secs_f64(),
            classes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_the_first_class_that_holds_it() {
        let histogram = Histogram::of_handshakes();
        for milliseconds in [10, 25, 26, 90_000] {
            histogram.observe(Duration::from_millis(milliseconds));
        }
        let reading = histogram.read();
        assert_eq!(reading.classes[0], (0.025, 2));
        assert_eq!(reading.classes[1], (0.05, 1));
        assert_eq!(reading.classes[CLASSES], (f64::INFINITY, 1));
        assert_eq!(reading.count, 4);
        assert!((reading.sum - 90.061).abs() < 1e-9, "{}", reading.sum);
    }
}

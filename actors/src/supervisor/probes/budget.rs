//! How many probes leave in a second, over all tunnels.

use std::time::{Duration, Instant};

/// Probes per second.
pub(crate) const RATE: u32 = 200;

/// Probes that may leave at one instant.
const BURST: u32 = 20;

/// A bucket that fills with time.
#[derive(Debug)]
pub(super) struct Budget {
    /// What is in it, in probes.
    level: f64,
    filled: Instant,
}

impl Budget {
    /// A full one.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            level: f64::from(BURST),
            filled: now,
        }
    }

    /// Takes one, or says how long to wait for it.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.filled);
        self.filled = self.filled.max(now);
        let filled = self.level + passed.as_secs_f64() * f64::from(RATE);
        self.level = filled.min(f64::from(BURST));
        if self.level >= 1.0 {
            self.level -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64(
            (1.0 - self.level) / f64::from(RATE),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_leave_than_the_rate_allows() {
        let start = Instant::now();
        let mut budget = Budget::new(start);
        let mut now = start;
        let mut sent = 0;
        while now < start + Duration::from_secs(10) {
            match budget.take(now) {
                Ok(()) => sent += 1,
                Err(wait) => now += wait.max(Duration::from_micros(1)),
            }
        }
        let allowed = 10 * RATE + BURST;
        assert!((allowed - 10..=allowed + 1).contains(&sent), "{sent}");
    }
}

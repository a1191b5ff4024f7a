//! How long to wait before the next attempt: exponential growth, jitter, cap.

use std::time::{Duration, Instant};

use holdfast_config::Reconnect;

/// Growth beyond this exponent is far above every cap.
const LARGEST_EXPONENT: u32 = 64;

/// Which of the two rhythms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// For failures that may be over at the next attempt.
    Normal,
    /// For failures that will likely repeat until somebody changes a configuration.
    Slow,
}

/// The memory of one connection's, or one child's, failures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    slow_failures: u32,
    last_cut: Option<Instant>,
}

impl Backoff {
    /// Counts a failure and says how long to wait. `fraction` is drawn uniformly from [0, 1).
    ///
    /// Normal waits have full jitter: any time from none to the present cap, so that many peers of
    /// one gateway spread out after an outage. Slow waits lie in the upper half of theirs: a run of
    /// small draws must not hammer a peer that refuses us.
    pub(crate) fn next(&mut self, pace: Pace, rules: &Reconnect, fraction: f64) -> Duration {
        let fraction = fraction.clamp(0.0, 1.0);
        match pace {
            Pace::Normal => {
                let cap = grown(rules.initial, rules.multiplier, self.failures, rules.max);
                self.failures = self.failures.saturating_add(1);
                cap.mul_f64(fraction)
            }
            Pace::Slow => {
                let cap = grown(
                    rules.slow,
                    rules.multiplier,
                    self.slow_failures,
                    rules.slow_max(),
                );
                self.slow_failures = self.slow_failures.saturating_add(1);
                cap.mul_f64(0.5 + fraction / 2.0)
            }
        }
    }

    /// Forgets the failures, after a stable period.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
        self.slow_failures = 0;
    }

    /// Whether an event may cut the present wait short: at most once per `initial`, so that a
    /// script that asks again and again gets no more attempts than the rules allow.
    pub(crate) fn may_cut(&mut self, rules: &Reconnect, now: Instant) -> bool {
        let allowed = self
            .last_cut
            .is_none_or(|last| now.saturating_duration_since(last) >= rules.initial);
        if allowed {
            self.last_cut = Some(now);
        }
        allowed
    }
}

fn grown(first: Duration, multiplier: f64, failures: u32, cap: Duration) -> Duration {
    let exponent = failures.min(LARGEST_EXPONENT).cast_signed();
    let seconds = first.as_secs_f64() * multiplier.max(1.0).powi(exponent);
    Duration::try_from_secs_f64(seconds).unwrap_or(cap).min(cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAST: f64 = 0.999_999;

    fn rules() -> Reconnect {
        Reconnect::default()
    }

    fn seconds(duration: Duration) -> u64 {
        // The draws below stop just short of the cap.
        (duration + Duration::from_millis(10)).as_secs()
    }

    #[test]
    fn caps_double_up_to_the_maximum() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..9)
            .map(|_| seconds(backoff.next(Pace::Normal, &rules(), LAST)))
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn full_jitter_reaches_down_to_nothing() {
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            assert_eq!(backoff.next(Pace::Normal, &rules(), 0.0), Duration::ZERO);
        }
        let middle = backoff.next(Pace::Normal, &rules(), 0.5);
        assert_eq!(middle, Duration::from_secs(16));
    }

    #[test]
    fn slow_waits_never_hammer() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..6)
            .map(|_| seconds(backoff.next(Pace::Slow, &rules(), 0.0)))
            .collect();
        assert_eq!(waits, [30, 60, 120, 240, 300, 300]);
        assert_eq!(seconds(backoff.next(Pace::Slow, &rules(), LAST)), 600);
    }

    #[test]
    fn failures_of_both_kinds_are_counted_apart_and_forgotten_together() {
        let mut backoff = Backoff::default();
        for _ in 0..4 {
            backoff.next(Pace::Normal, &rules(), LAST);
        }
        assert_eq!(seconds(backoff.next(Pace::Slow, &rules(), LAST)), 60);
        backoff.reset();
        assert_eq!(seconds(backoff.next(Pace::Normal, &rules(), LAST)), 1);
        assert_eq!(seconds(backoff.next(Pace::Slow, &rules(), LAST)), 60);
    }

    #[test]
    fn endless_failures_overflow_nothing() {
        let mut backoff = Backoff {
            failures: u32::MAX,
            slow_failures: u32::MAX,
            last_cut: None,
        };
        let wild = Reconnect {
            multiplier: 1e300,
            ..rules()
        };
        assert!(backoff.next(Pace::Normal, &wild, LAST) <= wild.max);
        assert!(backoff.next(Pace::Slow, &wild, LAST) <= wild.slow_max());
    }

    #[test]
    fn a_wait_is_cut_at_most_once_per_initial() {
        let mut backoff = Backoff::default();
        let now = Instant::now();
        assert!(backoff.may_cut(&rules(), now));
        assert!(!backoff.may_cut(&rules(), now + Duration::from_millis(999)));
        assert!(backoff.may_cut(&rules(), now + Duration::from_secs(1)));
        assert!(!backoff.may_cut(&rules(), now + Duration::from_millis(1_001)));
    }
}

//! Telling of peers that got no IKE_SA. They are strangers: they decide how often it happens, so it
//! is not told more often than a log can bear.

use std::{
    fmt,
    time::{Duration, Instant},
};

use holdfast_ike::Path;

/// Lines in one [`PERIOD`].
const MOST: u32 = 10;

/// What the limit is counted over.
const PERIOD: Duration = Duration::from_secs(1);

/// Counts what was told.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    since: Option<Instant>,
    told: u32,
    untold: u64,
}

impl Refusals {
    /// Tells why the peer at the other end of `path` got no IKE_SA.
    pub(crate) fn tell(&mut self, path: Path, reason: impl fmt::Display) {
        if self.admit(Instant::now()) {
            tracing::warn!(remote = %path.remote, local = %path.local, "peer refused: {reason}");
        }
    }

    fn admit(&mut self, now: Instant) -> bool {
        let over = self
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= PERIOD);
        if over {
            if self.untold > 0 {
                tracing::warn!("{} more peers were refused", self.untold);
            }
            *self = Self {
                since: Some(now),
                ..Self::default()
            };
        }
        if self.told == MOST {
            self.untold += 1;
            return false;
        }
        self.told += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_a_few_times_and_counted() {
        let mut refusals = Refusals::default();
        let now = Instant::now();
        let told = (0..1000).filter(|_| refusals.admit(now)).count();
        assert_eq!(told, MOST as usize);
        assert_eq!(refusals.untold, 990);
        assert!(refusals.admit(now + PERIOD));
        assert_eq!(refusals.untold, 0);
    }
}

//! The packet budget of a metered link: at most so many handshake packets an hour to a silent peer.
//!
//! A bucket that holds half of them and refills by half of them an hour: whichever hour one looks at,
//! no more than the budget was sent in it, and after a first burst attempts are spread evenly.

use std::time::{Duration, Instant};

const HOUR: f64 = 3600.0;

/// What was spent of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget {
    spent: f64,
    at: Option<Instant>,
    waived: bool,
}

impl Budget {
    /// A packet leaves.
    pub(crate) fn spend(&mut self, hourly: Option<u32>, now: Instant) {
        if let Some(hourly) = hourly {
            self.spent = self.owed(hourly, now) + 1.0;
            self.at = Some(now);
        }
    }

    /// The next attempt may begin whatever was spent: an operator asks, or the peer is not silent.
    pub(crate) fn waive(&mut self) {
        self.waived = true;
    }

    /// An attempt begins.
    pub(crate) fn begin(&mut self) {
        self.waived = false;
    }

    /// When an attempt of at most so many packets may begin; `None` is now.
    pub(crate) fn free_at(
        &self,
        hourly: Option<u32>,
        packets: u32,
        now: Instant,
    ) -> Option<Instant> {
        let hourly = hourly.filter(|_| !self.waived)?;
        let room = f64::from(hourly) / 2.0;
        let excess = self.owed(hourly, now) + f64::from(packets) - room;
        // An attempt that is larger than the bucket begins when that is full.
        let excess = excess.min(self.owed(hourly, now));
        (excess > 0.0).then(|| now + Duration::from_secs_f64(excess / room * HOUR))
    }

    fn owed(&self, hourly: u32, now: Instant) -> f64 {
        let since = self
            .at
            .map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        (self.spent - since * f64::from(hourly) / 2.0 / HOUR).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTEMPT: u32 = 6;

    /// When the packets of three days leave, with attempts as early as the budget lets them.
    fn packets(hourly: u32, start: Instant) -> Vec<Instant> {
        let mut budget = Budget::default();
        let mut now = start;
        let mut sent = Vec::new();
        while now < start + Duration::from_secs(3 * 24 * 3600) {
            if let Some(at) = budget.free_at(Some(hourly), ATTEMPT, now) {
                // Timers fire a little late.
                now = at + Duration::from_millis(1);
                continue;
            }
            for _ in 0..ATTEMPT {
                budget.spend(Some(hourly), now);
                sent.push(now);
                now += Duration::from_secs(5);
            }
        }
        sent
    }

    #[test]
    fn no_hour_has_more_packets_than_the_budget() {
        let start = Instant::now();
        for hourly in [12, 30, 60, 600] {
            let sent = packets(hourly, start);
            for (first, begin) in sent.iter().enumerate() {
                let hour = *begin + Duration::from_secs(3600);
                let within = sent[first..].iter().take_while(|at| **at < hour).count();
                assert!(within <= hourly as usize, "{within} of {hourly}");
            }
            // And what may be sent is sent.
            let least = 3 * 24 * hourly as usize / 2 - ATTEMPT as usize;
            assert!(sent.len() >= least, "{} of {hourly}", sent.len());
        }
    }

    #[test]
    fn operators_and_the_peer_itself_are_let_through_once() {
        let now = Instant::now();
        let mut budget = Budget::default();
        for _ in 0..6 {
            budget.spend(Some(12), now);
        }
        assert!(budget.free_at(Some(12), ATTEMPT, now).is_some());
        budget.waive();
        assert_eq!(budget.free_at(Some(12), ATTEMPT, now), None);
        budget.begin();
        assert!(budget.free_at(Some(12), ATTEMPT, now).is_some());
        assert_eq!(budget.free_at(None, ATTEMPT, now), None);
    }
}

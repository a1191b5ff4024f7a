//! How fast traffic has passed lately, from samples of what connections have carried.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{data_plane::Plane, supervisor::Snapshot};

/// Between two samples.
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// Samples that are kept: five minutes.
pub(super) const SAMPLES: usize = 60;

/// Octets a second in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Rate {
    pub(super) inward: u64,
    pub(super) outward: u64,
}

impl Rate {
    /// Whether nothing passed.
    pub(super) fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// The recent past of one connection.
#[derive(Debug, Default)]
struct Recent {
    /// Octets at the last sample.
    carried: Option<(u64, u64)>,
    rates: VecDeque<Rate>,
}

/// That of all connections.
#[derive(Debug, Default)]
pub(super) struct Throughput {
    last: Option<Instant>,
    recent: BTreeMap<Arc<str>, Recent>,
}

impl Throughput {
    /// Takes a sample.
    pub(super) fn sample(&mut self, snapshot: &Snapshot, plane: &Plane, now: Instant) {
        let carried = snapshot.connections.iter().map(|status| {
            let amounts = status.children.iter().map(|child| child.amounts(plane));
            let sums = amounts.fold((0_u64, 0_u64), |(inward, outward), amounts| {
                (
                    inward.saturating_add(amounts.bytes_in),
                    outward.saturating_add(amounts.bytes_out),
                )
            });
            (Arc::clone(&status.name), sums)
        });
        self.take(carried, now);
    }

    fn take(&mut self, carried: impl Iterator<Item = (Arc<str>, (u64, u64))>, now: Instant) {
        let elapsed = self.last.replace(now).map(|last| now - last);
        let mut before = std::mem::take(&mut self.recent);
        for (name, sums) in carried {
            let mut recent = before.remove(&name).unwrap_or_default();
            let last = recent.carried.replace(sums);
            if let (Some(last), Some(elapsed)) = (last, elapsed) {
                let rate = |now: u64, before: u64| {
                    let octets = u128::from(now.saturating_sub(before)) * 1000;
                    u64::try_from(octets / elapsed.as_millis().max(1)).unwrap_or(u64::MAX)
                };
                if recent.rates.len() == SAMPLES {
                    recent.rates.pop_front();
                }
                recent.rates.push_back(Rate {
                    inward: rate(sums.0, last.0),
                    outward: rate(sums.1, last.1),
                });
            }
            self.recent.insert(name, recent);
        }
    }

    /// The rates of a connection, oldest first, as many as are known.
    pub(super) fn of(&self, connection: &str) -> Vec<Rate> {
        let recent = self.recent.get(connection);
        recent.map_or_else(Vec::new, |recent| recent.rates.iter().copied().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_differences_over_time_and_few_are_kept() {
        let mut throughput = Throughput::default();
        let start = Instant::now();
        let paris: Arc<str> = "paris".into();
        for step in 0..100_u64 {
            let now = start + INTERVAL * u32::try_from(step).unwrap();
            let sums = (step * 5_000, step * step * 50);
            throughput.take([(Arc::clone(&paris), sums)].into_iter(), now);
        }
        let rates = throughput.of("paris");
        assert_eq!(rates.len(), SAMPLES);
        assert!(rates.iter().all(|rate| rate.inward == 1000), "{rates:?}");
        assert_eq!(rates[SAMPLES - 1].outward, (99 * 99 - 98 * 98) * 10);
        // Who is gone is forgotten.
        throughput.take(std::iter::empty(), start + INTERVAL * 200);
        assert!(throughput.of("paris").is_empty());
    }
}

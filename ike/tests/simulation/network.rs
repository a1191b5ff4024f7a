//! A network that loses, duplicates, delays and reorders, and may have somebody in it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use holdfast_ike::Path;

use crate::{attacker::Attacker, nat::Nat, rng::Rng};

/// Longer than all retransmissions of a request take.
const LATE: Duration = Duration::from_secs(45);

#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    /// Percent.
    pub(crate) loss: u64,
    /// Percent.
    pub(crate) duplication: u64,
    /// Each copy takes between 1 ms and this.
    pub(crate) latency: Duration,
    /// Percent of the copies that take up to [`LATE`] longer.
    pub(crate) stragglers: u64,
}

impl Weather {
    pub(crate) const CALM: Self = Self {
        loss: 0,
        duplication: 0,
        latency: Duration::from_millis(20),
        stragglers: 0,
    };
}

pub(crate) struct Datagram {
    /// As the receiver sees it.
    pub(crate) path: Path,
    pub(crate) data: Vec<u8>,
}

pub(crate) struct Network {
    pub(crate) weather: Weather,
    pub(crate) attacker: Option<Attacker>,
    pub(crate) nat: Option<Nat>,
    in_transit: BTreeMap<(Instant, u64), Datagram>,
    sequence: u64,
}

impl Network {
    pub(crate) fn new(weather: Weather) -> Self {
        Self {
            weather,
            attacker: None,
            nat: None,
            in_transit: BTreeMap::new(),
            sequence: 0,
        }
    }

    pub(crate) fn send(&mut self, path: Path, data: &[u8], now: Instant, rng: &mut Rng) {
        let copies = if rng.chance(self.weather.loss) {
            0
        } else if rng.chance(self.weather.duplication) {
            2
        } else {
            1
        };
        let Some(path) = self.towards(path) else {
            return;
        };
        let latency = self.weather.latency;
        for _ in 0..copies {
            let late = if rng.chance(self.weather.stragglers) {
                Duration::from_millis(rng.below(LATE.as_millis() as u64))
            } else {
                Duration::ZERO
            };
            self.convey(path, data.to_vec(), latency + late, now, rng);
        }
        if let Some(attacker) = &mut self.attacker {
            attacker.see(path, data);
            for (path, data) in attacker.strike() {
                self.convey(path, data, latency, now, rng);
            }
        }
    }

    /// The path as its receiver sees it, if it leads anywhere.
    pub(crate) fn towards(&mut self, path: Path) -> Option<Path> {
        let path = Path {
            local: path.remote,
            remote: path.local,
        };
        match &mut self.nat {
            Some(nat) => nat.translate(path),
            None => Some(path),
        }
    }

    fn convey(
        &mut self,
        path: Path,
        data: Vec<u8>,
        latency: Duration,
        now: Instant,
        rng: &mut Rng,
    ) {
        let arrival = now + Duration::from_millis(1 + rng.below(latency.as_millis() as u64));
        self.sequence += 1;
        self.in_transit
            .insert((arrival, self.sequence), Datagram { path, data });
    }

    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.in_transit.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn take_arrived(&mut self, now: Instant) -> Option<Datagram> {
        let entry = self.in_transit.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

//! Peers whose messages made us panic. Each panic costs one IKE_SA only, but a peer that can cause
//! them at will gets no new ones for a while.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// Panics within [`WINDOW`] that are forgiven.
const FORGIVEN: u32 = 5;

/// How long panics are remembered, and a peer is shut out.
const WINDOW: Duration = Duration::from_secs(600);

/// Addresses remembered at most.
const MOST: usize = 1024;

/// The panics by the peer's address.
#[derive(Debug, Default)]
pub(crate) struct Crashes(HashMap<IpAddr, Crash>);

#[derive(Clone, Copy, Debug)]
struct Crash {
    count: u32,
    last: Instant,
}

impl Crashes {
    /// An IKE_SA with this peer panicked.
    pub(crate) fn note(&mut self, peer: IpAddr, now: Instant) {
        self.0
            .retain(|_, crash| now.saturating_duration_since(crash.last) < WINDOW);
        if self.0.len() >= MOST && !self.0.contains_key(&peer) {
            return;
        }
        let crash = self.0.entry(peer).or_insert(Crash {
            count: 0,
            last: now,
        });
        crash.count += 1;
        crash.last = now;
        if crash.count > FORGIVEN {
            tracing::error!(%peer, panics = crash.count,
                "requests of this peer are ignored for ten minutes: it made us panic too often");
        }
    }

    /// Whether requests of this peer are ignored.
    pub(crate) fn shut_out(&self, peer: IpAddr, now: Instant) -> bool {
        self.0.get(&peer).is_some_and(|crash| {
            crash.count > FORGIVEN && now.saturating_duration_since(crash.last) < WINDOW
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_shut_out_for_a_while_after_too_many() {
        let (bad, good) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let now = Instant::now();
        let mut crashes = Crashes::default();
        for _ in 0..FORGIVEN {
            crashes.note(bad, now);
            crashes.note(good, now);
            assert!(!crashes.shut_out(bad, now));
        }
        crashes.note(bad, now);
        assert!(crashes.shut_out(bad, now) && !crashes.shut_out(good, now));
        assert!(!crashes.shut_out(bad, now + WINDOW));
        crashes.note(bad, now + WINDOW);
        assert!(!crashes.shut_out(bad, now + WINDOW), "counted anew");
    }

    #[test]
    fn memory_is_bounded() {
        let now = Instant::now();
        let mut crashes = Crashes::default();
        for number in 0..10_000_u32 {
            crashes.note(IpAddr::V4(number.into()), now);
        }
        assert_eq!(crashes.0.len(), MOST);
    }
}

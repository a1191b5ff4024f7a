//! ESP packets that are here before their SA.
//!
//! A peer that we asked for a CHILD_SA may send by it as soon as it has answered, and ESP may be faster
//! than the answer and all that follows from it (RFC 7296 section 2.8). What comes for an SPI that
//! somebody has reserved is kept for a moment.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use holdfast_ike::Path;

/// So many packets are kept.
const MOST: usize = 64;
/// None is longer.
const LONGEST: usize = 9216;
/// An answer that takes longer than this has been lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// A packet as it came.
pub(super) struct Packet {
    pub(super) spi: u32,
    pub(super) sequence: u32,
    pub(super) octets: Box<[u8]>,
    /// Of the outer header.
    pub(super) ecn: u8,
    /// Where it arrived and where it came from.
    pub(super) way: Path,
    pub(super) since: Instant,
}

/// Those that wait, oldest first.
#[derive(Default)]
pub(super) struct Early(VecDeque<Packet>);

impl Early {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps one; `false` if there is no room for it.
    pub(super) fn keep(&mut self, packet: Packet) -> bool {
        let room = self.0.len() < MOST && packet.octets.len() <= LONGEST;
        if room {
            self.0.push_back(packet);
        }
        room
    }

    /// Those whose SA is there now, and how many have waited too long.
    pub(super) fn release(
        &mut self,
        now: Instant,
        is_there: impl Fn(u32) -> bool,
    ) -> (Vec<Packet>, usize) {
        let (mut ready, mut lost) = (Vec::new(), 0);
        for packet in std::mem::take(&mut self.0) {
            if is_there(packet.spi) {
                ready.push(packet);
            } else if now.saturating_duration_since(packet.since) < PATIENCE {
                self.0.push_back(packet);
            } else {
                lost += 1;
            }
        }
        (ready, lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(spi: u32, length: usize, since: Instant) -> Packet {
        Packet {
            spi,
            sequence: 1,
            octets: vec![0; length].into(),
            ecn: 0,
            way: Path {
                local: "192.0.2.1:4500".parse().unwrap(),
                remote: "192.0.2.2:4500".parse().unwrap(),
            },
            since,
        }
    }

    #[test]
    fn they_wait_for_their_sa_in_order_and_not_for_ever() {
        let begin = Instant::now();
        let mut early = Early::default();
        for (spi, length) in [(7, 100), (8, 101), (7, 102)] {
            assert!(early.keep(packet(spi, length, begin)));
        }
        let (ready, lost) = early.release(begin, |spi| spi == 7);
        let lengths: Vec<_> = ready.iter().map(|packet| packet.octets.len()).collect();
        assert_eq!((lengths, lost), (vec![100, 102], 0));
        let (ready, lost) = early.release(begin + PATIENCE, |_| false);
        assert_eq!((ready.len(), lost), (0, 1));
        assert!(early.is_empty());
    }

    #[test]
    fn they_take_no_more_room_than_there_is() {
        let now = Instant::now();
        let mut early = Early::default();
        assert!(!early.keep(packet(7, LONGEST + 1, now)));
        for _ in 0..MOST {
            assert!(early.keep(packet(7, LONGEST, now)));
        }
        assert!(!early.keep(packet(7, 1, now)));
    }
}

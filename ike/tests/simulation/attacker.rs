//! Somebody on the path who sees everything and may add to it, but takes nothing away.

use std::net::SocketAddr;

use holdfast_ike::Path;

use crate::rng::Rng;

/// What is remembered of the traffic.
const MEMORY: usize = 200;

/// Octets of a header in front of the first payload.
const HEADER: usize = 28;

pub(crate) struct Attacker {
    /// How many datagrams are added to each genuine one, in percent.
    pub(crate) rate: u64,
    /// Whether it may speak from an address of its own. Where neither end has MOBIKE, one whose copy of a new
    /// message overtakes the message leads its receiver away, and so takes something away after all.
    pub(crate) leads: bool,
    seen: Vec<(Path, Vec<u8>)>,
    rng: Rng,
}

impl Attacker {
    pub(crate) fn new(rate: u64, rng: Rng) -> Self {
        Self {
            rate,
            leads: true,
            seen: Vec::new(),
            rng,
        }
    }

    pub(crate) fn see(&mut self, path: Path, data: &[u8]) {
        if self.seen.len() < MEMORY {
            self.seen.push((path, data.to_vec()));
        } else {
            let index = self.rng.below(MEMORY as u64) as usize;
            self.seen[index] = (path, data.to_vec());
        }
    }

    /// What is added this time, with its path as its receiver sees it.
    pub(crate) fn strike(&mut self) -> Vec<(Path, Vec<u8>)> {
        let count = self.rate / 100 + u64::from(self.rng.chance(self.rate % 100));
        (0..count).filter_map(|_| self.forge()).collect()
    }

    fn forge(&mut self) -> Option<(Path, Vec<u8>)> {
        let (mut path, mut data) = self.recall()?;
        if self.rng.chance(20) {
            // Back to its sender.
            path = Path {
                local: path.remote,
                remote: path.local,
            };
        }
        if self.rng.chance(10) && self.leads {
            path.remote = SocketAddr::from(([203, 0, 113, 66], 500));
        }
        match self.rng.below(10) {
            0..4 => {
                let bit = self.rng.below(8 * data.len() as u64) as usize;
                data[bit / 8] ^= 1 << (bit % 8);
            }
            4 => {
                let length = self.rng.below(data.len() as u64) as usize;
                data.truncate(length);
            }
            5 => {
                let (_, other) = self.recall()?;
                data.truncate(HEADER);
                data.extend_from_slice(&other[HEADER.min(other.len())..]);
                let length = u32::try_from(data.len()).ok()?;
                data[24..HEADER].copy_from_slice(&length.to_be_bytes());
            }
            _ => {}
        }
        Some((path, data))
    }

    fn recall(&mut self) -> Option<(Path, Vec<u8>)> {
        let count = self.seen.len() as u64;
        (count > 0).then(|| self.seen[self.rng.below(count) as usize].clone())
    }
}

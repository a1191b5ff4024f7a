//! Sequence numbers of packets sent (RFC 4303 section 3.3.3): they never repeat, for the IV is made
//! of them.

use std::sync::atomic::{AtomicU64, Ordering};

/// The numbers of one outbound SA.
#[derive(Debug)]
pub(crate) struct SequenceNumbers {
    /// The last one given away.
    last: AtomicU64,
    /// The last one there is.
    limit: u64,
}

/// A run of numbers given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// The first of them.
    pub(crate) first: u64,
    /// Whether so few are left that the SA should be replaced.
    pub(crate) running_out: bool,
}

impl SequenceNumbers {
    /// 64-bit numbers where they are extended, else 32-bit.
    pub(crate) fn new(extended: bool) -> Self {
        Self {
            last: AtomicU64::new(0),
            limit: if extended {
                u64::MAX
            } else {
                u64::from(u32::MAX)
            },
        }
    }

    /// Takes `count` consecutive numbers, or `None` when fewer are left.
    pub(crate) fn reserve(&self, count: u64) -> Option<Reserved> {
        let last = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                last.checked_add(count).filter(|last| *last <= self.limit)
            })
            .ok()?;
        Some(Reserved {
            first: last + 1,
            // A sixteenth: at a million packets a second more than four minutes.
            running_out: last + count > self.limit - self.limit / 16,
        })
    }

    /// Numbers that were given away up to `last`.
    #[cfg(test)]
    pub(crate) fn starting_after(last: u64, extended: bool) -> Self {
        let numbers = Self::new(extended);
        numbers.last.store(last, Ordering::Relaxed);
        numbers
    }
}

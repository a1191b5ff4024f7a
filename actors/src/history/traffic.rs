//! What a child has carried over all CHILD_SAs that it had.

use std::sync::{Mutex, PoisonError};

use holdfast_ipsec::Usage;
use serde::{Deserialize, Serialize};

/// Amounts that only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Amounts {
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) packets_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) replayed: u64,
    pub(crate) integrity_failed: u64,
}

impl Amounts {
    fn each(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            bytes_in: join(self.bytes_in, other.bytes_in),
            bytes_out: join(self.bytes_out, other.bytes_out),
            packets_in: join(self.packets_in, other.packets_in),
            packets_out: join(self.packets_out, other.packets_out),
            replayed: join(self.replayed, other.replayed),
            integrity_failed: join(self.integrity_failed, other.integrity_failed),
        }
    }
}

impl From<Usage> for Amounts {
    fn from(usage: Usage) -> Self {
        Self {
            bytes_in: usage.bytes_in,
            bytes_out: usage.bytes_out,
            packets_in: usage.packets_in,
            packets_out: usage.packets_out,
            replayed: usage.replayed,
            integrity_failed: usage.integrity_failed,
        }
    }
}

/// The traffic of one child.
#[derive(Debug, Default)]
pub(crate) struct Traffic(Mutex<Sums>);

#[derive(Debug, Default)]
struct Sums {
    /// Of CHILD_SAs that are gone.
    gone: Amounts,
    /// What was told last.
    told: Amounts,
}

impl Traffic {
    /// Of a child that had carried this before the agent was started.
    pub(crate) fn continuing(gone: Amounts) -> Self {
        let told = gone;
        Self(Mutex::new(Sums { gone, told }))
    }

    /// A CHILD_SA is gone that had carried this.
    pub(crate) fn ended(&self, usage: Usage) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sums.gone = sums.gone.each(usage.into(), u64::saturating_add);
    }

    /// Everything, with what the present CHILD_SA has carried so far. It never shrinks: while a
    /// CHILD_SA is being replaced, what the old one carries goes uncounted until that is gone.
    pub(crate) fn total(&self, present: Option<Usage>) -> Amounts {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let present = present.map(Amounts::from).unwrap_or_default();
        let now = sums.gone.each(present, u64::saturating_add);
        sums.told = sums.told.each(now, u64::max);
        sums.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(bytes_in: u64) -> Usage {
        Usage {
            bytes_in,
            ..Usage::default()
        }
    }

    #[test]
    fn totals_grow_over_replacements_and_never_shrink() {
        let traffic = Traffic::default();
        let told = |present| traffic.total(present).bytes_in;
        assert_eq!(told(Some(usage(100))), 100);
        // Replaced; the old one is not gone yet.
        assert_eq!(told(Some(usage(5))), 100);
        traffic.ended(usage(110));
        assert_eq!(told(Some(usage(7))), 117);
        traffic.ended(usage(9));
        assert_eq!(told(None), 119);
    }
}

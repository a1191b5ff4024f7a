//! What has become of a connection so far: counted and timed by the supervisor, read by whoever
//! shows it. It lives as long as its connection is configured.

mod kept;
mod timeline;
mod traffic;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use holdfast_ike::Counter;

pub(crate) use self::{
    kept::KeptHistory,
    timeline::{Condition, DAY, Span, Timeline},
    traffic::{Amounts, Traffic},
};
use crate::histogram::Histogram;

/// The history of one connection.
#[derive(Debug)]
pub(crate) struct History {
    /// Attempts at an IKE_SA that were begun by us.
    pub(crate) attempts: Counter,
    /// Attempts that failed.
    pub(crate) failures: Counter,
    /// How often it was lost although it was wanted.
    pub(crate) flaps: Counter,
    /// From the first message of an IKE_SA until it was established.
    pub(crate) handshakes: Histogram,
    timeline: Mutex<Timeline>,
    children: Mutex<BTreeMap<Arc<str>, Arc<Traffic>>>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            attempts: Counter::default(),
            failures: Counter::default(),
            flaps: Counter::default(),
            handshakes: Histogram::of_handshakes(),
            timeline: Mutex::default(),
            children: Mutex::default(),
        }
    }
}

impl History {
    /// It is in this condition now. Tells whether it came up, or ceased to be up, by that.
    pub(crate) fn note(&self, condition: Condition, now: SystemTime) -> Option<bool> {
        let before = lock(&self.timeline).note(condition, now);
        if before == Some(Condition::Up) && condition == Condition::Down {
            self.flaps.increment();
        }
        let (was_up, is_up) = (before == Some(Condition::Up), condition == Condition::Up);
        (was_up != is_up).then_some(is_up)
    }

    /// The last day, or what is known of it.
    pub(crate) fn last_day(&self, now: SystemTime) -> Vec<Span> {
        lock(&self.timeline).spans(now, DAY)
    }

    /// What a child has carried.
    pub(crate) fn traffic(&self, child: &Arc<str>) -> Arc<Traffic> {
        let mut children = lock(&self.children);
        Arc::clone(children.entry(Arc::clone(child)).or_default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while a lock is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_losing_what_is_wanted_is_a_flap() {
        let history = History::default();
        let start = SystemTime::UNIX_EPOCH + DAY;
        let conditions = [
            Condition::Down,
            Condition::Up,
            Condition::Down,
            Condition::Up,
            Condition::Unwanted,
            Condition::Down,
        ];
        for (second, condition) in (0..).zip(conditions) {
            history.note(condition, start + Duration::from_secs(second));
        }
        assert_eq!(history.flaps.get(), 1);
        assert_eq!(history.last_day(start + Duration::from_secs(9)).len(), 6);
    }
}

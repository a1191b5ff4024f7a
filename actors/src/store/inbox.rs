//! The box between those who have something to keep and the thread that writes it.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::record::{Change, Slot};

/// Names that may wait for the disk. There are fewer leases and connections than this.
const MOST: usize = 250_000;

/// Values by name, each the last one that was put.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    changes: HashMap<Slot, Option<Vec<u8>>>,
    closed: bool,
    /// Why nothing can be written now.
    trouble: Option<Arc<str>>,
}

impl Inbox {
    /// Leaves a value for the writer in place of an earlier one. `false`: there was no room.
    pub(super) fn put(&self, change: Change) -> bool {
        let mut waiting = self.lock();
        if waiting.changes.len() >= MOST && !waiting.changes.contains_key(&change.slot) {
            return false;
        }
        waiting.changes.insert(change.slot, change.value);
        drop(waiting);
        self.news.notify_one();
        true
    }

    /// Waits for values and takes them all; `None` once it is closed and empty.
    pub(super) fn take(&self) -> Option<Vec<Change>> {
        let mut waiting = self.lock();
        while waiting.changes.is_empty() && !waiting.closed {
            waiting = self
                .news
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let changes = std::mem::take(&mut waiting.changes);
        (!changes.is_empty()).then(|| {
            changes
                .into_iter()
                .map(|(slot, value)| Change { slot, value })
                .collect()
        })
    }

    /// What could not be written comes back, unless there is something newer.
    pub(super) fn put_back(&self, changes: Vec<Change>) {
        let mut waiting = self.lock();
        for Change { slot, value } in changes {
            waiting.changes.entry(slot).or_insert(value);
        }
    }

    /// Notes whether the disk works. `true`: it is otherwise than before.
    pub(super) fn note(&self, trouble: Option<String>) -> bool {
        let mut waiting = self.lock();
        let changed = waiting.trouble.is_some() != trouble.is_some();
        waiting.trouble = trouble.map(Arc::from);
        changed
    }

    /// Why nothing can be written now.
    pub(super) fn trouble(&self) -> Option<Arc<str>> {
        self.lock().trouble.clone()
    }

    /// Nothing more is to come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_all();
    }

    /// Sleeps, but not beyond the end. `true`: it is closed.
    pub(super) fn rest(&self, time: Duration) -> bool {
        let waiting = self.lock();
        let (waiting, _) = self
            .news
            .wait_timeout_while(waiting, time, |waiting| !waiting.closed)
            .unwrap_or_else(PoisonError::into_inner);
        waiting.closed
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while the lock is held.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

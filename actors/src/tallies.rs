//! Counters by connection. Each has one from the first IKE_SA that is known to be its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use holdfast_ike::Counters;

/// The counters of every connection. The lock is held for a look-up, never while counting.
#[derive(Debug, Default)]
pub(crate) struct Tallies(Mutex<BTreeMap<Arc<str>, Arc<Counters>>>);

impl Tallies {
    /// Those of this connection.
    pub(crate) fn of(&self, connection: &Arc<str>) -> Arc<Counters> {
        let mut tallies = self.lock();
        let counters = tallies.entry(Arc::clone(connection)).or_default();
        Arc::clone(counters)
    }

    /// Those of this connection, if anything was counted for it.
    pub(crate) fn get(&self, connection: &str) -> Option<Arc<Counters>> {
        self.lock().get(connection).cloned()
    }

    /// All.
    pub(crate) fn all(&self) -> Vec<(Arc<str>, Arc<Counters>)> {
        let tallies = self.lock();
        let pairs = tallies.iter();
        pairs
            .map(|(name, counters)| (Arc::clone(name), Arc::clone(counters)))
            .collect()
    }

    /// The connection is gone.
    pub(crate) fn forget(&self, connection: &str) {
        self.lock().remove(connection);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Counters>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stay_with_their_connection_until_it_is_gone() {
        let tallies = Tallies::default();
        let (paris, rome) = (Arc::from("paris"), Arc::from("rome"));
        tallies.of(&paris).info_in_req.increment();
        tallies.of(&paris).info_in_req.increment();
        assert_eq!(tallies.of(&paris).info_in_req.get(), 2);
        assert_eq!(tallies.of(&rome).info_in_req.get(), 0);
        assert_eq!(tallies.all().len(), 2);
        tallies.forget("paris");
        assert!(tallies.get("paris").is_none());
    }
}

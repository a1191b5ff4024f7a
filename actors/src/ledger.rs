//! Which IKE_SA owns which inbound SPI. The data plane is told from the IKE_SAs' own arbiters, so
//! the ledger is shared; after a panic it is what is left to clean up with.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use holdfast_ike::EspSpi;

use crate::handle::IkeSaId;

/// Owners of SPIs, both ways. Two flat tables cost some 40 bytes per CHILD_SA.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    owners: HashMap<EspSpi, IkeSaId>,
    by_owner: BTreeSet<(IkeSaId, EspSpi)>,
}

impl Ledger {
    /// Charges `spi` to `owner`.
    pub(crate) fn enter(&self, owner: IkeSaId, spi: EspSpi) {
        let mut entries = self.lock();
        if let Some(former) = entries.owners.insert(spi, owner) {
            entries.by_owner.remove(&(former, spi));
        }
        entries.by_owner.insert((owner, spi));
    }

    /// Forgets `spi`.
    pub(crate) fn leave(&self, spi: EspSpi) {
        let mut entries = self.lock();
        if let Some(owner) = entries.owners.remove(&spi) {
            entries.by_owner.remove(&(owner, spi));
        }
    }

    /// Who owns `spi`.
    pub(crate) fn owner(&self, spi: EspSpi) -> Option<IkeSaId> {
        self.lock().owners.get(&spi).copied()
    }

    /// Forgets everything of `owner` and says what it was.
    pub(crate) fn purge(&self, owner: IkeSaId) -> Vec<EspSpi> {
        let mut entries = self.lock();
        let range = (owner, EspSpi(0))..=(owner, EspSpi(u32::MAX));
        let spis: Vec<_> = entries.by_owner.range(range).map(|&(_, spi)| spi).collect();
        for spi in &spis {
            entries.owners.remove(spi);
            entries.by_owner.remove(&(owner, *spi));
        }
        spis
    }

    /// How many SPIs are charged to anybody.
    pub(crate) fn len(&self) -> usize {
        self.lock().owners.len()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Nothing panics while the lock is held, and the tables would still be usable if it did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IkeSaId = IkeSaId(1);
    const TWO: IkeSaId = IkeSaId(2);

    #[test]
    fn purge_takes_everything_of_one_owner_and_nothing_else() {
        let ledger = Ledger::default();
        ledger.enter(ONE, EspSpi(256));
        ledger.enter(TWO, EspSpi(257));
        ledger.enter(ONE, EspSpi(u32::MAX));
        assert_eq!(ledger.purge(ONE), [EspSpi(256), EspSpi(u32::MAX)]);
        assert_eq!(ledger.owner(EspSpi(256)), None);
        assert_eq!(ledger.owner(EspSpi(257)), Some(TWO));
        assert_eq!(ledger.purge(ONE), []);
        assert_eq!(ledger.len(), 1);
    }

    #[test]
    fn leaving_and_changing_hands_keep_both_tables_equal() {
        let ledger = Ledger::default();
        ledger.enter(ONE, EspSpi(300));
        ledger.enter(TWO, EspSpi(300));
        assert_eq!(ledger.purge(ONE), []);
        ledger.leave(EspSpi(300));
        ledger.leave(EspSpi(300));
        assert_eq!(ledger.purge(TWO), []);
        assert_eq!(ledger.len(), 0);
    }
}

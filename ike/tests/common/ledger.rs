//! What a data plane knows of its SPIs. Each is reserved once, and released or removed once;
//! whatever else is done with one is a fault of the core.

use std::collections::BTreeMap;

use holdfast_ike::EspSpi;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Reserved,
    Installing,
    Installed,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    slots: BTreeMap<EspSpi, Slot>,
    pub(crate) faults: Vec<String>,
}

impl Ledger {
    /// Whether it was free.
    pub(crate) fn reserve(&mut self, spi: EspSpi) -> bool {
        let free = !self.slots.contains_key(&spi);
        if free {
            self.slots.insert(spi, Slot::Reserved);
        }
        free
    }

    pub(crate) fn release(&mut self, spi: EspSpi) {
        let before = self.slots.remove(&spi);
        self.expect(spi, "released", before, &[Slot::Reserved]);
    }

    pub(crate) fn install(&mut self, spi: EspSpi) {
        let before = self.slots.insert(spi, Slot::Installing);
        self.expect(spi, "installed", before, &[Slot::Reserved]);
    }

    /// The outcome of an installation. False if it was cancelled in the meantime.
    pub(crate) fn installed(&mut self, spi: EspSpi, success: bool) -> bool {
        let Some(slot) = self.slots.get_mut(&spi) else {
            return false;
        };
        let after = if success {
            Slot::Installed
        } else {
            Slot::Reserved
        };
        let before = std::mem::replace(slot, after);
        self.expect(spi, "finished", Some(before), &[Slot::Installing]);
        true
    }

    pub(crate) fn remove(&mut self, spi: EspSpi) {
        let before = self.slots.remove(&spi);
        self.expect(spi, "removed", before, &[Slot::Installing, Slot::Installed]);
    }

    /// What is neither installed nor gone.
    pub(crate) fn dangling(&self) -> usize {
        let installed = |slot: &&Slot| **slot == Slot::Installed;
        self.slots.len() - self.slots.values().filter(installed).count()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    fn expect(&mut self, spi: EspSpi, verb: &str, before: Option<Slot>, allowed: &[Slot]) {
        if !before.is_some_and(|before| allowed.contains(&before)) {
            self.faults.push(format!("{spi} {verb} while {before:?}"));
        }
    }
}

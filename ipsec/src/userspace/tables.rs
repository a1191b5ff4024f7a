//! Everything installed, as the packet threads read it and the control side changes it.

use std::sync::{Arc, Mutex, PoisonError};

use holdfast_ike::EspSpi;

use super::{
    policy_table::{Fit, PolicyTable},
    sa::Sa,
    spi_table::SpiTable,
};
use crate::packet::header::Header;

/// Both tables. Look-ups never wait; changes wait for each other.
pub(crate) struct Tables {
    spis: SpiTable,
    policies: PolicyTable<Sa>,
    changes: Mutex<()>,
}

impl Tables {
    /// Nothing installed.
    pub(crate) fn new() -> Self {
        Self {
            spis: SpiTable::new(),
            policies: PolicyTable::new(),
            changes: Mutex::default(),
        }
    }

    /// Adds an SA; `false` if its inbound SPI is there already.
    pub(crate) fn publish(&self, sa: &Arc<Sa>) -> bool {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        // Able to receive before the first packet leaves.
        let new = self.spis.insert(Arc::clone(sa));
        if new && !sa.waits_to_send() {
            self.policies.insert(sa);
        }
        new
    }

    /// Lets packets leave by an SA that has waited for it. Once only: one that was stopped stays so.
    pub(crate) fn start_sending(&self, spi: EspSpi) {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sa) = self.spis.find(spi.0)
            && sa.end_wait()
        {
            self.policies.insert(&sa);
        }
    }

    /// Lets no packet leave by an SA any more.
    pub(crate) fn stop_sending(&self, spi: EspSpi) {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sa) = self.spis.find(spi.0) {
            sa.end_wait();
            self.policies.remove(&sa);
        }
    }

    /// Takes an SA out.
    pub(crate) fn withdraw(&self, spi: EspSpi) -> Option<Arc<Sa>> {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let sa = self.spis.remove(spi)?;
        self.policies.remove(&sa);
        Some(sa)
    }

    /// Takes this SA out, but not another with its SPI.
    pub(crate) fn withdraw_exactly(&self, sa: &Arc<Sa>) {
        if self.holds(sa) {
            self.withdraw(sa.inbound.spi);
        }
    }

    /// Whether this very SA is installed.
    pub(crate) fn holds(&self, sa: &Arc<Sa>) -> bool {
        self.spis
            .find(sa.inbound.spi.0)
            .is_some_and(|found| Arc::ptr_eq(&found, sa))
    }

    /// The SA with this inbound SPI.
    pub(crate) fn inbound(&self, spi: u32) -> Option<Arc<Sa>> {
        self.spis.find(spi)
    }

    /// The SA that protects a packet.
    pub(crate) fn outbound(&self, header: &Header) -> Option<Arc<Sa>> {
        self.policies.find(header)
    }

    /// The SA that protects a packet, and how well it fits.
    pub(crate) fn outbound_with_fit(&self, header: &Header) -> Option<(Arc<Sa>, Fit)> {
        self.policies.find_with_fit(header)
    }
}

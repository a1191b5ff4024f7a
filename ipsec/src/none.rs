//! The data plane that carries nothing: for agents that only negotiate, and for benchmarks of the
//! negotiation.

use std::{
    collections::HashSet,
    fmt,
    sync::{Mutex, PoisonError},
};

use holdfast_ike::{ChildSa, EspSpi};

use crate::{
    plane::{BoxFuture, DataPlane, InstallError, PlaneCounters, Usage},
    spi::{Random, SpiPool},
};

/// Accepts every CHILD_SA and drops its keys.
pub struct NonePlane {
    spis: SpiPool,
    installed: Mutex<HashSet<EspSpi>>,
}

impl NonePlane {
    /// `random` fills a buffer with unpredictable bytes.
    pub fn new(random: Random) -> Self {
        Self {
            spis: SpiPool::new(random),
            installed: Mutex::default(),
        }
    }

    fn installed(&self) -> std::sync::MutexGuard<'_, HashSet<EspSpi>> {
        self.installed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for NonePlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonePlane").finish_non_exhaustive()
    }
}

impl DataPlane for NonePlane {
    fn name(&self) -> &'static str {
        "none"
    }

    fn forces_encapsulation(&self) -> bool {
        false
    }

    fn allocate_spi(&self) -> Option<EspSpi> {
        self.spis.allocate()
    }

    fn release_spi(&self, spi: EspSpi) {
        if !self.installed().contains(&spi) {
            self.spis.free(spi);
        }
    }

    fn usage(&self, inbound: EspSpi) -> Option<Usage> {
        self.installed().contains(&inbound).then(Usage::default)
    }

    fn install(&self, sa: ChildSa) -> BoxFuture<Result<(), InstallError>> {
        let spi = sa.inbound_spi;
        let result = if self.installed().insert(spi) {
            self.spis.reserve(spi);
            Ok(())
        } else {
            Err(InstallError::SpiInUse(spi))
        };
        Box::pin(std::future::ready(result))
    }

    fn remove(&self, inbound: EspSpi) -> BoxFuture<()> {
        if self.installed().remove(&inbound) {
            self.spis.free(inbound);
        }
        Box::pin(std::future::ready(()))
    }

    fn counters(&self) -> PlaneCounters {
        PlaneCounters::default()
    }

    fn shutdown(&self) -> BoxFuture<()> {
        self.installed().clear();
        Box::pin(std::future::ready(()))
    }
}

//! The data plane that carries nothing: for agents that only negotiate, and for benchmarks of the
//! negotiation.

use std::{
    collections::HashSet,
    fmt,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use holdfast_ike::{ChildSa, EspSpi, Path};

use crate::{
    plane::{BoxFuture, DataPlane, InstallError, PlaneCounters, Usage},
    policy::{Policy, PolicyId},
    probe::{Probe, ProbeError},
    spi::{Random, SpiPool},
};

/// Accepts every CHILD_SA and drops its keys.
pub struct NonePlane {
    spis: SpiPool,
    installed: Mutex<HashSet<EspSpi>>,
    policies: Mutex<HashSet<PolicyId>>,
}

impl NonePlane {
    /// `random` fills a buffer with unpredictable bytes.
    pub fn new(random: Random) -> Self {
        Self {
            spis: SpiPool::new(random),
            installed: Mutex::default(),
            policies: Mutex::default(),
        }
    }

    fn installed(&self) -> std::sync::MutexGuard<'_, HashSet<EspSpi>> {
        self.installed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn policies(&self) -> std::sync::MutexGuard<'_, HashSet<PolicyId>> {
        self.policies.lock().unwrap_or_else(PoisonError::into_inner)
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

    // There are no packets.
    fn start_sending(&self, _: EspSpi) {}

    fn stop_sending(&self, _: EspSpi) {}

    fn update_path(&self, _: EspSpi, _: Path, _: bool) -> BoxFuture<Result<(), InstallError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    // It carries nothing, from wherever it may come.
    fn add_address(&self, _: IpAddr) {}

    fn remove_address(&self, _: IpAddr) {}

    fn remove(&self, inbound: EspSpi) -> BoxFuture<()> {
        if self.installed().remove(&inbound) {
            self.spis.free(inbound);
        }
        Box::pin(std::future::ready(()))
    }

    fn install_policy(&self, policy: Policy) -> BoxFuture<Result<(), InstallError>> {
        let new = self.policies().insert(policy.id);
        let result = new
            .then_some(())
            .ok_or(InstallError::PolicyInUse(policy.id));
        Box::pin(std::future::ready(result))
    }

    fn remove_policy(&self, id: PolicyId) -> BoxFuture<()> {
        self.policies().remove(&id);
        Box::pin(std::future::ready(()))
    }

    // No traffic, no acquires.
    fn acquire_failed(&self, _: PolicyId) {}

    fn probe(&self, _: EspSpi, _: Probe) -> Result<(), ProbeError> {
        Err(ProbeError::NoPackets)
    }

    fn counters(&self) -> PlaneCounters {
        PlaneCounters::default()
    }

    fn shutdown(&self) -> BoxFuture<()> {
        self.installed().clear();
        self.policies().clear();
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use holdfast_ike::{
        EspKey, EspSuite, Mode, Path, Secret,
        child_sa::{Lifetime, Sending},
        proposal::{AdditionalKeyExchanges, EncryptionId},
    };

    use super::*;
    use crate::PolicyAction;

    fn child(spi: EspSpi) -> ChildSa {
        let key = EspKey {
            encryption: Secret::new([]),
            integrity: Secret::new([]),
        };
        ChildSa {
            connection: "c".into(),
            name: "n".into(),
            inbound_spi: spi,
            outbound_spi: spi,
            inbound_key: key.clone(),
            outbound_key: key,
            suite: EspSuite {
                encryption: EncryptionId::AES_GCM_16,
                key_bits: 128,
                integrity: None,
                key_exchange: None,
                additional: AdditionalKeyExchanges::NONE,
                extended_sequence_numbers: false,
            },
            mode: Mode::Tunnel,
            local_ts: vec![],
            remote_ts: vec![],
            path: Path {
                local: "192.0.2.1:4500".parse().unwrap(),
                remote: "192.0.2.2:4500".parse().unwrap(),
            },
            encapsulation: false,
            replay_window: 0,
            tfc_padding: holdfast_ike::TfcPadding::Off,
            lifetime: Lifetime::default(),
            sending: Sending::AtOnce,
        }
    }

    #[test]
    fn it_keeps_the_books_of_a_data_plane() {
        let plane = NonePlane::new(Arc::new(|buffer: &mut [u8]| buffer.fill(9)));
        let spi = plane.allocate_spi().unwrap();
        assert_eq!(plane.usage(spi), None);
        assert_eq!(plane.install(child(spi)).now_or_never(), Some(Ok(())));
        let again = plane.install(child(spi)).now_or_never();
        assert_eq!(again, Some(Err(InstallError::SpiInUse(spi))));
        assert_eq!(plane.usage(spi), Some(Usage::default()));
        plane.release_spi(spi);
        assert_eq!(
            plane.allocate_spi(),
            None,
            "installed SPIs are not released"
        );
        assert_eq!(plane.remove(spi).now_or_never(), Some(()));
        assert_eq!(plane.usage(spi), None);
        assert_eq!(plane.allocate_spi(), Some(spi));
        plane.release_spi(spi);
        assert_eq!(plane.allocate_spi(), Some(spi));
        assert_eq!(plane.shutdown().now_or_never(), Some(()));
    }

    #[test]
    fn a_policy_is_installed_once() {
        let plane = NonePlane::new(Arc::new(|buffer: &mut [u8]| buffer.fill(9)));
        let policy = Policy {
            id: PolicyId(1),
            action: PolicyAction::Protect,
            local_ts: vec![],
            remote_ts: vec![],
            peers: vec![],
        };
        let install = || plane.install_policy(policy.clone()).now_or_never().unwrap();
        assert_eq!(install(), Ok(()));
        assert_eq!(install(), Err(InstallError::PolicyInUse(PolicyId(1))));
        assert_eq!(plane.remove_policy(PolicyId(1)).now_or_never(), Some(()));
        assert_eq!(install(), Ok(()));
    }
}

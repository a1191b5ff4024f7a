//! What an end gives its IKE_SAs.

use std::{net::IpAddr, sync::Arc, time::Instant};

use holdfast_ike::{
    Counters, Environment, EspSpi, Identification, IkeSpi, Secret,
    configuration::{Attribute, Lease, LeaseRequest},
};

use crate::{ledger::Ledger, lending::Lending, rng::Rng};

pub(crate) struct Env {
    pub(crate) rng: Rng,
    pub(crate) ledger: Ledger,
    pub(crate) lending: Lending,
    /// SPIs that the IKE_SA being fed has reserved and released.
    pub(crate) new_routes: Vec<IkeSpi>,
    pub(crate) old_routes: Vec<IkeSpi>,
    /// Our addresses, the first of which packets leave from. Not known where there are none.
    pub(crate) addresses: Vec<IpAddr>,
    /// Where there is no network at all, no route leads anywhere.
    pub(crate) unplugged: bool,
    psk: Arc<Secret>,
    /// A post-quantum pre-shared key, of any name.
    pub(crate) ppk: Option<Arc<Secret>>,
    counters: Counters,
}

impl Env {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            rng,
            ledger: Ledger::default(),
            lending: Lending::default(),
            new_routes: Vec::new(),
            old_routes: Vec::new(),
            addresses: Vec::new(),
            unplugged: false,
            psk: Arc::new(Secret::new(*b"a long enough secret")),
            ppk: None,
            counters: Counters::default(),
        }
    }
}

impl Environment for Env {
    fn random(&mut self, buffer: &mut [u8]) {
        self.rng.fill(buffer);
    }

    fn allocate_spi(&mut self) -> Option<EspSpi> {
        let spi =
            EspSpi(EspSpi::MIN + (self.rng.next() % u64::from(u32::MAX - EspSpi::MIN)) as u32);
        self.ledger.reserve(spi).then_some(spi)
    }

    fn release_spi(&mut self, spi: EspSpi) {
        self.ledger.release(spi);
    }

    fn allocate_ike_spi(&mut self) -> IkeSpi {
        let mut spi = [0; 8];
        self.rng.fill(&mut spi);
        self.new_routes.push(IkeSpi(spi));
        IkeSpi(spi)
    }

    fn release_ike_spi(&mut self, spi: IkeSpi) {
        self.old_routes.push(spi);
    }

    fn ppk(&self, _: &Identification) -> Option<Arc<Secret>> {
        self.ppk.clone()
    }

    fn psk(&self, _local: &Identification, _remote: &Identification) -> Option<Arc<Secret>> {
        Some(self.psk.clone())
    }

    fn lease(&mut self, request: &LeaseRequest<'_>) -> Option<Lease> {
        self.lending.lease(request)
    }

    fn release_lease(&mut self, lease: &Lease) {
        self.lending.release(lease);
    }

    fn pool_attributes(&self, _pool: &str) -> Vec<Attribute> {
        Vec::new()
    }

    fn local_addresses(&self) -> Vec<IpAddr> {
        self.addresses.clone()
    }

    fn source_address(&self, _remote: IpAddr) -> Option<IpAddr> {
        let first = self.addresses.first().copied();
        first.filter(|_| !self.unplugged)
    }

    fn last_inbound(&self, _spi: EspSpi) -> Option<Instant> {
        None
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }
}

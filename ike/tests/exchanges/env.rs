//! What an end of a pair gets from outside.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_ike::{
    Counters, Environment, EspSpi, Identification, IkeSpi, Secret,
    configuration::{Attribute, Lease, LeaseRequest},
    sa::resumption::{
        TicketContent, Tickets,
        tickets::{Opened, TicketId},
    },
};

use crate::{ledger::Ledger, lending::Lending};

pub(crate) struct Env {
    seed: u8,
    spi: u32,
    pub(crate) psk: Option<&'static str>,
    pub(crate) ppk: Option<&'static str>,
    pub(crate) tickets: Tickets,
    /// The time by which tickets are judged.
    pub(crate) now: Instant,
    pub(crate) counters: Counters,
    pub(crate) ledger: Ledger,
    pub(crate) lending: Lending,
    /// What the pools tell peers.
    pub(crate) told: Vec<Attribute>,
    /// Those by which datagrams find the IKE_SA.
    pub(crate) ike_spis: BTreeSet<IkeSpi>,
    /// When the data plane last received a packet, on whichever CHILD_SA.
    pub(crate) last_inbound: Option<Instant>,
    /// Octets of incomplete messages: how many there may be, and are.
    pub(crate) fragments: (usize, usize),
    /// Its addresses; packets leave from the first one of their family.
    pub(crate) addresses: Vec<IpAddr>,
}

impl Env {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            seed,
            spi: EspSpi::MIN + u32::from(seed) * 1000,
            psk: Some("correct horse"),
            ppk: None,
            tickets: Tickets::default(),
            now: Instant::now(),
            counters: Counters::default(),
            ledger: Ledger::default(),
            lending: Lending::default(),
            told: Vec::new(),
            ike_spis: BTreeSet::new(),
            last_inbound: None,
            fragments: (usize::MAX, 0),
            addresses: Vec::new(),
        }
    }
}

impl Env {
    /// From now on other random numbers.
    pub(crate) fn reseed(&mut self, seed: u8) {
        self.seed = seed;
    }
}

impl Environment for Env {
    fn random(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.seed = self.seed.wrapping_mul(181).wrapping_add(71);
            *byte = self.seed;
        }
    }

    fn allocate_spi(&mut self) -> Option<EspSpi> {
        self.spi += 1;
        self.ledger
            .reserve(EspSpi(self.spi))
            .then_some(EspSpi(self.spi))
    }

    fn release_spi(&mut self, spi: EspSpi) {
        self.ledger.release(spi);
    }

    fn allocate_ike_spi(&mut self) -> IkeSpi {
        let mut spi = [0; 8];
        self.random(&mut spi);
        spi[0] = self.ike_spis.len() as u8 + 1;
        assert!(self.ike_spis.insert(IkeSpi(spi)), "a free SPI");
        IkeSpi(spi)
    }

    fn release_ike_spi(&mut self, spi: IkeSpi) {
        assert!(self.ike_spis.remove(&spi), "{spi} is not in use");
    }

    fn room_for_fragments(&mut self, octets: usize) -> bool {
        self.fragments.1 = octets;
        octets <= self.fragments.0
    }

    fn psk(&self, _local: &Identification, _remote: &Identification) -> Option<Arc<Secret>> {
        self.psk
            .map(|psk| Arc::new(Secret::new(psk.as_bytes().to_vec())))
    }

    fn ppk(&self, id: &Identification) -> Option<Arc<Secret>> {
        let known = *id == Identification::Fqdn("ppk.example".into());
        self.ppk
            .filter(|_| known)
            .map(|ppk| Arc::new(Secret::new(ppk.as_bytes().to_vec())))
    }

    fn seal_ticket(&mut self, content: &TicketContent, lifetime: Duration) -> Option<Vec<u8>> {
        let mut tickets = std::mem::take(&mut self.tickets);
        let now = self.now;
        let ticket = tickets.seal(content, lifetime, now, &mut |buffer| self.random(buffer));
        self.tickets = tickets;
        ticket
    }

    fn open_ticket(&self, ticket: &[u8]) -> Option<Opened> {
        self.tickets.open(ticket, self.now)
    }

    fn spend_ticket(&mut self, ticket: TicketId) -> bool {
        self.tickets.spend(ticket)
    }

    fn lease(&mut self, request: &LeaseRequest<'_>) -> Option<Lease> {
        self.lending.lease(request)
    }

    fn release_lease(&mut self, lease: &Lease) {
        self.lending.release(lease);
    }

    fn pool_attributes(&self, _pool: &str) -> Vec<Attribute> {
        self.told.clone()
    }

    fn last_inbound(&self, _spi: EspSpi) -> Option<Instant> {
        self.last_inbound
    }

    fn local_addresses(&self) -> Vec<IpAddr> {
        self.addresses.clone()
    }

    fn source_address(&self, remote: IpAddr) -> Option<IpAddr> {
        let fits = |address: &&IpAddr| address.is_ipv4() == remote.is_ipv4();
        self.addresses.iter().find(fits).copied()
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }
}

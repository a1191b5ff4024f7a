//! What every IKE_SA shares: randomness, secrets, sockets, the data plane, counters. One `Arc` per
//! IKE_SA instead of a field for each.

use std::{
    collections::{BTreeMap, HashSet},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use holdfast_config::{Agent, Secrets};
use holdfast_ike::{
    Connection, Counters, Environment, EspSpi, Identification, IkeSpi, Path, Secret,
    configuration::{Attribute, Lease, LeaseRequest},
    sa::{
        credential::CertificatePayload,
        event::KeyLog,
        resumption::{
            TicketContent, Tickets,
            tickets::{Opened, TicketId},
        },
    },
};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    bus::Bus,
    credentials::{Credentials, Desk, SharedKeyKind},
    data_plane::Plane,
    eap::Radius,
    fragments::FragmentRoom,
    handle::IkeSaId,
    keylog::KeyLogPort,
    network_watch::Addresses,
    pools::Pools,
    post::{Meters, Post},
    sandbox::Sandbox,
    socket::{Sockets, source_address},
    store::{KeptLease, Store},
    supervisor::{Snapshot, Supervisor, messages::PeerUnreachable},
    tallies::Tallies,
    transport::{AliasAdded, AliasRemoved, Transport},
};

/// The agent as its actors see it.
pub(crate) struct Shared {
    /// How the agent itself is configured, fixed until it is started again.
    pub(crate) agent: Agent,
    /// Where the configuration is read from.
    pub(crate) config_path: PathBuf,
    /// What we and our peers authenticate with.
    pub(crate) credentials: Credentials,
    /// Where questions about them are answered.
    pub(crate) desk: Desk,
    /// The servers that decide about peers that use EAP.
    pub(crate) radius: Radius,
    /// Addresses for peers that ask for one.
    pub(crate) pools: Pools,
    /// Takes what is to outlive a restart.
    pub(crate) store: Store,
    /// The agent-wide counters.
    pub(crate) counters: Counters,
    /// The same for each connection.
    pub(crate) tallies: Tallies,
    /// To those who listen.
    pub(crate) bus: Bus,
    /// For incomplete messages of strangers.
    pub(crate) fragments: FragmentRoom,
    /// The sockets, for sending.
    pub(crate) sockets: Sockets,
    /// The data plane and its ledger.
    pub(crate) plane: Plane,
    /// The key log, when the configuration asks for it.
    pub(crate) key_log: Option<KeyLogPort>,
    /// What the process may still do, where somebody confined it.
    pub(crate) sandbox: Option<Sandbox>,
    /// Where IKE_SAs report to.
    pub(crate) supervisor: Post<Supervisor>,
    /// Where IKE_SAs have datagrams for further SPIs of theirs sent to them.
    pub(crate) transport: Post<Transport>,
    /// How the actors keep up with their mail.
    pub(crate) meters: Meters,
    /// What became of operators' commands.
    pub(crate) hooks: crate::hooks::Tally,
    /// Counts that clients may ask for at any rate without disturbing the supervisor.
    pub(crate) gauges: Gauges,
    /// What the supervisor last published.
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// Our own addresses, as last seen; none as long as nobody has looked.
    pub(crate) addresses: ArcSwap<Addresses>,
    /// When the agent started.
    pub(crate) started: Instant,
    /// The tickets that we give to peers.
    tickets: Mutex<Tickets>,
    /// Our SPIs of all IKE_SAs and of those that replace them.
    ike_spis: Mutex<HashSet<IkeSpi>>,
    random: SystemRandom,
}

/// What is alive now.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    /// IKE_SAs in any state.
    pub(crate) ike_sas: AtomicUsize,
    /// Of these, not yet authenticated.
    pub(crate) half_open: AtomicUsize,
    /// Control clients connected.
    pub(crate) clients: AtomicUsize,
    /// The agent is going down.
    pub(crate) draining: AtomicBool,
}

/// The parts of [`Shared`] that start-up makes.
pub(crate) struct Parts {
    pub(crate) agent: Agent,
    pub(crate) config_path: PathBuf,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) radius: holdfast_config::Radius,
    pub(crate) sockets: Sockets,
    pub(crate) plane: Plane,
    pub(crate) key_log: Option<KeyLogPort>,
    pub(crate) store: Store,
    pub(crate) leases: BTreeMap<String, Vec<(IpAddr, KeptLease)>>,
    pub(crate) sandbox: Option<Sandbox>,
    pub(crate) supervisor: Post<Supervisor>,
    pub(crate) transport: Post<Transport>,
    pub(crate) meters: Meters,
}

impl Shared {
    /// Puts the parts together.
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            agent: parts.agent,
            config_path: parts.config_path,
            credentials: Credentials::new(&parts.secrets),
            desk: Desk::default(),
            radius: Radius::new(parts.radius),
            pools: Pools::remembering(parts.store.clone(), parts.leases),
            store: parts.store,
            counters: Counters::default(),
            tallies: Tallies::default(),
            bus: Bus::default(),
            fragments: FragmentRoom::default(),
            sockets: parts.sockets,
            plane: parts.plane,
            key_log: parts.key_log,
            sandbox: parts.sandbox,
            supervisor: parts.supervisor,
            transport: parts.transport,
            meters: parts.meters,
            hooks: crate::hooks::Tally::default(),
            gauges: Gauges::default(),
            snapshot: ArcSwap::from_pointee(Snapshot::empty()),
            addresses: ArcSwap::default(),
            started: Instant::now(),
            tickets: Mutex::default(),
            ike_spis: Mutex::default(),
            random: SystemRandom::new(),
        }
    }

    /// Told while what should outlive a restart cannot be written.
    pub(crate) fn state_warning(&self) -> Option<String> {
        self.store.trouble().map(|trouble| trouble.to_string())
    }

    /// An SPI that is neither zero nor in use (RFC 7296 section 2.6).
    pub(crate) fn reserve_ike_spi(&self) -> IkeSpi {
        loop {
            let mut spi = [0; 8];
            self.random(&mut spi);
            let spi = IkeSpi(spi);
            if !spi.is_zero() && self.ike_spis().insert(spi) {
                return spi;
            }
        }
    }

    /// That SPI may be given to another IKE_SA.
    pub(crate) fn release_ike_spi(&self, spi: IkeSpi) {
        self.ike_spis().remove(&spi);
    }

    fn tickets(&self) -> std::sync::MutexGuard<'_, Tickets> {
        // A panic leaves nothing half done that the next caller could not do without.
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ike_spis(&self) -> std::sync::MutexGuard<'_, HashSet<IkeSpi>> {
        // Nothing panics while the lock is held.
        self.ike_spis.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills `buffer` from the operating system's generator.
    pub(crate) fn random(&self, buffer: &mut [u8]) {
        self.random
            .fill(buffer)
            .expect("the operating system's random generator works");
    }

    /// A number drawn uniformly from [0, 1), for jitter.
    pub(crate) fn random_fraction(&self) -> f64 {
        let mut bytes = [0; 4];
        self.random(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / 4_294_967_296.0
    }

    /// Sends an IKE message. What cannot be sent is lost, as on any network; a reason that says
    /// something about the peer goes to the supervisor.
    pub(crate) fn transmit(&self, path: Path, message: &[u8]) {
        self.report(path, self.sockets.send(path, message));
    }

    /// Sends a NAT keepalive (RFC 3948 section 2.3).
    pub(crate) fn keepalive(&self, path: Path) {
        self.report(path, self.sockets.keepalive(path));
    }

    fn report(&self, path: Path, sent: std::io::Result<()>) {
        if let Err(error) = sent {
            tracing::debug!(remote = %path.remote, %error, "datagram not sent");
            if let Some(reason) = crate::socket::unreachable_reason(&error) {
                self.supervisor.do_send(PeerUnreachable {
                    remote: path.remote,
                    reason,
                });
            }
        }
    }

    /// Passes keys to the key log.
    pub(crate) fn log_key(&self, entry: &KeyLog) {
        if let Some(port) = &self.key_log {
            port.append(entry);
        }
    }
}

/// [`Shared`] as one step of one IKE_SA sees it: SPIs are charged to their owner, and what the step
/// counts goes to the agent's and the connection's counters when it is over.
pub(crate) struct StepEnvironment<'a> {
    shared: &'a Shared,
    owner: IkeSaId,
    /// The SPI that the owner's mailbox goes by as long as it lives.
    first_spi: IkeSpi,
    counted: Counters,
    tally: Option<&'a Counters>,
}

impl<'a> StepEnvironment<'a> {
    /// For a step of `owner`, which began with `first_spi`; `tally` are its connection's counters
    /// where that is known.
    pub(crate) fn new(
        shared: &'a Shared,
        owner: IkeSaId,
        first_spi: IkeSpi,
        tally: Option<&'a Counters>,
    ) -> Self {
        Self {
            shared,
            owner,
            first_spi,
            counted: Counters::default(),
            tally,
        }
    }

    /// For what concerns no IKE_SA: nothing is charged to anybody.
    pub(crate) fn of_nobody(shared: &'a Shared) -> Self {
        Self::new(shared, IkeSaId(0), IkeSpi::ZERO, None)
    }
}

impl Drop for StepEnvironment<'_> {
    fn drop(&mut self) {
        self.shared.counters.absorb(&self.counted);
        if let Some(tally) = self.tally {
            tally.absorb(&self.counted);
        }
    }
}

impl Environment for StepEnvironment<'_> {
    fn random(&mut self, buffer: &mut [u8]) {
        self.shared.random(buffer);
    }

    fn allocate_spi(&mut self) -> Option<EspSpi> {
        self.shared.plane.allocate_spi(self.owner)
    }

    fn release_spi(&mut self, spi: EspSpi) {
        self.shared.plane.release_spi(spi);
    }

    fn allocate_ike_spi(&mut self) -> IkeSpi {
        let spi = self.shared.reserve_ike_spi();
        // Before the message that tells the peer: no answer may find nobody.
        self.shared.transport.do_send(AliasAdded {
            spi,
            of: self.first_spi,
        });
        spi
    }

    fn release_ike_spi(&mut self, spi: IkeSpi) {
        // The first one stays until the end: the mailbox goes by it.
        if spi != self.first_spi {
            self.shared.transport.do_send(AliasRemoved(spi));
        }
    }

    fn ppk(&self, id: &Identification) -> Option<Arc<Secret>> {
        let credentials = &self.shared.credentials;
        credentials.shared_key(SharedKeyKind::Ppk, id, id)
    }

    fn psk(&self, local: &Identification, remote: &Identification) -> Option<Arc<Secret>> {
        self.shared.credentials.psk(local, remote)
    }

    fn lease(&mut self, request: &LeaseRequest<'_>) -> Option<Lease> {
        self.shared.pools.lease(self.owner, request)
    }

    fn release_lease(&mut self, lease: &Lease) {
        let Lease { pool, address } = lease;
        self.shared.pools.release(pool, self.owner, *address);
    }

    fn pool_attributes(&self, pool: &str) -> Vec<Attribute> {
        self.shared.pools.attributes(pool)
    }

    fn room_for_fragments(&mut self, octets: usize) -> bool {
        self.shared.fragments.take(self.owner, octets)
    }

    fn certificate_requests(&self, connection: &Connection) -> Vec<CertificatePayload> {
        self.shared.credentials.certificate_requests(connection)
    }

    fn seal_ticket(&mut self, content: &TicketContent, lifetime: Duration) -> Option<Vec<u8>> {
        let mut random = |buffer: &mut [u8]| self.shared.random(buffer);
        let mut tickets = self.shared.tickets();
        tickets.seal(content, lifetime, Instant::now(), &mut random)
    }

    fn open_ticket(&self, ticket: &[u8]) -> Option<Opened> {
        self.shared.tickets().open(ticket, Instant::now())
    }

    fn spend_ticket(&mut self, ticket: TicketId) -> bool {
        self.shared.tickets().spend(ticket)
    }

    fn last_inbound(&self, spi: EspSpi) -> Option<Instant> {
        self.shared.plane.usage(spi)?.last_in
    }

    fn last_used(&self, spi: EspSpi) -> Option<Instant> {
        let usage = self.shared.plane.usage(spi)?;
        usage.last_in.max(usage.last_out)
    }

    fn local_addresses(&self) -> Vec<IpAddr> {
        self.shared.addresses.load().iter().copied().collect()
    }

    fn source_address(&self, remote: IpAddr) -> Option<IpAddr> {
        // The port plays no part in finding the route.
        source_address(SocketAddr::new(remote, 500)).ok()
    }

    fn counters(&self) -> &Counters {
        &self.counted
    }
}

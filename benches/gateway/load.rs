//! The load generator: many initiators, built on the sans-IO core, behind two UDP sockets.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_ike::{
    ChildConfig, Connection, Counters, Environment, EspSpi, Identification, IkeSpi, Mode, Path,
    Secret, TrafficSelector,
    config::{
        Childless, Fragmentation, IdMatch, LocalRound, RemoteRound, Retransmit, SelectorTemplate,
        Unique,
    },
    configuration::{Attribute, Lease, LeaseRequest},
    proposal::{Proposal, Protocol},
    sa::{Contacts, Event, IkeSa, Input, Output, SaOptions},
};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    ESP_PROPOSALS, PROPOSALS,
    lab::{fleet, topology::PSK},
};

pub(crate) const IKE_PORT: u16 = 500;
const NAT_T_PORT: u16 = 4500;
/// Handshakes under way at any time.
const WINDOW: usize = 32;
/// Longest time for any number of handshakes without one that ends.
const PATIENCE: Duration = Duration::from_secs(20);
const NON_ESP_MARKER: [u8; 4] = [0; 4];

/// Random bytes from the system.
pub(crate) fn random(buffer: &mut [u8]) {
    SystemRandom::new()
        .fill(buffer)
        .expect("the system's random source");
}

/// Many initiators at one address.
pub(crate) struct Generator {
    local: IpAddr,
    remote: SocketAddr,
    plain: UdpSocket,
    encapsulated: UdpSocket,
    world: World,
    started: usize,
    under_way: HashMap<[u8; 8], IkeSa>,
}

impl Generator {
    pub(crate) fn new(local: IpAddr, remote: SocketAddr) -> Self {
        let socket = |port| {
            let socket = UdpSocket::bind((local, port)).expect("a port of our own namespace");
            socket
                .set_nonblocking(true)
                .expect("a socket that does not block");
            socket
        };
        Self {
            local,
            remote,
            plain: socket(IKE_PORT),
            encapsulated: socket(NAT_T_PORT),
            world: World::default(),
            started: 0,
            under_way: HashMap::new(),
        }
    }

    /// Establishes so many more tunnels, and forgets our end of them: the responder keeps its own.
    pub(crate) fn establish(&mut self, count: usize) {
        let end = self.started + count;
        let mut last_progress = Instant::now();
        let mut buffer = vec![0; 4_096];
        while self.started < end || !self.under_way.is_empty() {
            while self.started < end && self.under_way.len() < WINDOW {
                self.start();
            }
            let before = self.under_way.len();
            let received = self.receive(&mut buffer);
            self.fire_timeouts();
            if self.under_way.len() < before {
                last_progress = Instant::now();
            }
            assert!(
                last_progress.elapsed() < PATIENCE,
                "the responder no longer answers"
            );
            if !received {
                std::thread::sleep(Duration::from_micros(100));
            }
        }
    }

    fn start(&mut self) {
        let connection = Arc::new(connection(self.started));
        let child = connection.children.first().cloned();
        self.started += 1;
        let mut spi = [0; 8];
        random(&mut spi);
        let path = Path {
            local: SocketAddr::new(self.local, IKE_PORT),
            remote: self.remote,
        };
        let mut sa = IkeSa::initiate(
            connection,
            Contacts::default(),
            IkeSpi(spi),
            path,
            child,
            SaOptions::default(),
            Instant::now(),
            &mut self.world,
        );
        if !self.carry_out(&mut sa) {
            self.under_way.insert(spi, sa);
        }
    }

    /// Takes what has arrived; says whether anything had.
    fn receive(&mut self, buffer: &mut [u8]) -> bool {
        let mut any = false;
        while let Ok((length, remote)) = self.plain.recv_from(buffer) {
            any = true;
            self.handle(IKE_PORT, remote, &buffer[..length]);
        }
        while let Ok((length, remote)) = self.encapsulated.recv_from(buffer) {
            any = true;
            if let Some(message) = buffer[..length].strip_prefix(&NON_ESP_MARKER) {
                self.handle(NAT_T_PORT, remote, message);
            }
        }
        any
    }

    fn handle(&mut self, port: u16, remote: SocketAddr, data: &[u8]) {
        let Some(spi) = data.first_chunk::<8>() else {
            return;
        };
        let Some(mut sa) = self.under_way.remove(spi) else {
            return;
        };
        let path = Path {
            local: SocketAddr::new(self.local, port),
            remote,
        };
        sa.handle(
            Input::Datagram { path, data },
            Instant::now(),
            &mut self.world,
        );
        if !self.carry_out(&mut sa) {
            self.under_way.insert(*spi, sa);
        }
    }

    fn fire_timeouts(&mut self) {
        let now = Instant::now();
        let due: Vec<[u8; 8]> = self
            .under_way
            .iter()
            .filter(|(_, sa)| sa.poll_timeout().is_some_and(|(at, _)| at <= now))
            .map(|(spi, _)| *spi)
            .collect();
        for spi in due {
            let mut sa = self.under_way.remove(&spi).expect("just seen");
            sa.handle(Input::Timeout, now, &mut self.world);
            if !self.carry_out(&mut sa) {
                self.under_way.insert(spi, sa);
            }
        }
    }

    /// Carries out what the IKE_SA asks for; says whether its tunnel is up.
    fn carry_out(&mut self, sa: &mut IkeSa) -> bool {
        let mut up = false;
        while let Some(output) = sa.poll_output() {
            match output {
                Output::Transmit { path, data } => self.transmit(path, &data),
                Output::InstallChild(child) => {
                    let inbound_spi = child.inbound_spi;
                    let input = Input::ChildInstalled {
                        inbound_spi,
                        installed: true,
                    };
                    sa.handle(input, Instant::now(), &mut self.world);
                }
                Output::Event(Event::ChildUp(_)) => up = true,
                Output::Event(Event::Closed(cause)) => panic!("a set-up failed: {cause}"),
                Output::Event(Event::ChildFailed { failure, .. }) => {
                    panic!("the responder refuses a CHILD_SA: {failure}")
                }
                Output::Credential(_) => panic!("shared keys need no help"),
                Output::RemoveChild(_)
                | Output::StartSending(_)
                | Output::StopSending(_)
                | Output::UpdateChild { .. }
                | Output::AssignAddress(_)
                | Output::WithdrawAddress(_)
                | Output::Keepalive(_)
                | Output::Event(_) => {}
            }
        }
        up
    }

    /// What does not fit into the socket's buffer is lost, as it is anywhere else.
    fn transmit(&self, path: Path, data: &[u8]) {
        if path.local.port() == NAT_T_PORT {
            let datagram = [&NON_ESP_MARKER[..], data].concat();
            self.encapsulated.send_to(&datagram, path.remote).ok();
        } else {
            self.plain.send_to(data, path.remote).ok();
        }
    }
}

/// The n-th initiator: an identity and a network of its own.
fn connection(number: usize) -> Connection {
    let proposal = |text, protocol| Proposal::from_notation(text, protocol).expect("a known suite");
    let selector = |text: &str| {
        SelectorTemplate::Fixed(TrafficSelector::from_net(text.parse().expect("a network")))
    };
    let id = |text: &str| Identification::from_config(text).expect("an identity");
    let child = ChildConfig {
        name: "net".into(),
        proposals: vec![proposal(ESP_PROPOSALS, Protocol::Esp)],
        local_ts: vec![selector(&format!("{}/32", fleet::inner(1, number)))],
        remote_ts: vec![selector("10.2.0.0/16")],
        mode: Mode::Tunnel,
        replay_window: 32,
        rekey_time: Duration::ZERO,
        rand_time: Duration::ZERO,
        lifetime: holdfast_ike::child_sa::Lifetime::default(),
        options: holdfast_ike::ChildOptions::default(),
    };
    Connection {
        name: fleet::name(number).into(),
        proposals: vec![proposal(PROPOSALS, Protocol::Ike)],
        local: vec![LocalRound::psk(Some(id(&format!(
            "{}.moon.example",
            fleet::name(number)
        ))))],
        remote: vec![RemoteRound::psk(IdMatch::Exact(id("sun.example")))],
        mobike: false,
        local_addrs: Vec::new(),
        children: vec![Arc::new(child)],
        retransmit: Retransmit {
            timeout: Duration::from_secs(1),
            ..Retransmit::default()
        },
        dpd_delay: Duration::ZERO,
        rekey_time: Duration::ZERO,
        rand_time: Duration::ZERO,
        over_time: Duration::ZERO,
        reauth: holdfast_ike::config::Reauthentication::default(),
        half_open_timeout: Duration::from_secs(30),
        keep_alive: Duration::ZERO,
        encap: false,
        fragmentation: Fragmentation::Yes,
        redirect: None,
        unique: Unique::No,
        vips: Vec::new(),
        pools: Vec::new(),
        ppk: None,
        resumption: false,
        childless: Childless::Allow,
        key_log: false,
    }
}

/// The initiators' environment.
struct World {
    next_spi: u32,
    secret: Arc<Secret>,
    counters: Counters,
}

impl Default for World {
    fn default() -> Self {
        Self {
            next_spi: EspSpi::MIN,
            secret: Arc::new(Secret::new(PSK.as_bytes())),
            counters: Counters::default(),
        }
    }
}

impl Environment for World {
    fn random(&mut self, buffer: &mut [u8]) {
        random(buffer);
    }

    fn allocate_spi(&mut self) -> Option<EspSpi> {
        self.next_spi += 1;
        Some(EspSpi(self.next_spi))
    }

    fn release_spi(&mut self, _spi: EspSpi) {}

    // Nothing is rekeyed here.
    fn allocate_ike_spi(&mut self) -> IkeSpi {
        let mut spi = [0; 8];
        random(&mut spi);
        IkeSpi(spi)
    }

    fn release_ike_spi(&mut self, _spi: IkeSpi) {}

    fn psk(&self, _local: &Identification, _remote: &Identification) -> Option<Arc<Secret>> {
        Some(self.secret.clone())
    }

    fn lease(&mut self, _request: &LeaseRequest<'_>) -> Option<Lease> {
        None
    }

    fn release_lease(&mut self, _lease: &Lease) {}

    fn pool_attributes(&self, _pool: &str) -> Vec<Attribute> {
        Vec::new()
    }

    fn last_inbound(&self, _spi: EspSpi) -> Option<Instant> {
        None
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }
}

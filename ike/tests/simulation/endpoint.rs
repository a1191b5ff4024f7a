//! One end: what an agent does around its IKE_SAs, reduced to the rules that matter here.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_ike::{
    ChildSa, Connection, Counters, Environment, EspSpi, Identification, IkeSpi, Path, Secret,
    config::Unique,
    sa::{
        Admission, AdmissionLimits, Admitted, Candidate, CloseCause, Command, Contacts, Event,
        IkeSa, Input, Output, Role, SaOptions,
        uniqueness::{Contact, Verdict, judge},
    },
    wire::Header,
};

use crate::{network::Network, rng::Rng};

pub(crate) struct Env {
    pub(crate) rng: Rng,
    psk: Arc<Secret>,
    counters: Counters,
}

impl Environment for Env {
    fn random(&mut self, buffer: &mut [u8]) {
        self.rng.fill(buffer);
    }

    fn allocate_spi(&mut self) -> Option<EspSpi> {
        Some(EspSpi(
            EspSpi::MIN + (self.rng.next() % u64::from(u32::MAX - EspSpi::MIN)) as u32,
        ))
    }

    fn release_spi(&mut self, _spi: EspSpi) {}

    fn psk(&self, _local: &Identification, _remote: &Identification) -> Option<Arc<Secret>> {
        Some(self.psk.clone())
    }

    fn last_inbound(&self, _spi: EspSpi) -> Option<Instant> {
        None
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }
}

pub(crate) struct Tracked {
    pub(crate) sa: IkeSa,
    contact: Option<Contact>,
    half_open_from: Option<SocketAddr>,
}

pub(crate) struct Endpoint {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    peer: SocketAddr,
    connection: Arc<Connection>,
    /// Keeps the connection up by itself.
    pub(crate) persistent: bool,
    pub(crate) env: Env,
    contacts: Contacts,
    admission: Admission,
    pub(crate) sas: BTreeMap<IkeSpi, Tracked>,
    half_open: HashMap<(SocketAddr, IkeSpi), IkeSpi>,
    /// The data plane.
    pub(crate) installed: BTreeMap<EspSpi, ChildSa>,
    retry_at: Option<Instant>,
    pub(crate) log: Vec<String>,
    pub(crate) faults: Vec<String>,
}

impl Endpoint {
    pub(crate) fn new(
        name: &'static str,
        address: SocketAddr,
        peer: SocketAddr,
        connection: Connection,
        rng: Rng,
    ) -> Self {
        Self {
            name,
            address,
            peer,
            connection: Arc::new(connection),
            persistent: false,
            env: Env {
                rng,
                psk: Arc::new(Secret::new(*b"a long enough secret")),
                counters: Counters::default(),
            },
            contacts: Contacts::default(),
            admission: Admission::new(AdmissionLimits::default()),
            sas: BTreeMap::new(),
            half_open: HashMap::new(),
            installed: BTreeMap::new(),
            retry_at: None,
            log: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Loses all state, as a crash would.
    pub(crate) fn crash(&mut self, now: Instant) {
        self.note(now, "crash");
        self.sas.clear();
        self.half_open.clear();
        self.installed.clear();
        self.contacts = Contacts::default();
        self.admission = Admission::new(AdmissionLimits::default());
        self.retry_at = self.persistent.then_some(now);
    }

    pub(crate) fn start(&mut self, now: Instant) {
        self.persistent = true;
        self.retry_at = Some(now);
    }

    fn note(&mut self, now: Instant, what: impl std::fmt::Display) {
        self.log.push(format!("{now:?} {}: {what}", self.name));
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let sas = self
            .sas
            .values()
            .filter_map(|tracked| Some(tracked.sa.poll_timeout()?.0));
        sas.chain(self.retry_at).min()
    }

    pub(crate) fn on_time(&mut self, now: Instant, network: &mut Network) {
        let due: Vec<IkeSpi> = self
            .sas
            .iter()
            .filter(|(_, tracked)| tracked.sa.poll_timeout().is_some_and(|(at, _)| at <= now))
            .map(|(spi, _)| *spi)
            .collect();
        for spi in due {
            self.feed(spi, Input::Timeout, now, network);
        }
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.bring_up(now, network);
        }
    }

    /// What `persistent = true` wants: an IKE_SA on its way or up, with its child.
    fn bring_up(&mut self, now: Instant, network: &mut Network) {
        if !self.persistent {
            return;
        }
        if let Some(spi) = self.established().first().copied() {
            if self.installed.is_empty() {
                let child = self.connection.children[0].clone();
                self.feed(spi, Input::Command(Command::Initiate(child)), now, network);
                self.retry_later(now);
            }
            return;
        }
        let connecting = self.sas.values().any(|tracked| {
            tracked.sa.role() == Role::Initiator && tracked.sa.state_name() == "CONNECTING"
        });
        if connecting {
            return;
        }
        self.initiate(now, network);
    }

    pub(crate) fn initiate(&mut self, now: Instant, network: &mut Network) {
        let spi = self.new_spi();
        let sa = IkeSa::initiate(
            self.connection.clone(),
            self.contacts.clone(),
            spi,
            Path {
                local: self.address,
                remote: self.peer,
            },
            Some(self.connection.children[0].clone()),
            SaOptions::default(),
            now,
            &mut self.env,
        );
        self.note(now, format!("initiates {spi}"));
        self.track(spi, sa, None, now, network);
    }

    fn new_spi(&mut self) -> IkeSpi {
        let mut spi = [0; 8];
        self.env.rng.fill(&mut spi);
        IkeSpi(spi)
    }

    fn track(
        &mut self,
        spi: IkeSpi,
        sa: IkeSa,
        half_open_from: Option<SocketAddr>,
        now: Instant,
        network: &mut Network,
    ) {
        let tracked = Tracked {
            sa,
            contact: None,
            half_open_from,
        };
        self.sas.insert(spi, tracked);
        self.drain(spi, now, network);
    }

    /// SPIs of the established IKE_SAs.
    pub(crate) fn established(&self) -> Vec<IkeSpi> {
        self.sas
            .iter()
            .filter(|(_, tracked)| tracked.sa.is_established())
            .map(|(spi, _)| *spi)
            .collect()
    }

    pub(crate) fn command(
        &mut self,
        spi: IkeSpi,
        command: Command,
        now: Instant,
        network: &mut Network,
    ) {
        self.note(now, format!("{command:?} for {spi}"));
        self.feed(spi, Input::Command(command), now, network);
    }

    pub(crate) fn receive(&mut self, path: Path, data: &[u8], now: Instant, network: &mut Network) {
        let Ok(header) = Header::parse(data) else {
            self.faults.push("unparsable datagram".into());
            return;
        };
        let ours = if header.flags.initiator {
            header.spis.responder
        } else {
            header.spis.initiator
        };
        let known = if ours.is_zero() {
            self.half_open
                .get(&(path.remote, header.spis.initiator))
                .copied()
        } else {
            Some(ours).filter(|spi| self.sas.contains_key(spi))
        };
        if let Some(spi) = known {
            return self.feed(spi, Input::Datagram { path, data }, now, network);
        }
        match self.admission.judge(data, path, now, &mut self.env) {
            Admitted::Accept(request) => {
                let spi = self.new_spi();
                let from = path.remote;
                let initiator_spi = request.initiator_spi();
                let candidate = Candidate {
                    connection: self.connection.clone(),
                    contacts: self.contacts.clone(),
                };
                let options = SaOptions::default();
                match IkeSa::respond(*request, vec![candidate], spi, options, now, &mut self.env) {
                    Ok(sa) => {
                        self.half_open.insert((from, initiator_spi), spi);
                        self.admission.opened(from.ip());
                        self.track(spi, sa, Some(from), now, network);
                    }
                    Err(Some(reply)) => network.send(path, &reply, now, &mut self.env.rng),
                    Err(None) => {}
                }
            }
            Admitted::Reply(reply) => network.send(path, &reply, now, &mut self.env.rng),
            Admitted::Drop(_) => {}
        }
    }

    fn feed(&mut self, spi: IkeSpi, input: Input<'_>, now: Instant, network: &mut Network) {
        if let Some(tracked) = self.sas.get_mut(&spi) {
            tracked.sa.handle(input, now, &mut self.env);
            self.drain(spi, now, network);
        }
    }

    fn drain(&mut self, spi: IkeSpi, now: Instant, network: &mut Network) {
        while let Some(output) = self.sas.get_mut(&spi).and_then(|t| t.sa.poll_output()) {
            match output {
                Output::Transmit { path, data } => {
                    network.send(path, &data, now, &mut self.env.rng);
                }
                Output::InstallChild(child) => self.install(spi, *child, now),
                Output::RemoveChild(inbound) => {
                    self.installed.remove(&inbound);
                }
                Output::Keepalive(_) => {}
                Output::Event(event) => self.on_event(spi, event, now, network),
            }
        }
        if self
            .sas
            .get(&spi)
            .is_some_and(|tracked| tracked.sa.is_closed())
        {
            self.faults.push(format!("{spi} closed without saying so"));
        }
    }

    fn install(&mut self, spi: IkeSpi, child: ChildSa, now: Instant) {
        let inbound_spi = child.inbound_spi;
        // Now and then the data plane fails.
        let installed = !self.env.rng.chance(2);
        if installed && self.installed.insert(inbound_spi, child).is_some() {
            self.faults.push(format!("{inbound_spi} installed twice"));
        }
        if let Some(tracked) = self.sas.get_mut(&spi) {
            let input = Input::ChildInstalled {
                inbound_spi,
                installed,
            };
            tracked.sa.handle(input, now, &mut self.env);
        }
    }

    fn on_event(&mut self, spi: IkeSpi, event: Event, now: Instant, network: &mut Network) {
        match event {
            Event::Established(established) => {
                self.note(now, format!("{spi} established, {:?}", established.contact));
                self.leave_half_open(spi);
                if let Some(tracked) = self.sas.get_mut(&spi) {
                    tracked.contact = Some(established.contact);
                }
                self.resolve_duplicates(spi, now, network);
            }
            Event::ChildDown(_) | Event::ChildFailed { .. } => {
                self.note(now, format!("{spi} {event:?}"));
                self.retry_later(now);
            }
            Event::Closed(cause) => {
                self.note(now, format!("{spi} closed: {cause}"));
                self.leave_half_open(spi);
                self.sas.remove(&spi);
                self.retry_later(now);
            }
            _ => {}
        }
    }

    fn leave_half_open(&mut self, spi: IkeSpi) {
        self.half_open.retain(|_, half_open| *half_open != spi);
        if let Some(from) = self.sas.get_mut(&spi).and_then(|t| t.half_open_from.take()) {
            self.admission.closed(from.ip());
        }
    }

    fn resolve_duplicates(&mut self, newer: IkeSpi, now: Instant, network: &mut Network) {
        for older in self.established() {
            let contact = |spi| self.sas.get(&spi).and_then(|t: &Tracked| t.contact.clone());
            let (Some(a), Some(b)) = (contact(older), contact(newer)) else {
                continue;
            };
            if older == newer {
                continue;
            }
            match judge(&a, &b, Unique::No) {
                Verdict::KeepBoth => {}
                Verdict::ForgetOlder => {
                    self.command(older, Command::Abandon(CloseCause::Replaced), now, network);
                }
                Verdict::CloseOlder => self.command(older, Command::Terminate, now, network),
                Verdict::CloseNewer => self.command(newer, Command::Terminate, now, network),
            }
        }
    }

    fn retry_later(&mut self, now: Instant) {
        if self.persistent {
            let wait = Duration::from_millis(500 + self.env.rng.below(5000));
            self.retry_at = Some(self.retry_at.unwrap_or(now + wait).min(now + wait));
        }
    }
}

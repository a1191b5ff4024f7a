//! One end: what an agent does around its IKE_SAs, reduced to the rules that matter here.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_ike::{
    ChildSa, Connection, IkeSpi, Path,
    config::Unique,
    sa::{
        Admission, AdmissionLimits, Admitted, Candidate, ChildDownCause, CloseCause, Command,
        Contacts, Event, Failure, IkeSa, Input, Output, Role, SaOptions,
        uniqueness::{Contact, Verdict, judge},
    },
    wire::Header,
};

use crate::{
    env::Env,
    ledger::Ledger,
    network::Network,
    plane::{Installation, Plane},
    rng::Rng,
    witness::Witness,
};

pub(crate) struct Tracked {
    pub(crate) sa: IkeSa,
    pub(crate) witness: Witness,
    contact: Option<Contact>,
    half_open_from: Option<SocketAddr>,
}

pub(crate) struct Endpoint {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    peer: SocketAddr,
    pub(crate) connection: Arc<Connection>,
    pub(crate) options: SaOptions,
    /// Keeps the connection up by itself.
    pub(crate) persistent: bool,
    /// There is no attacker: every datagram is genuine.
    pub(crate) trusting: bool,
    pub(crate) env: Env,
    contacts: Contacts,
    pub(crate) limits: AdmissionLimits,
    pub(crate) admission: Admission,
    pub(crate) sas: BTreeMap<IkeSpi, Tracked>,
    half_open: HashMap<(SocketAddr, IkeSpi), IkeSpi>,
    /// Which IKE_SA, named by its first SPI, receives on which SPI.
    pub(crate) routes: BTreeMap<IkeSpi, IkeSpi>,
    pub(crate) plane: Plane,
    /// Virtual addresses of ours.
    pub(crate) addresses: Vec<std::net::IpAddr>,
    retry_at: Option<Instant>,
    pub(crate) log: Vec<(Instant, String)>,
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
            options: SaOptions::default(),
            persistent: false,
            trusting: true,
            env: Env::new(rng),
            contacts: Contacts::default(),
            limits: AdmissionLimits::default(),
            admission: Admission::new(AdmissionLimits::default()),
            sas: BTreeMap::new(),
            half_open: HashMap::new(),
            routes: BTreeMap::new(),
            plane: Plane::new(),
            addresses: Vec::new(),
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
        self.routes.clear();
        self.plane.reset();
        self.faults.append(&mut self.env.ledger.faults);
        self.env.ledger = Ledger::default();
        self.env.lending.lent.clear();
        self.addresses.clear();
        self.contacts = Contacts::default();
        self.admission = Admission::new(self.limits);
        self.retry_at = self.persistent.then_some(now);
    }

    pub(crate) fn start(&mut self, now: Instant) {
        self.persistent = true;
        self.retry_at = Some(now);
    }

    fn note(&mut self, now: Instant, what: impl std::fmt::Display) {
        self.log.push((now, format!("{}: {what}", self.name)));
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let sas = self
            .sas
            .values()
            .filter_map(|tracked| Some(tracked.sa.poll_timeout()?.0));
        sas.chain(self.retry_at).chain(self.plane.next_done()).min()
    }

    pub(crate) fn on_time(&mut self, now: Instant, network: &mut Network) {
        while let Some(installation) = self.plane.take_done(now) {
            let owner = installation.owner;
            self.answer_install(installation, now);
            self.drain(owner, now, network);
        }
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

    /// What `persistent = true` wants: an IKE_SA on its way or up, with all children. Only events
    /// lead here again, so one that is missing leaves the connection down for ever.
    fn bring_up(&mut self, now: Instant, network: &mut Network) {
        if !self.persistent {
            return;
        }
        if let Some(spi) = self.established().first().copied() {
            for config in self.connection.children.clone() {
                let missing = self.sas.get(&spi).is_some_and(|tracked| {
                    let witness = &tracked.witness;
                    !witness.has(&config.name) && !witness.awaits(&config.name)
                });
                if missing {
                    self.command(spi, Command::Initiate(config), now, network);
                }
            }
            return;
        }
        let connecting = self.sas.values().any(|tracked| {
            tracked.sa.role() == Role::Initiator && tracked.sa.state_name() == "CONNECTING"
        });
        if !connecting {
            self.initiate(now, network);
        }
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
            self.options.clone(),
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
            witness: Witness::default(),
            contact: None,
            half_open_from,
        };
        self.sas.insert(spi, tracked);
        self.routes.insert(spi, spi);
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

    /// The CHILD_SA of this name that carries traffic.
    pub(crate) fn child(&self, name: &str) -> Option<&ChildSa> {
        self.plane.sender(name)
    }

    pub(crate) fn command(
        &mut self,
        spi: IkeSpi,
        command: Command,
        now: Instant,
        network: &mut Network,
    ) {
        match &command {
            Command::Initiate(config) => {
                self.note(now, format!("Initiate {} on {spi}", config.name));
                if let Some(tracked) = self.sas.get_mut(&spi) {
                    tracked.witness.ask(config.name.clone());
                }
            }
            other => self.note(now, format!("{other:?} for {spi}")),
        }
        self.feed(spi, Input::Command(command), now, network);
    }

    pub(crate) fn receive(&mut self, path: Path, data: &[u8], now: Instant, network: &mut Network) {
        let Ok(header) = Header::parse(data) else {
            if self.trusting {
                self.faults.push("unparsable datagram".into());
            }
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
            self.routes.get(&ours).copied()
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
                let options = self.options.clone();
                match IkeSa::respond(*request, vec![candidate], spi, options, now, &mut self.env) {
                    Ok(sa) => {
                        self.half_open.insert((from, initiator_spi), spi);
                        self.admission.opened(from.ip());
                        self.track(spi, sa, Some(from), now, network);
                    }
                    Err(refusal) => {
                        if let Some(reply) = refusal.reply {
                            network.send(path, &reply, now, &mut self.env.rng);
                        }
                    }
                }
            }
            Admitted::Reply(reply) | Admitted::Disown(reply) => {
                network.send(path, &reply, now, &mut self.env.rng)
            }
            Admitted::Drop(_) => {}
        }
    }

    pub(crate) fn feed(
        &mut self,
        spi: IkeSpi,
        input: Input<'_>,
        now: Instant,
        network: &mut Network,
    ) {
        if let Some(tracked) = self.sas.get_mut(&spi) {
            tracked.sa.handle(input, now, &mut self.env);
            self.drain(spi, now, network);
        }
    }

    /// Routes for the SPIs of an IKE_SA come and go before anything is sent.
    fn route(&mut self, owner: IkeSpi) {
        for spi in self.env.new_routes.drain(..) {
            if self.routes.insert(spi, owner).is_some() {
                self.faults.push(format!("{spi} is in use already"));
            }
        }
        for spi in self.env.old_routes.drain(..) {
            if self.routes.remove(&spi) != Some(owner) {
                self.faults.push(format!("{spi} is not one of {owner}"));
            }
        }
    }

    fn drain(&mut self, spi: IkeSpi, now: Instant, network: &mut Network) {
        self.route(spi);
        while let Some(output) = self.sas.get_mut(&spi).and_then(|t| t.sa.poll_output()) {
            match output {
                Output::Transmit { path, data } => {
                    network.send(path, &data, now, &mut self.env.rng);
                }
                Output::InstallChild(child) => {
                    self.env.ledger.install(child.inbound_spi);
                    let done = self.plane.begin(spi, *child, now, &mut self.env.rng);
                    if let Some(done) = done {
                        self.answer_install(done, now);
                    }
                }
                Output::RemoveChild(inbound) => {
                    self.env.ledger.remove(inbound);
                    self.plane.remove(inbound);
                }
                Output::AssignAddress(address) => self.addresses.push(address),
                Output::WithdrawAddress(address) => {
                    let own = self.addresses.iter().position(|mine| *mine == address);
                    self.addresses.swap_remove(own.expect("an address of ours"));
                }
                Output::StartSending(inbound) => self.plane.start_sending(inbound),
                Output::StopSending(inbound) => self.plane.stop_sending(inbound),
                Output::Credential(_) => self.faults.push("shared keys need no help".to_owned()),
                Output::UpdateChild {
                    inbound_spi, path, ..
                } => self.plane.update_path(inbound_spi, path),
                Output::Keepalive(_) => {}
                Output::Event(event) => self.on_event(spi, event, now, network),
            }
            self.route(spi);
        }
        if self
            .sas
            .get(&spi)
            .is_some_and(|tracked| tracked.sa.is_closed())
        {
            self.faults.push(format!("{spi} closed without saying so"));
        }
    }

    fn answer_install(&mut self, installation: Installation, now: Instant) {
        let Installation {
            owner,
            child,
            success,
        } = installation;
        let inbound_spi = child.inbound_spi;
        if self.env.ledger.installed(inbound_spi, success) && success {
            self.plane.insert(owner, child);
        }
        if let Some(tracked) = self.sas.get_mut(&owner) {
            let input = Input::ChildInstalled {
                inbound_spi,
                installed: success,
            };
            tracked.sa.handle(input, now, &mut self.env);
        }
    }

    fn on_event(&mut self, spi: IkeSpi, event: Event, now: Instant, network: &mut Network) {
        if let Some(tracked) = self.sas.get_mut(&spi)
            && let Some(fault) = tracked.witness.see(&event)
        {
            self.faults.push(format!("{spi}: {fault}: {event:?}"));
        }
        match event {
            Event::Established(established) => {
                let role = established.role;
                let initial = established.initial_contact;
                self.note(
                    now,
                    format!("{spi} established as {role:?}, initial contact {initial}"),
                );
                self.leave_half_open(spi);
                if let Some(tracked) = self.sas.get_mut(&spi) {
                    tracked.contact = Some(established.contact);
                }
                self.resolve_duplicates(spi, now, network);
                // The other children, at both ends at about the same time.
                self.retry_within(now, 300);
            }
            Event::ChildDown(down) if down.cause == ChildDownCause::Rekeyed => {
                self.note(now, format!("{spi} {down:?}"));
            }
            Event::ChildDown(_) | Event::ChildFailed { .. } => {
                self.note(now, format!("{spi} {event:?}"));
                self.retry_later(now);
            }
            Event::IkeRekeyed(new) => {
                let (role, spis) = (new.role, new.spis);
                self.note(now, format!("{spi} is {spis:?} now, as {role:?}"));
            }
            Event::ChildRekeyed { old, new } => {
                let spi_of = new.inbound_spi;
                self.note(now, format!("{spi} {}: {spi_of} replaces {old}", new.name));
            }
            Event::RekeyFailed { child, failure } => {
                self.note(now, format!("{spi} {child:?} not rekeyed: {failure}"));
            }
            Event::ChildUp(up) => {
                self.note(now, format!("{spi} {} is up, {}", up.name, up.inbound_spi));
            }
            Event::Closed(cause) => {
                self.note(now, format!("{spi} closed: {cause}"));
                let refused = CloseCause::Failed(Failure::AuthenticationRefused);
                if cause == refused && self.trusting {
                    self.faults
                        .push(format!("{spi} was told that its secret is wrong"));
                }
                if self
                    .plane
                    .installed
                    .values()
                    .any(|(owner, _)| *owner == spi)
                {
                    self.faults.push(format!("{spi} left a CHILD_SA behind"));
                }
                self.leave_half_open(spi);
                if self.routes.values().any(|owner| *owner == spi) {
                    self.faults.push(format!("{spi} left a route behind"));
                }
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
                Verdict::CloseOlder | Verdict::CloseOlderSoon => {
                    self.command(older, Command::Terminate, now, network);
                }
                Verdict::CloseNewer => self.command(newer, Command::Terminate, now, network),
            }
        }
    }

    fn retry_later(&mut self, now: Instant) {
        let wait = 500 + self.env.rng.below(5000);
        self.retry_within(now, wait);
    }

    fn retry_within(&mut self, now: Instant, milliseconds: u64) {
        if self.persistent {
            let at = now + Duration::from_millis(milliseconds);
            self.retry_at = Some(self.retry_at.unwrap_or(at).min(at));
        }
    }
}

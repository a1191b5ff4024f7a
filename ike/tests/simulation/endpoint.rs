//! One end: what an agent does around its IKE_SAs, reduced to the rules that matter here.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use holdfast_ike::{
    ChildSa, Connection, IkeSpi, Path,
    sa::{
        Admission, AdmissionLimits, Command, Contacts, IkeSa, Input, Output, Role, SaOptions,
        uniqueness::Contact,
    },
};

use crate::{
    desk::Desk,
    env::Env,
    ledger::Ledger,
    network::Network,
    plane::{Installation, Plane},
    rng::Rng,
    scribe::Scribe,
    witness::Witness,
};

pub(crate) struct Tracked {
    pub(crate) sa: IkeSa,
    pub(crate) witness: Witness,
    pub(crate) contact: Option<Contact>,
    pub(crate) half_open_from: Option<SocketAddr>,
}

pub(crate) struct Endpoint {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) peer: SocketAddr,
    pub(crate) connection: Arc<Connection>,
    pub(crate) options: SaOptions,
    /// Keeps the connection up by itself.
    pub(crate) persistent: bool,
    /// There is no attacker: every datagram is genuine.
    pub(crate) trusting: bool,
    pub(crate) env: Env,
    pub(crate) contacts: Contacts,
    pub(crate) limits: AdmissionLimits,
    pub(crate) admission: Admission,
    pub(crate) sas: BTreeMap<IkeSpi, Tracked>,
    pub(crate) half_open: HashMap<(SocketAddr, IkeSpi), IkeSpi>,
    /// Which IKE_SA, named by its first SPI, receives on which SPI.
    pub(crate) routes: BTreeMap<IkeSpi, IkeSpi>,
    pub(crate) plane: Plane,
    pub(crate) desk: Desk,
    scribe: Scribe,
    /// Virtual addresses of ours.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) retry_at: Option<Instant>,
    /// The IKE_SA that another one is to take the place of.
    pub(crate) replacing: Option<IkeSpi>,
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
            desk: Desk::new(),
            scribe: Scribe::default(),
            addresses: Vec::new(),
            retry_at: None,
            replacing: None,
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
        self.desk.reset();
        self.replacing = None;
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

    /// Whether this address is ours.
    pub(crate) fn is_at(&self, address: IpAddr) -> bool {
        let addresses = &self.env.addresses;
        !self.env.unplugged && (self.address.ip() == address || addresses.contains(&address))
    }

    pub(crate) fn note(&mut self, now: Instant, what: impl std::fmt::Display) {
        self.log.push((now, format!("{}: {what}", self.name)));
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let sas = self
            .sas
            .values()
            .filter_map(|tracked| Some(tracked.sa.poll_timeout()?.0));
        let done = self.plane.next_done().into_iter();
        let done = done.chain(self.desk.next_done());
        sas.chain(self.retry_at).chain(done).min()
    }

    pub(crate) fn on_time(&mut self, now: Instant, network: &mut Network) {
        while let Some(installation) = self.plane.take_done(now) {
            let owner = installation.owner;
            self.answer_install(installation, now);
            self.drain(owner, now, network);
        }
        while let Some((owner, id, answer)) = self.desk.take_done(now) {
            self.feed(owner, Input::Credential { id, answer }, now, network);
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
        let present = self.established();
        if self.replacing.is_some_and(|old| !present.contains(&old)) {
            self.replacing = None;
        }
        let lasting = present.iter().find(|spi| Some(**spi) != self.replacing);
        if let Some(spi) = lasting.copied() {
            let mut complete = true;
            for config in self.connection.children.clone() {
                let Some(tracked) = self.sas.get(&spi) else {
                    return;
                };
                let up = tracked.witness.has(&config.name);
                let missing = !up && !tracked.witness.awaits(&config.name);
                complete &= up;
                if missing {
                    self.command(spi, Command::Initiate(config), now, network);
                }
            }
            if complete && let Some(old) = self.replacing.take() {
                self.command(old, Command::Terminate, now, network);
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

    pub(crate) fn new_spi(&mut self) -> IkeSpi {
        let mut spi = [0; 8];
        self.env.rng.fill(&mut spi);
        IkeSpi(spi)
    }

    pub(crate) fn track(
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
                    if let Some(fault) = self.scribe.sends(&data) {
                        self.faults.push(format!("{spi}: {fault}"));
                    }
                    if !self.is_at(path.local.ip()) {
                        // The kernel refuses.
                        continue;
                    }
                    network.send(path, &data, now, &mut self.env.rng);
                }
                Output::InstallChild(child) => {
                    self.env.ledger.install(child.inbound_spi);
                    if let Some(fault) = self.scribe.installs(&child) {
                        self.faults.push(format!("{spi}: {fault}"));
                    }
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
                Output::Credential(request) => {
                    self.desk.ask(spi, *request, now, &mut self.env.rng);
                }
                Output::UpdateChild {
                    inbound_spi, path, ..
                } => self.plane.update_path(inbound_spi, path),
                Output::Keepalive(path) => drop(network.towards(path)),
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

    /// What is still there after everything was closed.
    pub(crate) fn leftovers(&self) -> Vec<(&'static str, usize)> {
        let counts = [
            ("IKE_SAs", self.sas.len()),
            ("routes", self.routes.len()),
            ("half-open IKE_SAs", self.half_open.len()),
            ("SPIs", self.env.ledger.len()),
            ("CHILD_SAs", self.plane.installed.len()),
            ("addresses of ours", self.addresses.len()),
            ("leases", self.env.lending.lent.len()),
        ];
        counts.into_iter().filter(|(_, count)| *count > 0).collect()
    }
}

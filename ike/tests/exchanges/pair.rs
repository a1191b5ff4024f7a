//! An initiator and a responder with a perfect network and a clock that only tests move.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_ike::{
    ChildConfig, ChildSa, Connection, EspSpi, Identification, IkeSpi, Mode, Path, TrafficSelector,
    child_sa::Lifetime,
    config::{
        Childless, Fragmentation, IdMatch, LocalRound, RemoteRound, Retransmit, SelectorTemplate,
        Unique,
    },
    proposal::{Proposal, Protocol},
    sa::{
        Admission, AdmissionLimits, Admitted, Candidate, ChildDownCause, CloseCause, Contacts,
        CredentialRequest, Event, Failure, IkeSa, Input, Output, SaOptions,
    },
};

use crate::env::Env;

pub(crate) fn net(text: &str) -> SelectorTemplate {
    SelectorTemplate::Fixed(TrafficSelector::from_config(text).expect("a literal"))
}

pub(crate) fn esp(text: &str) -> Vec<Proposal> {
    vec![Proposal::from_notation(text, Protocol::Esp).expect("a literal")]
}

pub(crate) fn ike(text: &str) -> Vec<Proposal> {
    vec![Proposal::from_notation(text, Protocol::Ike).expect("a literal")]
}

pub(crate) fn child(name: &str, local: &str, remote: &str) -> ChildConfig {
    ChildConfig {
        name: name.into(),
        proposals: esp("aes256gcm16-x25519"),
        local_ts: vec![net(local)],
        remote_ts: vec![net(remote)],
        mode: Mode::Tunnel,
        replay_window: 1024,
        rekey_time: Duration::ZERO,
        rand_time: Duration::ZERO,
        lifetime: Lifetime::default(),
        options: holdfast_ike::ChildOptions::default(),
    }
}

pub(crate) fn connection(local: &str, remote: &str, children: Vec<ChildConfig>) -> Connection {
    let id = |name: &str| Identification::Fqdn(name.into());
    Connection {
        name: remote.into(),
        proposals: ike("aes256gcm16-prfsha384-x25519"),
        local: vec![LocalRound::psk(Some(id(local)))],
        remote: vec![RemoteRound::psk(IdMatch::Exact(id(remote)))],
        mobike: false,
        local_addrs: Vec::new(),
        children: children.into_iter().map(Arc::new).collect(),
        retransmit: Retransmit::default(),
        dpd_delay: Duration::ZERO,
        rekey_time: Duration::ZERO,
        rand_time: Duration::ZERO,
        over_time: Duration::ZERO,
        reauth: holdfast_ike::config::Reauthentication::default(),
        half_open_timeout: Duration::from_secs(30),
        keep_alive: Duration::from_secs(20),
        encap: false,
        fragmentation: Fragmentation::Yes,
        childless: Childless::Allow,
        redirect: None,
        unique: Unique::No,
        vips: Vec::new(),
        pools: Vec::new(),
        ppk: None,
        resumption: false,
        key_log: false,
    }
}

/// One end and what came out of it.
pub(crate) struct End {
    pub(crate) sa: Option<IkeSa>,
    pub(crate) env: Env,
    pub(crate) connection: Connection,
    pub(crate) path: Path,
    pub(crate) events: Vec<Event>,
    pub(crate) installed: Vec<ChildSa>,
    /// Virtual addresses.
    pub(crate) assigned: Vec<IpAddr>,
    /// Which CHILD_SAs were told to start or to stop sending.
    pub(crate) sending: Vec<(EspSpi, bool)>,
    pub(crate) sent: Vec<(Path, Vec<u8>)>,
    /// Questions about credentials, not yet answered.
    pub(crate) questions: Vec<CredentialRequest>,
    pub(crate) refuse_install: bool,
    /// Installations wait for [`End::finish_installs`].
    pub(crate) hold_installs: bool,
    held: Vec<ChildSa>,
}

impl End {
    fn new(seed: u8, connection: Connection, path: Path) -> Self {
        Self {
            sa: None,
            env: Env::new(seed),
            connection,
            path,
            events: Vec::new(),
            installed: Vec::new(),
            assigned: Vec::new(),
            sending: Vec::new(),
            sent: Vec::new(),
            questions: Vec::new(),
            refuse_install: false,
            hold_installs: false,
            held: Vec::new(),
        }
    }

    pub(crate) fn feed(&mut self, input: Input<'_>, now: Instant) {
        if let Some(sa) = &mut self.sa {
            sa.handle(input, now, &mut self.env);
        }
        self.drain(now);
    }

    pub(crate) fn drain(&mut self, now: Instant) {
        while let Some(output) = self.sa.as_mut().and_then(IkeSa::poll_output) {
            match output {
                Output::Transmit { path, data } => self.sent.push((path, data)),
                Output::InstallChild(child) => {
                    self.env.ledger.install(child.inbound_spi);
                    if self.hold_installs {
                        self.held.push(*child);
                    } else {
                        self.answer_install(*child, !self.refuse_install, now);
                    }
                }
                Output::Credential(request) => self.questions.push(*request),
                Output::RemoveChild(spi) => {
                    self.env.ledger.remove(spi);
                    self.installed.retain(|child| child.inbound_spi != spi);
                }
                Output::AssignAddress(address) => self.assigned.push(address),
                Output::WithdrawAddress(address) => {
                    let index = self.assigned.iter().position(|mine| *mine == address);
                    self.assigned.remove(index.expect("an address of ours"));
                }
                Output::StartSending(spi) => self.sending.push((spi, true)),
                Output::StopSending(spi) => self.sending.push((spi, false)),
                Output::UpdateChild {
                    inbound_spi, path, ..
                } => {
                    let updated = |child: &&mut ChildSa| child.inbound_spi == inbound_spi;
                    if let Some(child) = self.installed.iter_mut().find(updated) {
                        child.path = path;
                    }
                }
                Output::Keepalive(path) => self.sent.push((path, vec![0xff])),
                Output::Event(event) => self.events.push(event),
            }
        }
        assert_eq!(self.env.ledger.faults, [""; 0]);
        assert_eq!(self.env.lending.faults, [""; 0]);
        if self.closed().is_some() {
            assert!(self.assigned.is_empty() && self.env.lending.lent.is_empty());
            assert_eq!(self.env.ledger.len(), 0, "an SPI outlived its IKE_SA");
            assert!(self.env.ike_spis.is_empty(), "and so did one of IKE");
        }
    }

    fn answer_install(&mut self, child: ChildSa, installed: bool, now: Instant) {
        let inbound_spi = child.inbound_spi;
        if self.env.ledger.installed(inbound_spi, installed) && installed {
            self.installed.push(child);
        }
        let input = Input::ChildInstalled {
            inbound_spi,
            installed,
        };
        if let Some(sa) = &mut self.sa {
            sa.handle(input, now, &mut self.env);
        }
    }

    /// The data plane answers what it was asked while installations were held.
    pub(crate) fn finish_installs(&mut self, installed: bool, now: Instant) {
        for child in std::mem::take(&mut self.held) {
            self.answer_install(child, installed, now);
        }
        self.drain(now);
    }

    /// Events that say that a child could not be brought up.
    pub(crate) fn child_failures(&self) -> Vec<Failure> {
        let failure = |event: &Event| match event {
            Event::ChildFailed { failure, .. } => Some(*failure),
            _ => None,
        };
        self.events.iter().filter_map(failure).collect()
    }

    /// Why children went down.
    pub(crate) fn child_downs(&self) -> Vec<ChildDownCause> {
        let cause = |event: &Event| match event {
            Event::ChildDown(down) => Some(down.cause),
            _ => None,
        };
        self.events.iter().filter_map(cause).collect()
    }

    pub(crate) fn is_established(&self) -> bool {
        self.sa.as_ref().is_some_and(IkeSa::is_established)
    }

    pub(crate) fn has_event(&self, test: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(test)
    }

    pub(crate) fn closed(&self) -> Option<CloseCause> {
        self.events.iter().find_map(|event| match event {
            Event::Closed(cause) => Some(*cause),
            _ => None,
        })
    }
}

pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) initiator: End,
    pub(crate) responder: End,
    pub(crate) admission: Admission,
    pub(crate) options: SaOptions,
    /// Connections that the request may mean beside the responder's own, tried before it.
    pub(crate) further_candidates: Vec<Connection>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(
            connection(
                "moon",
                "sun",
                vec![child("net", "10.1.0.0/16", "10.2.0.0/16")],
            ),
            connection(
                "sun",
                "moon",
                vec![child("net", "10.2.0.0/16", "10.1.0.0/16")],
            ),
        )
    }

    pub(crate) fn with(initiator: Connection, responder: Connection) -> Self {
        let left = "192.0.2.1:500".parse().expect("a literal");
        let right = "192.0.2.2:500".parse().expect("a literal");
        let path = |local, remote| Path { local, remote };
        Self {
            now: Instant::now(),
            initiator: End::new(1, initiator, path(left, right)),
            responder: End::new(100, responder, path(right, left)),
            admission: Admission::new(AdmissionLimits::default()),
            options: SaOptions::default(),
            further_candidates: Vec::new(),
        }
    }

    /// Sends the first request with the first child, or none.
    pub(crate) fn start(&mut self) {
        let child = self.initiator.connection.children.first().cloned();
        self.start_with(child);
    }

    pub(crate) fn start_with(&mut self, child: Option<Arc<ChildConfig>>) {
        let end = &mut self.initiator;
        end.env.ike_spis.insert(IkeSpi(*b"initiatr"));
        end.sa = Some(IkeSa::initiate(
            Arc::new(end.connection.clone()),
            Contacts::default(),
            IkeSpi(*b"initiatr"),
            end.path,
            child,
            self.options.clone(),
            self.now,
            &mut end.env,
        ));
        end.drain(self.now);
    }

    /// Delivers one datagram to the responder.
    pub(crate) fn reach_responder(&mut self, path: Path, data: &[u8]) {
        let path = Path {
            local: path.remote,
            remote: path.local,
        };
        let end = &mut self.responder;
        end.env.now = self.now;
        if end.sa.is_some() {
            return end.feed(Input::Datagram { path, data }, self.now);
        }
        match self.admission.judge(data, path, self.now, &mut end.env) {
            Admitted::Accept(request) => {
                let candidates = self
                    .further_candidates
                    .iter()
                    .chain([&end.connection])
                    .map(|connection| Candidate {
                        connection: Arc::new(connection.clone()),
                        contacts: Contacts::default(),
                    })
                    .collect();
                let answer = IkeSa::respond(
                    *request,
                    candidates,
                    IkeSpi(*b"responds"),
                    self.options.clone(),
                    self.now,
                    &mut end.env,
                );
                match answer {
                    Ok(sa) => {
                        end.env.ike_spis.insert(IkeSpi(*b"responds"));
                        end.sa = Some(sa);
                    }
                    Err(refusal) => end.sent.extend(refusal.reply.map(|reply| (path, reply))),
                }
                end.drain(self.now);
            }
            Admitted::Reply(reply) | Admitted::Disown(reply) => end.sent.push((path, reply)),
            Admitted::Drop(_) => {}
        }
    }

    pub(crate) fn reach_initiator(&mut self, path: Path, data: &[u8]) {
        let path = Path {
            local: path.remote,
            remote: path.local,
        };
        self.initiator
            .feed(Input::Datagram { path, data }, self.now);
    }

    /// Delivers everything until nobody says anything any more.
    pub(crate) fn settle(&mut self) {
        for _ in 0..50 {
            let requests = std::mem::take(&mut self.initiator.sent);
            let responses = std::mem::take(&mut self.responder.sent);
            if requests.is_empty() && responses.is_empty() {
                return;
            }
            for (path, data) in requests {
                self.reach_responder(path, &data);
            }
            for (path, data) in responses {
                self.reach_initiator(path, &data);
            }
        }
        panic!("they never stop talking");
    }

    pub(crate) fn up(mut self) -> Self {
        self.start();
        self.settle();
        assert!(self.initiator.is_established() && self.responder.is_established());
        self
    }

    /// Moves the clock and lets both ends act.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        for end in [&mut self.initiator, &mut self.responder] {
            end.feed(Input::Timeout, self.now);
        }
    }
}

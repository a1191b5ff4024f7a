//! Both ends, the network between them, and the clock.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_ike::{
    ChildConfig, Connection, Identification, Mode, TrafficSelector,
    child_sa::Lifetime,
    config::{
        Childless, Fragmentation, IdMatch, LocalRound, RemoteRound, Retransmit, SelectorTemplate,
        Unique,
    },
    proposal::{Proposal, Protocol},
    sa::Command,
};

use crate::{
    attacker::Attacker,
    endpoint::Endpoint,
    network::{Network, Weather},
    rng::Rng,
};

pub(crate) struct World {
    pub(crate) now: Instant,
    begun: Instant,
    seed: u64,
    children: usize,
    pub(crate) network: Network,
    pub(crate) ends: [Endpoint; 2],
    pub(crate) rng: Rng,
}

/// Which networks the children connect, the left end's first.
const CHILDREN: [(&str, &str, &str); 2] = [
    ("net", "10.1.0.0/16", "10.2.0.0/16"),
    ("more", "10.3.0.0/16", "10.4.0.0/16"),
];

fn child(index: usize, flip: bool) -> ChildConfig {
    let net =
        |text| SelectorTemplate::Fixed(TrafficSelector::from_config(text).expect("a literal"));
    let (name, left, right) = CHILDREN[index];
    let (local, remote) = if flip { (right, left) } else { (left, right) };
    ChildConfig {
        name: name.into(),
        proposals: vec![
            Proposal::from_notation("aes256gcm16-x25519", Protocol::Esp).expect("a literal"),
        ],
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

fn connection(name: &str, children: usize, flip: bool) -> Connection {
    let (local_id, remote_id) = if flip {
        ("sun", "moon")
    } else {
        ("moon", "sun")
    };
    let id = |name: &str| Identification::Fqdn(name.into());
    Connection {
        name: name.into(),
        proposals: vec![
            Proposal::from_notation("aes256gcm16-prfsha384-x25519", Protocol::Ike)
                .expect("a literal"),
        ],
        local: vec![LocalRound::psk(Some(id(local_id)))],
        remote: vec![RemoteRound::psk(IdMatch::Exact(id(remote_id)))],
        mobike: false,
        local_addrs: Vec::new(),
        children: (0..children)
            .map(|index| Arc::new(child(index, flip)))
            .collect(),
        retransmit: Retransmit {
            timeout: Duration::from_secs(1),
            tries: 4,
            ..Retransmit::default()
        },
        dpd_delay: Duration::from_secs(15),
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

/// Long enough to close everything on a good network.
const LEAVE: Duration = Duration::from_secs(90);

impl World {
    /// Two ends that know each other and may have so many CHILD_SAs.
    pub(crate) fn new(seed: u64, children: usize) -> Self {
        let mut rng = Rng::new(seed);
        let begun = Instant::now();
        let left: SocketAddr = "192.0.2.1:500".parse().expect("a literal");
        let right: SocketAddr = "192.0.2.2:500".parse().expect("a literal");
        let (a, b) = (Rng::new(rng.next()), Rng::new(rng.next()));
        Self {
            now: begun,
            begun,
            seed,
            children,
            network: Network::new(Weather::CALM),
            ends: [
                Endpoint::new("left", left, right, connection("right", children, false), a),
                Endpoint::new("right", right, left, connection("left", children, true), b),
            ],
            rng,
        }
    }

    /// Lets `time` pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        let mut steps = 0;
        loop {
            let next = self
                .ends
                .iter()
                .filter_map(Endpoint::next_timeout)
                .chain(self.network.next_arrival())
                .min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            while let Some(datagram) = self.network.take_arrived(self.now) {
                for end in &mut self.ends {
                    if end.is_at(datagram.path.local.ip()) {
                        end.receive(datagram.path, &datagram.data, self.now, &mut self.network);
                    }
                }
            }
            for end in &mut self.ends {
                end.on_time(self.now, &mut self.network);
            }
            steps += 1;
            assert!(steps < 200_000, "it spins:\n{}", self.story());
        }
    }

    pub(crate) fn story(&self) -> String {
        let mut lines: Vec<_> = self.ends.iter().flat_map(|end| &end.log).collect();
        lines.sort_by_key(|(at, _)| *at);
        let length = std::env::var("HOLDFAST_STORY").ok();
        let length = length.and_then(|number| number.parse().ok()).unwrap_or(60);
        let tail = lines.len().saturating_sub(length);
        lines[tail..]
            .iter()
            .map(|(at, what)| format!("{:.3} {what}", (*at - self.begun).as_secs_f64()))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Somebody joins who adds so many datagrams to each genuine one, in percent.
    pub(crate) fn attack(&mut self, rate: u64) {
        let rng = Rng::new(self.rng.next());
        self.network.attacker = Some(Attacker::new(rate, rng));
        for end in &mut self.ends {
            end.trusting = false;
        }
    }

    /// Both ends rekey after these times, give or take a third.
    pub(crate) fn rekey_every(&mut self, ike: Duration, child: Duration) {
        for end in &mut self.ends {
            let connection = Arc::make_mut(&mut end.connection);
            connection.rekey_time = ike;
            connection.rand_time = ike / 3;
            for config in &mut connection.children {
                let config = Arc::make_mut(config);
                config.rekey_time = child;
                config.rand_time = child / 3;
            }
        }
    }

    pub(crate) fn complain(&self, what: &str) -> ! {
        panic!("seed {}: {what}\n{}", self.seed, self.story())
    }

    pub(crate) fn assert_at_rest(&self) {
        if let Err(what) = self.at_rest() {
            self.complain(&what);
        }
    }

    /// Exactly one IKE_SA and one CHILD_SA of each name, the same at both ends, and nothing else.
    pub(crate) fn at_rest(&self) -> Result<(), String> {
        for end in &self.ends {
            self.tidy(end)
                .map_err(|what| format!("{} {what}", end.name))?;
        }
        let [left, right] = &self.ends;
        let spis = |end: &Endpoint| end.sas.values().next().map(|tracked| tracked.sa.spis());
        if spis(left) != spis(right) {
            return Err("the ends disagree on the IKE_SA".into());
        }
        for (name, ..) in &CHILDREN[..self.children] {
            let (Some(a), Some(b)) = (left.child(name), right.child(name)) else {
                return Err(format!("no CHILD_SA {name}"));
            };
            let agree = a.inbound_spi == b.outbound_spi
                && a.outbound_spi == b.inbound_spi
                && a.inbound_key.encryption == b.outbound_key.encryption
                && a.outbound_key.encryption == b.inbound_key.encryption
                && a.local_ts == b.remote_ts
                && a.remote_ts == b.local_ts;
            if !agree {
                return Err(format!("the ends disagree on the CHILD_SA {name}"));
            }
        }
        Ok(())
    }

    /// Both ends close what they have: nothing may be left of it.
    pub(crate) fn take_leave(&mut self) {
        for end in &mut self.ends {
            end.persistent = false;
            end.retry_at = None;
            for spi in end.established() {
                end.command(spi, Command::Terminate, self.now, &mut self.network);
            }
        }
        self.run(LEAVE);
        for end in &self.ends {
            if let Some((what, count)) = end.leftovers().first() {
                self.complain(&format!("{} keeps {count} {what}", end.name));
            }
            let faults = [&end.faults, &end.env.ledger.faults, &end.env.lending.faults];
            if let Some(fault) = faults.into_iter().flatten().next() {
                self.complain(&format!("{} {fault}", end.name));
            }
        }
    }

    fn tidy(&self, end: &Endpoint) -> Result<(), String> {
        if let Some(fault) = end.faults.iter().chain(&end.env.ledger.faults).next() {
            return Err(fault.clone());
        }
        let (all, established) = (end.sas.len(), end.established().len());
        if (all, established) != (1, 1) {
            return Err(format!("has {all} IKE_SAs, {established} established"));
        }
        for tracked in end.sas.values() {
            if let Some(name) = tracked.witness.unanswered() {
                return Err(format!("still waits for {name}"));
            }
            if !matches!(tracked.sa.tasks(), (None | Some("IKE_DPD"), queue) if queue.is_empty()) {
                return Err(format!("is at {:?}", tracked.sa.tasks()));
            }
            if let Some(name) = CHILDREN[..self.children]
                .iter()
                .map(|(name, ..)| *name)
                .find(|name| !tracked.witness.has(name))
            {
                return Err(format!("was not told that {name} is up"));
            }
        }
        if end.plane.installed.len() != self.children {
            return Err(format!("has {} CHILD_SAs", end.plane.installed.len()));
        }
        if end.routes.len() != 1 {
            return Err(format!("has {} routes", end.routes.len()));
        }
        if end.env.ledger.dangling() != 0 || end.env.ledger.len() != self.children {
            return Err(format!("leaks SPIs: {:?}", end.env.ledger));
        }
        Ok(())
    }

    /// Packets leave by each child of each end; after `latency` the other end must still be able to
    /// read them. What cannot be read is a complaint.
    pub(crate) fn exchange_packets(&mut self, latency: Duration) {
        let mut sent = Vec::new();
        for (index, end) in self.ends.iter().enumerate() {
            for (name, ..) in &CHILDREN[..self.children] {
                match end.child(name) {
                    Some(child) => sent.push((1 - index, child.outbound_spi)),
                    None => self.complain(&format!("{}: nothing carries {name}", end.name)),
                }
            }
        }
        self.run(latency);
        for (index, spi) in sent {
            let end = &mut self.ends[index];
            if !end.plane.installed.contains_key(&spi) {
                let name = end.name;
                self.complain(&format!("a packet for {spi} was lost at {name}"));
            }
            end.plane.start_sending(spi);
        }
    }
}

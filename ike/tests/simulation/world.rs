//! Both ends, the network between them, and the clock.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_ike::{
    ChildConfig, Connection, Identification, Mode, TrafficSelector,
    child_sa::Lifetime,
    config::{AuthMethod, IdMatch, Retransmit, SelectorTemplate, Unique},
    proposal::{Proposal, Protocol},
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
        lifetime: Lifetime::default(),
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
        local_auth: AuthMethod::Psk,
        local_id: Some(id(local_id)),
        remote_auth: AuthMethod::Psk,
        remote_id: IdMatch::Exact(id(remote_id)),
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
        over_time: Duration::ZERO,
        half_open_timeout: Duration::from_secs(30),
        keep_alive: Duration::from_secs(20),
        encap: false,
        unique: Unique::No,
        key_log: false,
    }
}

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
                    if end.address.ip() == datagram.path.local.ip() {
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
        let tail = lines.len().saturating_sub(60);
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

    pub(crate) fn complain(&self, what: &str) -> ! {
        panic!("seed {}: {what}\n{}", self.seed, self.story())
    }

    /// Exactly one IKE_SA and one CHILD_SA of each name, the same at both ends, and nothing else.
    pub(crate) fn assert_at_rest(&self) {
        for end in &self.ends {
            self.assert_tidy(end);
        }
        let [left, right] = &self.ends;
        let spis = |end: &Endpoint| end.sas.values().next().map(|tracked| tracked.sa.spis());
        if spis(left) != spis(right) {
            self.complain("the ends disagree on the IKE_SA");
        }
        for (name, ..) in &CHILDREN[..self.children] {
            let (Some(a), Some(b)) = (left.child(name), right.child(name)) else {
                self.complain(&format!("no CHILD_SA {name}"));
            };
            let agree = a.inbound_spi == b.outbound_spi
                && a.outbound_spi == b.inbound_spi
                && a.inbound_key.encryption == b.outbound_key.encryption
                && a.outbound_key.encryption == b.inbound_key.encryption
                && a.local_ts == b.remote_ts
                && a.remote_ts == b.local_ts;
            if !agree {
                self.complain(&format!("the ends disagree on the CHILD_SA {name}"));
            }
        }
    }

    fn assert_tidy(&self, end: &Endpoint) {
        if let Some(fault) = end.faults.iter().chain(&end.env.ledger.faults).next() {
            self.complain(&format!("{}: {fault}", end.name));
        }
        let (all, established) = (end.sas.len(), end.established().len());
        if (all, established) != (1, 1) {
            self.complain(&format!(
                "{} has {all} IKE_SAs, {established} established",
                end.name
            ));
        }
        for tracked in end.sas.values() {
            if let Some(name) = tracked.witness.unanswered() {
                self.complain(&format!("{} still waits for {name}", end.name));
            }
            if !matches!(tracked.sa.tasks(), (None | Some("IKE_DPD"), queue) if queue.is_empty()) {
                self.complain(&format!("{} is at {:?}", end.name, tracked.sa.tasks()));
            }
        }
        if end.plane.installed.len() != self.children {
            self.complain(&format!(
                "{} has {} CHILD_SAs",
                end.name,
                end.plane.installed.len()
            ));
        }
        if end.env.ledger.dangling() != 0 || end.env.ledger.len() != self.children {
            self.complain(&format!("{} leaks SPIs: {:?}", end.name, end.env.ledger));
        }
    }
}

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
    endpoint::Endpoint,
    network::{Network, Weather},
    rng::Rng,
};

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) network: Network,
    pub(crate) ends: [Endpoint; 2],
    pub(crate) rng: Rng,
}

fn net(text: &str) -> SelectorTemplate {
    SelectorTemplate::Fixed(TrafficSelector::from_config(text).expect("a literal"))
}

pub(crate) fn connection(name: &str, flip: bool) -> Connection {
    let (left, right) = (net("10.1.0.0/16"), net("10.2.0.0/16"));
    let (local, remote) = if flip { (right, left) } else { (left, right) };
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
        children: vec![Arc::new(ChildConfig {
            name: "net".into(),
            proposals: vec![
                Proposal::from_notation("aes256gcm16-x25519", Protocol::Esp).expect("a literal"),
            ],
            local_ts: vec![local],
            remote_ts: vec![remote],
            mode: Mode::Tunnel,
            replay_window: 1024,
            rekey_time: Duration::ZERO,
            lifetime: Lifetime::default(),
        })],
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
    pub(crate) fn new(seed: u64, weather: Weather) -> Self {
        let mut rng = Rng::new(seed);
        let left: SocketAddr = "192.0.2.1:500".parse().expect("a literal");
        let right: SocketAddr = "192.0.2.2:500".parse().expect("a literal");
        let (a, b) = (Rng::new(rng.next()), Rng::new(rng.next()));
        Self {
            now: Instant::now(),
            network: Network::new(weather),
            ends: [
                Endpoint::new("left", left, right, connection("right", false), a),
                Endpoint::new("right", right, left, connection("left", true), b),
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
        let mut lines: Vec<&String> = self.ends.iter().flat_map(|end| &end.log).collect();
        lines.sort();
        let tail = lines.len().saturating_sub(60);
        lines[tail..]
            .iter()
            .map(|line| line.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Exactly one IKE_SA and one CHILD_SA, the same at both ends.
    pub(crate) fn assert_one_tunnel(&self, seed: u64) {
        let complain = |what: &str| -> ! { panic!("seed {seed}: {what}\n{}", self.story()) };
        for end in &self.ends {
            if let Some(fault) = end.faults.first() {
                complain(fault);
            }
            if end.sas.len() != 1 || end.established().len() != 1 {
                complain(&format!(
                    "{} has {} IKE_SAs, {} established",
                    end.name,
                    end.sas.len(),
                    end.established().len()
                ));
            }
            if end.installed.len() != 1 {
                complain(&format!(
                    "{} has {} CHILD_SAs",
                    end.name,
                    end.installed.len()
                ));
            }
        }
        let [left, right] = &self.ends;
        let spis = |end: &Endpoint| end.sas.values().next().map(|tracked| tracked.sa.spis());
        if spis(left) != spis(right) {
            complain("the ends disagree on the IKE_SA");
        }
        let child = |end: &Endpoint| end.installed.values().next().cloned();
        let (Some(a), Some(b)) = (child(left), child(right)) else {
            complain("no CHILD_SA");
        };
        let agree = a.inbound_spi == b.outbound_spi
            && a.outbound_spi == b.inbound_spi
            && a.inbound_key.encryption == b.outbound_key.encryption
            && a.outbound_key.encryption == b.inbound_key.encryption
            && a.local_ts == b.remote_ts
            && a.remote_ts == b.local_ts;
        if !agree {
            complain("the ends disagree on the CHILD_SA");
        }
    }
}

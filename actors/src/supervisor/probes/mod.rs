//! Path probes: whether packets get through the tunnels, and what is done when they do not while the
//! IKE_SA lives on. The rules are in [`path`], [`repair`] and [`budget`], which know no actor.

mod budget;
mod path;
mod repair;
mod window;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
    time::Instant,
};

use actix::{AsyncContext, Context, Handler, SpawnHandle};
use holdfast_config::{Connection, Probe, ProbeKind};
use holdfast_ike::{EspSpi, TrafficSelector, sa::Command};
use holdfast_ipsec::{Probe as ProbePacket, ProbeKind as PacketKind};

pub(crate) use self::path::PathStatus;
use self::{
    budget::Budget,
    path::{Deed, Path},
    repair::Remedy,
};
use super::{Supervisor, messages::ProbeAnswered};
use crate::{bus::Group, handle::IkeSaId, network_watch::Addresses};

/// A connection and one of its children.
type Child = (Arc<str>, Arc<str>);

/// The paths that are probed.
pub(super) struct Probes {
    paths: BTreeMap<Child, Path>,
    /// Whose probes are under way.
    tokens: HashMap<u64, Child>,
    last_token: u64,
    budget: Budget,
    alarm: Option<(Instant, SpawnHandle)>,
}

impl Probes {
    /// None.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            paths: BTreeMap::new(),
            tokens: HashMap::new(),
            last_token: 0,
            budget: Budget::new(now),
            alarm: None,
        }
    }

    /// How the path of a child is.
    pub(super) fn status(&self, connection: &Arc<str>, child: &Arc<str>) -> Option<PathStatus> {
        if self.paths.is_empty() {
            return None;
        }
        let key = (Arc::clone(connection), Arc::clone(child));
        self.paths.get(&key).map(Path::status)
    }

    /// Takes over what a connection says now; a path whose probe stays the same keeps its memory.
    fn configure(&mut self, connection: &Connection, now: Instant, fraction: f64) {
        let name = &connection.name;
        let probed = |child: &str| connection.children.get(child)?.probe.as_ref();
        self.paths.retain(|(of, child), path| {
            of != name || probed(child).is_some_and(|probe| probe == path.probe())
        });
        for child in connection.children.values() {
            if let Some(probe) = &child.probe {
                let key = (Arc::clone(name), Arc::clone(&child.ike.name));
                self.paths
                    .entry(key)
                    .or_insert_with(|| Path::new(probe.clone(), now, fraction));
            }
        }
    }

    fn forget(&mut self, connection: &Arc<str>) {
        self.paths.retain(|(of, _), _| of != connection);
    }

    fn first(&self) -> Option<Instant> {
        self.paths.values().map(Path::due).min()
    }
}

/// A CHILD_SA whose path is probed.
struct Tunnel {
    owner: IkeSaId,
    inbound: EspSpi,
    local_ts: Vec<TrafficSelector>,
}

impl Supervisor {
    /// A connection is new or changed.
    pub(super) fn configure_probes(&mut self, name: &Arc<str>, context: &mut Context<Self>) {
        let Some(connection) = self.connections.get(name) else {
            return;
        };
        let fraction = self.shared.random_fraction();
        self.probes
            .configure(connection.config(), Instant::now(), fraction);
        self.arm_probes(context);
    }

    /// A connection is gone.
    pub(super) fn forget_probes(&mut self, name: &Arc<str>, context: &mut Context<Self>) {
        self.probes.forget(name);
        self.arm_probes(context);
    }

    fn arm_probes(&mut self, context: &mut Context<Self>) {
        let first = self.probes.first().filter(|_| self.draining.is_none());
        if self.probes.alarm.map(|(at, _)| at) == first {
            return;
        }
        if let Some((_, handle)) = self.probes.alarm.take() {
            context.cancel_future(handle);
        }
        if let Some(at) = first {
            let wait = at.saturating_duration_since(Instant::now());
            let handle = context.run_later(wait, |supervisor, context| {
                supervisor.probes.alarm = None;
                supervisor.attend_probes(context);
            });
            self.probes.alarm = Some((at, handle));
        }
    }

    fn attend_probes(&mut self, context: &mut Context<Self>) {
        let now = Instant::now();
        let due = self
            .probes
            .paths
            .iter()
            .filter(|(_, path)| path.due() <= now);
        let due: Vec<Child> = due.map(|(child, _)| child.clone()).collect();
        for child in due {
            self.attend_path(&child, now, context);
        }
        self.mark_changed(context);
        self.arm_probes(context);
    }

    fn attend_path(&mut self, child: &Child, now: Instant, context: &mut Context<Self>) {
        let tunnel = self.tunnel(child);
        let Probes {
            paths,
            budget,
            last_token,
            ..
        } = &mut self.probes;
        let Some(path) = paths.get_mut(child) else {
            return;
        };
        if tunnel.is_some()
            && path.is_to_send(now)
            && let Err(wait) = budget.take(now)
        {
            path.postpone(wait, now);
        }
        *last_token += 1;
        let token = *last_token;
        for deed in path.attend(tunnel.is_some(), token, now) {
            self.carry_out(child, tunnel.as_ref(), deed, context);
        }
    }

    fn carry_out(
        &mut self,
        child: &Child,
        tunnel: Option<&Tunnel>,
        deed: Deed,
        context: &mut Context<Self>,
    ) {
        let (connection, name) = child;
        match (deed, tunnel) {
            (Deed::Send(token), Some(tunnel)) => self.send_probe(child, tunnel, token),
            (Deed::Died, _) => {
                let lost = self.probes.paths.get(child).map(Path::status);
                let (lost, target) = lost.map_or((0, None), |s| (s.losses, Some(s.target)));
                let target = target.map_or_else(String::new, |t| format!(" to {t}"));
                let text = format!(
                    "the path of CHILD_SA {name} is dead: {lost} probes{target} were lost in a row"
                );
                self.tell(Group::Child, Some(connection), None, &text);
            }
            (Deed::Revived(after), _) => {
                let after = after.as_secs_f64();
                let text = format!("the path of CHILD_SA {name} is alive again after {after:.1} s");
                self.tell(Group::Child, Some(connection), None, &text);
            }
            (Deed::Repair(remedy), Some(tunnel)) => self.repair(child, tunnel, remedy, context),
            (Deed::Send(_) | Deed::Repair(_), None) => {}
        }
    }

    fn send_probe(&mut self, child: &Child, tunnel: &Tunnel, token: u64) {
        let Some(path) = self.probes.paths.get_mut(child) else {
            return;
        };
        let probe = path.probe();
        let source = source(probe, &tunnel.local_ts, &self.shared.addresses.load());
        let sent = source
            .ok_or_else(|| "no source is known for it: set `source`".to_owned())
            .and_then(|source| {
                let packet = ProbePacket {
                    token,
                    kind: match probe.kind {
                        ProbeKind::Icmp => PacketKind::Icmp,
                        ProbeKind::Tcp(port) => PacketKind::Tcp(port),
                    },
                    source,
                    target: probe.target,
                };
                let sent = self.shared.plane.probe(tunnel.inbound, packet);
                sent.map_err(|error| error.to_string())
            });
        match sent {
            Ok(()) => {
                path.sent();
                // One token for each path: the former one was answered or is lost.
                self.probes.tokens.retain(|_, of| of != child);
                self.probes.tokens.insert(token, child.clone());
            }
            Err(reason) => {
                if path.refused(reason.clone()) {
                    let text = format!("the path of CHILD_SA {} is not probed: {reason}", child.1);
                    self.tell(Group::Child, Some(&child.0), None, &text);
                }
            }
        }
    }

    fn repair(
        &mut self,
        (connection, child): &Child,
        tunnel: &Tunnel,
        remedy: Remedy,
        context: &mut Context<Self>,
    ) {
        let id = tunnel.owner;
        let text = match remedy {
            Remedy::RekeyChild => format!("rekeying CHILD_SA {child} to repair its path"),
            Remedy::Reconnect => format!("making IKE_SA {id} anew to repair the path of {child}"),
        };
        self.tell(Group::Child, Some(connection), Some(id), &text);
        match remedy {
            Remedy::RekeyChild => self.command(id, Command::RekeyChild(tunnel.inbound)),
            Remedy::Reconnect => {
                self.with(connection, context, |connection, world, actions| {
                    connection.needs_replacement(id, world, actions);
                });
            }
        }
    }

    /// The newest CHILD_SA of a child.
    fn tunnel(&self, (connection, child): &Child) -> Option<Tunnel> {
        let record = self.registry.carrier(connection, child)?;
        let of_child = record
            .children
            .iter()
            .filter(|record| record.up.name == *child && !record.closing);
        let newest = of_child.max_by_key(|record| record.up.at)?;
        Some(Tunnel {
            owner: record.id,
            inbound: newest.up.inbound_spi,
            local_ts: newest.up.local_ts.clone(),
        })
    }
}

/// Where a probe comes from: what is configured, else an address of this host that is in the local
/// selectors, else the first one that a host in them may have.
fn source(probe: &Probe, local_ts: &[TrafficSelector], ours: &Addresses) -> Option<IpAddr> {
    let same_family = |address: &IpAddr| address.is_ipv4() == probe.target.is_ipv4();
    let own = || {
        let covered = |address: &&IpAddr| local_ts.iter().any(|ts| ts.contains_address(**address));
        let mut ours = ours.iter().filter(|address| same_family(address));
        ours.find(covered).copied()
    };
    let first = || {
        let net = local_ts
            .iter()
            .flat_map(TrafficSelector::subnets)
            .find(|net| same_family(&net.network()))?;
        net.hosts().next()
    };
    probe.source.or_else(own).or_else(first)
}

impl Handler<ProbeAnswered> for Supervisor {
    type Result = ();

    fn handle(&mut self, answer: ProbeAnswered, context: &mut Context<Self>) {
        let Some(child) = self.probes.tokens.remove(&answer.token) else {
            return;
        };
        let Some(path) = self.probes.paths.get_mut(&child) else {
            return;
        };
        let now = Instant::now();
        if let Some(deed) = path.answered(answer.token, answer.round_trip, now) {
            self.carry_out(&child, None, deed, context);
        }
        self.mark_changed(context);
        self.arm_probes(context);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdfast_config::ProbeAction;

    use super::*;

    fn source_for(target: &str, local: &[&str], ours: &[&str]) -> Option<String> {
        let probe = Probe {
            kind: ProbeKind::Icmp,
            target: target.parse().unwrap(),
            source: None,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            threshold: 1,
            action: ProbeAction::Report,
        };
        let nets = local
            .iter()
            .map(|net| TrafficSelector::from_net(net.parse().unwrap()));
        let ours = ours.iter().map(|address| address.parse().unwrap());
        let source = source(&probe, &nets.collect::<Vec<_>>(), &ours.collect());
        source.map(|source| source.to_string())
    }

    #[test]
    fn a_probe_comes_from_us_or_from_the_first_host_of_our_network() {
        let nets = ["2001:db8::/64", "10.1.0.0/16"];
        let from = |target, ours: &[&str]| source_for(target, &nets, ours);
        let own = from("10.2.0.1", &["192.0.2.1", "10.1.0.254"]);
        assert_eq!(own.as_deref(), Some("10.1.0.254"));
        assert_eq!(
            from("10.2.0.1", &["192.0.2.1"]).as_deref(),
            Some("10.1.0.1")
        );
        let v6 = from("2001:db8:2::1", &["10.1.0.254"]);
        assert!(v6.is_some_and(|v6| v6.starts_with("2001:db8::")));
        assert_eq!(source_for("2001:db8:2::1", &["10.1.0.0/16"], &[]), None);
    }
}

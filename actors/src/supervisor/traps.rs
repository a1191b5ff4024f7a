//! Traps between connections and the data plane: which policy serves which child, what traffic asks
//! for, and what operators install and list.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use actix::{
    ActorFutureExt, AsyncContext, Context, Handler, MessageResult, ResponseActFuture, WrapFuture,
};
use holdfast_config::{Connection, Endpoint, Shunt, ShuntAction};
use holdfast_ike::{TrafficSelector, config::SelectorTemplate};
use holdfast_ipsec::{BoxFuture, InstallError, Policy, PolicyAction, PolicyId};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{
    Supervisor,
    connection::Supervised,
    messages::{Acquire, InstallPolicy, ListPolicies, PolicyListing, UninstallPolicy},
};
use crate::{bus::Group, socket::source_address};

/// Which traps are in the data plane.
#[derive(Debug, Default)]
pub(super) struct TrapRegistry {
    by_id: BTreeMap<PolicyId, Trap>,
    by_child: HashMap<Child, PolicyId>,
    last: u32,
}

/// A connection and one of its children.
type Child = (Arc<str>, Arc<str>);

#[derive(Debug)]
struct Trap {
    child: Child,
    policy: Policy,
}

/// What the data plane says to a trap, once it does.
struct Installation {
    id: PolicyId,
    done: BoxFuture<Result<(), InstallError>>,
}

impl TrapRegistry {
    fn enter(&mut self, child: Child, policy: Policy) -> Option<PolicyId> {
        let former = self.by_child.insert(child.clone(), policy.id);
        if let Some(former) = former {
            self.by_id.remove(&former);
        }
        self.by_id.insert(policy.id, Trap { child, policy });
        former
    }

    fn of(&self, child: &Child) -> Option<&Trap> {
        self.by_id.get(self.by_child.get(child)?)
    }

    fn leave(&mut self, id: PolicyId) -> Option<Child> {
        let trap = self.by_id.remove(&id)?;
        self.by_child.remove(&trap.child);
        Some(trap.child)
    }

    fn next_id(&mut self) -> PolicyId {
        loop {
            self.last = self.last.wrapping_add(1).max(1);
            let id = PolicyId(self.last);
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }
}

impl Supervisor {
    /// Installs the trap of a child, or a shunt, or renews it; a failure is told to operators.
    pub(super) fn trap(&mut self, name: &Arc<str>, child: &Arc<str>, context: &mut Context<Self>) {
        let child = (Arc::clone(name), Arc::clone(child));
        match self.install(&child) {
            Err(reason) => self.trap_refused(&child, &reason),
            Ok(None) => {}
            Ok(Some(Installation { id, done })) => {
                let end = done.into_actor(self).map(move |result, supervisor, _| {
                    if let Err(error) = result {
                        supervisor.trap_failed(id, &error.to_string());
                    }
                });
                context.spawn(end);
            }
        }
    }

    /// Gives the trap to the data plane; `None` if it has it already.
    fn install(&mut self, child: &Child) -> Result<Option<Installation>, String> {
        let connection = self
            .connections
            .get(&child.0)
            .ok_or("the connection is gone")?;
        let mut policy = policy(connection, &child.1)?;
        if let Some(present) = self.traps.of(child) {
            policy.id = present.policy.id;
            if policy == present.policy {
                return Ok(None);
            }
        }
        policy.id = self.traps.next_id();
        let id = policy.id;
        let done = self.shared.plane.install_policy(policy.clone());
        // The new one before the old one: nothing may slip between.
        if let Some(former) = self.traps.enter(child.clone(), policy) {
            self.shared.plane.remove_policy(former);
        }
        Ok(Some(Installation { id, done }))
    }

    fn trap_failed(&mut self, id: PolicyId, reason: &str) {
        if let Some(child) = self.traps.leave(id) {
            self.trap_refused(&child, reason);
        }
    }

    fn trap_refused(&mut self, (name, child): &Child, reason: &str) {
        if let Some(connection) = self.connections.get_mut(name) {
            connection.trap_refused(child);
        }
        let text = format!("cannot install the policy of {child}: {reason}");
        tracing::error!(connection = %name, "{text}");
        self.tell(Group::Child, Some(name), None, &text);
    }

    /// Removes the trap of a child.
    pub(super) fn untrap(&mut self, name: &Arc<str>, child: &Arc<str>) {
        let child = (Arc::clone(name), Arc::clone(child));
        if let Some(&id) = self.traps.by_child.get(&child) {
            self.traps.leave(id);
            self.shared.plane.remove_policy(id);
        }
    }

    /// What a trap holds waits in vain.
    pub(super) fn refuse(&self, name: &Arc<str>, child: &Arc<str>) {
        let child = (Arc::clone(name), Arc::clone(child));
        if let Some(&id) = self.traps.by_child.get(&child) {
            self.shared.plane.acquire_failed(id);
        }
    }

    fn find_child(&self, ike: Option<&str>, child: &str) -> Result<Child, String> {
        self.connections
            .iter()
            .filter(|(name, _)| ike.is_none_or(|ike| *ike == ***name))
            .find_map(|(name, connection)| {
                let config = connection.config();
                let trap = config.children.get(child).map(|child| &child.ike.name);
                let shunt = || config.shunts.get(child).map(|shunt| &shunt.name);
                Some((Arc::clone(name), Arc::clone(trap.or_else(shunt)?)))
            })
            .ok_or_else(|| "configuration name not found".to_owned())
    }
}

/// The trap of a child or the policy of a shunt, without a number.
fn policy(connection: &Supervised, child: &str) -> Result<Policy, String> {
    let config = connection.config();
    if let Some(shunt) = config.shunts.get(child) {
        return Ok(shunt_policy(shunt));
    }
    let child = &config.children.get(child).ok_or("the child is gone")?.ike;
    if config.usable_remotes().next().is_none() {
        return Err("`remote_addrs` names no single address to start from".to_owned());
    }
    let mut peers: Vec<IpAddr> = config.remote_addrs.iter().filter_map(address).collect();
    peers.extend(connection.resolved_addresses());
    peers.sort_unstable();
    peers.dedup();
    let ours = || own_addresses(config, &peers);
    Ok(Policy {
        id: PolicyId(0),
        action: PolicyAction::Protect,
        local_ts: fixed("local_ts", &child.local_ts, ours)?,
        remote_ts: fixed("remote_ts", &child.remote_ts, || peers.clone())?,
        peers,
    })
}

fn shunt_policy(shunt: &Shunt) -> Policy {
    // Nobody is at the other end: `dynamic` is every address.
    let everywhere: [IpNet; 2] = [Ipv4Net::default().into(), Ipv6Net::default().into()];
    let anywhere = |templates: &[SelectorTemplate]| selectors(templates, || everywhere.to_vec());
    Policy {
        id: PolicyId(0),
        action: match shunt.action {
            ShuntAction::Pass => PolicyAction::Bypass,
            ShuntAction::Drop => PolicyAction::Discard,
        },
        local_ts: anywhere(&shunt.local_ts),
        remote_ts: anywhere(&shunt.remote_ts),
        peers: Vec::new(),
    }
}

fn address(endpoint: &Endpoint) -> Option<IpAddr> {
    match endpoint {
        Endpoint::Address(address) => Some(*address),
        Endpoint::Any | Endpoint::Net(_) | Endpoint::Range(_) | Endpoint::Host(_) => None,
    }
}

/// The addresses that we may have towards these peers.
fn own_addresses(config: &Connection, peers: &[IpAddr]) -> Vec<IpAddr> {
    let configured: Vec<_> = config.local_addrs.iter().filter_map(address).collect();
    if !configured.is_empty() {
        return configured;
    }
    peers
        .iter()
        .filter_map(|peer| source_address(SocketAddr::new(*peer, config.remote_port)).ok())
        .collect()
}

/// What the templates stand for before there is an IKE_SA.
fn fixed(
    key: &str,
    templates: &[SelectorTemplate],
    addresses: impl Fn() -> Vec<IpAddr>,
) -> Result<Vec<TrafficSelector>, String> {
    let nets = || addresses().into_iter().map(IpNet::from).collect();
    let selectors = selectors(templates, nets);
    if selectors.is_empty() {
        return Err(format!(
            "no address is known yet that `dynamic` in `{key}` could mean: name a network"
        ));
    }
    Ok(selectors)
}

/// The templates with these networks for `dynamic`.
fn selectors(
    templates: &[SelectorTemplate],
    dynamic: impl Fn() -> Vec<IpNet>,
) -> Vec<TrafficSelector> {
    let mut selectors = Vec::new();
    for template in templates {
        match *template {
            SelectorTemplate::Fixed(selector) => selectors.push(selector),
            SelectorTemplate::Dynamic {
                protocol,
                start_port,
                end_port,
            } => selectors.extend(dynamic().into_iter().map(|net| TrafficSelector {
                protocol,
                start_port,
                end_port,
                ..TrafficSelector::from_net(net)
            })),
        }
    }
    selectors
}

impl Handler<Acquire> for Supervisor {
    type Result = ();

    fn handle(&mut self, acquire: Acquire, context: &mut Context<Self>) {
        let Some(trap) = self.traps.by_id.get(&acquire.policy) else {
            return;
        };
        if self.draining.is_some() {
            return;
        }
        let (name, child) = trap.child.clone();
        let text = format!(
            "traffic from {} to {} asks for CHILD_SA {child}",
            acquire.source, acquire.destination
        );
        self.tell(Group::Child, Some(&name), None, &text);
        self.with(&name, context, |connection, world, actions| {
            connection.acquire(&child, world, actions);
        });
    }
}

impl Handler<InstallPolicy> for Supervisor {
    type Result = ResponseActFuture<Self, Result<(), String>>;

    fn handle(&mut self, message: InstallPolicy, context: &mut Context<Self>) -> Self::Result {
        let failed = |reason: String| Box::pin(std::future::ready(Err(reason)).into_actor(self));
        if self.draining.is_some() {
            return failed("the agent is shutting down".to_owned());
        }
        let child = match self.find_child(message.ike.as_deref(), &message.child) {
            Ok(child) => child,
            Err(reason) => return failed(reason),
        };
        let installation = self.install(&child);
        let text = move |reason| format!("installing policy '{}' failed: {reason}", message.child);
        match installation {
            Err(reason) => Box::pin(std::future::ready(Err(text(reason))).into_actor(self)),
            Ok(installation) => {
                self.with(&child.0, context, |connection, world, actions| {
                    connection.want_trap(&child.1);
                    connection.reconcile(world, actions);
                });
                let Some(Installation { id, done }) = installation else {
                    return Box::pin(std::future::ready(Ok(())).into_actor(self));
                };
                Box::pin(done.into_actor(self).map(move |result, supervisor, _| {
                    result.map_err(|error| {
                        let reason = error.to_string();
                        supervisor.trap_failed(id, &reason);
                        text(reason)
                    })
                }))
            }
        }
    }
}

impl Handler<UninstallPolicy> for Supervisor {
    type Result = Result<(), String>;

    fn handle(&mut self, message: UninstallPolicy, context: &mut Context<Self>) -> Self::Result {
        let missing = || format!("policy '{}' is not installed", message.child);
        let child = self
            .traps
            .by_id
            .values()
            .map(|trap| &trap.child)
            .find(|(name, child)| {
                let fits = message.ike.as_ref().is_none_or(|ike| **ike == **name);
                fits && *message.child == **child
            })
            .cloned()
            .ok_or_else(missing)?;
        self.with(&child.0, context, |connection, world, actions| {
            connection.unwant_trap(&child.1);
            connection.reconcile(world, actions);
        });
        Ok(())
    }
}

impl Handler<ListPolicies> for Supervisor {
    type Result = MessageResult<ListPolicies>;

    fn handle(&mut self, filter: ListPolicies, _: &mut Context<Self>) -> Self::Result {
        let wanted = |Trap { child, policy }: &&Trap| {
            let (name, child) = child;
            filter.actions.contains(&policy.action)
                && filter.ike.as_ref().is_none_or(|ike| **ike == **name)
                && filter
                    .child
                    .as_ref()
                    .is_none_or(|wanted| **wanted == **child)
        };
        let mut listings: Vec<_> = self
            .traps
            .by_id
            .values()
            .filter(wanted)
            .map(|trap| self.policy_listing(trap))
            .collect();
        listings.sort_by(|a, b| (&a.connection, &a.child).cmp(&(&b.connection, &b.child)));
        MessageResult(listings)
    }
}

impl Supervisor {
    fn policy_listing(&self, Trap { child, policy }: &Trap) -> PolicyListing {
        let (connection, child) = child;
        let reqid = self
            .registry
            .carrier(connection, child)
            .and_then(|record| record.children.iter().find(|up| up.up.name == *child))
            .map(|up| up.reqid);
        PolicyListing {
            connection: Arc::clone(connection),
            child: Arc::clone(child),
            reqid,
            action: policy.action,
            local_ts: policy.local_ts.clone(),
            remote_ts: policy.remote_ts.clone(),
        }
    }
}

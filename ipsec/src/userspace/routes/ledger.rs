//! Which routes there must be, and who needs them. Pure book-keeping.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use holdfast_ike::{EspSpi, TrafficSelector};
use ipnet::IpNet;

use super::demand::{Demand, Need};
use crate::{plane::InstallError, policy::PolicyId};

/// One route of our table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Route {
    /// Into the device.
    Tunnel(IpNet),
    /// Past our table.
    Throw(IpNet),
    /// Nowhere.
    Prohibit(IpNet),
    /// Nowhere, when the one into the device is gone: with the device, because the agent was killed.
    Backstop(IpNet),
}

impl Route {
    /// What it leads to.
    pub(crate) fn net(self) -> IpNet {
        let (Self::Tunnel(net) | Self::Throw(net) | Self::Prohibit(net) | Self::Backstop(net)) =
            self;
        net
    }
}

/// What must be done to the table, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Add it, or replace what is there.
    Add(Route),
    /// Take it out.
    Delete(Route),
}

/// Who needs routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A CHILD_SA.
    Sa(EspSpi),
    /// A policy. A trap shares its routes with its CHILD_SA, and keeps them while that is down.
    Policy(PolicyId),
}

/// The routes of all CHILD_SAs and policies.
#[derive(Default)]
pub(crate) struct Ledger {
    claims: HashMap<Owner, Claim>,
    demands: HashMap<IpNet, Demand>,
    peers: BTreeMap<IpAddr, Peer>,
    /// Our own datagrams pass by the routes, so that one may lead to a peer itself.
    marked: bool,
}

/// What one owner needs.
struct Claim {
    remote: Vec<IpNet>,
    needs: Vec<(IpNet, Need)>,
    peers: Vec<IpAddr>,
}

struct Peer {
    claims: usize,
    /// Whether its route is asked for.
    thrown: bool,
}

impl Ledger {
    /// No routes yet. `marked` says whether our own datagrams pass by them.
    pub(crate) fn new(marked: bool) -> Self {
        Self {
            marked,
            ..Self::default()
        }
    }

    /// What an installation needs. On error nothing was booked.
    pub(crate) fn install(
        &mut self,
        owner: Owner,
        local: &[TrafficSelector],
        remote: &[TrafficSelector],
        peers: &[IpAddr],
    ) -> Result<Vec<Operation>, InstallError> {
        if !self.marked {
            refuse_own_address(remote, peers)?;
        }
        let remote = prefixes(remote);
        // What is caught stays caught when the device is gone; before anything leads to it.
        let held = matches!(owner, Owner::Policy(_)).then_some(Need::Backstop);
        let mut needs = named(&remote, held);
        needs.extend(named(&prefixes(local), Some(Need::Home)));
        needs.extend(named(&remote, Some(Need::Tunnel)));
        let mut operations = Vec::new();
        // The way to the peers first: not a packet of theirs may enter the tunnel.
        for &peer in peers {
            self.claim_peer(peer, &remote, &mut operations);
        }
        let claim = Claim {
            remote,
            needs,
            peers: peers.to_vec(),
        };
        self.book(owner, claim, &mut operations);
        Ok(operations)
    }

    /// What leads to these passes by the tunnels around them.
    pub(crate) fn pass(&mut self, owner: Owner, remote: &[TrafficSelector]) -> Vec<Operation> {
        self.shunt(owner, remote, Need::Pass)
    }

    /// What leads to these leads nowhere.
    pub(crate) fn prohibit(&mut self, owner: Owner, remote: &[TrafficSelector]) -> Vec<Operation> {
        self.shunt(owner, remote, Need::Prohibit)
    }

    fn shunt(&mut self, owner: Owner, remote: &[TrafficSelector], need: Need) -> Vec<Operation> {
        let mut operations = Vec::new();
        let claim = Claim {
            remote: Vec::new(),
            needs: named(&prefixes(remote), Some(need)),
            peers: Vec::new(),
        };
        self.book(owner, claim, &mut operations);
        operations
    }

    fn book(&mut self, owner: Owner, claim: Claim, operations: &mut Vec<Operation>) {
        for &(net, need) in &claim.needs {
            self.demand(net, operations, |demand| demand.add(need));
        }
        self.claims.insert(owner, claim);
    }

    /// What a removal leaves to be done.
    pub(crate) fn remove(&mut self, owner: Owner) -> Vec<Operation> {
        let mut operations = Vec::new();
        let Some(claim) = self.claims.remove(&owner) else {
            return operations;
        };
        for &(net, need) in claim.needs.iter().rev() {
            self.demand(net, &mut operations, |demand| demand.remove(need));
        }
        for address in claim.peers {
            self.release_peer(address, &mut operations);
        }
        operations
    }

    /// The peer of an owner has another address now. Nothing changes on error.
    pub(crate) fn move_peer(
        &mut self,
        owner: Owner,
        peer: IpAddr,
        remote: &[TrafficSelector],
    ) -> Result<Vec<Operation>, InstallError> {
        let Some(claim) = self.claims.get_mut(&owner) else {
            return Ok(Vec::new());
        };
        if claim.peers == [peer] {
            return Ok(Vec::new());
        }
        if !self.marked {
            refuse_own_address(remote, &[peer])?;
        }
        let (left, nets) = (
            std::mem::replace(&mut claim.peers, vec![peer]),
            claim.remote.clone(),
        );
        let mut operations = Vec::new();
        self.claim_peer(peer, &nets, &mut operations);
        for address in left {
            self.release_peer(address, &mut operations);
        }
        Ok(operations)
    }

    /// Whether this very route must be there.
    pub(crate) fn needs(&self, route: Route) -> bool {
        self.demands
            .get(&route.net())
            .is_some_and(|demand| demand.routes(route.net()).any(|needed| needed == route))
    }

    /// Who needs routes.
    pub(crate) fn owners(&self) -> Vec<Owner> {
        self.claims.keys().copied().collect()
    }

    /// Changes what is needed of a prefix, and says what that changes about its routes.
    fn demand(
        &mut self,
        net: IpNet,
        operations: &mut Vec<Operation>,
        change: impl FnOnce(&mut Demand),
    ) {
        let demand = self.demands.entry(net).or_default();
        let before = *demand;
        change(demand);
        let after = *demand;
        if after.is_none() {
            self.demands.remove(&net);
        }
        if before.backstop(net).is_none() {
            operations.extend(after.backstop(net).map(Operation::Add));
        }
        match (before.first(net), after.first(net)) {
            (before, after) if before == after => {}
            (_, Some(route)) => operations.push(Operation::Add(route)),
            (Some(route), None) => operations.push(Operation::Delete(route)),
            (None, None) => {}
        }
        if after.backstop(net).is_none() {
            operations.extend(before.backstop(net).map(Operation::Delete));
        }
    }

    fn release_peer(&mut self, address: IpAddr, operations: &mut Vec<Operation>) {
        let Some(peer) = self.peers.get_mut(&address) else {
            return;
        };
        peer.claims -= 1;
        if peer.claims == 0 {
            let thrown = peer.thrown;
            self.peers.remove(&address);
            if thrown {
                self.demand(address.into(), operations, |demand| {
                    demand.remove(Need::Peer);
                });
            }
        }
    }

    /// Adds what keeps peers out of the tunnels: this one, and those that the new prefixes cover.
    fn claim_peer(&mut self, peer: IpAddr, remote: &[IpNet], operations: &mut Vec<Operation>) {
        let covered = remote.iter().any(|net| net.contains(&peer)) || self.is_tunnelled(peer);
        let is_network = |net: &&IpNet| net.prefix_len() < net.max_prefix_len();
        let entry = self.peers.entry(peer).or_insert(Peer {
            claims: 0,
            thrown: false,
        });
        entry.claims += 1;
        let mut exposed = Vec::new();
        if covered {
            exposed.push(peer);
        }
        for net in remote.iter().filter(is_network) {
            let inside = self.peers.range(net.network()..=net.broadcast());
            exposed.extend(inside.map(|(address, _)| *address));
        }
        for address in exposed {
            let itself = IpNet::from(address);
            // Host to host: the marks of our own datagrams keep them out.
            let meant = remote.contains(&itself) || self.leads_to(itself);
            if let Some(peer) = self.peers.get_mut(&address)
                && !meant
                && !std::mem::replace(&mut peer.thrown, true)
            {
                self.demand(itself, operations, |demand| demand.add(Need::Peer));
            }
        }
    }

    /// Whether a tunnel leads to this very prefix.
    fn leads_to(&self, net: IpNet) -> bool {
        self.demands.get(&net).is_some_and(Demand::tunnelled)
    }

    /// Whether a tunnel leads to a network around this address. One that leads to the address itself
    /// is meant: then the peer is behind another peer.
    fn is_tunnelled(&self, address: IpAddr) -> bool {
        std::iter::successors(IpNet::from(address).supernet(), IpNet::supernet)
            .any(|net| self.leads_to(net))
    }
}

/// The same need of each prefix, if there is one.
fn named(nets: &[IpNet], need: Option<Need>) -> Vec<(IpNet, Need)> {
    let need = need.into_iter();
    need.flat_map(|need| nets.iter().map(move |net| (*net, need)))
        .collect()
}

/// A route cannot tell a selector that is the peer's outer address from the peer itself.
fn refuse_own_address(remote: &[TrafficSelector], peers: &[IpAddr]) -> Result<(), InstallError> {
    for selector in remote {
        let nets = selector.subnets();
        if peers.iter().any(|peer| nets.contains(&IpNet::from(*peer))) {
            return Err(InstallError::Route {
                selector: *selector,
                reason: "it is the peer's own outer address".into(),
            });
        }
    }
    Ok(())
}

/// The prefixes of the selectors, each once.
fn prefixes(selectors: &[TrafficSelector]) -> Vec<IpNet> {
    let mut prefixes: Vec<_> = selectors
        .iter()
        .flat_map(TrafficSelector::subnets)
        .collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes
}

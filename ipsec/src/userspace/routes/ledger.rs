//! Which routes there must be, and who needs them. Pure book-keeping.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
};

use holdfast_ike::{EspSpi, TrafficSelector};
use ipnet::IpNet;

use crate::{plane::InstallError, policy::PolicyId};

/// One route of our table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Route {
    /// Into the device.
    Tunnel(IpNet),
    /// Past our table.
    Throw(IpNet),
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
    /// A trap. It shares its routes with its CHILD_SA, and keeps them while that is down.
    Policy(PolicyId),
}

/// The routes of all CHILD_SAs and traps.
#[derive(Default)]
pub(crate) struct Ledger {
    claims: HashMap<Owner, Claim>,
    tunnels: HashMap<IpNet, usize>,
    homes: HashMap<IpNet, usize>,
    peers: BTreeMap<IpAddr, Peer>,
    /// Our own datagrams pass by the routes, so that one may lead to a peer itself.
    marked: bool,
}

/// What one owner needs.
struct Claim {
    remote: Vec<IpNet>,
    local: Vec<IpNet>,
    peers: Vec<IpAddr>,
}

struct Peer {
    claims: usize,
    /// Whether its route is there.
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
        let claim = Claim {
            remote: prefixes(remote),
            local: prefixes(local),
            peers: peers.to_vec(),
        };
        let mut operations = Vec::new();
        // The way to the peers first: not a packet of theirs may enter the tunnel.
        for &peer in peers {
            self.claim_peer(peer, &claim.remote, &mut operations);
        }
        for &net in &claim.local {
            let count = self.homes.entry(net).or_default();
            *count += 1;
            if *count == 1 && !self.tunnels.contains_key(&net) {
                operations.push(Operation::Add(Route::Throw(net)));
            }
        }
        for &net in &claim.remote {
            let count = self.tunnels.entry(net).or_default();
            *count += 1;
            if *count == 1 {
                operations.push(Operation::Add(Route::Tunnel(net)));
            }
        }
        self.claims.insert(owner, claim);
        Ok(operations)
    }

    /// What a removal leaves to be done.
    pub(crate) fn remove(&mut self, owner: Owner) -> Vec<Operation> {
        let mut operations = Vec::new();
        let Some(claim) = self.claims.remove(&owner) else {
            return operations;
        };
        for net in claim.remote {
            if release(&mut self.tunnels, net) {
                operations.push(if self.homes.contains_key(&net) {
                    Operation::Add(Route::Throw(net))
                } else {
                    Operation::Delete(Route::Tunnel(net))
                });
            }
        }
        for net in claim.local {
            if release(&mut self.homes, net) && !self.tunnels.contains_key(&net) {
                operations.push(Operation::Delete(Route::Throw(net)));
            }
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

    fn release_peer(&mut self, address: IpAddr, operations: &mut Vec<Operation>) {
        let Some(peer) = self.peers.get_mut(&address) else {
            return;
        };
        peer.claims -= 1;
        if peer.claims == 0 {
            if peer.thrown {
                operations.push(Operation::Delete(Route::Throw(address.into())));
            }
            self.peers.remove(&address);
        }
    }

    /// Who needs routes.
    pub(crate) fn owners(&self) -> Vec<Owner> {
        self.claims.keys().copied().collect()
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
        let mut throw = |address: IpAddr, peer: &mut Peer| {
            if !peer.thrown {
                peer.thrown = true;
                operations.push(Operation::Add(Route::Throw(address.into())));
            }
        };
        // Host to host: the marks of our own datagrams keep them out.
        let itself = IpNet::from(peer);
        if covered && !remote.contains(&itself) && !self.tunnels.contains_key(&itself) {
            throw(peer, entry);
        }
        for net in remote.iter().filter(is_network) {
            for (&address, peer) in self.peers.range_mut(net.network()..=net.broadcast()) {
                if !self.tunnels.contains_key(&IpNet::from(address))
                    && !remote.contains(&address.into())
                {
                    throw(address, peer);
                }
            }
        }
    }

    /// Whether a tunnel leads to a network around this address. One that leads to the address itself
    /// is meant: then the peer is behind another peer.
    fn is_tunnelled(&self, address: IpAddr) -> bool {
        std::iter::successors(IpNet::from(address).supernet(), IpNet::supernet)
            .any(|net| self.tunnels.contains_key(&net))
    }
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

/// Counts down; `true` when nobody is left.
fn release(counts: &mut HashMap<IpNet, usize>, net: IpNet) -> bool {
    let Some(count) = counts.get_mut(&net) else {
        return false;
    };
    *count -= 1;
    let last = *count == 0;
    if last {
        counts.remove(&net);
    }
    last
}

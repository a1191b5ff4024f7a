//! One pool: its range and its leases. Memory goes with the leases, never with the range.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use holdfast_config::pool::AddressRange;
use holdfast_ike::{Identification, configuration::Attribute};

use super::Claim;
use crate::handle::IkeSaId;

/// Leases that are kept for who had them last. With more, the oldest are given to others even if
/// there are addresses that nobody has had.
const MOST_OFFLINE: usize = 100_000;

/// A lease as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) address: IpAddr,
    pub(crate) identity: Arc<Identification>,
    pub(crate) online: bool,
}

/// A pool.
pub(super) struct Pool {
    range: AddressRange,
    attributes: Vec<Attribute>,
    /// By the number of the address in the range.
    leases: BTreeMap<u32, Held>,
    /// The addresses kept for each identity.
    kept: ByIdentity,
    /// The addresses in use by each identity.
    used: ByIdentity,
    /// All addresses kept, those unused for longest first.
    by_age: BTreeMap<u64, u32>,
    /// Grows with each release.
    clock: u64,
    /// No address below this one is free of leases.
    fresh: u32,
}

struct Held {
    identity: Arc<Identification>,
    /// Whose it is now, and where those are: two while one IKE_SA takes the place of another.
    holders: Vec<(IkeSaId, IpAddr)>,
    /// When it was released; `None` while it is in use.
    released: Option<u64>,
}

impl Pool {
    pub(super) fn new(range: AddressRange, attributes: Vec<Attribute>) -> Self {
        Self {
            range,
            attributes,
            leases: BTreeMap::new(),
            kept: HashMap::new(),
            used: HashMap::new(),
            by_age: BTreeMap::new(),
            clock: 0,
            fresh: 0,
        }
    }

    pub(super) fn range(&self) -> &AddressRange {
        &self.range
    }

    pub(super) fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    pub(super) fn set_attributes(&mut self, attributes: Vec<Attribute>) {
        self.attributes = attributes;
    }

    pub(super) fn online(&self) -> usize {
        self.leases.len() - self.by_age.len()
    }

    pub(super) fn offline(&self) -> usize {
        self.by_age.len()
    }

    pub(super) fn leases(&self, limit: usize) -> Vec<Lease> {
        self.leases
            .iter()
            .take(limit)
            .map(|(offset, held)| Lease {
                address: self.range.address(*offset),
                identity: Arc::clone(&held.identity),
                online: held.released.is_none(),
            })
            .collect()
    }

    /// See [`super::Pools::acquire`].
    pub(super) fn acquire(&mut self, claim: &Claim<'_>) -> Option<IpAddr> {
        if claim.wanted.is_ipv4() != self.range.base().is_ipv4() {
            return None;
        }
        let wish = (!claim.wanted.is_unspecified()).then_some(claim.wanted);
        let requested = wish.and_then(|address| self.range.offset(address));
        if let Some(offset) = self.inherited(claim, requested) {
            let held = self.leases.get_mut(&offset)?;
            held.holders.push((claim.owner, claim.peer));
            return Some(self.range.address(offset));
        }
        let offset = self
            .kept_for(claim.identity, requested)
            .or_else(|| requested.filter(|offset| !self.leases.contains_key(offset)))
            .or_else(|| self.next_fresh())
            .or_else(|| self.by_age.values().next().copied())?;
        self.forget(offset);
        let held = Held {
            identity: Arc::new(claim.identity.clone()),
            holders: vec![(claim.owner, claim.peer)],
            released: None,
        };
        self.used
            .entry(Arc::clone(&held.identity))
            .or_default()
            .insert(offset);
        self.leases.insert(offset, held);
        Some(self.range.address(offset))
    }

    /// An address in use that goes over to its owner's next IKE_SA: the owner says that the former
    /// one is over, or asks for that very address from where it has it.
    fn inherited(&self, claim: &Claim<'_>, requested: Option<u32>) -> Option<u32> {
        let used = self.used.get(claim.identity)?;
        let may = |offset: &&u32| {
            self.leases.get(offset).is_some_and(|held| {
                let again = held.holders.iter().any(|(owner, _)| *owner == claim.owner);
                let same_peer = held.holders.iter().any(|(_, peer)| *peer == claim.peer);
                let asked = requested == Some(**offset);
                !again && (claim.replaces || asked && same_peer)
            })
        };
        let wish = requested.filter(|offset| used.contains(offset) && may(&offset));
        wish.or_else(|| used.iter().find(may).copied())
    }

    /// See [`super::Pools::release`].
    pub(super) fn release(
        &mut self,
        owner: IkeSaId,
        address: IpAddr,
    ) -> Option<Arc<Identification>> {
        let offset = self.range.offset(address)?;
        let held = self.leases.get_mut(&offset)?;
        let index = held
            .holders
            .iter()
            .position(|(holder, _)| *holder == owner)?;
        held.holders.swap_remove(index);
        let identity = Arc::clone(&held.identity);
        if held.holders.is_empty() {
            self.retire(offset);
        }
        Some(identity)
    }

    /// An address that an identity had before this agent was started is kept for it. `false` if that
    /// is no address of this pool that could be kept.
    pub(super) fn remember(&mut self, address: IpAddr, identity: Identification) -> bool {
        let Some(offset) = self.range.offset(address) else {
            return false;
        };
        if self.leases.contains_key(&offset) || self.by_age.len() >= MOST_OFFLINE {
            return false;
        }
        let held = Held {
            identity: Arc::new(identity),
            holders: Vec::new(),
            released: None,
        };
        self.leases.insert(offset, held);
        self.retire(offset);
        true
    }

    /// Nobody uses this address any more.
    fn retire(&mut self, offset: u32) {
        let Some(held) = self.leases.get_mut(&offset) else {
            return;
        };
        held.released = Some(self.clock);
        self.by_age.insert(self.clock, offset);
        self.clock += 1;
        let identity = Arc::clone(&held.identity);
        withdraw(&mut self.used, &identity, offset);
        self.kept.entry(identity).or_default().insert(offset);
    }

    /// An address that this identity had, the requested one if it is among them.
    fn kept_for(&self, identity: &Identification, requested: Option<u32>) -> Option<u32> {
        let kept = self.kept.get(identity)?;
        requested
            .filter(|requested| kept.contains(requested))
            .or_else(|| kept.first().copied())
    }

    /// An address that nobody has had, unless enough is kept already.
    fn next_fresh(&mut self) -> Option<u32> {
        if self.by_age.len() >= MOST_OFFLINE {
            return None;
        }
        // Those that were asked for by address lie ahead; each is passed once.
        while self.fresh < self.range.size() && self.leases.contains_key(&self.fresh) {
            self.fresh += 1;
        }
        (self.fresh < self.range.size()).then_some(self.fresh)
    }

    /// Ends what is kept of an address.
    fn forget(&mut self, offset: u32) {
        let Some(held) = self.leases.remove(&offset) else {
            return;
        };
        if let Some(at) = held.released {
            self.by_age.remove(&at);
        }
        withdraw(&mut self.kept, &held.identity, offset);
    }
}

type ByIdentity = HashMap<Arc<Identification>, BTreeSet<u32>>;

fn withdraw(table: &mut ByIdentity, identity: &Identification, offset: u32) {
    if let Some(offsets) = table.get_mut(identity) {
        offsets.remove(&offset);
        if offsets.is_empty() {
            table.remove(identity);
        }
    }
}

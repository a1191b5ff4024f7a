//! One pool: its range and its leases. Memory goes with the leases, never with the range.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use holdfast_ike::Identification;

use super::{AddressRange, Attribute};

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
    kept: HashMap<Arc<Identification>, BTreeSet<u32>>,
    /// All addresses kept, those unused for longest first.
    by_age: BTreeMap<u64, u32>,
    /// Grows with each release.
    clock: u64,
    /// No address below this one is free of leases.
    fresh: u32,
}

struct Held {
    identity: Arc<Identification>,
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
    pub(super) fn acquire(
        &mut self,
        identity: &Identification,
        requested: Option<IpAddr>,
    ) -> Option<IpAddr> {
        let requested = requested.and_then(|address| self.range.offset(address));
        let offset = self
            .kept_for(identity, requested)
            .or_else(|| requested.filter(|offset| !self.leases.contains_key(offset)))
            .or_else(|| self.next_fresh())
            .or_else(|| self.by_age.values().next().copied())?;
        self.forget(offset);
        let held = Held {
            identity: Arc::new(identity.clone()),
            released: None,
        };
        self.leases.insert(offset, held);
        Some(self.range.address(offset))
    }

    /// See [`super::Pools::release`].
    pub(super) fn release(&mut self, identity: &Identification, address: IpAddr) -> bool {
        let Some(offset) = self.range.offset(address) else {
            return false;
        };
        let Some(held) = self.leases.get_mut(&offset) else {
            return false;
        };
        if held.released.is_some() || *held.identity != *identity {
            return false;
        }
        held.released = Some(self.clock);
        self.by_age.insert(self.clock, offset);
        self.clock += 1;
        let identity = Arc::clone(&held.identity);
        self.kept.entry(identity).or_default().insert(offset);
        true
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
        if let Some(kept) = self.kept.get_mut(&held.identity) {
            kept.remove(&offset);
            if kept.is_empty() {
                self.kept.remove(&held.identity);
            }
        }
    }
}

//! Outbound policies: which SA protects a packet, or which trap catches it.
//!
//! The longest match wins: first the longest prefix of the destination, then the longest of the
//! source, then the selector with a protocol, then the narrowest ports, then the newest SA.
//! Selectors are ranges, so each is cut into the fewest prefixes that make it up. A policy is kept
//! under its pair of prefixes; a look-up tries the pairs of prefix lengths that are in use, longest
//! first, each in a hash table whose buckets are swapped whole (as in [`super::spi_table`]).

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use holdfast_ike::TrafficSelector;
use ipnet::IpNet;

use super::selector;
use crate::{packet::header::Header, plane::InstallError};

/// A power of two.
const BUCKETS: usize = 1024;

/// Pairs of prefixes one target may have. Honest selectors make a few.
const MOST_POLICIES: usize = 4096;

/// What a policy leads to.
pub(crate) trait Target {
    /// Our side's traffic.
    fn local_ts(&self) -> &[TrafficSelector];
    /// The other side's traffic.
    fn remote_ts(&self) -> &[TrafficSelector];
    /// Where selectors are equal the highest wins.
    fn order(&self) -> u64;
}

/// Outbound policies of one kind. Changes must not run side by side; look-ups may run at any time.
pub(crate) struct PolicyTable<T> {
    buckets: Box<[ArcSwap<Vec<Slot<T>>>]>,
    hasher: RandomState,
    /// Pairs of lengths in use, longest first.
    lengths: ArcSwap<Lengths>,
    /// How many slots use each pair.
    counts: Mutex<BTreeMap<Reverse<Pair>, usize>>,
}

type Lengths = Vec<Pair>;

/// Lengths of the remote and the local prefix of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    v6: bool,
    remote: u8,
    local: u8,
}

/// How well a policy fits a packet: the narrower the higher. Those of one packet compare, whatever
/// tables they are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fit(Pair, Reverse<Width>);

/// Any protocol at the remote and the local end, and how many ports.
type Width = (bool, bool, u32);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    remote: IpNet,
    local: IpNet,
}

/// The policies of one pair of prefixes, best first.
struct Slot<T> {
    key: Key,
    policies: Arc<[Policy<T>]>,
}

struct Policy<T> {
    remote: TrafficSelector,
    local: TrafficSelector,
    target: Arc<T>,
}

impl<T: Target> PolicyTable<T> {
    /// An empty table.
    pub(crate) fn new() -> Self {
        let empty = Arc::new(Vec::new());
        Self {
            buckets: (0..BUCKETS)
                .map(|_| ArcSwap::new(Arc::clone(&empty)))
                .collect(),
            hasher: RandomState::new(),
            lengths: ArcSwap::default(),
            counts: Mutex::default(),
        }
    }

    /// What a packet is led to.
    pub(crate) fn find(&self, header: &Header) -> Option<Arc<T>> {
        self.find_with_fit(header).map(|(target, _)| target)
    }

    /// What a packet is led to, and how well it fits.
    pub(crate) fn find_with_fit(&self, header: &Header) -> Option<(Arc<T>, Fit)> {
        let v6 = header.destination.is_ipv6();
        for pair in self.lengths.load().iter().filter(|pair| pair.v6 == v6) {
            let key = Key {
                remote: prefix(header.destination, pair.remote),
                local: prefix(header.source, pair.local),
            };
            let bucket = self.bucket(&key).load();
            let found = bucket
                .iter()
                .find(|slot| slot.key == key)
                .and_then(|slot| slot.policies.iter().find(|policy| policy.matches(header)));
            if let Some(policy) = found {
                let fit = Fit(*pair, Reverse(policy.width()));
                return Some((Arc::clone(&policy.target), fit));
            }
        }
        None
    }

    /// Adds the policies of a target.
    pub(crate) fn insert(&self, target: &Arc<T>) {
        for (key, local, remote) in pairs(target.local_ts(), target.remote_ts()) {
            let bucket = self.bucket(&key);
            let mut slots = Vec::clone(&bucket.load());
            let policy = Policy {
                remote,
                local,
                target: Arc::clone(target),
            };
            if let Some(slot) = slots.iter_mut().find(|slot| slot.key == key) {
                let mut policies = slot.policies.to_vec();
                let at = policies.partition_point(|other| other.rank() < policy.rank());
                policies.insert(at, policy);
                slot.policies = policies.into();
            } else {
                slots.push(Slot {
                    key,
                    policies: [policy].into(),
                });
                self.count(key, 1);
            }
            bucket.store(Arc::new(slots));
        }
    }

    /// Takes out the policies of a target.
    pub(crate) fn remove(&self, target: &Arc<T>) {
        for (key, ..) in pairs(target.local_ts(), target.remote_ts()) {
            let bucket = self.bucket(&key);
            let mut slots = Vec::clone(&bucket.load());
            let Some(index) = slots.iter().position(|slot| slot.key == key) else {
                continue;
            };
            let mut policies = slots[index].policies.to_vec();
            policies.retain(|policy| !Arc::ptr_eq(&policy.target, target));
            if policies.is_empty() {
                slots.swap_remove(index);
                self.count(key, -1);
            } else {
                slots[index].policies = policies.into();
            }
            bucket.store(Arc::new(slots));
        }
    }

    /// Whether nothing is left in any part of it.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.lengths.load().is_empty() && self.buckets.iter().all(|slots| slots.load().is_empty())
    }

    /// Keeps the list of lengths in step with the slots.
    fn count(&self, key: Key, change: isize) {
        let pair = Reverse(Pair {
            v6: matches!(key.remote, IpNet::V6(_)),
            remote: key.remote.prefix_len(),
            local: key.local.prefix_len(),
        });
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(pair).or_default();
        let before = *count;
        *count = before.saturating_add_signed(change);
        let after = *count;
        if after == 0 {
            counts.remove(&pair);
        }
        if (before == 0) != (after == 0) {
            let lengths = counts.keys().map(|pair| pair.0).collect();
            self.lengths.store(Arc::new(lengths));
        }
    }

    fn bucket(&self, key: &Key) -> &ArcSwap<Vec<Slot<T>>> {
        &self.buckets[self.hasher.hash_one(key) as usize % BUCKETS]
    }
}

// Not derived: what a policy leads to need not be `Clone`.
impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self {
            key: self.key,
            policies: Arc::clone(&self.policies),
        }
    }
}

impl<T> Clone for Policy<T> {
    fn clone(&self) -> Self {
        Self {
            remote: self.remote,
            local: self.local,
            target: Arc::clone(&self.target),
        }
    }
}

impl<T: Target> Policy<T> {
    fn matches(&self, header: &Header) -> bool {
        selector::matches_destination(&self.remote, header)
            && selector::matches_source(&self.local, header)
    }

    /// Lower is better.
    fn rank(&self) -> impl Ord + use<T> {
        (self.width(), Reverse(self.target.order()))
    }

    /// How much it covers beside addresses.
    fn width(&self) -> Width {
        let ports =
            |selector: &TrafficSelector| selector.end_port.wrapping_sub(selector.start_port);
        (
            self.remote.protocol == 0,
            self.local.protocol == 0,
            u32::from(ports(&self.remote)) + u32::from(ports(&self.local)),
        )
    }
}

/// How many policies these selectors make, if a table takes them.
pub(crate) fn size(
    local: &[TrafficSelector],
    remote: &[TrafficSelector],
) -> Result<usize, InstallError> {
    match pairs(local, remote).count() {
        unfit if unfit == 0 || unfit > MOST_POLICIES => Err(InstallError::Selectors(unfit)),
        policies => Ok(policies),
    }
}

/// Every pair of prefixes of every pair of selectors of one family.
fn pairs<'a>(
    local: &'a [TrafficSelector],
    remote: &'a [TrafficSelector],
) -> impl Iterator<Item = (Key, TrafficSelector, TrafficSelector)> + 'a {
    remote.iter().flat_map(move |remote| {
        let same_family =
            move |local: &&TrafficSelector| local.start.is_ipv4() == remote.start.is_ipv4();
        local.iter().filter(same_family).flat_map(move |local| {
            let locals = local.subnets();
            remote.subnets().into_iter().flat_map(move |remote_net| {
                locals.clone().into_iter().map(move |local_net| {
                    let key = Key {
                        remote: remote_net,
                        local: local_net,
                    };
                    (key, *local, *remote)
                })
            })
        })
    })
}

/// The network of this length that an address is in.
fn prefix(address: IpAddr, length: u8) -> IpNet {
    IpNet::new_assert(address, length).trunc()
}

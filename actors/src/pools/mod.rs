//! Pools of addresses for peers that ask for one (RFC 7296 section 2.19), and what else they are
//! told.
//!
//! Every call takes steps in tables under one lock and nothing else, so IKE_SAs may call it.

mod pool;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use holdfast_config::pool::AddressRange;
use holdfast_ike::{
    Identification,
    configuration::{self, Attribute, LeaseRequest},
};

use crate::{
    handle::IkeSaId,
    store::{KeptLease, Store},
};
pub(crate) use pool::Lease;

use pool::Pool;

/// Pools there may be.
const MOST_POOLS: usize = 1024;

/// All pools.
#[derive(Default)]
pub(crate) struct Pools {
    tables: Mutex<Tables>,
    store: Store,
}

#[derive(Default)]
struct Tables {
    pools: BTreeMap<String, Pool>,
    /// Those that the configuration's files have.
    from_files: BTreeSet<String>,
    /// Leases of a former run, by pool, until that pool is there: oldest first.
    kept: BTreeMap<String, Vec<(IpAddr, KeptLease)>>,
    /// What each IKE_SA has leased.
    lent: HashMap<IkeSaId, Vec<configuration::Lease>>,
}

/// Who wants an address.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// For this IKE_SA.
    pub(crate) owner: IkeSaId,
    pub(crate) identity: &'a Identification,
    /// Where it is.
    pub(crate) peer: IpAddr,
    /// The address it would like, or the unspecified one of the family it needs.
    pub(crate) wanted: IpAddr,
    /// Its former IKE_SAs are about to be closed.
    pub(crate) replaces: bool,
}

/// Why a pool, or an address of one, cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PoolError {
    /// There is no pool of that name.
    #[error("{0} not found")]
    NotFound(String),
    /// Peers use its addresses.
    #[error("pool {name} has {online} online leases, unable to {wish}")]
    Online {
        /// The pool.
        name: String,
        /// How many addresses are in use.
        online: usize,
        /// What was asked for.
        wish: &'static str,
    },
    /// Control clients change only what they have loaded.
    #[error("pool {0} is in the configuration's files: remove it there")]
    OfFiles(String),
    /// Every address is in use.
    #[error("pool {0} has no address left")]
    Full(String),
    /// The agent holds no more pools.
    #[error("the agent holds at most {MOST_POOLS} pools")]
    TooMany,
}

/// A pool as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PoolStatus {
    pub(crate) name: String,
    /// The first address, as it was configured.
    pub(crate) base: IpAddr,
    /// Addresses that can be leased.
    pub(crate) size: u32,
    /// Addresses in use.
    pub(crate) online: usize,
    /// Addresses kept for who had them last.
    pub(crate) offline: usize,
}

impl Pools {
    /// Pools whose leases outlive a restart; `kept` are those of the last run.
    pub(crate) fn remembering(
        store: Store,
        kept: BTreeMap<String, Vec<(IpAddr, KeptLease)>>,
    ) -> Self {
        let tables = Tables {
            kept,
            ..Tables::default()
        };
        Self {
            tables: Mutex::new(tables),
            store,
        }
    }

    /// Adds a pool. One of the same name and range keeps its leases and takes the new attributes;
    /// one with another range gives way unless its addresses are in use.
    pub(crate) fn load(
        &self,
        name: &str,
        range: AddressRange,
        attributes: Vec<Attribute>,
    ) -> Result<(), PoolError> {
        let mut tables = self.tables();
        let Tables { pools, kept, .. } = &mut *tables;
        if pools.len() >= MOST_POOLS && !pools.contains_key(name) {
            return Err(PoolError::TooMany);
        }
        match pools.get_mut(name) {
            Some(pool) if *pool.range() == range => pool.set_attributes(attributes),
            Some(pool) if pool.online() > 0 => {
                return Err(online(name, pool, "replace it"));
            }
            former => {
                if let Some(former) = former {
                    self.forget_leases(name, former);
                }
                let mut pool = Pool::new(range, attributes);
                for (address, lease) in kept.remove(name).unwrap_or_default() {
                    let owner = lease.identity();
                    if !owner.is_some_and(|owner| pool.remember(address, owner)) {
                        self.store.keep_lease(name, address, None);
                    }
                }
                pools.insert(name.to_owned(), pool);
            }
        }
        Ok(())
    }

    /// Takes over the pools of the configuration's files. One whose addresses are in use stays as it
    /// is when it would have to go or to move.
    pub(crate) fn apply(&self, files: &BTreeMap<String, holdfast_config::Pool>) {
        let former = std::mem::take(&mut self.tables().from_files);
        for name in former.iter().filter(|name| !files.contains_key(*name)) {
            if let Err(error) = self.unload(name) {
                tracing::warn!(%error, "a pool that is in no file any more stays for now");
            }
        }
        for (name, pool) in files {
            let loaded = self.load(name, pool.range.clone(), pool.attributes.clone());
            match loaded {
                Ok(()) => drop(self.tables().from_files.insert(name.clone())),
                Err(error) => tracing::error!(%error, "a pool of the files is not loaded"),
            }
        }
    }

    /// Removes a pool that a control client has loaded, see [`Pools::unload`].
    pub(crate) fn unload_of_client(&self, name: &str) -> Result<(), PoolError> {
        if self.tables().from_files.contains(name) {
            return Err(PoolError::OfFiles(name.to_owned()));
        }
        self.unload(name)
    }

    /// Removes a pool unless its addresses are in use.
    pub(crate) fn unload(&self, name: &str) -> Result<(), PoolError> {
        let pools = &mut self.tables().pools;
        match pools.get(name) {
            None => Err(PoolError::NotFound(name.to_owned())),
            Some(pool) if pool.online() > 0 => Err(online(name, pool, "unload it")),
            Some(pool) => {
                self.forget_leases(name, pool);
                pools.remove(name);
                Ok(())
            }
        }
    }

    /// The pools by name, or only the one of this name.
    pub(crate) fn list(&self, only: Option<&str>) -> Vec<PoolStatus> {
        self.tables()
            .pools
            .iter()
            .filter(|(name, _)| only.is_none_or(|only| only == name.as_str()))
            .map(|(name, pool)| PoolStatus {
                name: name.clone(),
                base: pool.range().base(),
                size: pool.range().size(),
                online: pool.online(),
                offline: pool.offline(),
            })
            .collect()
    }

    /// At most `limit` leases of a pool from this address on, in the order of addresses; none if
    /// there is no such pool.
    pub(crate) fn leases(&self, name: &str, limit: usize) -> Vec<Lease> {
        self.tables()
            .pools
            .get(name)
            .map(|pool| pool.leases(limit))
            .unwrap_or_default()
    }

    /// What the pool tells peers beside their address.
    pub(crate) fn attributes(&self, name: &str) -> Vec<Attribute> {
        self.tables()
            .pools
            .get(name)
            .map(|pool| pool.attributes().to_vec())
            .unwrap_or_default()
    }

    /// Leases an address of the first of these pools that has one, see [`Pools::acquire`].
    pub(crate) fn lease(
        &self,
        owner: IkeSaId,
        request: &LeaseRequest<'_>,
    ) -> Option<configuration::Lease> {
        let claim = Claim {
            owner,
            identity: request.identity,
            peer: request.peer,
            wanted: request.wanted,
            replaces: request.replaces,
        };
        request.pools.iter().find_map(|pool| {
            let address = match self.acquire(pool, &claim) {
                Ok(address) => address?,
                Err(error) => {
                    tracing::warn!(ike_sa = %owner, peer = %claim.identity, %error, "no address");
                    return None;
                }
            };
            let pool = std::sync::Arc::clone(pool);
            Some(configuration::Lease { pool, address })
        })
    }

    /// Leases an address to an identity: the one it had before, where it is still kept for it (the
    /// requested one first, if it had several); else the requested one, if nobody has it; else one
    /// that nobody has had; else the one that has been unused for longest. `None` if the pool is of
    /// the other family.
    ///
    /// The lease lasts until it is released, whatever becomes of the pool's name.
    pub(crate) fn acquire(
        &self,
        name: &str,
        claim: &Claim<'_>,
    ) -> Result<Option<IpAddr>, PoolError> {
        let mut tables = self.tables();
        let pool = tables
            .pools
            .get_mut(name)
            .ok_or_else(|| PoolError::NotFound(name.to_owned()))?;
        if pool.range().base().is_ipv4() != claim.wanted.is_ipv4() {
            return Ok(None);
        }
        let address = pool
            .acquire(claim)
            .ok_or_else(|| PoolError::Full(name.to_owned()))?;
        let lease = configuration::Lease {
            pool: name.into(),
            address,
        };
        tables.lent.entry(claim.owner).or_default().push(lease);
        let kept = KeptLease::of(claim.identity);
        self.store.keep_lease(name, address, Some(&kept));
        Ok(Some(address))
    }

    /// Gives an address back. It is kept for whoever had it while others are left. `false` if this
    /// IKE_SA has not leased it.
    pub(crate) fn release(&self, name: &str, owner: IkeSaId, address: IpAddr) -> bool {
        let mut tables = self.tables();
        let Some(lent) = tables.lent.get_mut(&owner) else {
            return false;
        };
        let this = |lease: &configuration::Lease| lease.address == address && *lease.pool == *name;
        let Some(index) = lent.iter().position(this) else {
            return false;
        };
        lent.swap_remove(index);
        if lent.is_empty() {
            tables.lent.remove(&owner);
        }
        let pool = tables.pools.get_mut(name);
        let Some(former) = pool.and_then(|pool| pool.release(owner, address)) else {
            return false;
        };
        self.store
            .keep_lease(name, address, Some(&KeptLease::of(&former)));
        true
    }

    /// Gives back whatever an IKE_SA has left behind.
    pub(crate) fn purge(&self, owner: IkeSaId) -> usize {
        let left = self.tables().lent.get(&owner).cloned().unwrap_or_default();
        for lease in &left {
            self.release(&lease.pool, owner, lease.address);
        }
        left.len()
    }

    /// A pool is gone, and with it what is kept for its users.
    fn forget_leases(&self, name: &str, pool: &Pool) {
        for lease in pool.leases(usize::MAX) {
            self.store.keep_lease(name, lease.address, None);
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn online(name: &str, pool: &Pool, wish: &'static str) -> PoolError {
    PoolError::Online {
        name: name.to_owned(),
        online: pool.online(),
        wish,
    }
}

#[cfg(test)]
mod tests;

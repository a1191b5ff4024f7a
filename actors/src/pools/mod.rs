//! Pools of addresses for peers that ask for one (RFC 7296 section 2.19), and what else they are
//! told.
//!
//! Every call takes steps in tables under one lock and nothing else, so IKE_SAs may call it.

mod attribute;
mod pool;
mod range;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use holdfast_ike::Identification;

pub(crate) use attribute::Attribute;
pub(crate) use pool::Lease;
pub(crate) use range::AddressRange;

use pool::Pool;

/// Pools there may be.
const MOST_POOLS: usize = 1024;

/// All pools by name.
#[derive(Default)]
pub(crate) struct Pools(Mutex<BTreeMap<String, Pool>>);

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
    /// Adds a pool. One of the same name and range keeps its leases and takes the new attributes;
    /// one with another range gives way unless its addresses are in use.
    pub(crate) fn load(
        &self,
        name: &str,
        range: AddressRange,
        attributes: Vec<Attribute>,
    ) -> Result<(), PoolError> {
        let mut pools = self.pools();
        if pools.len() >= MOST_POOLS && !pools.contains_key(name) {
            return Err(PoolError::TooMany);
        }
        match pools.get_mut(name) {
            Some(pool) if *pool.range() == range => pool.set_attributes(attributes),
            Some(pool) if pool.online() > 0 => {
                return Err(online(name, pool, "replace it"));
            }
            _ => {
                pools.insert(name.to_owned(), Pool::new(range, attributes));
            }
        }
        Ok(())
    }

    /// Removes a pool unless its addresses are in use.
    pub(crate) fn unload(&self, name: &str) -> Result<(), PoolError> {
        let mut pools = self.pools();
        match pools.get(name) {
            None => Err(PoolError::NotFound(name.to_owned())),
            Some(pool) if pool.online() > 0 => Err(online(name, pool, "unload it")),
            Some(_) => {
                pools.remove(name);
                Ok(())
            }
        }
    }

    /// The pools by name, or only the one of this name.
    pub(crate) fn list(&self, only: Option<&str>) -> Vec<PoolStatus> {
        self.pools()
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
        self.pools()
            .get(name)
            .map(|pool| pool.leases(limit))
            .unwrap_or_default()
    }

    /// What the pool tells peers beside their address.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the configuration payload"))]
    pub(crate) fn attributes(&self, name: &str) -> Vec<Attribute> {
        self.pools()
            .get(name)
            .map(|pool| pool.attributes().to_vec())
            .unwrap_or_default()
    }

    /// Leases an address to an identity: the one it had before, where it is still kept for it (the
    /// requested one first, if it had several); else the requested one, if nobody has it; else one
    /// that nobody has had; else the one that has been unused for longest.
    ///
    /// The lease lasts until it is released, whatever becomes of the pool's name.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the configuration payload"))]
    pub(crate) fn acquire(
        &self,
        name: &str,
        identity: &Identification,
        requested: Option<IpAddr>,
    ) -> Result<IpAddr, PoolError> {
        let mut pools = self.pools();
        let pool = pools
            .get_mut(name)
            .ok_or_else(|| PoolError::NotFound(name.to_owned()))?;
        pool.acquire(identity, requested)
            .ok_or_else(|| PoolError::Full(name.to_owned()))
    }

    /// Gives an address back. It is kept for whoever had it while others are left. `false` if this
    /// identity has not leased it.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the configuration payload"))]
    pub(crate) fn release(&self, name: &str, identity: &Identification, address: IpAddr) -> bool {
        self.pools()
            .get_mut(name)
            .is_some_and(|pool| pool.release(identity, address))
    }

    fn pools(&self) -> MutexGuard<'_, BTreeMap<String, Pool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

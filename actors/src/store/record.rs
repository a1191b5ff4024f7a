//! What is kept, and how it is written: JSON under names in a few tables, so that a later release
//! may add fields.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use holdfast_ike::Identification;
use serde::{Deserialize, Serialize};

use crate::history::KeptHistory;

/// The tables of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Table {
    Maintenance,
    Addresses,
    Leases,
    Histories,
}

impl Table {
    pub(super) const ALL: [Self; 4] = [
        Self::Maintenance,
        Self::Addresses,
        Self::Leases,
        Self::Histories,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Maintenance => "maintenance",
            Self::Addresses => "addresses",
            Self::Leases => "leases",
            Self::Histories => "histories",
        }
    }
}

/// The place of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    table: Table,
    key: String,
}

/// A value for its place; `None` empties it.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) slot: Slot,
    pub(super) value: Option<Vec<u8>>,
}

impl Slot {
    pub(super) fn new(table: Table, key: &str) -> Self {
        let key = key.to_owned();
        Self { table, key }
    }

    pub(super) fn maintenance(connection: &str) -> Self {
        Self::new(Table::Maintenance, connection)
    }

    pub(super) fn address(connection: &str) -> Self {
        Self::new(Table::Addresses, connection)
    }

    pub(super) fn history(connection: &str) -> Self {
        Self::new(Table::Histories, connection)
    }

    /// The address first: it contains no space, a pool's name may.
    pub(super) fn lease(pool: &str, address: IpAddr) -> Self {
        Self::new(Table::Leases, &format!("{address} {pool}"))
    }

    pub(super) fn table(&self) -> Table {
        self.table
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

/// An operator keeps a connection down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Maintenance {
    /// Since when, in seconds since 1970.
    since: u64,
    /// What the operator said about it.
    pub(crate) reason: Option<Arc<str>>,
}

impl Maintenance {
    /// From now on.
    pub(crate) fn begin(reason: Option<&str>) -> Self {
        Self {
            since: seconds_since_1970(SystemTime::now()),
            reason: reason.map(Arc::from),
        }
    }

    /// How long it has lasted; a clock that was set back makes that nothing.
    pub(crate) fn lasts(&self) -> Duration {
        let now = seconds_since_1970(SystemTime::now());
        Duration::from_secs(now.saturating_sub(self.since))
    }
}

/// Whose an address of a pool is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptLease {
    id_type: u8,
    data: Vec<u8>,
    /// When it was last taken or given back, in seconds since 1970.
    at: u64,
}

impl KeptLease {
    /// Taken, or given back, now.
    pub(crate) fn of(identity: &Identification) -> Self {
        Self {
            id_type: identity.id_type(),
            // The body begins with the type and three reserved octets.
            data: identity.body().split_off(4),
            at: seconds_since_1970(SystemTime::now()),
        }
    }

    /// Whose it is.
    pub(crate) fn identity(&self) -> Option<Identification> {
        Identification::parse(self.id_type, &self.data).ok()
    }
}

/// What was kept of connections, by name.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    /// Those in maintenance.
    pub(crate) maintenance: BTreeMap<Arc<str>, Maintenance>,
    /// Where peers were last reached.
    pub(crate) addresses: BTreeMap<Arc<str>, IpAddr>,
    /// What became of them.
    pub(crate) histories: BTreeMap<Arc<str>, KeptHistory>,
}

/// What was kept.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    /// Of connections.
    pub(crate) connections: Connections,
    /// Leases by pool, those that were used longest ago first.
    pub(crate) leases: BTreeMap<String, Vec<(IpAddr, KeptLease)>>,
}

impl Remembered {
    /// Reads what the file holds. What cannot be read is left out: it was written by another release.
    pub(super) fn from_slots(slots: Vec<(Slot, Vec<u8>)>) -> Self {
        let mut remembered = Self::default();
        for (slot, value) in slots {
            if remembered.take(&slot, &value).is_none() {
                tracing::warn!(table = slot.table.name(), key = %slot.key, "kept state not understood");
            }
        }
        for leases in remembered.leases.values_mut() {
            leases.sort_by_key(|(_, lease)| lease.at);
        }
        remembered
    }

    fn take(&mut self, slot: &Slot, value: &[u8]) -> Option<()> {
        let key = slot.key.as_str();
        match slot.table {
            Table::Maintenance => {
                let maintenance = serde_json::from_slice(value).ok()?;
                self.connections.maintenance.insert(key.into(), maintenance);
            }
            Table::Addresses => {
                let address = serde_json::from_slice(value).ok()?;
                self.connections.addresses.insert(key.into(), address);
            }
            Table::Histories => {
                let history = serde_json::from_slice(value).ok()?;
                self.connections.histories.insert(key.into(), history);
            }
            Table::Leases => {
                let (address, pool) = key.split_once(' ')?;
                let lease = (address.parse().ok()?, serde_json::from_slice(value).ok()?);
                self.leases.entry(pool.to_owned()).or_default().push(lease);
            }
        }
        Some(())
    }
}

fn seconds_since_1970(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

//! Which connections an incoming request may mean, found without asking all of them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use holdfast_config::{Connection, Endpoint};
use holdfast_ike::{Path, sa::Candidate};

use super::connection::Supervised;

/// The connections by the addresses their peers may have.
#[derive(Debug, Default)]
pub(crate) struct CandidateIndex {
    /// Those that name this very address.
    addressed: HashMap<IpAddr, Vec<Arc<str>>>,
    /// Those whose peer may have one of many addresses.
    wide: BTreeSet<Arc<str>>,
}

impl CandidateIndex {
    /// From now on this connection may be meant.
    pub(crate) fn add(&mut self, connection: &Connection) {
        let name = &connection.name;
        for endpoint in &connection.remote_addrs {
            if let Endpoint::Address(address) = endpoint {
                let names = self.addressed.entry(*address).or_default();
                if !names.contains(name) {
                    names.push(Arc::clone(name));
                }
            } else {
                self.wide.insert(Arc::clone(name));
            }
        }
    }

    /// From now on it is not.
    pub(crate) fn remove(&mut self, connection: &Connection) {
        let name = &connection.name;
        self.wide.remove(name);
        for endpoint in &connection.remote_addrs {
            if let Endpoint::Address(address) = endpoint
                && let Some(names) = self.addressed.get_mut(address)
            {
                names.retain(|other| other != name);
                if names.is_empty() {
                    self.addressed.remove(address);
                }
            }
        }
    }

    /// The connections whose peer may have this address.
    pub(crate) fn naming(&self, remote: IpAddr) -> Vec<Arc<str>> {
        let addressed = self.addressed.get(&remote).into_iter().flatten();
        addressed.chain(&self.wide).cloned().collect()
    }

    /// The connections that fit `path`, best first.
    pub(crate) fn find<'a>(
        &self,
        connections: &'a BTreeMap<Arc<str>, Supervised>,
        path: Path,
    ) -> Vec<&'a Supervised> {
        let addressed = self.addressed.get(&path.remote.ip()).into_iter().flatten();
        let mut fitting: Vec<(u32, &Supervised)> = addressed
            .chain(&self.wide)
            .filter_map(|name| {
                let connection = connections.get(name)?;
                let fit = connection.fit(path.local.ip(), path.remote.ip())?;
                Some((fit, connection))
            })
            .collect();
        fitting.sort_by(|a, b| {
            b.0.cmp(&a.0)
                .then_with(|| a.1.config().name.cmp(&b.1.config().name))
        });
        // One may stand in both lists.
        fitting.dedup_by(|a, b| Arc::ptr_eq(a.1.config(), b.1.config()));
        fitting
            .into_iter()
            .map(|(_, connection)| connection)
            .collect()
    }
}

/// As the core wants them.
pub(crate) fn to_candidates(connections: &[&Supervised]) -> Vec<Candidate> {
    connections
        .iter()
        .map(|connection| Candidate {
            connection: Arc::clone(&connection.config().ike),
            contacts: connection.contacts().clone(),
            kept_down: connection.maintenance().is_some(),
        })
        .collect()
}

//! Who lives: one record for each IKE_SA, kept from what the IKE_SAs report. Listing and deciding
//! never ask an IKE_SA, so neither waits for a busy one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    ops::Bound,
    sync::Arc,
    time::Instant,
};

use holdfast_ike::{
    EspSpi, Identification, IkeSpi, Path,
    sa::{
        PathChanged, Rekeyed, Role,
        event::{ChildUp, Established},
    },
};
use holdfast_ipsec::Usage;
use tokio::sync::watch;

use crate::handle::IkeSaId;

/// A CHILD_SA that carries traffic.
#[derive(Debug)]
pub(crate) struct ChildRecord {
    /// Its number, unique while the agent runs.
    pub(crate) id: u32,
    /// The same for all CHILD_SAs of one configuration that replaced one another.
    pub(crate) reqid: u32,
    /// What it is.
    pub(crate) up: Arc<ChildUp>,
    /// It is on its way out: somebody has ordered so, or another one has taken its place.
    pub(crate) closing: bool,
    /// Another one has taken its place.
    pub(crate) replaced: bool,
    /// What it had carried when it was removed from the data plane.
    pub(crate) carried: Option<Usage>,
    /// Dropped with the record; those who wait for the end hear of it that way.
    gone: Option<watch::Sender<()>>,
}

impl ChildRecord {
    /// Ends when this CHILD_SA does.
    pub(crate) fn gone(&mut self) -> watch::Receiver<()> {
        subscribe(&mut self.gone)
    }
}

/// An IKE_SA.
#[derive(Debug)]
pub(crate) struct Record {
    /// Its number.
    pub(crate) id: IkeSaId,
    /// Who began it.
    pub(crate) role: Role,
    /// Our SPI at its beginning.
    pub(crate) local_spi: IkeSpi,
    /// From where to where it was begun.
    pub(crate) path: Path,
    /// When that was.
    pub(crate) begun: Instant,
    /// The connection; a responder knows it only once the peer has authenticated.
    pub(crate) connection: Option<Arc<str>>,
    /// What authentication fixed.
    pub(crate) established: Option<Arc<Established>>,
    /// Its end has been ordered, here or by the rules of uniqueness.
    pub(crate) closing: bool,
    /// Retransmissions of the request in flight.
    pub(crate) retransmissions: u32,
    /// Its CHILD_SAs.
    pub(crate) children: Vec<ChildRecord>,
    gone: Option<watch::Sender<()>>,
}

impl Record {
    /// Ends when this IKE_SA does.
    pub(crate) fn gone(&mut self) -> watch::Receiver<()> {
        subscribe(&mut self.gone)
    }

    /// Whether it is being negotiated and nobody has ended that.
    pub(crate) fn usable_attempt(&self) -> bool {
        self.established.is_none() && !self.closing
    }

    /// Whether work can be put on it.
    pub(crate) fn usable(&self) -> bool {
        self.established.is_some() && !self.closing
    }

    /// When it was established.
    pub(crate) fn established_at(&self) -> Option<Instant> {
        Some(self.established.as_ref()?.contact.established)
    }

    /// charon's name of its state.
    pub(crate) fn state(&self) -> &'static str {
        match (self.closing, self.established.is_some()) {
            (true, _) => "DELETING",
            (false, true) => "ESTABLISHED",
            (false, false) => "CONNECTING",
        }
    }

    /// Whether it carries the child `name`.
    pub(crate) fn carries(&self, name: &str) -> bool {
        self.children
            .iter()
            .any(|child| !child.closing && &*child.up.name == name)
    }

    /// Whether it carries a child `name` that is on its way out.
    pub(crate) fn loses(&self, name: &str) -> bool {
        self.children
            .iter()
            .any(|child| child.closing && &*child.up.name == name)
    }
}

fn subscribe(gone: &mut Option<watch::Sender<()>>) -> watch::Receiver<()> {
    gone.get_or_insert_with(|| watch::Sender::new(()))
        .subscribe()
}

/// Those of one connection.
#[derive(Debug, Default)]
struct Group {
    ids: BTreeSet<IkeSaId>,
    /// In the order in which they were established.
    established: BTreeSet<(Instant, IkeSaId)>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    records: BTreeMap<IkeSaId, Box<Record>>,
    by_connection: HashMap<Arc<str>, Group>,
    /// Established ones by a hash of connection and remote identity. Peers choose their identities:
    /// the hash is keyed.
    by_peer: BTreeSet<(u64, IkeSaId)>,
    hasher: RandomState,
    spis: HashSet<IkeSpi>,
    half_open: usize,
    last_id: u32,
    last_child: u32,
}

impl Registry {
    /// A number and an SPI for a new IKE_SA. `random` is asked until the SPI is neither zero nor in
    /// use (RFC 7296 section 2.6).
    pub(crate) fn reserve(&mut self, mut random: impl FnMut() -> [u8; 8]) -> (IkeSaId, IkeSpi) {
        let spi = loop {
            let spi = IkeSpi(random());
            if !spi.is_zero() && self.spis.insert(spi) {
                break spi;
            }
        };
        loop {
            // 0 means "none" to VICI clients.
            self.last_id = self.last_id.wrapping_add(1).max(1);
            let id = IkeSaId(self.last_id);
            if !self.records.contains_key(&id) {
                return (id, spi);
            }
        }
    }

    /// An IKE_SA begins.
    pub(crate) fn begin(
        &mut self,
        (id, local_spi): (IkeSaId, IkeSpi),
        role: Role,
        path: Path,
        connection: Option<Arc<str>>,
    ) {
        if let Some(name) = &connection {
            self.file(name, id);
        }
        self.half_open += 1;
        let record = Record {
            id,
            role,
            local_spi,
            path,
            connection,
            established: None,
            closing: false,
            begun: Instant::now(),
            retransmissions: 0,
            children: Vec::new(),
            gone: None,
        };
        self.records.insert(id, Box::new(record));
    }

    /// It is established.
    pub(crate) fn establish(&mut self, id: IkeSaId, established: Arc<Established>) {
        let name = Arc::clone(&established.connection);
        if let Some(record) = self.records.get_mut(&id) {
            if record.established.is_none() {
                self.half_open -= 1;
            }
            let peer = (self.hasher.hash_one((&name, &established.remote_id)), id);
            let at = established.contact.established;
            record.path = established.path;
            record.connection = Some(Arc::clone(&name));
            record.established = Some(established);
            record.retransmissions = 0;
            self.by_peer.insert(peer);
            self.file(&name, id);
            if let Some(group) = self.by_connection.get_mut(&name) {
                group.established.insert((at, id));
            }
        }
    }

    /// It is on its way out and takes no more work.
    pub(crate) fn closing(&mut self, id: IkeSaId) {
        if let Some(record) = self.records.get_mut(&id) {
            record.closing = true;
        }
    }

    /// It has new keys. All else about it stays, its place among others with the same peer too.
    pub(crate) fn rekeyed(&mut self, id: IkeSaId, new: Rekeyed) {
        if let Some(record) = self.records.get_mut(&id)
            && let Some(established) = &mut record.established
        {
            let Rekeyed {
                role,
                spis,
                suite,
                at,
            } = new;
            let established = Arc::make_mut(established);
            established.role = role;
            established.spis = spis;
            established.suite = suite;
            established.at = at;
            record.retransmissions = 0;
        }
    }

    /// One of its ends has moved.
    pub(crate) fn moved(&mut self, id: IkeSaId, PathChanged { path, nat }: PathChanged) {
        if let Some(record) = self.records.get_mut(&id) {
            record.path = path;
            if let Some(established) = &mut record.established {
                let established = Arc::make_mut(established);
                established.path = path;
                established.nat = nat;
            }
        }
    }

    /// One of its children is up.
    pub(crate) fn child_up(&mut self, id: IkeSaId, up: Arc<ChildUp>) {
        let reqid = self.reqid_of(id, &up.name);
        if let Some(record) = self.records.get_mut(&id) {
            self.last_child = self.last_child.wrapping_add(1).max(1);
            record.children.push(ChildRecord {
                id: self.last_child,
                reqid: up.reqid.or(reqid).unwrap_or(self.last_child),
                up,
                closing: false,
                replaced: false,
                carried: None,
                gone: None,
            });
        }
    }

    /// The reqid of the CHILD_SA that one of this name takes the place of.
    fn reqid_of(&self, id: IkeSaId, name: &str) -> Option<u32> {
        let established = self.get(id)?.established.as_ref()?;
        self.with_peer(&established.connection, &established.remote_id)
            .flat_map(|record| &record.children)
            .find(|child| *child.up.name == *name)
            .map(|child| child.reqid)
    }

    /// One of its children has new keys: `up` has taken the place of `old`, which is on its way out.
    pub(crate) fn child_rekeyed(&mut self, id: IkeSaId, old: EspSpi, up: Arc<ChildUp>) {
        let mut waiters = None;
        if let Some(record) = self.records.get_mut(&id) {
            for child in &mut record.children {
                if child.up.inbound_spi == old {
                    child.closing = true;
                    child.replaced = true;
                    // Who waits for the end of a child waits for that of its successor too.
                    waiters = child.gone.take();
                }
            }
        }
        self.child_up(id, up);
        if let Some(record) = self.records.get_mut(&id)
            && let Some(new) = record.children.last_mut()
        {
            new.gone = waiters;
        }
    }

    /// One of its children has been removed from the data plane.
    pub(crate) fn child_removed(
        &mut self,
        id: IkeSaId,
        inbound: EspSpi,
        carried: Usage,
    ) -> Option<&ChildRecord> {
        let record = self.records.get_mut(&id)?;
        let mut children = record.children.iter_mut();
        let child = children.find(|child| child.up.inbound_spi == inbound)?;
        child.carried = Some(carried);
        Some(child)
    }

    /// One of its children is gone.
    pub(crate) fn child_down(&mut self, id: IkeSaId, inbound: EspSpi) -> Option<ChildRecord> {
        let children = &mut self.records.get_mut(&id)?.children;
        let index = children
            .iter()
            .position(|child| child.up.inbound_spi == inbound)?;
        Some(children.swap_remove(index))
    }

    /// It is gone.
    pub(crate) fn remove(&mut self, id: IkeSaId) -> Option<Box<Record>> {
        let record = self.records.remove(&id)?;
        if record.established.is_none() {
            self.half_open -= 1;
        }
        self.spis.remove(&record.local_spi);
        if let Some(established) = &record.established {
            let peer = (&established.connection, &established.remote_id);
            self.by_peer.remove(&(self.hasher.hash_one(peer), id));
        }
        if let Some(name) = &record.connection
            && let Some(group) = self.by_connection.get_mut(name)
        {
            group.ids.remove(&id);
            if let Some(at) = record.established_at() {
                group.established.remove(&(at, id));
            }
            if group.ids.is_empty() {
                self.by_connection.remove(name);
            }
        }
        Some(record)
    }

    /// Gives back what [`Registry::reserve`] gave, when nothing came of it.
    pub(crate) fn release(&mut self, spi: IkeSpi) {
        self.spis.remove(&spi);
    }

    fn file(&mut self, name: &Arc<str>, id: IkeSaId) {
        self.by_connection
            .entry(Arc::clone(name))
            .or_default()
            .ids
            .insert(id);
    }

    /// One of them.
    pub(crate) fn get(&self, id: IkeSaId) -> Option<&Record> {
        self.records.get(&id).map(Box::as_ref)
    }

    /// One of them, to be changed.
    pub(crate) fn get_mut(&mut self, id: IkeSaId) -> Option<&mut Record> {
        self.records.get_mut(&id).map(Box::as_mut)
    }

    /// All, in the order of their numbers, from the one after `cursor`.
    pub(crate) fn after(&self, cursor: Option<IkeSaId>) -> impl Iterator<Item = &Record> {
        let from = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        self.records
            .range((from, Bound::Unbounded))
            .map(|(_, record)| record.as_ref())
    }

    /// Those of one connection.
    pub(crate) fn of(&self, connection: &str) -> impl Iterator<Item = &Record> {
        self.by_connection
            .get(connection)
            .into_iter()
            .flat_map(|group| &group.ids)
            .filter_map(|id| self.get(*id))
    }

    /// How many those are.
    pub(crate) fn count_of(&self, connection: &str) -> usize {
        self.by_connection
            .get(connection)
            .map_or(0, |group| group.ids.len())
    }

    /// The established ones of `connection` with the peer `remote_id`.
    pub(crate) fn with_peer(
        &self,
        connection: &Arc<str>,
        remote_id: &Identification,
    ) -> impl Iterator<Item = &Record> {
        let peer = self.hasher.hash_one((connection, remote_id));
        self.by_peer
            .range((peer, IkeSaId(0))..=(peer, IkeSaId(u32::MAX)))
            .filter_map(|(_, id)| self.get(*id))
    }

    /// The newest IKE_SA of a connection that work can be put on.
    pub(crate) fn newest_usable(&self, connection: &str) -> Option<&Record> {
        self.by_connection
            .get(connection)?
            .established
            .iter()
            .rev()
            .filter_map(|(_, id)| self.get(*id))
            .find(|record| record.usable())
    }

    /// The IKE_SA that carries the child `name` of a connection.
    pub(crate) fn carrier(&self, connection: &str, name: &str) -> Option<&Record> {
        self.of(connection)
            .find(|record| record.usable() && record.carries(name))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// How many of them have not authenticated.
    pub(crate) fn half_open(&self) -> usize {
        self.half_open
    }
}

#[cfg(test)]
#[path = "registry_tests.rs"]
pub(super) mod tests;

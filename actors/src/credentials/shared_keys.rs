//! Shared keys of one source, found by name and by owner.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use holdfast_config::Secrets;
use holdfast_ike::{Identification, Secret};

use super::CredentialError;

/// Keys that one source may load.
const MOST_KEYS: usize = 100_000;

/// Octets of their secrets, names and owners.
const MOST_OCTETS: usize = 64 * 1024 * 1024;

/// What a shared key is for. Those that nothing here speaks are kept for clients that ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum SharedKeyKind {
    /// Pre-shared keys of IKE.
    Ike,
    /// Passwords of EAP.
    Eap,
    /// Passwords of XAuth.
    Xauth,
    /// Hashed passwords for MS-CHAPv2.
    Ntlm,
    /// Post-quantum pre-shared keys (RFC 8784).
    Ppk,
}

const KINDS: usize = 5;

impl SharedKeyKind {
    /// The kind with this name, whatever its case.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        const NAMES: [(&str, SharedKeyKind); KINDS] = [
            ("ike", SharedKeyKind::Ike),
            ("eap", SharedKeyKind::Eap),
            ("xauth", SharedKeyKind::Xauth),
            ("ntlm", SharedKeyKind::Ntlm),
            ("ppk", SharedKeyKind::Ppk),
        ];
        NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, kind)| *kind)
    }
}

/// A shared key.
#[derive(Clone, Debug)]
pub(crate) struct SharedKey {
    pub(crate) kind: SharedKeyKind,
    /// Whose it is, ascending and without repetition.
    pub(crate) owners: Box<[Identification]>,
    /// Whether it is everybody's as well, though less than its owners'.
    pub(crate) everybody: bool,
    pub(crate) secret: Arc<Secret>,
}

impl SharedKey {
    /// A key of these identities; without any it is everybody's.
    pub(crate) fn new(
        kind: SharedKeyKind,
        mut owners: Vec<Identification>,
        secret: Arc<Secret>,
    ) -> Self {
        owners.sort_unstable();
        owners.dedup();
        Self {
            kind,
            everybody: owners.is_empty(),
            owners: owners.into(),
            secret,
        }
    }

    fn octets(&self) -> usize {
        // What an identity takes beside its text, and its place in two tables.
        const OWNER: usize = 128;
        let owners = self.owners.iter().map(|owner| OWNER + owner.body().len());
        self.secret.expose().len() + owners.sum::<usize>()
    }
}

/// How well a key fits two identities, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    Everybody,
    Local,
    Remote,
    Both,
}

/// What tells a key from others: the newer of two with the same one takes the other's place. A key
/// without a name is told by whose it is, so that a client that loads all of its keys again and
/// again does not fill the memory with copies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum KeyName {
    Given(String),
    Owners(SharedKeyKind, bool, Box<[Identification]>),
}

/// Keys in the order of loading, which is the order of preference among equals. A key that takes the
/// place of another goes to the end: a client that loads everything again means its new order.
#[derive(Default)]
pub(super) struct SharedKeys {
    keys: BTreeMap<u64, (KeyName, SharedKey)>,
    names: HashMap<KeyName, u64>,
    tables: [Table; KINDS],
    next: u64,
    octets: usize,
}

/// Numbers of the keys of one kind.
#[derive(Default)]
struct Table {
    by_owner: HashMap<Identification, BTreeSet<u64>>,
    everybody: BTreeSet<u64>,
}

impl SharedKeys {
    /// The keys of the configuration files, where nothing is limited but by the files.
    pub(super) fn from_files(secrets: &Secrets) -> Self {
        let mut keys = Self::default();
        for entry in secrets.psks() {
            let secret = Arc::clone(&entry.secret);
            let key = SharedKey::new(SharedKeyKind::Ike, entry.ids.clone(), secret);
            keys.put(KeyName::Given(entry.name.clone()), key);
        }
        for entry in secrets.eap() {
            let secret = Arc::clone(&entry.secret);
            let key = SharedKey::new(SharedKeyKind::Eap, entry.ids.clone(), secret);
            keys.put(KeyName::Given(entry.name.clone()), key);
        }
        for entry in secrets.ppks() {
            let secret = Arc::clone(&entry.secret);
            let key = SharedKey::new(SharedKeyKind::Ppk, entry.ids.clone(), secret);
            keys.put(KeyName::Given(entry.name.clone()), key);
        }
        keys
    }

    /// Adds a key and gives the one whose place it takes.
    pub(super) fn insert(
        &mut self,
        name: Option<&str>,
        key: SharedKey,
    ) -> Result<Option<SharedKey>, CredentialError> {
        let name = match name {
            Some(name) => KeyName::Given(name.to_owned()),
            None => KeyName::Owners(key.kind, key.everybody, key.owners.clone()),
        };
        let replaced = self.take(&name);
        let full = self.keys.len() >= MOST_KEYS;
        if full || self.octets + key.octets() > MOST_OCTETS {
            if let Some(replaced) = replaced {
                self.put(name, replaced);
            }
            return Err(CredentialError::TooMany("100,000 shared keys of 64 MiB"));
        }
        self.put(name, key);
        Ok(replaced)
    }

    /// Removes the key with this name.
    pub(super) fn remove(&mut self, name: &str) -> Option<SharedKey> {
        self.take(&KeyName::Given(name.to_owned()))
    }

    /// The names that were given, in the order of loading.
    pub(super) fn names(&self) -> Vec<String> {
        self.keys
            .values()
            .filter_map(|(name, _)| match name {
                KeyName::Given(name) => Some(name.clone()),
                KeyName::Owners(..) => None,
            })
            .collect()
    }

    /// The key that fits best.
    pub(super) fn best(
        &self,
        kind: SharedKeyKind,
        local: &Identification,
        remote: &Identification,
    ) -> Option<(Fit, &Arc<Secret>)> {
        let table = &self.tables[kind as usize];
        let locals = table.by_owner.get(local);
        let remotes = table.by_owner.get(remote);
        let both = || {
            let (few, many) = match (locals?, remotes?) {
                (locals, remotes) if locals.len() < remotes.len() => (locals, remotes),
                (locals, remotes) => (remotes, locals),
            };
            few.iter().find(|number| many.contains(number))
        };
        let first = |numbers: Option<&BTreeSet<u64>>| numbers?.first().copied();
        let (fit, number) = both()
            .map(|number| (Fit::Both, *number))
            .or_else(|| Some((Fit::Remote, first(remotes)?)))
            .or_else(|| Some((Fit::Local, first(locals)?)))
            .or_else(|| Some((Fit::Everybody, *table.everybody.first()?)))?;
        self.keys.get(&number).map(|(_, key)| (fit, &key.secret))
    }

    fn put(&mut self, name: KeyName, key: SharedKey) {
        let number = self.next;
        self.next += 1;
        self.octets += key.octets();
        let table = &mut self.tables[key.kind as usize];
        for owner in &key.owners {
            table
                .by_owner
                .entry(owner.clone())
                .or_default()
                .insert(number);
        }
        if key.everybody {
            table.everybody.insert(number);
        }
        self.names.insert(name.clone(), number);
        self.keys.insert(number, (name, key));
    }

    fn take(&mut self, name: &KeyName) -> Option<SharedKey> {
        let number = self.names.remove(name)?;
        let (_, key) = self.keys.remove(&number)?;
        self.octets -= key.octets();
        let table = &mut self.tables[key.kind as usize];
        for owner in &key.owners {
            if let Some(numbers) = table.by_owner.get_mut(owner) {
                numbers.remove(&number);
                if numbers.is_empty() {
                    table.by_owner.remove(owner);
                }
            }
        }
        table.everybody.remove(&number);
        Some(key)
    }
}

#[cfg(test)]
mod tests;

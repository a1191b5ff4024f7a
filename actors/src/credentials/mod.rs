//! What the agent authenticates itself and its peers with: shared keys, certificates, private keys
//! and certification authorities.
//!
//! Two guards, because the two halves are used differently. Shared keys come by the ten thousand,
//! one at a time, and are looked up: they are behind a lock that is held for a few steps in a
//! table, so that loading n of them takes n steps; a snapshot would be copied n times. Of
//! certificates there are few, but checking a path takes long and has to see one state of the world:
//! they are an immutable snapshot that whoever checks keeps for as long as it takes, without holding
//! anybody up.
//!
//! Nothing here is saved: what clients loaded is gone with the agent. What the configuration files
//! say is read by them that read those, and kept apart from what clients loaded.

mod authority;
mod desk;
mod error;
mod identity;
mod requests;
mod revocation;
mod shared_keys;
mod signing;
mod store;
mod subject;
mod verifying;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use holdfast_config::Secrets;
use holdfast_ike::{Connection, Identification, Secret, sa::credential::CertificatePayload};

pub(crate) use authority::Authority;
pub(crate) use desk::{Desk, answer};
pub(crate) use error::CredentialError;
pub(crate) use revocation::Fetched;
pub(crate) use shared_keys::{SharedKey, SharedKeyKind};
pub(crate) use store::{CertificateUse, Listed, Store};
pub(crate) use subject::Subject;

use revocation::{FromPeer, Revocations};
use shared_keys::SharedKeys;

/// The credentials in force.
pub(crate) struct Credentials {
    shared_keys: RwLock<Layers>,
    store: ArcSwap<Store>,
    /// What is known of revoked certificates.
    pub(crate) revocations: Revocations,
    /// Held while the next snapshot is made.
    changing: Mutex<()>,
}

/// Shared keys by where they came from: neither source can remove the other's.
struct Layers {
    files: SharedKeys,
    clients: SharedKeys,
}

impl Credentials {
    /// Begins with what the configuration files say.
    pub(crate) fn new(secrets: &Secrets) -> Self {
        let layers = Layers {
            files: SharedKeys::from_files(secrets),
            clients: SharedKeys::default(),
        };
        let mut store = Store::default();
        store.replace_files(secrets);
        Self {
            shared_keys: RwLock::new(layers),
            store: ArcSwap::from_pointee(store),
            revocations: Revocations::default(),
            changing: Mutex::new(()),
        }
    }

    /// Puts the secrets of the configuration files in the place of those read before. What control
    /// clients loaded stays.
    pub(crate) fn replace_files(&self, secrets: &Secrets) {
        let mut files = SharedKeys::from_files(secrets);
        self.layers_mut(|layers| std::mem::swap(&mut layers.files, &mut files));
        // The old ones are wiped at the end, when nobody waits for the lock.
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Store::clone(&self.store.load());
        next.replace_files(secrets);
        self.store.store(Arc::new(next));
    }

    /// The pre-shared key of these two. Waits for no more than a step of somebody else in a table.
    pub(crate) fn psk(
        &self,
        local: &Identification,
        remote: &Identification,
    ) -> Option<Arc<Secret>> {
        self.shared_key(SharedKeyKind::Ike, local, remote)
    }

    /// The shared key of a kind for these two: the one that names both, else the one that names the
    /// peer, else the one that names us, else one that names nobody. Where one from the files and
    /// one from a client are equally good, the client's wins: it is the later word, and an operator
    /// who loads a key means it to be used. Among equals from one source it is the first.
    pub(crate) fn shared_key(
        &self,
        kind: SharedKeyKind,
        local: &Identification,
        remote: &Identification,
    ) -> Option<Arc<Secret>> {
        let layers = self.shared_keys.read();
        let layers = layers.unwrap_or_else(PoisonError::into_inner);
        let of_clients = layers.clients.best(kind, local, remote);
        let of_files = layers.files.best(kind, local, remote);
        let best = match (of_clients, of_files) {
            (Some((ours, _)), Some((better, secret))) if better > ours => Some(secret),
            (Some((_, secret)), _) | (None, Some((_, secret))) => Some(secret),
            (None, None) => None,
        };
        best.map(Arc::clone)
    }

    /// Adds a client's key. One with the same name gives way to it.
    pub(crate) fn load_shared_key(
        &self,
        name: Option<&str>,
        key: SharedKey,
    ) -> Result<(), CredentialError> {
        let replaced = self.layers_mut(|layers| layers.clients.insert(name, key))?;
        drop(replaced);
        Ok(())
    }

    /// Removes a client's key; `false` if there is none of that name.
    pub(crate) fn unload_shared_key(&self, name: &str) -> bool {
        let removed = self.layers_mut(|layers| layers.clients.remove(name));
        removed.is_some()
    }

    /// The names of the clients' keys, in the order of loading.
    pub(crate) fn shared_key_names(&self) -> Vec<String> {
        let layers = self.shared_keys.read();
        layers
            .unwrap_or_else(PoisonError::into_inner)
            .clients
            .names()
    }

    /// Certificates, private keys and authorities as they are now.
    pub(crate) fn store(&self) -> Arc<Store> {
        self.store.load_full()
    }

    /// CERTREQ payloads for the peer of this connection.
    pub(crate) fn certificate_requests(&self, connection: &Connection) -> Vec<CertificatePayload> {
        requests::certificate_requests(&self.store.load(), connection)
    }

    /// Changes certificates, private keys or authorities. Nothing changes when it fails.
    pub(crate) fn change<T>(
        &self,
        change: impl FnOnce(&mut Store) -> Result<T, CredentialError>,
    ) -> Result<T, CredentialError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Store::clone(&self.store.load());
        let result = change(&mut next)?;
        self.store.store(Arc::new(next));
        Ok(result)
    }

    /// Forgets every key and certificate that a client loaded. Authorities stay, with theirs: they
    /// have a command of their own. So does what the files say.
    pub(crate) fn clear(&self) {
        let forgotten = self.layers_mut(|layers| std::mem::take(&mut layers.clients));
        drop(forgotten);
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.store.load().without_credentials();
        self.store.store(Arc::new(next));
    }

    fn layers_mut<T>(&self, change: impl FnOnce(&mut Layers) -> T) -> T {
        let layers = self.shared_keys.write();
        change(&mut layers.unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;

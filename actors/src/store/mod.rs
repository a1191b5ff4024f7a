//! What outlives a restart: leases, maintenance, the last good addresses of peers, histories.
//!
//! Whoever has something to keep puts it into a box in memory and goes on; a thread of its own
//! carries what the box holds to the disk, at most once a second. Of several values under one name
//! only the last is written. A disk that fails costs memory of the past, never a tunnel: it is
//! logged, told as an alert, and tried again.

mod file;
mod inbox;
mod record;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use holdfast_config::StateDir;

use crate::history::KeptHistory;

pub(crate) use self::record::{Connections, KeptLease, Maintenance, Remembered};
use self::{
    file::StateFile,
    inbox::Inbox,
    record::{Change, Slot},
};

/// Where the package and the unit make room for it.
const USUAL: &str = "/var/lib/holdfast";

/// How long the last commit may take at the end.
const LAST_COMMIT: Duration = Duration::from_secs(2);

/// The file's name.
const FILE: &str = "state.redb";

/// Takes what is to be kept. Clones share one box; the default one keeps nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store(Option<Arc<Inbox>>);

/// The file, its content read, before anything is written.
pub(crate) struct Opened {
    /// What was kept.
    pub(crate) remembered: Remembered,
    /// Takes what is to be kept.
    pub(crate) store: Store,
    file: Option<StateFile>,
}

/// The thread that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    inbox: Arc<Inbox>,
    thread: JoinHandle<()>,
}

/// Opens the file. This reads from the disk: it is for the start.
pub(crate) fn open(place: &StateDir) -> Opened {
    let Some(directory) = directory(place) else {
        return Opened {
            remembered: Remembered::default(),
            store: Store::default(),
            file: None,
        };
    };
    let mut file = StateFile::new(directory.join(FILE));
    let remembered = match file.read() {
        Ok(slots) => Remembered::from_slots(slots),
        Err(error) => {
            tracing::error!(
                file = %file.path().display(), %error,
                "nothing is known of the time before; state is kept in memory until the file can be used"
            );
            Remembered::default()
        }
    };
    Opened {
        remembered,
        store: Store(Some(Arc::default())),
        file: Some(file),
    }
}

fn directory(place: &StateDir) -> Option<PathBuf> {
    match place {
        StateDir::Memory => None,
        StateDir::At(directory) => Some(directory.clone()),
        StateDir::Usual if Path::new(USUAL).is_dir() => Some(USUAL.into()),
        StateDir::Usual => {
            tracing::info!(
                "{USUAL} is not there: leases, maintenance and histories end with this process; \
                 make it, or set `agent.state_dir`"
            );
            None
        }
    }
}

impl Opened {
    /// Its parts.
    pub(crate) fn into_parts(self) -> (Remembered, Store, Option<StateFile>) {
        (self.remembered, self.store, self.file)
    }
}

/// Starts the writer; `alert` is called when writing begins to fail.
pub(crate) fn start(
    file: Option<StateFile>,
    store: &Store,
    alert: impl Fn() + Send + 'static,
) -> std::io::Result<Option<Writer>> {
    let (Some(file), Some(inbox)) = (file, &store.0) else {
        return Ok(None);
    };
    let thread = writer::start(file, Arc::clone(inbox), alert)?;
    Ok(Some(Writer {
        inbox: Arc::clone(inbox),
        thread,
    }))
}

impl Writer {
    /// Writes what is left and ends. A disk that is stuck is not waited for.
    pub(crate) fn stop(self) {
        self.inbox.close();
        crate::agent::finish(self.thread, LAST_COMMIT);
    }
}

impl Store {
    /// Why what is new would be forgotten at a restart, if it would.
    pub(crate) fn trouble(&self) -> Option<Arc<str>> {
        self.0.as_ref()?.trouble()
    }

    /// This connection is in maintenance, or no longer.
    pub(crate) fn keep_maintenance(&self, connection: &str, maintenance: Option<&Maintenance>) {
        self.put(Slot::maintenance(connection), maintenance);
    }

    /// The peer of this connection was last reached at this address.
    pub(crate) fn keep_address(&self, connection: &str, address: std::net::IpAddr) {
        self.put(Slot::address(connection), Some(&address));
    }

    /// What has become of this connection; `None` when it is no longer configured.
    pub(crate) fn keep_history(&self, connection: &str, history: Option<&KeptHistory>) {
        self.put(Slot::history(connection), history);
    }

    /// This address of a pool belongs to this identity, or to nobody.
    pub(crate) fn keep_lease(
        &self,
        pool: &str,
        address: std::net::IpAddr,
        lease: Option<&KeptLease>,
    ) {
        self.put(Slot::lease(pool, address), lease);
    }

    fn put<T: serde::Serialize>(&self, slot: Slot, value: Option<&T>) {
        let Some(inbox) = &self.0 else {
            return;
        };
        let value = match value.map(serde_json::to_vec).transpose() {
            Ok(value) => value,
            Err(error) => {
                tracing::error!(%error, "state has no form on disk, please report this");
                return;
            }
        };
        if !inbox.put(Change { slot, value }) {
            tracing::warn!("too much state waits for the disk: some is lost at a restart");
        }
    }
}

#[cfg(test)]
mod tests;

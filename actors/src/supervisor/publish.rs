//! The published snapshot: what the health endpoint reads without asking any actor.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{AsyncContext, Context};

use super::{
    Supervisor,
    connection::{Supervised, status::ConnectionStatus},
};

/// Changes are collected for at least this long.
const COALESCE: Duration = Duration::from_millis(100);

/// Making snapshots takes at most this share of the supervisor's time.
const SHARE: u32 = 400;

/// The agent's connections at one instant.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// When it was made.
    pub(crate) at: Instant,
    /// Whether the supervisor has made it: before that nothing is known of any connection.
    pub(crate) known: bool,
    /// Every connection, by name.
    pub(crate) connections: Vec<ConnectionStatus>,
}

impl Snapshot {
    /// Before anything is known.
    pub(crate) fn empty() -> Self {
        Self {
            at: Instant::now(),
            known: false,
            connections: Vec::new(),
        }
    }
}

/// Whether a snapshot is due.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    scheduled: bool,
    last_cost: Duration,
}

impl Supervisor {
    /// Something that the snapshot shows has changed.
    pub(super) fn mark_changed(&mut self, context: &mut Context<Self>) {
        if !std::mem::replace(&mut self.publisher.scheduled, true) {
            let wait = COALESCE.max(self.publisher.last_cost * SHARE);
            context.run_later(wait, |supervisor, _| supervisor.publish());
        }
    }

    /// A connection with the paths of its children.
    pub(super) fn status_of(&self, connection: &Supervised) -> ConnectionStatus {
        let mut status = connection.status(&self.registry);
        for child in &mut status.children {
            child.path = self.probes.status(&status.name, &child.name);
        }
        status
    }

    fn publish(&mut self) {
        let at = Instant::now();
        let connections = self
            .connections
            .values()
            .map(|connection| self.status_of(connection))
            .collect();
        self.shared.snapshot.store(Arc::new(Snapshot {
            at,
            known: true,
            connections,
        }));
        self.publisher = Publisher {
            scheduled: false,
            last_cost: at.elapsed(),
        };
    }
}

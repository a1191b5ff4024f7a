//! Connections come, change and go while the agent runs: from files that are read again, and from
//! control clients. All live in one registry under unique names; each source changes only its own.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
    time::Instant,
};

use actix::{Context, Handler, MessageResult};
use holdfast_config::Connection;

use super::{
    Supervisor,
    connection::{Origin, Supervised, configure::Change},
    messages::{
        Applied, ApplyFiles, ListConnections, LoadConnections, LoadedConnections, UnloadConnection,
    },
};

use crate::bus::Group;

/// Why a control client cannot change a connection of the files.
const IN_FILES: &str =
    "it is in the agent's configuration files: change it there, then reload the agent";

impl Handler<LoadConnections> for Supervisor {
    type Result = Result<(), String>;

    fn handle(&mut self, message: LoadConnections, context: &mut Context<Self>) -> Self::Result {
        if self.draining.is_some() {
            return Err("the agent is shutting down".to_owned());
        }
        for connection in &message.0 {
            if self.origin(&connection.name) == Some(Origin::File) {
                return Err(format!("connection '{}': {IN_FILES}", connection.name));
            }
        }
        for connection in message.0 {
            self.configure(connection, Origin::Vici, context);
        }
        Ok(())
    }
}

impl Handler<UnloadConnection> for Supervisor {
    type Result = Result<(), String>;

    fn handle(&mut self, message: UnloadConnection, context: &mut Context<Self>) -> Self::Result {
        let name = Arc::<str>::from(message.0);
        match self.origin(&name) {
            None => Err(format!("no connection '{name}' is loaded")),
            Some(Origin::File) => Err(format!("connection '{name}': {IN_FILES}")),
            Some(Origin::Vici) => {
                self.retire(&name, context);
                Ok(())
            }
        }
    }
}

impl Handler<LoadedConnections> for Supervisor {
    type Result = MessageResult<LoadedConnections>;

    fn handle(&mut self, _: LoadedConnections, _: &mut Context<Self>) -> Self::Result {
        let names = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.origin() == Origin::Vici)
            .map(|(name, _)| Arc::clone(name))
            .collect();
        MessageResult(names)
    }
}

impl Handler<ListConnections> for Supervisor {
    type Result = MessageResult<ListConnections>;

    fn handle(&mut self, page: ListConnections, _: &mut Context<Self>) -> Self::Result {
        let from = page.cursor.map_or(Unbounded, Excluded);
        let configs = self
            .connections
            .range::<Arc<str>, _>((from, Unbounded))
            .filter(|(name, _)| page.name.as_ref().is_none_or(|wanted| **wanted == ***name))
            .take(page.limit)
            .map(|(_, connection)| Arc::clone(connection.config()))
            .collect();
        MessageResult(configs)
    }
}

impl Handler<ApplyFiles> for Supervisor {
    type Result = MessageResult<ApplyFiles>;

    fn handle(&mut self, message: ApplyFiles, context: &mut Context<Self>) -> Self::Result {
        let applied = self.compare(&message.connections);
        if !message.dry_run && self.draining.is_none() {
            for name in &applied.removed {
                self.retire(name, context);
            }
            for connection in message.connections.into_values() {
                self.configure(connection, Origin::File, context);
            }
        }
        MessageResult(applied)
    }
}

impl Supervisor {
    fn origin(&self, name: &str) -> Option<Origin> {
        self.connections.get(name).map(Supervised::origin)
    }

    /// What the files change.
    fn compare(&self, files: &BTreeMap<String, Arc<Connection>>) -> Applied {
        let mut applied = Applied::default();
        for (name, connection) in &self.connections {
            if connection.origin() == Origin::File && !files.contains_key(&**name) {
                applied.removed.push(Arc::clone(name));
            }
        }
        for new in files.values() {
            match self.connections.get(&new.name) {
                None => applied.added.push(Arc::clone(&new.name)),
                Some(old) if **old.config() == **new => applied.unchanged += 1,
                Some(_) => applied.changed.push(Arc::clone(&new.name)),
            }
        }
        applied
    }

    /// A connection is new or changed.
    pub(super) fn configure(
        &mut self,
        new: Arc<Connection>,
        origin: Origin,
        context: &mut Context<Self>,
    ) -> Change {
        let name = Arc::clone(&new.name);
        let known = self.connections.contains_key(&name);
        let change = if let Some(old) = self.connections.get_mut(&name) {
            old.set_origin(origin);
            self.index.remove(old.config());
            self.index.add(&new);
            self.with(&name, context, |connection, world, actions| {
                connection.configure(new, world, actions)
            })
            .unwrap_or(Change::None)
        } else {
            self.index.add(&new);
            let mut connection = Supervised::new(new, origin, Instant::now());
            connection.remember(&mut self.remembered);
            self.connections.insert(Arc::clone(&name), connection);
            let text = format!("added connection '{name}'");
            self.tell(Group::Config, Some(&name), None, &text);
            Change::Replaced
        };
        self.configure_probes(&name, context);
        let what = match change {
            Change::None => return change,
            Change::Updated => "updated: its IKE_SAs stay",
            Change::Replaced => "replaced: its IKE_SAs are negotiated anew",
        };
        if known {
            let text = format!("connection '{name}' {what}");
            self.tell(Group::Config, Some(&name), None, &text);
        }
        // The orders have been carried out: what goes is marked so, what is missing shows.
        self.with(&name, context, Supervised::reconcile);
        change
    }

    /// A connection is no longer configured.
    fn retire(&mut self, name: &Arc<str>, context: &mut Context<Self>) {
        self.with(name, context, Supervised::retire);
        if let Some(connection) = self.connections.remove(name) {
            self.index.remove(connection.config());
            self.shared.tallies.forget(name);
            self.shared.store.keep_history(name, None);
        }
        self.forget_probes(name, context);
        self.agenda.set(name, None);
        self.arm(context);
        self.mark_changed(context);
        let text = format!("removed connection '{name}'");
        self.tell(Group::Config, Some(name), None, &text);
    }
}

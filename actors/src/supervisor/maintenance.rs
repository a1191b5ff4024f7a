//! What the supervisor keeps over restarts: maintenance (`down` and `up`), and where peers were last
//! reached.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix::{AsyncContext, Context, Handler};

use super::{
    Supervisor,
    messages::{Down, Selector, Up},
};
use crate::{handle::IkeSaId, history::KeptHistory, store::Maintenance};

impl Handler<Down> for Supervisor {
    type Result = Result<usize, String>;

    fn handle(&mut self, message: Down, context: &mut Context<Self>) -> Self::Result {
        let Down { name, reason } = message;
        let (name, _) = self
            .connections
            .get_key_value(&*name)
            .ok_or_else(|| format!("connection '{name}' not found"))?;
        let name = Arc::clone(name);
        let maintenance = Maintenance::begin(reason.as_deref());
        self.shared
            .store
            .keep_maintenance(&name, Some(&maintenance));
        self.remembered
            .maintenance
            .insert(Arc::clone(&name), maintenance.clone());
        // First what is there, so that the peer hears of it.
        let selector = Selector {
            ike: Some(name.to_string()),
            ..Selector::default()
        };
        let terminated = self.terminate_ike_sas(&selector, context).len();
        self.with(&name, context, |connection, world, actions| {
            connection.begin_maintenance(maintenance, world, actions);
        });
        let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        self.say(Some(&name), None, &format!("maintenance begins{why}"));
        Ok(terminated)
    }
}

impl Supervisor {
    /// The peer was reached here: after a restart it is tried here first.
    pub(super) fn remember_address(&mut self, name: &Arc<str>, id: IkeSaId) {
        let Some(record) = self.registry.get(id) else {
            return;
        };
        let address = record.path.remote.ip();
        let former = self.remembered.addresses.insert(Arc::clone(name), address);
        if former != Some(address) {
            self.shared.store.keep_address(name, address);
        }
    }
}

/// How much of a history a death without a word may cost.
const HISTORY_PACE: Duration = Duration::from_secs(30);

impl Supervisor {
    /// Keeps what became of the connections, again and again.
    pub(super) fn keep_histories(context: &mut Context<Self>) {
        context.run_interval(HISTORY_PACE, |supervisor, _| {
            supervisor.keep_all_histories();
        });
    }

    /// Keeps it now.
    pub(super) fn keep_all_histories(&self) {
        let now = SystemTime::now();
        for (name, connection) in &self.connections {
            let children = connection.status(&self.registry).children.into_iter();
            let carried = children
                .map(|child| {
                    let amounts = child.amounts(&self.shared.plane);
                    (child.name, amounts)
                })
                .collect();
            let kept = KeptHistory::of(connection.history(), carried, now);
            self.shared.store.keep_history(name, Some(&kept));
        }
    }
}

impl Handler<Up> for Supervisor {
    type Result = Result<(), String>;

    fn handle(&mut self, message: Up, context: &mut Context<Self>) -> Self::Result {
        let name: Arc<str> = message.0.into();
        let kept = self.remembered.maintenance.remove(&name).is_some();
        if kept {
            self.shared.store.keep_maintenance(&name, None);
            self.say(Some(&name), None, "maintenance ends");
        }
        let ended = self.with(&name, context, |connection, world, actions| {
            connection.end_maintenance(world, actions)
        });
        match ended {
            Some(true) => Ok(()),
            Some(false) => Err(format!("connection '{name}' is not in maintenance")),
            None if kept => Ok(()),
            None => Err(format!("connection '{name}' not found")),
        }
    }
}

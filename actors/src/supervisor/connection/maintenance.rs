//! Maintenance: an operator keeps the connection down, over reloads and restarts, until the operator
//! ends it. Nothing is begun, what a peer or traffic asks for is refused.

use std::sync::Arc;

use super::{Action, Supervised, World, wants::Wants};
use crate::store::{Connections, Maintenance};

impl Supervised {
    /// Takes over what is remembered of the connection of this name.
    pub(crate) fn remember(&mut self, remembered: &mut Connections) {
        let name = &self.config.name;
        if let Some(address) = remembered.addresses.get(name) {
            self.rotation.remember(*address);
        }
        if let Some(history) = remembered.histories.remove(name) {
            self.history = Arc::new(history.restore());
        }
        if let Some(maintenance) = remembered.maintenance.get(name) {
            self.maintenance = Some(maintenance.clone());
            self.wants.withdraw_all();
        }
    }

    /// Whether, and why, an operator keeps it down.
    pub(crate) fn maintenance(&self) -> Option<&Maintenance> {
        self.maintenance.as_ref()
    }

    /// From now on it stays down.
    pub(crate) fn begin_maintenance(
        &mut self,
        maintenance: Maintenance,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        self.maintenance = Some(maintenance);
        self.withdraw(world, actions);
        self.refuse_traps(actions);
    }

    /// It is again what its configuration wants it to be. `false`: it was not in maintenance.
    pub(crate) fn end_maintenance(&mut self, world: &World<'_>, actions: &mut Vec<Action>) -> bool {
        let ended = self.maintenance.take().is_some();
        if ended {
            self.wants = Wants::of(&self.config);
            self.reason = None;
            self.reconcile(world, actions);
        }
        ended
    }

    /// Why nobody can have it now.
    pub(crate) fn kept_down(&self) -> Option<String> {
        let maintenance = self.maintenance.as_ref()?;
        let name = &self.config.name;
        Some(format!(
            "{name} is {}: `holdfast up {name}` ends that",
            explain(maintenance)
        ))
    }
}

/// What is said of it instead of a reason.
pub(super) fn explain(maintenance: &Maintenance) -> Arc<str> {
    match &maintenance.reason {
        Some(reason) => format!("in maintenance: {reason}").into(),
        None => "in maintenance".into(),
    }
}

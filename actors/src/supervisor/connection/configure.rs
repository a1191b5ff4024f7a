//! A connection is configured anew, or no longer, while it runs.

use std::sync::Arc;

use holdfast_config::{Child, Connection, StartAction};
use holdfast_ike::sa::Command;

use super::{Action, Phase, Supervised, World};
use crate::supervisor::{
    attempt::Goal,
    registry::{ChildRecord, Record},
};

/// What a new configuration meant for what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It says what the old one said.
    None,
    /// IKE_SAs stay; at most some children are replaced.
    Updated,
    /// IKE_SAs have to be negotiated anew.
    Replaced,
}

impl Supervised {
    /// Takes over a configuration of the same name. What the difference does not concern stays as
    /// it is. [`Supervised::reconcile`] must follow once the orders are carried out.
    pub(crate) fn configure(
        &mut self,
        new: Arc<Connection>,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) -> Change {
        if *new == *self.config {
            return Change::None;
        }
        let change = if needs_negotiation(&self.config, &new) {
            self.close_started(world, actions);
            if self.maintenance.is_none() {
                self.wants.configured_anew(&new);
            }
            self.traps.configured_anew(&new);
            Change::Replaced
        } else {
            self.close_changed_children(&new, world, actions);
            for record in world.registry.of(&self.config.name) {
                actions.push(Action::Command {
                    id: record.id,
                    command: Command::Configure(Arc::clone(&new.ike)),
                });
            }
            if self.maintenance.is_none() {
                self.wants.reconfigured(&self.config, &new);
            }
            self.traps.reconfigured(&self.config, &new);
            Change::Updated
        };
        self.config = new;
        self.kept.forget();
        self.renew_traps(actions);
        self.fail_unknown_goals();
        change
    }

    /// It is no longer configured: what the configuration brought up goes, what operators brought
    /// up by hand stays until it ends by itself.
    pub(crate) fn retire(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        self.close_started(world, actions);
        self.remove_traps(actions);
        self.attempts.all_failed("the connection was unloaded");
    }

    /// Closes what the present configuration brought up, and what is under way.
    fn close_started(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        if let Phase::Connecting { id } = self.phase {
            let command = Command::Terminate;
            actions.push(Action::Command { id, command });
        }
        for record in world.registry.of(&self.config.name) {
            if record.established.is_some() {
                self.close_started_of(record, actions);
            }
        }
        self.phase = Phase::Idle;
        self.replacing = None;
        self.moved = None;
        self.children.clear();
        self.backoff.reset();
        self.rounds = 0;
        self.failures = 0;
        self.reason = None;
    }

    fn close_started_of(&self, record: &Record, actions: &mut Vec<Action>) {
        let (started, by_hand): (Vec<_>, Vec<_>) = record
            .children
            .iter()
            .partition(|child| self.is_started(child));
        let id = record.id;
        if self.config.persistent || by_hand.is_empty() {
            let command = Command::Terminate;
            actions.push(Action::Command { id, command });
        } else {
            actions.extend(started.into_iter().map(|child| Action::Command {
                id,
                command: Command::TerminateChild(child.up.inbound_spi),
            }));
        }
    }

    /// Whether the configuration, not an operator, wants this CHILD_SA.
    fn is_started(&self, child: &ChildRecord) -> bool {
        self.config.persistent
            || self
                .config
                .children
                .get(&*child.up.name)
                .is_some_and(|child| child.start_action != StartAction::None)
    }

    fn close_changed_children(
        &mut self,
        new: &Connection,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        let changed = |name: &str| {
            let negotiated = |child: &Child| Arc::clone(&child.ike);
            self.config.children.get(name).map(negotiated) != new.children.get(name).map(negotiated)
        };
        let names: Vec<Arc<str>> = self
            .config
            .children
            .values()
            .map(|child| Arc::clone(&child.ike.name))
            .filter(|name| changed(name))
            .collect();
        for record in world.registry.of(&self.config.name) {
            for child in &record.children {
                if names.contains(&child.up.name) && !child.closing && self.is_started(child) {
                    actions.push(Action::Command {
                        id: record.id,
                        command: Command::TerminateChild(child.up.inbound_spi),
                    });
                }
            }
        }
        for name in names {
            self.children.remove(&name);
        }
    }

    /// Nobody needs to wait for what does not exist any more.
    fn fail_unknown_goals(&mut self) {
        for goal in self.attempts.goals() {
            if let Goal::Child(name) = &goal
                && !self.config.children.contains_key(&**name)
            {
                self.attempts.failed(&goal, "the child was unloaded");
            }
        }
    }
}

/// Whether an IKE_SA of `old` cannot serve as one of `new`. Everything counts but what takes effect
/// on an IKE_SA that runs, so a key that is added later counts too.
fn needs_negotiation(old: &Connection, new: &Connection) -> bool {
    let mut ike = (*new.ike).clone();
    let old_ike = &old.ike;
    ike.children.clone_from(&old_ike.children);
    ike.retransmit = old_ike.retransmit;
    ike.dpd_delay = old_ike.dpd_delay;
    ike.keep_alive = old_ike.keep_alive;
    ike.unique = old_ike.unique;
    ike.rekey_time = old_ike.rekey_time;
    ike.over_time = old_ike.over_time;
    ike.rand_time = old_ike.rand_time;
    ike.half_open_timeout = old_ike.half_open_timeout;
    ike != **old_ike
        || (&old.local_addrs, &old.remote_addrs) != (&new.local_addrs, &new.remote_addrs)
        || (old.local_port, old.remote_port) != (new.local_port, new.remote_port)
}

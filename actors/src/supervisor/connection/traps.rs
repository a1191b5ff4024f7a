//! Traps of one connection: children that matching traffic brings up.
//!
//! A trap is wanted by the configuration (`start_action`, and `dpd_action` or `close_action` when
//! they happen) or by an operator (`install`), until the configuration or an operator withdraws it.
//! It is no want: what an operator took down comes up again when traffic asks for it, and a child
//! that traffic brought up stays up only as long as it does by itself. On a persistent connection
//! the IKE_SA is kept up, and a child that is only trapped comes up in it on traffic.
//!
//! Shunts come and go with the traps, by the same words of the configuration and of operators. No
//! traffic of theirs asks for anything.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use holdfast_config::Connection;

use super::{Action, Phase, Supervised, World};
use crate::supervisor::{
    attempt::Goal,
    backoff::Pace,
    policy::{Decision, EndCause, Situation, decide},
};

/// The traps.
#[derive(Debug, Default)]
pub(super) struct Traps {
    wanted: BTreeSet<Arc<str>>,
    /// The data plane was told of these.
    installed: BTreeSet<Arc<str>>,
    /// Hit while an attempt was under way: if that fails, the next one serves them.
    hit_meanwhile: BTreeSet<Arc<str>>,
    rest: Option<Rest>,
}

/// Time after a failed attempt in which traffic does not begin another one at once.
#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Instant,
    slow: bool,
}

impl Traps {
    /// What the configuration wants from the start.
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            wanted: configured(connection),
            ..Self::default()
        }
    }

    /// This one is wanted.
    pub(super) fn want(&mut self, child: &Arc<str>) {
        self.wanted.insert(Arc::clone(child));
    }

    /// The connection was replaced by another of its name: everything is installed anew.
    pub(super) fn configured_anew(&mut self, connection: &Connection) {
        self.wanted = configured(connection);
        self.rest = None;
    }

    /// Some of its children changed. What operators installed or uninstalled stays so.
    pub(super) fn reconfigured(&mut self, old: &Connection, new: &Connection) {
        let before = configured(old);
        let after = configured(new);
        self.wanted.extend(after.difference(&before).cloned());
        self.wanted.retain(|name| {
            let known = new.children.contains_key(&**name) || new.shunts.contains_key(&**name);
            known && (after.contains(name) || !before.contains(name))
        });
    }
}

fn configured(connection: &Connection) -> BTreeSet<Arc<str>> {
    let traps = connection
        .children
        .values()
        .filter(|child| child.start_action.traps())
        .map(|child| Arc::clone(&child.ike.name));
    let shunts = connection.shunts.values().filter(|shunt| shunt.installed);
    traps
        .chain(shunts.map(|shunt| Arc::clone(&shunt.name)))
        .collect()
}

impl Supervised {
    /// Whether a trap waits for traffic of this child.
    pub(crate) fn is_trapped(&self, child: &str) -> bool {
        self.traps.installed.contains(child)
    }

    /// Whether there are any.
    pub(super) fn has_traps(&self) -> bool {
        !self.traps.installed.is_empty()
    }

    /// An operator, or an action of the configuration, wants this trap.
    pub(crate) fn want_trap(&mut self, child: &Arc<str>) {
        self.traps.want(child);
    }

    /// An operator does not want this trap; `false` if there is none.
    pub(crate) fn unwant_trap(&mut self, child: &str) -> bool {
        self.traps.wanted.remove(child)
    }

    /// The data plane cannot take this trap: somebody has to change something first.
    pub(crate) fn trap_refused(&mut self, child: &str) {
        self.traps.wanted.remove(child);
        self.traps.installed.remove(child);
    }

    /// What traps are made from has changed: each is made again in its place.
    pub(super) fn renew_traps(&mut self, actions: &mut Vec<Action>) {
        let kept = self.traps.installed.intersection(&self.traps.wanted);
        actions.extend(kept.cloned().map(Action::Trap));
        self.install_traps(actions);
    }

    /// Installs what is wanted and removes what is not.
    pub(super) fn install_traps(&mut self, actions: &mut Vec<Action>) {
        let Traps {
            wanted, installed, ..
        } = &mut self.traps;
        if wanted == installed {
            return;
        }
        actions.extend(wanted.difference(installed).cloned().map(Action::Trap));
        actions.extend(installed.difference(wanted).cloned().map(Action::Untrap));
        installed.clone_from(wanted);
    }

    /// Removes them all: the connection is no longer configured.
    pub(super) fn remove_traps(&mut self, actions: &mut Vec<Action>) {
        self.traps.wanted.clear();
        self.install_traps(actions);
    }

    /// Traffic of this child waits in its trap.
    pub(crate) fn acquire(
        &mut self,
        child: &Arc<str>,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        if self.maintenance.is_some() {
            actions.push(Action::Refuse(Arc::clone(child)));
            return;
        }
        let goal = Goal::Child(Arc::clone(child));
        if !self.is_trapped(child) || self.is_met(&goal, world.registry) {
            return;
        }
        let pending = |child: &super::ChildTry| child.pending.is_some();
        match self.phase {
            Phase::Resolving { .. } | Phase::Starting | Phase::Connecting { .. } => {
                self.traps.hit_meanwhile.insert(Arc::clone(child));
            }
            _ if self.children.get(child).is_some_and(pending) => {
                self.traps.hit_meanwhile.insert(Arc::clone(child));
            }
            Phase::Idle => self.rest(world),
            Phase::Waiting { .. } => {}
        }
        self.wants.revive(Arc::clone(child));
        if matches!(self.phase, Phase::Waiting { slow: false, .. })
            && self.backoff.may_cut(&self.config.reconnect, world.now)
        {
            self.phase = Phase::Idle;
        }
        self.reconcile(world, actions);
    }

    /// Sits out what is left of the time after a failed attempt.
    fn rest(&mut self, world: &World<'_>) {
        if let Some(Rest { until, slow }) = self.traps.rest
            && until > world.now
        {
            self.phase = Phase::Waiting { until, slow };
        }
    }

    /// An attempt failed for good. What waits is dropped; traffic that came meanwhile, or comes
    /// later, begins another one, but not at once.
    pub(super) fn traps_after_failure(
        &mut self,
        cause: EndCause,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        if !self.has_traps() {
            return;
        }
        self.refuse_traps(actions);
        // The pace that a connection has that tries for ever.
        let situation = Situation {
            wanted: true,
            persistent: true,
            established: false,
            stable: false,
            tries_left: true,
        };
        let slow = decide(cause, situation) == Decision::BackOffSlowly;
        let pace = if slow { Pace::Slow } else { Pace::Normal };
        let wait = self
            .backoff
            .next(pace, &self.config.reconnect, world.fraction);
        let until = world.now + wait;
        self.traps.rest = Some(Rest { until, slow });
        for child in std::mem::take(&mut self.traps.hit_meanwhile) {
            self.wants.revive(child);
            self.phase = Phase::Waiting { until, slow };
        }
    }

    /// The same for one child whose IKE_SA lives on, and whose next try has its time.
    pub(super) fn trap_after_failure(&mut self, child: &Arc<str>, actions: &mut Vec<Action>) {
        if self.is_trapped(child) {
            actions.push(Action::Refuse(Arc::clone(child)));
        }
        if self.traps.hit_meanwhile.remove(child) {
            self.wants.revive(Arc::clone(child));
        }
    }

    /// Nothing comes soon of what the traps wait for.
    pub(super) fn refuse_traps(&self, actions: &mut Vec<Action>) {
        actions.extend(self.traps.installed.iter().cloned().map(Action::Refuse));
    }

    /// A child is up: what hit its trap has been served.
    pub(super) fn trap_served(&mut self, child: &str) {
        self.traps.hit_meanwhile.remove(child);
        self.traps.rest = None;
    }
}

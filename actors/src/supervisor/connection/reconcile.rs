//! From what is wanted to what is done about it.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_config::Endpoint;
use holdfast_ike::{
    ChildConfig,
    sa::{CloseCause, Command, Role, redirect::Gateway},
};

use super::{Action, CHILDREN_AT_ONCE, Phase, RESPONDER_GRACE, Supervised, World, signs::Nudge};
use crate::{
    handle::IkeSaId,
    supervisor::{policy::EndCause, registry::Record},
};

/// How long an IKE_SA that was replaced goes on receiving.
const MOVED: Duration = Duration::from_secs(2);

impl Supervised {
    /// Compares what is wanted with what is there, and does what is missing.
    pub(crate) fn reconcile(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        self.expire_waits(world);
        self.refresh_names(world, actions);
        self.send_nudge(world, actions);
        self.install_traps(actions);
        self.finish_replacement(world, actions);
        if !self.wants.any() && self.replacing.is_none() {
            if matches!(self.phase, Phase::Waiting { .. }) {
                self.phase = Phase::Idle;
            }
        } else if self.replacing.is_some() {
            self.replace(world, actions);
        } else if let Some(carrier) = world.registry.newest_usable(&self.config.name) {
            // The attempt that waits was for what is there now.
            if matches!(self.phase, Phase::Waiting { .. }) {
                self.phase = Phase::Idle;
            }
            let wanted: Vec<_> = self.wants.children().cloned().collect();
            self.bring_up(carrier, &wanted, false, world, actions);
        } else if self.phase == Phase::Idle {
            self.start(world, actions);
        }
        self.note_state(world);
    }

    fn expire_waits(&mut self, world: &World<'_>) {
        if matches!(self.phase, Phase::Waiting { until, .. } if until <= world.now) {
            self.phase = Phase::Idle;
        }
        for child in self.children.values_mut() {
            child.until.take_if(|until| *until <= world.now);
        }
    }

    /// Orders those of `wanted` that are missing. With `here`, being up on another IKE_SA does not
    /// count.
    fn bring_up(
        &mut self,
        carrier: &Record,
        wanted: &[Arc<str>],
        here: bool,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        let patient_until = carrier
            .established_at()
            .filter(|_| carrier.role == Role::Responder)
            .map(|at| at + RESPONDER_GRACE)
            .filter(|until| *until > world.now);
        let mut room = CHILDREN_AT_ONCE.saturating_sub(
            self.children
                .values()
                .filter(|child| child.pending == Some(carrier.id))
                .count(),
        );
        for name in wanted {
            let up = if here {
                carrier.carries(name)
            } else {
                world.registry.carrier(&self.config.name, name).is_some()
            };
            let child = self.children.entry(Arc::clone(name)).or_default();
            let busy = child.until.is_some() || child.pending == Some(carrier.id);
            // One of this name that is on its way out is waited for.
            if up || busy || carrier.loses(name) || room == 0 {
                continue;
            }
            if patient_until.is_some() {
                child.until = patient_until;
                continue;
            }
            let Some(config) = self.config.children.get(&**name) else {
                continue;
            };
            room -= 1;
            child.pending = Some(carrier.id);
            actions.push(Action::Command {
                id: carrier.id,
                command: Command::Initiate(Arc::clone(&config.ike)),
            });
        }
    }

    /// Begins an attempt at an IKE_SA.
    fn start(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        if let Some(until) = self.within_budget(world) {
            self.phase = Phase::Waiting { until, slow: false };
            return;
        }
        if self.redirection.target().is_some() {
            return self.start_redirected(actions);
        }
        if !self.can_start() {
            self.reason = Some("waiting for the peer: `remote_addrs` names no single one".into());
            self.wants.give_up();
            self.attempts
                .all_failed("no address to start from: `remote_addrs` names no single one");
            return;
        }
        let names = self.host_names();
        if names.is_empty() {
            self.begin(actions);
        } else {
            self.last_ticket += 1;
            self.phase = Phase::Resolving {
                ticket: self.last_ticket,
            };
            self.attempts.note("looking up the peer's name");
            actions.push(Action::Resolve {
                ticket: self.last_ticket,
                names,
            });
        }
    }

    /// The peer's names have been looked up, each to its addresses.
    pub(crate) fn resolved(
        &mut self,
        ticket: u64,
        addresses: Vec<IpAddr>,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        if self.refreshed(ticket, &addresses, world, actions) || !self.resolves(ticket) {
            return;
        }
        self.phase = Phase::Idle;
        if self.redirection.target().is_some() {
            return self.resolved_redirect(&addresses, world, actions);
        }
        if self.resolved != addresses {
            self.resolved = addresses;
            self.renew_traps(actions);
        }
        self.begin(actions);
        if self.phase == Phase::Idle {
            self.attempt_failed(EndCause::Unresolved, world, actions);
        }
    }

    fn begin(&mut self, actions: &mut Vec<Action>) {
        let mut addresses = Vec::new();
        let mut names_done = false;
        for endpoint in self.config.usable_remotes() {
            match endpoint {
                Endpoint::Address(address) => addresses.push(*address),
                // Addresses of all names stand where the first name does.
                Endpoint::Host(_) if !names_done => {
                    names_done = true;
                    addresses.extend(&self.resolved);
                }
                _ => {}
            }
        }
        if let Some(remote) = self.rotation.next(&addresses) {
            self.begin_at(remote, None, actions);
        }
    }

    pub(super) fn begin_at(
        &mut self,
        remote: IpAddr,
        redirected_from: Option<Gateway>,
        actions: &mut Vec<Action>,
    ) {
        self.phase = Phase::Starting;
        self.budget.begin();
        self.attempts.note(&format!("connecting to {remote}"));
        actions.push(Action::Begin {
            remote,
            child: self.first_child(),
            redirected_from,
        });
    }

    /// The child that travels in IKE_AUTH.
    fn first_child(&self) -> Option<Arc<ChildConfig>> {
        let replaced = self.replaced_children();
        let name = self
            .wants
            .children()
            .chain(&replaced)
            .find(|name| self.children.get(*name).is_none_or(|c| c.until.is_none()))?;
        let child = self.config.children.get(&**name)?;
        Some(Arc::clone(&child.ike))
    }

    /// When the budget allows another attempt, if it does not now.
    pub(super) fn within_budget(&self, world: &World<'_>) -> Option<Instant> {
        let packets = self.config.ike.retransmit.tries.saturating_add(1);
        let hourly = self.config.reconnect.budget;
        self.budget.free_at(hourly, packets, world.now)
    }

    /// The attempt is this IKE_SA.
    pub(crate) fn begun(
        &mut self,
        id: IkeSaId,
        child: Option<&Arc<ChildConfig>>,
        world: &World<'_>,
    ) {
        self.phase = Phase::Connecting { id };
        self.nudge = Nudge::default();
        self.budget.spend(self.config.reconnect.budget, world.now);
        if let Some(child) = child {
            self.children
                .entry(Arc::clone(&child.name))
                .or_default()
                .pending = Some(id);
        }
    }

    /// The attempt failed before there was an IKE_SA.
    pub(crate) fn not_begun(
        &mut self,
        cause: EndCause,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        self.phase = Phase::Idle;
        self.attempt_failed(cause, world, actions);
    }

    fn replaced_children(&self) -> Vec<Arc<str>> {
        self.children
            .iter()
            .filter(|(_, child)| child.moving)
            .map(|(name, _)| Arc::clone(name))
            .collect()
    }

    /// Make before break: bring up a new IKE_SA with all that the old one carries.
    fn replace(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        let Some(old) = self.replacing.and_then(|id| world.registry.get(id)) else {
            return;
        };
        for child in old.children.iter().filter(|child| !child.closing) {
            self.children
                .entry(Arc::clone(&child.up.name))
                .or_default()
                .moving = true;
        }
        match world.registry.newest_usable(&self.config.name) {
            Some(new) if new.id != old.id => {
                let moving = self.replaced_children();
                self.bring_up(new, &moving, true, world, actions);
            }
            _ if self.phase == Phase::Idle => self.start(world, actions),
            _ => {}
        }
    }

    /// Closes the old IKE_SA once the new one carries all that it carries.
    fn finish_replacement(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        let Some(id) = self.replacing else {
            return;
        };
        let Some(old) = world.registry.get(id).filter(|old| old.usable()) else {
            self.end_replacement();
            return;
        };
        let Some(new) = world.registry.newest_usable(&self.config.name) else {
            return;
        };
        let carried = old
            .children
            .iter()
            .all(|child| child.closing || new.carries(&child.up.name));
        if new.id != old.id && carried {
            // The peer may still be sending by the old one.
            let until = *self.moved.get_or_insert(world.now + MOVED);
            if world.now < until {
                return;
            }
            actions.push(Action::Say(format!("IKE_SA {id} replaced by {}", new.id)));
            let command = Command::Terminate;
            actions.push(Action::Command { id, command });
            self.end_replacement();
        }
    }

    pub(super) fn end_replacement(&mut self) {
        self.replacing = None;
        self.moved = None;
        for child in self.children.values_mut() {
            child.moving = false;
        }
        // An attempt that was still under way for it may have become needless.
        if matches!(self.phase, Phase::Waiting { .. }) {
            self.phase = Phase::Idle;
        }
    }

    /// Ends an attempt that nothing waits for any more.
    pub(crate) fn stop_needless_attempt(&mut self, actions: &mut Vec<Action>) {
        if let Phase::Connecting { id } = self.phase
            && !self.wants.any()
            && self.replacing.is_none()
        {
            let command = Command::Abandon(CloseCause::Terminated);
            actions.push(Action::Command { id, command });
        }
    }
}

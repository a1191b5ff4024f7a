//! What came of things: IKE_SAs and children that came up, failed or fell.

use std::{sync::Arc, time::Duration};

use holdfast_config::{CloseAction, DpdAction};
use holdfast_ike::sa::{ChildDownCause, CloseCause, Failure, Role};

use super::{Action, Phase, RESPONDER_GRACE, Supervised, World};
use crate::{
    handle::IkeSaId,
    supervisor::{
        attempt::Goal,
        backoff::Pace,
        policy::{Decision, EndCause, Situation, decide, decide_child},
        registry::{ChildRecord, Record},
    },
};

impl Supervised {
    /// An IKE_SA of this connection is established.
    pub(crate) fn established(
        &mut self,
        id: IkeSaId,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        if self.phase == (Phase::Connecting { id }) {
            self.phase = Phase::Idle;
            self.redirection.established(id);
        }
        if let Some(record) = world.registry.get(id)
            && record.role == Role::Initiator
        {
            self.rotation.succeeded(record.path.remote.ip());
            self.kept.forget();
        }
        self.rounds = 0;
        self.failures = 0;
        self.reason = None;
        self.wants.met(&Goal::IkeSa);
        self.attempts.reached(
            &Goal::IkeSa,
            &format!("IKE_SA {}[{id}] established", self.config.name),
        );
        self.reconcile(world, actions);
    }

    /// A child of this connection carries traffic.
    pub(crate) fn child_up(
        &mut self,
        id: IkeSaId,
        name: &Arc<str>,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        if let Some(child) = self.children.get_mut(name) {
            child.pending = None;
            child.until = None;
            child.failure = None;
        }
        self.trap_served(name);
        let goal = Goal::Child(Arc::clone(name));
        self.wants.met(&goal);
        self.attempts.reached(
            &goal,
            &format!("CHILD_SA {name} established on IKE_SA {id}"),
        );
        self.reconcile(world, actions);
    }

    /// A child could not be brought up; its IKE_SA lives on.
    pub(crate) fn child_failed(
        &mut self,
        name: &Arc<str>,
        failure: Failure,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        self.wait_for_child(name, decide_child(failure), failure.to_string(), world);
        let goal = Goal::Child(Arc::clone(name));
        self.attempts.failed(&goal, &failure.to_string());
        if !self.wants.stands(name) {
            self.wants.met(&goal);
        }
        self.trap_after_failure(name, actions);
        self.reconcile(world, actions);
    }

    /// A child is gone while its IKE_SA lives on, in which we have this role.
    pub(crate) fn child_down(
        &mut self,
        role: Role,
        child: &ChildRecord,
        cause: ChildDownCause,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        let name = &child.up.name;
        let configured = self.config.children.get(&**name);
        let restart = configured.is_some_and(|child| child.close_action == CloseAction::Start);
        let trap = configured.is_some_and(|child| child.close_action == CloseAction::Trap);
        let wait = match cause {
            ChildDownCause::IkeSaClosed | ChildDownCause::Rekeyed => return,
            ChildDownCause::PeerDeleted => {
                if restart && !self.wants.withdrawn() {
                    self.wants.revive(Arc::clone(name));
                }
                if trap {
                    self.want_trap(name);
                }
                !self.trusts(world.now.saturating_duration_since(child.up.at))
            }
            ChildDownCause::Expired | ChildDownCause::Terminated => false,
            ChildDownCause::Inactive => {
                // Nobody misses it until traffic or an operator asks.
                self.wants.withdraw_child(name);
                false
            }
        };
        if wait && self.wants.child(name) {
            let reason = "the peer closed it soon after it came up".to_owned();
            self.wait_for_child(name, Decision::BackOff, reason, world);
        } else if let Some(child) = self.children.get_mut(name) {
            child.backoff.reset();
            child.pending = None;
        }
        if role == Role::Responder && self.wants.child(name) {
            // Both ends may have lost it, and both may want it back.
            let child = self.children.entry(Arc::clone(name)).or_default();
            child.until = child.until.max(Some(world.now + RESPONDER_GRACE));
        }
        self.reconcile(world, actions);
    }

    fn wait_for_child(
        &mut self,
        name: &Arc<str>,
        decision: Decision,
        reason: String,
        world: &World<'_>,
    ) {
        let pace = match decision {
            Decision::BackOffSlowly => Pace::Slow,
            _ => Pace::Normal,
        };
        let child = self.children.entry(Arc::clone(name)).or_default();
        let wait = child
            .backoff
            .next(pace, &self.config.reconnect, world.fraction);
        child.pending = None;
        child.until = Some(world.now + wait);
        child.failure = Some(reason.into());
    }

    /// Whether something that was up for this long is past its infancy.
    fn trusts(&self, uptime: Duration) -> bool {
        uptime >= self.config.reconnect.stable_after
    }

    /// An IKE_SA of this connection is over; `record` is what was known of it.
    pub(crate) fn ended(
        &mut self,
        record: &Record,
        cause: EndCause,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        for child in self.children.values_mut() {
            child.pending.take_if(|id| *id == record.id);
        }
        let was_attempt = self.phase == (Phase::Connecting { id: record.id });
        if was_attempt {
            self.phase = Phase::Idle;
        }
        match record.established_at() {
            Some(at) => {
                let uptime = world.now.saturating_duration_since(at);
                self.lost(record, cause, uptime, world, actions);
            }
            // The half-open IKE_SAs of strangers are nobody's attempt.
            None if was_attempt => {
                self.kept.attempt_failed(cause);
                self.attempt_failed(cause, world, actions);
            }
            None => {}
        }
    }

    /// An attempt ended without an IKE_SA.
    pub(super) fn attempt_failed(
        &mut self,
        cause: EndCause,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        if self.replacing.is_none() && self.all_met(world.registry) {
            // The peer was faster.
            self.reconcile(world, actions);
            return;
        }
        let restart = std::mem::take(&mut self.restart) && self.wants_attempt();
        if restart || self.go_elsewhere_or_back(cause, actions) {
            self.reconcile(world, actions);
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.history.failures.increment();
        self.set_reason(cause);
        if cause.concerns_address() && self.rotation.more() && self.wants_attempt() {
            self.attempts.note("trying the peer's next address");
            self.reconcile(world, actions);
            return;
        }
        self.rounds = self.rounds.saturating_add(1);
        let situation = Situation {
            wanted: self.wants_attempt(),
            persistent: self.config.persistent || self.replacing.is_some(),
            established: false,
            stable: false,
            tries_left: self.config.keyingtries == 0 || self.rounds < self.config.keyingtries,
        };
        self.apply(decide(cause, situation), cause, world, actions);
    }

    /// An IKE_SA that was up is gone.
    fn lost(
        &mut self,
        record: &Record,
        cause: EndCause,
        uptime: Duration,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        self.revive_children(record, cause);
        self.redirection.lost(record.id);
        let stable = self.trusts(uptime);
        if stable {
            self.backoff.reset();
        }
        let others = world.registry.newest_usable(&self.config.name).is_some();
        if others || self.phase != Phase::Idle || !self.wants.any() {
            self.reconcile(world, actions);
            return;
        }
        self.set_reason(cause);
        let situation = Situation {
            wanted: true,
            persistent: self.config.persistent,
            established: true,
            stable,
            tries_left: true,
        };
        self.apply(decide(cause, situation), cause, world, actions);
    }

    /// `dpd_action` and `close_action`.
    fn revive_children(&mut self, record: &Record, cause: EndCause) {
        for child in &record.children {
            let name = &child.up.name;
            let Some(configured) = self.config.children.get(&**name) else {
                continue;
            };
            let (restart, trap) = match cause {
                EndCause::Closed(CloseCause::PeerUnresponsive) => (
                    configured.dpd_action == DpdAction::Restart,
                    configured.dpd_action == DpdAction::Trap,
                ),
                EndCause::Closed(CloseCause::PeerDeleted) => (
                    configured.close_action == CloseAction::Start,
                    configured.close_action == CloseAction::Trap,
                ),
                _ => (false, false),
            };
            if trap {
                self.traps.want(name);
            }
            // What is persistent is wanted anyway.
            if restart && !self.config.persistent && !self.wants.withdrawn() {
                self.wants.revive(Arc::clone(name));
            }
        }
    }

    pub(super) fn wants_attempt(&self) -> bool {
        self.wants.any() || self.replacing.is_some()
    }

    fn set_reason(&mut self, cause: EndCause) {
        // What ICMP said is more telling than silence.
        let silence = cause == EndCause::Closed(CloseCause::PeerUnresponsive);
        if !silence || self.reason.is_none() {
            self.reason = Some(cause.text().into());
        }
    }

    fn apply(
        &mut self,
        decision: Decision,
        cause: EndCause,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        let reason = self.reason.clone().unwrap_or_else(|| cause.text().into());
        let pace = match decision {
            Decision::RetryNow => {
                actions.push(Action::Say(format!("{reason}; trying again at once")));
                self.reconcile(world, actions);
                return;
            }
            Decision::Stop => {
                let wanted = self.wants_attempt();
                if wanted {
                    actions.push(Action::Say(reason.to_string()));
                }
                self.wants.give_up();
                self.attempts.all_failed(&reason);
                if wanted {
                    self.traps_after_failure(cause, world, actions);
                }
                self.note_state(world);
                return;
            }
            Decision::BackOff => Pace::Normal,
            Decision::BackOffSlowly => {
                self.refuse_traps(actions);
                Pace::Slow
            }
        };
        let wait = self
            .backoff
            .next(pace, &self.config.reconnect, world.fraction);
        let until = (world.now + wait).max(self.within_budget(world).unwrap_or(world.now));
        let wait = until.saturating_duration_since(world.now);
        self.phase = Phase::Waiting {
            until,
            slow: pace == Pace::Slow,
        };
        let text = format!("{reason}; next try in {:.1} s", wait.as_secs_f64());
        if self.config.persistent {
            // Whoever asked learns the reason now; the attempts go on without them.
            self.attempts.all_failed(&text);
        } else {
            self.attempts.note(&text);
        }
        actions.push(Action::Say(text));
        self.note_state(world);
    }
}

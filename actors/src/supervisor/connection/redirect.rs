//! Following gateways that send us to other ones (RFC 5685), make before break, and going back.

use std::{
    collections::VecDeque,
    net::IpAddr,
    time::{Duration, Instant},
};

use holdfast_ike::sa::{CloseCause, redirect::Gateway};

use super::{Action, Phase, Supervised, World};
use crate::{handle::IkeSaId, supervisor::policy::EndCause};

/// Redirects that are followed within the period; gateways that send us in circles are left
/// (RFC 5685 section 5, MAX_REDIRECTS and REDIRECT_LOOP_DETECT_PERIOD).
const MOST_REDIRECTS: usize = 5;
const PERIOD: Duration = Duration::from_secs(300);

/// Where we were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Redirection {
    target: Option<Target>,
    /// When we followed.
    followed: VecDeque<Instant>,
}

#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) to: Gateway,
    /// Who sent us.
    pub(super) from: Gateway,
    /// The IKE_SA that sent us is gone: it was an attempt.
    attempt: Option<IkeSaId>,
    /// The IKE_SA with that gateway.
    reached: Option<IkeSaId>,
}

impl Redirection {
    pub(super) fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    /// Whether another one may be followed now.
    fn may_follow(&mut self, now: Instant) -> bool {
        let recent = |at: &Instant| now.saturating_duration_since(*at) < PERIOD;
        while self.followed.front().is_some_and(|at| !recent(at)) {
            self.followed.pop_front();
        }
        self.followed.len() < MOST_REDIRECTS
    }

    /// An IKE_SA is established: if it is with the gateway that we were sent to, we are there.
    pub(super) fn established(&mut self, id: IkeSaId) {
        if let Some(target) = &mut self.target {
            target.reached.get_or_insert(id);
        }
    }

    /// An IKE_SA is lost: with the one that we were sent to the redirect is over.
    pub(super) fn lost(&mut self, id: IkeSaId) {
        self.target.take_if(|target| target.reached == Some(id));
    }
}

impl Supervised {
    /// The gateway at the other end of this IKE_SA sends us to another one.
    pub(crate) fn redirected(
        &mut self,
        id: IkeSaId,
        to: Gateway,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        let Some(record) = world.registry.get(id) else {
            return;
        };
        let from = record.path.remote.ip();
        if to == Gateway::Address(from) || self.replacing.is_some() {
            return;
        }
        if !self.redirection.may_follow(world.now) {
            self.redirection.target = None;
            let text = format!("{from} redirects us to {to}: too often, not followed");
            actions.push(Action::Say(text));
            return;
        }
        self.redirection.followed.push_back(world.now);
        actions.push(Action::Say(format!("{from} redirects us to {to}")));
        let attempt = self.phase == (Phase::Connecting { id });
        self.redirection.target = Some(Target {
            to,
            from: Gateway::Address(from),
            attempt: attempt.then_some(id),
            reached: None,
        });
        if !attempt {
            self.needs_replacement(id, world, actions);
        }
    }

    /// An attempt has failed. Whether the next one starts at once: it was redirected, or it was at
    /// the gateway that we were sent to, and the configured one is tried again.
    pub(super) fn go_elsewhere_or_back(
        &mut self,
        cause: EndCause,
        actions: &mut Vec<Action>,
    ) -> bool {
        let Some(target) = &mut self.redirection.target else {
            return false;
        };
        let sent = cause == EndCause::Closed(CloseCause::Redirected);
        if sent && target.attempt.take().is_some() {
            return self.wants_attempt();
        }
        let text = format!(
            "{}: no IKE_SA with {}, to which we were redirected; back to the configured peer",
            cause.text(),
            target.to
        );
        actions.push(Action::Say(text));
        self.redirection.target = None;
        if let Some(old) = self.replacing {
            // It still carries what it carried.
            self.end_replacement();
            actions.push(Action::Say(format!("IKE_SA {old} stays")));
        }
        self.wants_attempt()
    }

    /// Begins an attempt at the gateway that we were sent to.
    pub(super) fn start_redirected(&mut self, actions: &mut Vec<Action>) {
        let Some(Target { to, from, .. }) = self.redirection.target.clone() else {
            return;
        };
        match to {
            Gateway::Address(address) => self.begin_at(address, Some(from), actions),
            Gateway::Name(name) => {
                self.last_ticket += 1;
                let ticket = self.last_ticket;
                self.phase = Phase::Resolving { ticket };
                let names = vec![name.into()];
                actions.push(Action::Resolve { ticket, names });
            }
        }
    }

    /// The name of that gateway has been looked up.
    pub(super) fn resolved_redirect(
        &mut self,
        addresses: &[IpAddr],
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        let from = self
            .redirection
            .target
            .as_ref()
            .map(|target| target.from.clone());
        match addresses.first() {
            Some(address) => self.begin_at(*address, from, actions),
            None => self.attempt_failed(EndCause::Unresolved, world, actions),
        }
    }
}

//! Signs of life of the peer: waits, and attempts that hear nothing, end early.

use std::{net::IpAddr, time::Instant};

use holdfast_ike::sa::Command;

use super::{Action, Phase, Supervised, World};
use crate::{handle::IkeSaId, supervisor::registry::Registry};

/// When the request of an attempt is repeated although its time has not come.
#[derive(Debug, Default)]
pub(super) struct Nudge {
    at: Option<Instant>,
    /// It was repeated not long ago.
    not_before: Option<Instant>,
    /// The network has changed since: also a request that was sent just once may be lost.
    network: bool,
}

impl Nudge {
    /// The request is repeated at this time, whatever was before.
    pub(super) fn because_of_network(&mut self, at: Instant) {
        self.at = Some(at);
        self.network = true;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.at
    }
}

impl Supervised {
    /// The peer is alive: it has sent something. A short wait is over, but for a little jitter,
    /// since two ends that hear each other should not start at the same instant.
    pub(crate) fn peer_seen(&mut self, world: &World<'_>) {
        if let Phase::Waiting { until, slow: false } = &mut self.phase
            && self.backoff.may_cut(&self.config.reconnect, world.now)
        {
            let soon = world.now + self.config.reconnect.initial.mul_f64(world.fraction);
            *until = soon.min(*until);
            self.budget.waive();
        }
    }

    /// The peer is alive: it has answered another connection. An attempt that got no answer so far
    /// does not wait for its next retransmission, which may be a minute away. It repeats its request,
    /// spread like the waits are, and does not begin anew: the peer may know it already and would be
    /// left with half of an IKE_SA.
    pub(crate) fn peer_answers(&mut self, world: &World<'_>) {
        self.peer_seen(world);
        if let Phase::Connecting { id } = self.phase
            && unanswered(id, world.registry)
            && self.nudge.at.is_none()
        {
            let soon = world.now + self.config.reconnect.initial.mul_f64(world.fraction);
            self.nudge.at = Some(soon).max(self.nudge.not_before);
        }
    }

    /// The peer that has not answered the attempt under way.
    pub(crate) fn silent_peer(&self, registry: &Registry) -> Option<IpAddr> {
        let Phase::Connecting { id } = self.phase else {
            return None;
        };
        let record = registry.get(id).filter(|_| unanswered(id, registry))?;
        Some(record.path.remote.ip())
    }

    /// Such an attempt repeats its request now.
    pub(crate) fn ask_again(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        self.nudge.at = Some(world.now).max(self.nudge.not_before);
        self.send_nudge(world, actions);
    }

    /// Repeats the request of an attempt once it is time to.
    pub(super) fn send_nudge(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        if self.nudge.at.take_if(|at| *at <= world.now).is_none() {
            return;
        }
        let network = std::mem::take(&mut self.nudge.network);
        if let Phase::Connecting { id } = self.phase
            && (network || unanswered(id, world.registry))
        {
            let again = world.now + self.config.ike.retransmit.timeout;
            self.nudge.not_before = Some(again);
            self.budget.spend(self.config.reconnect.budget, world.now);
            let command = Command::CheckPath;
            actions.push(Action::Command { id, command });
        }
    }

    /// Whether it is of use to this connection that this peer answers.
    pub(crate) fn awaits(&self, remote: IpAddr, registry: &Registry) -> bool {
        match self.phase {
            Phase::Waiting { slow, .. } => !slow && self.waits_for(remote),
            Phase::Connecting { id } => {
                let at = registry.get(id).map(|record| record.path.remote.ip());
                at == Some(remote) && unanswered(id, registry)
            }
            _ => false,
        }
    }
}

/// Whether an attempt has heard nothing although it has asked more than once.
fn unanswered(id: IkeSaId, registry: &Registry) -> bool {
    registry
        .get(id)
        .is_some_and(|record| record.retransmissions > 0 && record.usable_attempt())
}

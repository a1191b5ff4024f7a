//! Signs of life of the peer: waits, and attempts that hear nothing, end early.

use std::net::IpAddr;

use holdfast_ike::sa::{CloseCause, Command};

use super::{Action, Phase, Supervised, World};
use crate::{handle::IkeSaId, supervisor::registry::Registry};

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
    /// would wait for its next retransmission, so it begins anew, spread like the waits are.
    pub(crate) fn peer_answers(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        self.peer_seen(world);
        if let Phase::Connecting { id } = self.phase
            && unanswered(id, world.registry)
            && !self.nudged
        {
            self.nudged = true;
            let command = Command::Abandon(CloseCause::PeerUnresponsive);
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

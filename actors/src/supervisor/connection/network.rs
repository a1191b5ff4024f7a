//! When our own addresses or routes change.

use std::time::Duration;

use holdfast_ike::sa::{CloseCause, Command};

use super::{Action, Phase, Supervised, World};
use crate::handle::IkeSaId;

impl Supervised {
    /// Whether such news matters to it now.
    pub(crate) fn awaits_network(&self) -> bool {
        match self.phase {
            Phase::Waiting { slow, .. } => !slow,
            Phase::Connecting { .. } => true,
            _ => false,
        }
    }

    /// The IKE_SA that is being negotiated.
    pub(crate) fn connecting(&self) -> Option<IkeSaId> {
        match self.phase {
            Phase::Connecting { id } => Some(id),
            _ => None,
        }
    }

    /// The peer may be in reach again. `stranded` says that an attempt under way uses an address that
    /// does not lead to the peer any more; many attempts repeat their requests over the time `spread`.
    pub(crate) fn network_changed(
        &mut self,
        stranded: bool,
        spread: Duration,
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) {
        match &mut self.phase {
            Phase::Waiting { until, slow: false } => {
                // A network that comes and goes all the time must not bring an attempt each time.
                if self.backoff.may_cut(&self.config.reconnect, world.now) {
                    self.attempts.note("the network has changed");
                    self.phase = Phase::Idle;
                    self.reconcile(world, actions);
                } else {
                    *until = (*until).min(world.now + self.config.reconnect.initial);
                }
            }
            Phase::Connecting { id } if stranded => {
                let id = *id;
                self.attempts
                    .note("the network has changed: beginning anew");
                self.restart = true;
                let command = Command::Abandon(CloseCause::PeerUnresponsive);
                actions.push(Action::Command { id, command });
            }
            Phase::Connecting { .. } => {
                self.nudge
                    .because_of_network(world.now + spread.mul_f64(world.fraction));
                self.send_nudge(world, actions);
            }
            _ => {}
        }
    }
}

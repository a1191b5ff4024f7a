//! Names of the peer are looked up for each attempt, and again every minute or so while the connection
//! is wanted. The system's resolver does not tell how long an answer may be kept; it, or the name
//! server behind it, keeps that time, and asking it again costs nothing until it is over.
//!
//! A peer that has moved is called at its new address at once when the connection is down. An IKE_SA
//! that is up stays: MOBIKE moves it, or it is found dead and followed by one with the new address.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    time::{Duration, Instant},
};

use holdfast_config::Endpoint;
use holdfast_ike::sa::{CloseCause, Command};

use super::{Action, Phase, Supervised, World};

/// Between two look-ups, up to a quarter more or less.
const REFRESH: Duration = Duration::from_secs(60);

/// When the names are looked up again.
#[derive(Debug, Default)]
pub(super) struct Refresh {
    due: Option<Instant>,
    /// The look-up under way.
    ticket: Option<u64>,
}

impl Refresh {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }
}

impl Supervised {
    /// The names of the peer that can be called.
    pub(super) fn host_names(&self) -> Vec<String> {
        self.config
            .usable_remotes()
            .filter_map(|endpoint| match endpoint {
                Endpoint::Host(name) => Some(name.clone()),
                _ => None,
            })
            .collect()
    }

    /// Whether an attempt waits for this look-up.
    pub(crate) fn resolves(&self, ticket: u64) -> bool {
        self.phase == (Phase::Resolving { ticket })
    }

    /// Looks names up again when it is time to.
    pub(super) fn refresh_names(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        if !self.wants_attempt() {
            self.refresh = Refresh::default();
            return;
        }
        let due = self.refresh.due;
        if due.is_some_and(|due| due > world.now) {
            return;
        }
        let names = self.host_names();
        if names.is_empty() {
            return;
        }
        self.refresh.due = Some(world.now + REFRESH.mul_f64(0.75 + world.fraction / 2.0));
        // The first one is an attempt's own.
        if due.is_some() && !matches!(self.phase, Phase::Resolving { .. }) {
            self.last_ticket += 1;
            let ticket = self.last_ticket;
            self.refresh.ticket = Some(ticket);
            actions.push(Action::Resolve { ticket, names });
        }
    }

    /// Whether this is the answer to such a look-up, which then has been dealt with.
    pub(super) fn refreshed(
        &mut self,
        ticket: u64,
        addresses: &[IpAddr],
        world: &World<'_>,
        actions: &mut Vec<Action>,
    ) -> bool {
        if self.refresh.ticket != Some(ticket) {
            return false;
        }
        self.refresh.ticket = None;
        // Name servers deal the same addresses in another order each time.
        let set = |addresses: &[IpAddr]| addresses.iter().copied().collect::<BTreeSet<_>>();
        if !addresses.is_empty() && set(addresses) != set(&self.resolved) {
            self.resolved = addresses.to_vec();
            self.renew_traps(actions);
            actions.push(Action::Say(
                "the peer's name has other addresses now".into(),
            ));
            self.follow_names(world, actions);
        }
        true
    }

    fn follow_names(&mut self, world: &World<'_>, actions: &mut Vec<Action>) {
        match self.phase {
            Phase::Waiting { .. } if self.backoff.may_cut(&self.config.reconnect, world.now) => {
                self.phase = Phase::Idle;
                self.reconcile(world, actions);
            }
            Phase::Connecting { id } if self.calls_nobody(id, world) => {
                self.restart = true;
                let command = Command::Abandon(CloseCause::PeerUnresponsive);
                actions.push(Action::Command { id, command });
            }
            _ => {}
        }
    }

    /// Whether an attempt goes to an address that the peer does not have any more.
    fn calls_nobody(&self, id: crate::handle::IkeSaId, world: &World<'_>) -> bool {
        let Some(record) = world.registry.get(id) else {
            return false;
        };
        let at = record.path.remote.ip();
        let named = Endpoint::Address(at);
        record.usable_attempt()
            && !self.resolved.contains(&at)
            && !self.config.remote_addrs.contains(&named)
    }
}

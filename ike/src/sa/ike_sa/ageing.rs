//! What time does to CHILD_SAs, and to the proof of who the ends are.

use std::time::{Duration, Instant};

use super::{IkeSa, establish::Purpose};
use crate::{
    Environment,
    sa::{
        child::{Child, rekey_after},
        event::ChildDownCause,
        io::Role,
        timers::Timer,
    },
};

/// However little time the peer gives us, the IKE_SA must be of some use.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(1);

/// What is to be done about a CHILD_SA now.
enum Due {
    Remove,
    Close,
    Rekey,
}

impl IkeSa {
    /// Both ends have just proven who they are: how long that lasts. Rekeying does not renew it
    /// (RFC 7296 section 2.8.3).
    pub(super) fn arm_reauthentication(&mut self, now: Instant, env: &mut dyn Environment) {
        let reauth = self.connection.reauth;
        if !reauth.time.is_zero() {
            let time = rekey_after(reauth.time, reauth.rand_time, env);
            self.timers.set_after(Timer::Reauthenticate, now, time);
        }
        if !reauth.over_time.is_zero() {
            self.timers.set_after(Timer::Overdue, now, reauth.over_time);
        }
    }

    /// The responder forgets our proof after this time (RFC 4478). Enough is left for a new IKE_SA with
    /// all children, and not all initiators come at once.
    pub(super) fn obey_lifetime(
        &mut self,
        lifetime: Option<Duration>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(lifetime) = lifetime.filter(|_| self.role == Role::Initiator) else {
            return;
        };
        let time = rekey_after(lifetime * 9 / 10, lifetime / 20, env);
        let at = now.checked_add(time.max(SHORTEST_LIFETIME));
        let earlier = |present: Instant| at.is_some_and(|at| at < present);
        if let Some(at) = at
            && self.is_established()
            && self.timers.get(Timer::Reauthenticate).is_none_or(earlier)
        {
            self.timers.set(Timer::Reauthenticate, at);
        }
    }

    /// Since when a new CHILD_SA has carried nothing: what it replaces may have been idle before.
    pub(super) fn last_use_before(
        &mut self,
        purpose: Purpose,
        now: Instant,
        env: &dyn Environment,
    ) -> Instant {
        let Purpose::Replace(old) = purpose else {
            return now;
        };
        let carried = env.last_used(old);
        self.child_mut(old)
            .map_or(now, |old| carried.unwrap_or(old.used).max(old.used))
    }

    pub(super) fn on_child_deadlines(&mut self, now: Instant, env: &mut dyn Environment) {
        let due: Vec<_> = self
            .children
            .iter_mut()
            .filter_map(|child| Some((child.inbound_spi, due(child, now, env)?)))
            .collect();
        for (inbound_spi, due) in due {
            match due {
                Due::Remove => self.remove_child(inbound_spi, ChildDownCause::Rekeyed, env),
                Due::Close => {
                    self.lose_child(inbound_spi, ChildDownCause::Inactive, now, env);
                }
                Due::Rekey => self.rekey_child(inbound_spi, None),
            }
        }
        self.arm_children();
    }
}

fn due(child: &mut Child, now: Instant, env: &dyn Environment) -> Option<Due> {
    child.deadline().filter(|at| *at <= now)?;
    if !child.exists_at_peer() {
        return Some(Due::Remove);
    }
    if child.idle_at().is_some_and(|at| at <= now) {
        child.used = env
            .last_used(child.inbound_spi)
            .map_or(child.used, |used| used.max(child.used));
        if child.idle_at().is_some_and(|at| at <= now) {
            return Some(Due::Close);
        }
    }
    child.rekey_at.take_if(|at| *at <= now).map(|_| Due::Rekey)
}

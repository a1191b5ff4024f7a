//! The sending thread's part in traps: it catches packets without a CHILD_SA and sends them when
//! there is one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    outbound::Outbound,
    shared::{count, is_local_chatter},
    traps::{Held, Trap},
};
use crate::packet::{header::Header, segment::Plan};

/// Traps in which something waits at one time; what others catch is dropped, but they ask for their
/// CHILD_SAs all the same.
const MOST_WAITING: usize = 256;

/// Least time between two reports of packets without an SA.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// Where something waits.
#[derive(Default)]
pub(super) struct Waiting {
    traps: Vec<Arc<Trap>>,
    /// The newest SA that sent something meanwhile.
    newest: Option<u64>,
    /// When a packet without SA and trap was last reported.
    reported: Option<Instant>,
}

impl Waiting {
    /// Whether something may have waited for an SA of this order that is about to send, and must
    /// go first.
    pub(super) fn precedes(&mut self, order: u64) -> bool {
        let new = !self.traps.is_empty() && self.newest.is_none_or(|newest| order > newest);
        if new {
            self.newest = Some(order);
        }
        new
    }

    /// Whether something waits.
    pub(super) fn any(&self) -> bool {
        !self.traps.is_empty()
    }
}

impl Outbound {
    /// A packet that no SA is for.
    pub(super) fn without_sa(&mut self, header: &Header, plan: Plan, length: usize) {
        if is_local_chatter(header.destination) {
            return;
        }
        match self.shared.traps.find(header) {
            Some(trap) => self.catch(&trap, header, plan, length),
            None => self.report(header),
        }
    }

    fn catch(&mut self, trap: &Arc<Trap>, header: &Header, plan: Plan, length: usize) {
        let counts = &self.shared.counts;
        count(&counts.trapped, plan.count());
        let waits = &mut self.waiting.traps;
        let known = waits.iter().any(|other| Arc::ptr_eq(other, trap));
        let now = Instant::now();
        let room = known || waits.len() < MOST_WAITING;
        if room && !known {
            waits.push(Arc::clone(trap));
        }
        let dropped = if room {
            trap.hold(Held {
                frame: self.frame[..length].into(),
                header: *header,
                plan,
                since: now,
            })
        } else {
            plan.count()
        };
        count(&counts.trap_dropped, dropped);
        if trap.is_to_ask(now) && self.shared.tell_acquire(trap.id, header) {
            trap.asked(now);
        }
    }

    /// Sends what an SA covers by now.
    pub(super) fn release(&mut self) {
        let now = Instant::now();
        let shared = Arc::clone(&self.shared);
        for trap in std::mem::take(&mut self.waiting.traps) {
            let (released, old) = trap.release(now, |header| shared.tables.outbound(header));
            count(&shared.counts.trap_dropped, old);
            for (held, sa) in released {
                // In the place of the frame that is being looked at, if one is.
                let own = std::mem::replace(&mut self.frame, held.frame);
                self.protect(&sa, &held.header, &held.plan);
                self.frame = own;
            }
            if !trap.is_empty() {
                self.waiting.traps.push(trap);
            }
        }
    }

    fn report(&mut self, header: &Header) {
        count(&self.shared.counts.no_policy, 1);
        let now = Instant::now();
        let due = self
            .waiting
            .reported
            .is_none_or(|last| now.duration_since(last) >= REPORT_INTERVAL);
        if due {
            self.waiting.reported = Some(now);
            self.shared.tell_without_sa(header);
        }
    }
}

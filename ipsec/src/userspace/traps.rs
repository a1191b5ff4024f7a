//! Traps: traffic that waits for its CHILD_SA, and asks for it.
//!
//! A trap holds the packets that it catches, as many as [`MOST_PACKETS`] and [`MOST_OCTETS`] and for
//! as long as [`PATIENCE`]. The first one asks for the CHILD_SA; a later one asks again when nobody
//! has answered for [`ASK_AGAIN`], so that a question that got lost costs seconds, not hours. What
//! waits leaves in the order in which it came once a CHILD_SA covers it, and is dropped otherwise.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use holdfast_ike::TrafficSelector;

use super::{
    policy_table::{Fit, PolicyTable, Target},
    sa::Sa,
};
use crate::{
    packet::{header::Header, segment::Plan},
    policy::{Policy, PolicyId},
};

/// Frames that wait in one trap.
const MOST_PACKETS: usize = 64;

/// Their octets: room for two frames of the largest size.
const MOST_OCTETS: usize = 128 * 1024;

/// How long a frame may wait. An application has sent it anew by then.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// When a question without an answer is asked again.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(3);

/// A frame that waits, with what was read of it.
pub(crate) struct Held {
    pub(crate) frame: Box<[u8]>,
    pub(crate) header: Header,
    pub(crate) plan: Plan,
    pub(crate) since: Instant,
}

/// One trap.
pub(crate) struct Trap {
    pub(crate) id: PolicyId,
    local_ts: Box<[TrafficSelector]>,
    remote_ts: Box<[TrafficSelector]>,
    order: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Held>,
    octets: usize,
    /// When the CHILD_SA was asked for, until that is answered.
    asked: Option<Instant>,
    /// The trap is gone: nothing waits in it any more.
    closed: bool,
}

impl Trap {
    /// Lets a frame wait. Says how many packets were dropped to make room.
    pub(crate) fn hold(&self, held: Held) -> usize {
        let mut state = self.state();
        let mut dropped = state.drop_old(held.since);
        if state.closed || held.frame.len() > MOST_OCTETS {
            return dropped + held.plan.count();
        }
        state.octets += held.frame.len();
        state.queue.push_back(held);
        while state.queue.len() > MOST_PACKETS || state.octets > MOST_OCTETS {
            dropped += state.drop_first();
        }
        dropped
    }

    /// Whether the CHILD_SA is to be asked for.
    pub(crate) fn is_to_ask(&self, now: Instant) -> bool {
        let state = self.state();
        let due = |asked| now.saturating_duration_since(asked) >= ASK_AGAIN;
        !state.closed && state.asked.is_none_or(due)
    }

    /// The CHILD_SA was asked for.
    pub(crate) fn asked(&self, now: Instant) {
        self.state().asked = Some(now);
    }

    /// Takes out what a CHILD_SA covers now, in order, and says how many packets are too old.
    pub(crate) fn release(
        &self,
        now: Instant,
        find: impl Fn(&Header) -> Option<Arc<Sa>>,
    ) -> (Vec<(Held, Arc<Sa>)>, usize) {
        let mut state = self.state();
        let dropped = state.drop_old(now);
        let mut released = Vec::new();
        for held in std::mem::take(&mut state.queue) {
            match find(&held.header) {
                Some(sa) => {
                    state.octets -= held.frame.len();
                    released.push((held, sa));
                }
                None => state.queue.push_back(held),
            }
        }
        if !released.is_empty() {
            state.asked = None;
        }
        (released, dropped)
    }

    /// The CHILD_SA will not come. Says how many packets have waited in vain.
    pub(crate) fn fail(&self) -> usize {
        let mut state = self.state();
        state.asked = None;
        state.drop_all()
    }

    /// The trap is removed. Says how many packets have waited in vain.
    fn close(&self) -> usize {
        let mut state = self.state();
        state.closed = true;
        state.drop_all()
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.state().queue.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn drop_old(&mut self, now: Instant) -> usize {
        let mut dropped = 0;
        let old = |held: &Held| now.saturating_duration_since(held.since) >= PATIENCE;
        while self.queue.front().is_some_and(old) {
            dropped += self.drop_first();
        }
        dropped
    }

    fn drop_first(&mut self) -> usize {
        let Some(held) = self.queue.pop_front() else {
            return 0;
        };
        self.octets -= held.frame.len();
        held.plan.count()
    }

    fn drop_all(&mut self) -> usize {
        self.octets = 0;
        self.queue.drain(..).map(|held| held.plan.count()).sum()
    }
}

impl Target for Trap {
    fn local_ts(&self) -> &[TrafficSelector] {
        &self.local_ts
    }

    fn remote_ts(&self) -> &[TrafficSelector] {
        &self.remote_ts
    }

    fn order(&self) -> u64 {
        self.order
    }
}

/// All traps. Look-ups never wait; changes wait for each other.
pub(crate) struct Traps {
    table: PolicyTable<Trap>,
    by_id: Mutex<HashMap<PolicyId, Arc<Trap>>>,
    count: AtomicUsize,
}

impl Traps {
    /// None.
    pub(crate) fn new() -> Self {
        Self {
            table: PolicyTable::new(),
            by_id: Mutex::default(),
            count: AtomicUsize::new(0),
        }
    }

    /// The trap that catches a packet.
    pub(crate) fn find(&self, header: &Header) -> Option<Arc<Trap>> {
        self.table.find(header)
    }

    /// How well a trap fits a packet, if one does.
    pub(crate) fn fit(&self, header: &Header) -> Option<Fit> {
        self.table.find_with_fit(header).map(|(_, fit)| fit)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Adds a trap; `None` if its number is taken.
    pub(crate) fn publish(&self, policy: &Policy, order: u64) -> Option<Arc<Trap>> {
        let mut traps = self.by_id();
        if traps.contains_key(&policy.id) {
            return None;
        }
        let trap = Arc::new(Trap {
            id: policy.id,
            local_ts: policy.local_ts.clone().into(),
            remote_ts: policy.remote_ts.clone().into(),
            order,
            state: Mutex::default(),
        });
        // Counted first: whoever installs a CHILD_SA must wake what may wait for it.
        self.count.fetch_add(1, Ordering::Release);
        self.table.insert(&trap);
        traps.insert(policy.id, Arc::clone(&trap));
        Some(trap)
    }

    /// Takes a trap out, and says how many packets have waited in vain.
    pub(crate) fn withdraw(&self, id: PolicyId) -> Option<usize> {
        let mut traps = self.by_id();
        let trap = traps.remove(&id)?;
        self.table.remove(&trap);
        self.count.fetch_sub(1, Ordering::Release);
        Some(trap.close())
    }

    /// Whether this very trap is installed.
    pub(crate) fn holds(&self, trap: &Arc<Trap>) -> bool {
        self.by_id()
            .get(&trap.id)
            .is_some_and(|found| Arc::ptr_eq(found, trap))
    }

    /// The trap with this number.
    pub(crate) fn get(&self, id: PolicyId) -> Option<Arc<Trap>> {
        self.by_id().get(&id).map(Arc::clone)
    }

    fn by_id(&self) -> MutexGuard<'_, HashMap<PolicyId, Arc<Trap>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

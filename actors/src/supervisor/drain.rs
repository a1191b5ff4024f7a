//! The supervisor's part in a shutdown: nothing new, goodbyes at a pace the peers' answers can keep
//! up with, and a count of who is left.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use actix::{AsyncContext, Context, Handler, MessageResult};
use tokio::sync::watch;

use super::{
    FORGET, Supervisor,
    alerts::SHUTDOWN,
    messages::{Drain, ForceRest},
};
use crate::{
    bus::ControlEvent,
    handle::{IkeSaId, Order},
};

/// Goodbyes go out in batches, this far apart.
const TICK: Duration = Duration::from_millis(10);

/// Goodbyes a second that no receive buffer minds; with more IKE_SAs than fit the time they go out
/// faster.
const PER_SECOND: u32 = 1_000;

/// How far the goodbyes are.
pub(super) struct Draining {
    left: watch::Sender<usize>,
    queue: VecDeque<IkeSaId>,
    pace: Pace,
}

/// Spreads goodbyes evenly over a time, however late the ticks come.
#[derive(Clone, Copy, Debug)]
struct Pace {
    began: Instant,
    span: Duration,
    total: usize,
}

impl Pace {
    fn new(total: usize, within: Duration, began: Instant) -> Self {
        let count = u32::try_from(total).unwrap_or(u32::MAX);
        let unhurried = (Duration::from_secs(1) / PER_SECOND).saturating_mul(count);
        Self {
            began,
            span: unhurried.min(within),
            total,
        }
    }

    /// How many of the `waiting` are due.
    fn due(self, waiting: usize, now: Instant) -> usize {
        let elapsed = now.saturating_duration_since(self.began) + TICK;
        if elapsed >= self.span {
            return waiting;
        }
        let by_now = (self.total as u128 * elapsed.as_micros()).div_ceil(self.span.as_micros());
        let by_now = usize::try_from(by_now).unwrap_or(usize::MAX);
        let sent = self.total - waiting;
        by_now.saturating_sub(sent).min(waiting)
    }
}

impl Handler<Drain> for Supervisor {
    type Result = MessageResult<Drain>;

    fn handle(&mut self, drain: Drain, context: &mut Context<Self>) -> Self::Result {
        if let Some(draining) = &self.draining {
            return MessageResult(draining.left.subscribe());
        }
        self.shared.bus.publish(|| ControlEvent::Draining);
        self.alert_all(SHUTDOWN);
        self.keep_all_histories();
        for connection in self.connections.values_mut() {
            connection.drain();
        }
        self.agenda.clear();
        self.arm(context);
        // Those that have no peer to tell go first: they are done at once.
        let (established, half_open): (Vec<_>, Vec<_>) = self
            .registry
            .after(None)
            .partition(|record| record.established.is_some());
        for record in &half_open {
            if let Some(port) = self.ports.get(&record.id) {
                port.order(Order::Drain);
            }
        }
        let queue: VecDeque<_> = established.iter().map(|record| record.id).collect();
        let (left, receiver) = watch::channel(self.registry.len());
        self.draining = Some(Draining {
            left,
            pace: Pace::new(queue.len(), drain.within, Instant::now()),
            queue,
        });
        self.mark_changed(context);
        self.send_goodbyes(context);
        MessageResult(receiver)
    }
}

impl Supervisor {
    fn send_goodbyes(&mut self, context: &mut Context<Self>) {
        let Some(draining) = &mut self.draining else {
            return;
        };
        let due = draining.pace.due(draining.queue.len(), Instant::now());
        for id in draining.queue.drain(..due) {
            self.registry.closing(id);
            if let Some(port) = self.ports.get(&id) {
                port.order(Order::Drain);
            }
        }
        if !draining.queue.is_empty() {
            context.run_later(TICK, Self::send_goodbyes);
        }
    }

    /// After each exit: tells the shutdown how many are left.
    pub(super) fn count_drained(&self) {
        if let Some(draining) = &self.draining {
            draining.left.send_replace(self.registry.len());
        }
    }
}

impl Handler<ForceRest> for Supervisor {
    type Result = MessageResult<ForceRest>;

    fn handle(&mut self, _: ForceRest, _: &mut Context<Self>) -> Self::Result {
        let late: Vec<(IkeSaId, String)> = self
            .registry
            .after(None)
            .map(|record| {
                let name = record.connection.as_deref().unwrap_or("(unnamed)");
                let text = format!("{name}[{}] with {}", record.id, record.path.remote);
                (record.id, text)
            })
            .collect();
        for (id, _) in &late {
            self.command(*id, FORGET);
        }
        MessageResult(late.into_iter().map(|(_, text)| text).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of so many goodbyes is sent if ticks come at these times.
    fn sent(total: usize, within: Duration, ticks: &[u64]) -> Vec<usize> {
        let began = Instant::now();
        let pace = Pace::new(total, within, began);
        let mut waiting = total;
        ticks
            .iter()
            .map(|tick| {
                waiting -= pace.due(waiting, began + Duration::from_millis(*tick));
                total - waiting
            })
            .collect()
    }

    #[test]
    fn goodbyes_are_paced_but_always_through_in_time() {
        let within = Duration::from_secs(5);
        let sent_by = |total, ticks: &[u64]| sent(total, within, ticks);
        assert_eq!(sent_by(1_000, &[0, 10, 20]), [10, 20, 30]);
        // A tick that comes late makes up for it.
        assert_eq!(sent_by(1_000, &[0, 500, 990]), [10, 510, 1_000]);
        assert_eq!(sent_by(100_000, &[0, 2_490, 4_990]), [200, 50_000, 100_000]);
        assert_eq!(sent_by(0, &[0]), [0]);
        assert_eq!(sent(70, Duration::ZERO, &[0]), [70]);
    }
}

//! The supervisor's part in a shutdown: nothing new, goodbyes at a pace the peers' answers can keep
//! up with, and a count of who is left.

use std::{collections::VecDeque, time::Duration};

use actix::{AsyncContext, Context, Handler, MessageResult};
use tokio::sync::watch;

use super::{
    FORGET, Supervisor,
    messages::{Drain, ForceRest},
};
use crate::handle::{IkeSaId, Order};

/// Goodbyes go out in batches, this far apart.
const TICK: Duration = Duration::from_millis(10);

/// Goodbyes a second that no receive buffer minds; with more IKE_SAs than fit the time they go out
/// faster.
const PER_SECOND: u64 = 1_000;

/// How far the goodbyes are.
pub(super) struct Draining {
    left: watch::Sender<usize>,
    queue: VecDeque<IkeSaId>,
    batch: usize,
}

/// How many goodbyes a tick: at the usual pace, or as many as it takes to be through in time.
fn batch_size(count: usize, within: Duration) -> usize {
    let ticks = (within.as_millis() / TICK.as_millis()).max(1);
    let needed = count.div_ceil(usize::try_from(ticks).unwrap_or(usize::MAX));
    let usual = usize::try_from(PER_SECOND * TICK.as_millis() as u64 / 1000).unwrap_or(1);
    needed.max(usual)
}

impl Handler<Drain> for Supervisor {
    type Result = MessageResult<Drain>;

    fn handle(&mut self, drain: Drain, context: &mut Context<Self>) -> Self::Result {
        if let Some(draining) = &self.draining {
            return MessageResult(draining.left.subscribe());
        }
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
            batch: batch_size(queue.len(), drain.within),
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
        let batch = draining.batch.min(draining.queue.len());
        for id in draining.queue.drain(..batch) {
            if let Some(record) = self.registry.get_mut(id) {
                record.closing = true;
            }
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

    #[test]
    fn goodbyes_are_paced_but_always_through_in_time() {
        assert_eq!(batch_size(0, Duration::from_secs(5)), 10);
        assert_eq!(batch_size(1_000, Duration::from_secs(5)), 10);
        assert_eq!(batch_size(100_000, Duration::from_secs(5)), 200);
        assert_eq!(batch_size(7, Duration::ZERO), 10);
        assert_eq!(batch_size(70, Duration::ZERO), 70);
    }
}

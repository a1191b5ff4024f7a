//! Monitored spawn: somebody is always told when an actor ends, whatever ended it.
//!
//! actix has no death-watch: a panic in a handler ends that one actor in silence, and its own
//! `Supervisor` restarts only what stopped of its own will. So every actor's future runs inside
//! [`watch`]: `catch_unwind` around the context's future, and a guard whose drop reports. Catching
//! matters beyond the report: actix polls the actor once more when its future is dropped, and a
//! second panic there would abort the process if the first were still unwinding.

use std::{future::Future, panic::AssertUnwindSafe, thread};

use actix::{
    Actor, Addr, Context,
    dev::channel::{AddressReceiver, channel},
};
use futures::FutureExt;

/// How an actor's future ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It ran to its end.
    Finished,
    /// It panicked.
    Panicked,
    /// Its arbiter dropped it.
    Dropped,
}

/// Reports once, from its drop.
struct ExitGuard<R: FnOnce(Ending)> {
    ending: Ending,
    report: Option<R>,
}

impl<R: FnOnce(Ending)> Drop for ExitGuard<R> {
    fn drop(&mut self) {
        let ending = if thread::panicking() {
            Ending::Panicked
        } else {
            self.ending
        };
        if let Some(report) = self.report.take() {
            report(ending);
        }
    }
}

/// Runs `future` and calls `report` exactly once when it is over: at its end, at its panic, or when
/// the returned future is dropped, polled or not.
pub(crate) fn watch<F, R>(future: F, report: R) -> impl Future<Output = ()>
where
    F: Future,
    R: FnOnce(Ending),
{
    let guard = ExitGuard {
        ending: Ending::Dropped,
        report: Some(report),
    };
    async move {
        // Named whole, or the block would capture a copy of the one field it writes to.
        let mut guard = guard;
        let result = AssertUnwindSafe(future).catch_unwind().await;
        guard.ending = match result {
            Ok(_) => Ending::Finished,
            Err(payload) => {
                log_panic(payload.as_ref());
                // A payload may panic in its drop; the few bytes are not worth that.
                std::mem::forget(payload);
                Ending::Panicked
            }
        };
    }
}

/// Writes the message of a caught panic to the log.
pub(crate) fn log_panic(payload: &(dyn std::any::Any + Send)) {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)");
    tracing::error!(panic = message, "an actor panicked");
}

/// A mailbox whose address exists before the actor does, so that routes to an actor can be made
/// before it sends its first message.
pub(crate) fn mailbox<A>(capacity: usize) -> (Addr<A>, AddressReceiver<A>)
where
    A: Actor<Context = Context<A>>,
{
    let (sender, receiver) = channel(capacity);
    (Addr::new(sender), receiver)
}

/// Starts a singleton on the current arbiter. Singletons hold state that cannot be rebuilt from
/// outside, so the end of one ends the agent: `report` tells the shutdown.
pub(crate) fn spawn_singleton<A>(
    receiver: AddressReceiver<A>,
    actor: A,
    report: impl FnOnce(Ending) + 'static,
) where
    A: Actor<Context = Context<A>>,
{
    let context = Context::with_receiver(receiver);
    actix_rt::spawn(watch(context.into_future(actor), report));
}

#[cfg(test)]
#[path = "monitor_tests.rs"]
mod tests;

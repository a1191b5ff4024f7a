//! Commands that operators have run when something happens.
//!
//! The agent runs none itself: it may be confined so that it cannot. It tells a runner, a process of
//! its own, what happened, and logs what the runner reports. Nobody waits for a command.

mod happening;
mod order;

use std::{
    os::unix::net::UnixStream as StdStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_rt::ArbiterHandle;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    net::{UnixStream, unix::OwnedWriteHalf},
    sync::broadcast::error::{RecvError, TryRecvError},
    time::timeout,
};

use crate::{bus::ControlEvent, environment::Shared};
use happening::Teller;
pub use order::{ChildFacts, Event, Happening, IkeSaFacts, Order, Outcome, Report, Selector};

/// How long the runner may take for an order; it only puts it into a queue.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// What became of the commands.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Ended as they should.
    pub(crate) succeeded: AtomicU64,
    /// Did not.
    pub(crate) failed: AtomicU64,
    /// Orders that were lost.
    pub(crate) lost: AtomicU64,
}

/// Tells the runner at the other end of `stream` what happens until the agent ends.
pub(crate) fn start(arbiter: &ArbiterHandle, stream: StdStream, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    arbiter.spawn(async move {
        let stream = stream
            .set_nonblocking(true)
            .and_then(|()| UnixStream::from_std(stream));
        match stream {
            Ok(stream) => {
                let (reports, orders) = stream.into_split();
                let listening = Arc::clone(&shared);
                actix_rt::spawn(async move { listen(reports, &listening.hooks).await });
                if let Err(error) = tell(orders, &shared).await {
                    tracing::error!(
                        %error,
                        "hooks are not run any more: their runner is gone (restart the agent)"
                    );
                }
            }
            Err(error) => tracing::error!(%error, "hooks are not run"),
        }
    });
}

/// Ends when the agent does, with everything told that happened until then.
async fn tell(mut orders: OwnedWriteHalf, shared: &Shared) -> std::io::Result<()> {
    let mut events = shared.bus.subscribe();
    let mut closing = shared.bus.closing();
    let mut teller = Teller::new(&shared.agent, shared.plane.name());
    loop {
        let event = tokio::select! {
            biased;
            event = events.recv() => event,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        match event {
            Ok(event) => send(&mut orders, &mut teller, &event).await?,
            Err(RecvError::Lagged(missed)) => miss(&shared.hooks, missed),
            Err(RecvError::Closed) => break,
        }
    }
    loop {
        match events.try_recv() {
            Ok(event) => send(&mut orders, &mut teller, &event).await?,
            Err(TryRecvError::Lagged(missed)) => miss(&shared.hooks, missed),
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    orders.shutdown().await
}

fn miss(tally: &Tally, missed: u64) {
    tally.lost.fetch_add(missed, Ordering::Relaxed);
    tracing::warn!(
        missed,
        "too much happens at once: hooks are not told of all"
    );
}

async fn send(
    orders: &mut OwnedWriteHalf,
    teller: &mut Teller,
    event: &ControlEvent,
) -> std::io::Result<()> {
    let Some(order) = teller.order(event) else {
        return Ok(());
    };
    let mut line = serde_json::to_vec(&order)?;
    line.push(b'\n');
    timeout(WRITE_TIMEOUT, orders.write_all(&line)).await?
}

async fn listen(reports: impl AsyncRead + Unpin, tally: &Tally) {
    let mut lines = BufReader::new(reports).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match serde_json::from_str(&line) {
            Ok(report) => {
                count(&report, tally);
                log(&report);
            }
            Err(error) => tracing::error!(%error, "a report about a hook cannot be read"),
        }
    }
}

fn count(report: &Report, tally: &Tally) {
    let counter = match report.outcome {
        Outcome::Exited(0) => &tally.succeeded,
        Outcome::Refused => &tally.lost,
        _ => &tally.failed,
    };
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Writes a report to the log.
pub fn log(report: &Report) {
    let Report {
        connection,
        hook,
        outcome,
        output,
        took,
    } = report;
    let output = output.trim_end();
    match outcome {
        Outcome::Exited(0) => {
            tracing::info!(%connection, %hook, took_ms = took, %output, "hook ran");
        }
        Outcome::Exited(status) => {
            tracing::warn!(%connection, %hook, status, took_ms = took, %output, "hook failed");
        }
        Outcome::Killed(signal) => {
            tracing::warn!(%connection, %hook, signal, took_ms = took, %output, "hook was killed");
        }
        Outcome::TimedOut => {
            tracing::warn!(
                %connection, %hook, took_ms = took, %output,
                "hook took too long and was killed (see hooks.timeout)"
            );
        }
        Outcome::NotStarted(error) => {
            tracing::warn!(%connection, %hook, %error, "hook cannot be run");
        }
        Outcome::Refused => {
            tracing::warn!(%connection, %hook, "hook is not run: too many wait");
        }
        Outcome::NotReloaded(error) => {
            tracing::error!(%error, "hooks stay as they were: the configuration cannot be read");
        }
    }
}

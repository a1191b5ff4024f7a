//! The end of the agent: who may ask for it, and its phases.
//!
//! actix drains nothing by itself: stopping a system throws queued messages away. So the drain is
//! made of ordinary messages, in this order: readiness off; no new IKE_SA_INIT; goodbyes to all
//! peers, paced; exits counted; at the deadline the rest is forgotten and named; the data plane
//! flushed; control sessions closed; threads stopped and joined.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use actix::{Actor, Context, Handler, Message};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{timeout, timeout_at},
};

use crate::{
    data_plane::{DataPlaneActor, Flush},
    environment::Shared,
    post::{Mail, Post},
    supervisor::messages::{Drain, ForceRest},
    transport::{StopAccepting, Transport},
};

/// An actor that answers later than this is as good as dead.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How long forgotten IKE_SAs may take to let go of what they hold.
const FORCED_TIMEOUT: Duration = Duration::from_millis(300);

/// How long control sessions may take to notice.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(100);

/// After an internal failure there is not much to wait for.
const FAILED_DRAIN: Duration = Duration::from_secs(2);

/// How the agent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every peer was told and every IKE_SA ended in time.
    Drained,
    /// So many IKE_SAs did not end in time.
    Late(usize),
    /// A second signal cut the drain short.
    Interrupted,
    /// A part of the agent that it cannot live without failed.
    Failed(&'static str),
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Drained | Self::Late(_) => 0,
            Self::Interrupted => 130,
            Self::Failed(_) => 70,
        }
    }
}

/// Why the agent goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A signal, or the program around us.
    Asked(&'static str),
    /// This part failed.
    Failed(&'static str),
}

/// Asks for the end.
#[derive(Clone, Debug)]
pub(crate) struct ShutdownPort(mpsc::Sender<Cause>);

impl ShutdownPort {
    /// Asks for it. One that finds the queue full comes after others that did.
    pub(crate) fn request(&self, cause: Cause) {
        let _ = self.0.try_send(cause);
    }
}

/// Waits for the end to be asked for.
#[derive(Debug)]
pub(crate) struct Requests {
    port: ShutdownPort,
    asked: mpsc::Receiver<Cause>,
    terminate: Signal,
    interrupt: Signal,
}

impl Requests {
    /// Takes over the signals.
    pub(crate) fn new() -> io::Result<Self> {
        let (sender, asked) = mpsc::channel(8);
        Ok(Self {
            port: ShutdownPort(sender),
            asked,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// For those who may ask.
    pub(crate) fn port(&self) -> ShutdownPort {
        self.port.clone()
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Cause {
        tokio::select! {
            _ = self.terminate.recv() => Cause::Asked("SIGTERM"),
            _ = self.interrupt.recv() => Cause::Asked("SIGINT"),
            // Our own port keeps the channel open.
            Some(cause) = self.asked.recv() => cause,
        }
    }

    /// The next request that was made by somebody outside.
    async fn next_asked(&mut self) -> &'static str {
        loop {
            if let Cause::Asked(by) = self.next().await {
                return by;
            }
        }
    }
}

/// Everybody who has a part in the drain.
pub(crate) struct Drainer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) transport: Post<Transport>,
    pub(crate) data_plane: Post<DataPlaneActor>,
}

impl Drainer {
    /// All phases but the threads. A second request from outside ends it at once.
    pub(crate) async fn run(&self, cause: Cause, requests: &mut Requests) -> Exit {
        let drain = async {
            let exit = self.drain(cause).await;
            self.release().await;
            exit
        };
        tokio::select! {
            exit = drain => exit,
            by = requests.next_asked() => {
                tracing::warn!("{by} again: exiting at once");
                Exit::Interrupted
            }
        }
    }

    async fn drain(&self, cause: Cause) -> Exit {
        let began = Instant::now();
        let (patience, exit) = match cause {
            Cause::Asked(by) => {
                tracing::info!("{by}: shutting down");
                (self.shared.agent.drain_timeout, Exit::Drained)
            }
            Cause::Failed(part) => {
                tracing::error!("the {part} failed: shutting down");
                (FAILED_DRAIN, Exit::Failed(part))
            }
        };
        self.shared.gauges.draining.store(true, Ordering::SeqCst);
        ask(&self.transport, StopAccepting).await;
        let within = patience / 2;
        let supervisor = &self.shared.supervisor;
        let Some(mut left) = ask(supervisor, Drain { within }).await else {
            return Exit::Failed("supervisor");
        };
        let deadline = tokio::time::Instant::from_std(began + patience);
        let in_time = timeout_at(deadline, left.wait_for(|left| *left == 0))
            .await
            .is_ok();
        if in_time {
            tracing::info!(elapsed = ?began.elapsed(), "every IKE_SA has ended");
            return exit;
        }
        let late = ask(supervisor, ForceRest).await.unwrap_or_default();
        for name in &late {
            tracing::warn!("late: {name} did not end in {patience:?}");
        }
        let _ = timeout(FORCED_TIMEOUT, left.wait_for(|left| *left == 0)).await;
        match exit {
            Exit::Drained => Exit::Late(late.len()),
            other => other,
        }
    }

    /// Gives back what the operating system lent, and sends clients away.
    async fn release(&self) {
        if self.data_plane.send(Flush).await.is_err() {
            tracing::error!("the data plane's keeper is gone; something may be left installed");
        }
        self.shared.bus.close();
        let clients = &self.shared.gauges.clients;
        let all_gone = async {
            while clients.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = timeout(GOODBYE_TIMEOUT, all_gone).await;
    }
}

/// Asks an actor that may be dead or stuck.
async fn ask<A, M>(actor: &Post<A>, message: M) -> Option<M::Result>
where
    A: Actor<Context = Context<A>> + Handler<Mail<M>>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    timeout(ANSWER_TIMEOUT, actor.send(message))
        .await
        .ok()?
        .ok()
}

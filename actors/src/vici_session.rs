//! One control client. A plain task: it owns its stream and nothing else, so an actor would add
//! a mailbox and no safety. Nothing here is queued without bound: requests are read one at a time,
//! replies are written before the next is read, events come from a bounded bus, and a client that
//! does not read what it asked for is dropped.

use std::{collections::BTreeSet, future::Future, sync::Arc, time::Duration};

use holdfast_vici::{
    Incoming, Message, Replies, Requests, ServerError,
    server::{self},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf},
    sync::broadcast::{self, error::RecvError},
    time::timeout,
};

use crate::{bus::ControlEvent, commands, environment::Shared};

/// A client that does not take a reply for this long is dropped.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Events that may be registered for. Those of commands that we lack are never sent.
const EVENTS: [&str; 15] = [
    "alert",
    "child-rekey",
    "child-updown",
    "control-log",
    "health",
    "ike-rekey",
    "ike-update",
    "ike-updown",
    "list-authority",
    "list-cert",
    "list-conn",
    "list-policy",
    "list-sa",
    "log",
    "stats",
];

/// The session is over; nobody is left to be told why.
#[derive(Debug)]
pub(crate) struct Gone;

impl From<ServerError> for Gone {
    fn from(error: ServerError) -> Self {
        tracing::debug!(%error, "control client dropped");
        Self
    }
}

/// A client.
pub(crate) struct Session<'a, S> {
    pub(crate) shared: &'a Arc<Shared>,
    requests: Requests<ReadHalf<S>>,
    replies: Replies<WriteHalf<S>>,
    registered: BTreeSet<String>,
    listening: Option<broadcast::Receiver<Arc<ControlEvent>>>,
    /// Arrived while another command was running.
    next: Option<Incoming>,
}

/// Serves a client until it goes.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite>(stream: S, shared: &Arc<Shared>) {
    let (requests, replies) = server::split(stream);
    let mut session = Session {
        shared,
        requests,
        replies,
        registered: BTreeSet::new(),
        listening: None,
        next: None,
    };
    // However it ended, there is nobody to tell.
    let mut closing = shared.bus.closing();
    tokio::select! {
        biased;
        Err(Gone) = session.run() => {}
        _ = closing.wait_for(|closing| *closing) => {
            tracing::debug!("control client sent away");
        }
    }
}

/// What came first while waiting.
enum Heard<T> {
    Done(T),
    Request(Result<Option<Incoming>, ServerError>),
    Event(Result<Arc<ControlEvent>, RecvError>),
}

impl<S: AsyncRead + AsyncWrite> Session<'_, S> {
    async fn run(&mut self) -> Result<std::convert::Infallible, Gone> {
        loop {
            let incoming = match self.next.take() {
                Some(incoming) => incoming,
                None => self.await_request().await?,
            };
            match incoming {
                Incoming::Command { name, message } => {
                    match commands::run(self, &name, &message).await? {
                        Some(response) => self.respond(response).await?,
                        None => within(self.replies.unknown_command()).await?,
                    }
                }
                Incoming::Unreadable { name, error } => {
                    let reason = format!("the arguments of {name} are unreadable: {error}");
                    self.respond(Message::failure(reason)).await?;
                }
                Incoming::Register(event) => self.register(event).await?,
                Incoming::Unregister(event) => {
                    if self.registered.remove(&event) {
                        within(self.replies.confirm()).await?;
                    } else {
                        within(self.replies.unknown_event()).await?;
                    }
                }
            }
        }
    }

    async fn respond(&mut self, response: Message) -> Result<(), Gone> {
        within(self.replies.respond(response)).await
    }

    async fn register(&mut self, event: String) -> Result<(), Gone> {
        if !EVENTS.contains(&event.as_str()) {
            return within(self.replies.unknown_event()).await;
        }
        if self.listening.is_none() {
            self.listening = Some(self.shared.bus.subscribe());
        }
        self.registered.insert(event);
        within(self.replies.confirm()).await
    }

    async fn await_request(&mut self) -> Result<Incoming, Gone> {
        loop {
            match self.hear(std::future::pending::<()>()).await {
                Heard::Done(()) => {}
                Heard::Request(request) => return request?.ok_or(Gone),
                Heard::Event(event) => self.pass_on(event).await?,
            }
        }
    }

    /// Waits for `work`, passing events on meanwhile. Ends early when the client goes: the work
    /// itself must be such that dropping the wait loses nothing.
    pub(crate) async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Gone> {
        let mut work = std::pin::pin!(work);
        loop {
            match self.hear(work.as_mut()).await {
                Heard::Done(value) => return Ok(value),
                Heard::Request(request) => self.next = Some(request?.ok_or(Gone)?),
                Heard::Event(event) => self.pass_on(event).await?,
            }
        }
    }

    async fn hear<T>(&mut self, work: impl Future<Output = T>) -> Heard<T> {
        let listening = &mut self.listening;
        let event = async {
            match listening {
                Some(bus) => bus.recv().await,
                None => std::future::pending().await,
            }
        };
        // One request is kept at most; the rest waits in the socket.
        let reads = self.next.is_none();
        tokio::select! {
            biased;
            value = work => Heard::Done(value),
            event = event => Heard::Event(event),
            request = self.requests.next(), if reads => Heard::Request(request),
        }
    }

    async fn pass_on(&mut self, event: Result<Arc<ControlEvent>, RecvError>) -> Result<(), Gone> {
        match event {
            Ok(event) => match commands::events::render_event(&event, self.shared) {
                Some((name, message)) => self.stream(name, message).await,
                None => Ok(()),
            },
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "control client too slow for its events, dropped");
                Err(Gone)
            }
            Err(RecvError::Closed) => Err(Gone),
        }
    }

    /// Sends an event if the client wants those.
    pub(crate) async fn stream(&mut self, name: &str, message: Message) -> Result<(), Gone> {
        if self.registered.contains(name) {
            within(self.replies.event(name, message)).await?;
        }
        Ok(())
    }

    /// Whether the client wants these events.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.registered.contains(name)
    }
}

async fn within(write: impl Future<Output = Result<(), ServerError>>) -> Result<(), Gone> {
    if let Ok(written) = timeout(WRITE_TIMEOUT, write).await {
        return Ok(written?);
    }
    tracing::warn!("control client does not read, dropped");
    Err(Gone)
}

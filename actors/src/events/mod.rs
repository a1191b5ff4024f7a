//! What happens, told to whoever listens on a socket: as JSON lines, and in the form of charon's
//! error-notify plugin.
//!
//! Listeners are few and only hear. One that does not keep up is sent away; nobody waits for it.

mod error_notify;
mod json;

use std::{sync::Arc, time::Duration};

use actix_rt::ArbiterHandle;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener},
    sync::{Semaphore, broadcast::error::RecvError},
    time::timeout,
};

use crate::{
    bus::{Bus, ControlEvent},
    environment::Shared,
    vici_listener::Listener,
};

/// Listeners at a time on one socket.
const MOST_LISTENERS: usize = 64;

/// How long a listener may take for an event.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause after a failed accept: mostly there is no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What listeners get of an event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// One JSON object a line.
    Json,
    /// charon's error notifications.
    ErrorNotify,
}

impl Form {
    fn render(self, event: &ControlEvent) -> Option<Vec<u8>> {
        match self {
            Self::Json => json::line(event),
            Self::ErrorNotify => error_notify::message(event),
        }
    }
}

/// Serves a socket on `arbiter` until that stops.
pub(crate) fn start(arbiter: &ArbiterHandle, listener: Listener, form: Form, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    arbiter.spawn(async move {
        let served = match listener {
            Listener::Unix(listener, _) => match UnixListener::from_std(listener) {
                Ok(listener) => {
                    let next = || async { listener.accept().await.map(|(stream, _)| stream) };
                    accept(&shared, form, next).await
                }
                Err(error) => error,
            },
            Listener::Tcp(listener) => match TcpListener::from_std(listener) {
                Ok(listener) => {
                    let next = || async { listener.accept().await.map(|(stream, _)| stream) };
                    accept(&shared, form, next).await
                }
                Err(error) => error,
            },
        };
        tracing::error!(error = %served, "events are not served");
    });
}

async fn accept<S, F>(
    shared: &Arc<Shared>,
    form: Form,
    mut next: impl FnMut() -> F,
) -> std::io::Error
where
    S: AsyncRead + AsyncWrite + 'static,
    F: Future<Output = std::io::Result<S>>,
{
    let room = Arc::new(Semaphore::new(MOST_LISTENERS));
    loop {
        let stream = match next().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "listener not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // One too many is sent away at once, which it notices; in the backlog it would wait in vain.
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            tracing::warn!("too many listen to events, one more is sent away");
            continue;
        };
        let shared = Arc::clone(shared);
        actix_rt::spawn(async move {
            serve(stream, form, &shared.bus).await;
            drop(permit);
        });
    }
}

/// Tells one listener until it goes, is too slow, or the agent goes.
async fn serve<S: AsyncRead + AsyncWrite>(stream: S, form: Form, bus: &Bus) {
    let mut events = bus.subscribe();
    let mut closing = bus.closing();
    let (mut ears, mut mouth) = tokio::io::split(stream);
    loop {
        let mut nothing = [0; 64];
        let event = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => return,
            event = events.recv() => event,
            // Listeners have nothing to say: this ends when they go.
            read = ears.read(&mut nothing) => match read {
                Ok(length) if length > 0 => continue,
                _ => return,
            },
        };
        let event = match event {
            Ok(event) => event,
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "a listener is too slow for its events, dropped");
                return;
            }
            Err(RecvError::Closed) => return,
        };
        let Some(text) = form.render(&event) else {
            continue;
        };
        match timeout(WRITE_TIMEOUT, mouth.write_all(&text)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::warn!("a listener does not read its events, dropped");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(work: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(work);
    }

    #[test]
    fn a_listener_hears_events_and_is_let_go() {
        run(async {
            let bus = Bus::default();
            let (ours, mut theirs) = tokio::io::duplex(1024);
            let listening = async {
                let mut text = vec![0; 1024];
                tokio::task::yield_now().await;
                bus.publish(|| ControlEvent::Draining);
                let length = theirs.read(&mut text).await.unwrap();
                let text = String::from_utf8_lossy(&text[..length]).into_owned();
                assert!(text.ends_with("\"event\":\"draining\"}\n"), "{text}");
                drop(theirs);
            };
            tokio::join!(serve(ours, Form::Json, &bus), listening);
            assert!(!bus.is_heard());
        });
    }

    #[test]
    fn a_deaf_listener_is_sent_away() {
        run(async {
            let bus = Bus::default();
            let (ours, _theirs) = tokio::io::duplex(16);
            let deafening = async {
                tokio::task::yield_now().await;
                for _ in 0..1000 {
                    bus.publish(|| ControlEvent::Draining);
                }
            };
            let limit = WRITE_TIMEOUT * 2;
            let both = async { tokio::join!(serve(ours, Form::Json, &bus), deafening) };
            assert!(timeout(limit, both).await.is_ok(), "it is waited for");
        });
    }
}

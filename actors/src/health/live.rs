//! `/live`: the page's news as server-sent events. Listeners are few, and who does not keep up is
//! sent away; a browser comes back by itself and takes the page anew.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    Health,
    page::{self, View},
    throughput,
};

/// Listeners at a time.
const MOST_LISTENERS: usize = 64;

/// Events that may wait for a listener.
const QUEUE: usize = 8;

/// News is collected for so long.
const PACE: Duration = Duration::from_secs(1);

/// A listener that hears nothing for longer may think that nobody is there.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Who listens, and what they know.
#[derive(Debug, Default)]
pub(super) struct Live(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    listeners: Vec<mpsc::Sender<Bytes>>,
    /// The connections as they were last shown.
    marks: BTreeMap<Arc<str>, u64>,
    /// When anything was last told.
    at: Option<Instant>,
}

impl Live {
    fn told(&self) -> MutexGuard<'_, Told> {
        // Nothing panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens from now on. The first event is the version of what there is to see: who has loaded
/// another one loads it again.
pub(super) async fn listen(State(health): State<Arc<Health>>) -> Response {
    let mut told = health.live.told();
    told.listeners.retain(|listener| !listener.is_closed());
    if told.listeners.len() >= MOST_LISTENERS {
        let later = [(header::RETRY_AFTER, "10")];
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            later,
            "too many listeners\n",
        )
            .into_response();
    }
    let (sender, events) = mpsc::channel(QUEUE);
    let hello = health.with_view(|view| {
        if told.listeners.is_empty() {
            told.marks = marks(view);
        }
        event("hello", &format!("{:016x}", page::version(view)))
    });
    // The queue is empty.
    let _ = sender.try_send(hello);
    told.listeners.push(sender);
    drop(told);
    let stream = futures::stream::unfold(events, |mut events| async {
        let event = events.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(event), events))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(stream)).into_response()
}

/// Samples traffic and tells listeners what has changed, for ever.
pub(super) async fn keep_up(health: &Health) {
    let mut sampling = interval(throughput::INTERVAL);
    let mut telling = interval(PACE);
    for ticks in [&mut sampling, &mut telling] {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        tokio::select! {
            at = sampling.tick() => {
                let shared = &health.shared;
                let snapshot = shared.snapshot.load();
                health.throughput().sample(&snapshot, &shared.plane, at.into_std());
            }
            now = telling.tick() => tell(health, now),
        }
    }
}

/// Without listeners there is nothing to do.
fn tell(health: &Health, now: Instant) {
    let mut told = health.live.told();
    if told.listeners.is_empty() {
        return;
    }
    let news = health.with_view(|view| news(&mut told, view));
    let quiet = told.at.is_none_or(|at| now - at >= SIGN_OF_LIFE);
    let event = match news {
        Some(event) => event,
        None if quiet => Bytes::from_static(b":\n\n"),
        None => return,
    };
    told.at = Some(now);
    told.listeners
        .retain(|listener| listener.try_send(event.clone()).is_ok());
}

/// What has changed since the last time.
fn news(told: &mut Told, view: View<'_>) -> Option<Bytes> {
    let marks = marks(view);
    let before = std::mem::replace(&mut told.marks, marks);
    if !before.keys().eq(told.marks.keys()) {
        return Some(event("anew", ""));
    }
    let articles: Vec<String> = view
        .snapshot
        .connections
        .iter()
        .filter(|status| before.get(&status.name) != told.marks.get(&status.name))
        .map(|status| page::article(status, view))
        .collect();
    if articles.is_empty() {
        return None;
    }
    let news = serde_json::json!({ "head": page::head(view), "articles": articles });
    Some(event("changed", &news.to_string()))
}

fn marks(view: View<'_>) -> BTreeMap<Arc<str>, u64> {
    let all = view.snapshot.connections.iter();
    all.map(|status| (Arc::clone(&status.name), page::mark(status, view)))
        .collect()
}

/// `data` is one line.
fn event(name: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

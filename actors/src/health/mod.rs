//! Health over HTTP, on a thread and runtime of its own: it answers when an arbiter is stuck, and
//! says so. It asks no actor: it reads the snapshot that the supervisor publishes.

mod canary;
mod metrics;
mod path;
mod status;

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::sync::oneshot;

pub(crate) use self::canary::Canaries;
use crate::{StartError, environment::Shared};

/// What the handlers know.
struct Health {
    shared: Arc<Shared>,
    canaries: Arc<Canaries>,
}

/// The running server.
#[derive(Debug)]
pub(crate) struct HealthServer {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl HealthServer {
    /// Ends it and its thread.
    pub(crate) fn stop(self) {
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the health thread had panicked");
        }
    }
}

/// Binds the endpoint before anything runs.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        })
        .map_err(|source| StartError::Health { address, source })
}

/// Serves it.
pub(crate) fn start(
    listener: TcpListener,
    shared: Arc<Shared>,
    canaries: Arc<Canaries>,
) -> Result<HealthServer, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (stop, stopped) = oneshot::channel();
    let health = Arc::new(Health { shared, canaries });
    let thread = thread::Builder::new()
        .name("health".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, health) => {}
                    _ = stopped => {}
                }
            });
        })?;
    Ok(HealthServer { stop, thread })
}

async fn serve(listener: TcpListener, health: Arc<Health>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "health checks are not served");
            return;
        }
    };
    let router = Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/status", get(show_status))
        .route("/metrics", get(show_metrics))
        .with_state(health);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "health checks are no longer served");
    }
}

/// Alive: every arbiter answers within a second.
async fn alive(State(health): State<Arc<Health>>) -> Response {
    let stuck = health.canaries.stuck().await;
    if stuck.is_empty() {
        (StatusCode::OK, "ok\n").into_response()
    } else {
        let text = format!("stuck: {}\n", stuck.join(", "));
        (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    }
}

/// Ready: new peers are let in.
async fn ready(State(health): State<Arc<Health>>) -> Response {
    if health.shared.gauges.draining.load(Ordering::SeqCst) {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response()
    } else {
        (StatusCode::OK, "ready\n").into_response()
    }
}

async fn show_status(State(health): State<Arc<Health>>) -> Response {
    axum::Json(status::status(&health.shared)).into_response()
}

async fn show_metrics(State(health): State<Arc<Health>>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics::page(&health.shared) {
        Ok(page) => ([(header::CONTENT_TYPE, OPEN_METRICS)], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics not rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

//! Health over HTTP, on a thread and runtime of its own: it answers when an arbiter is stuck, and
//! says so. It asks no actor: it reads the snapshot that the supervisor publishes.

mod canary;
mod live;
mod metrics;
mod page;
mod path;
mod readiness;
mod status;
mod throughput;

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
};
use socket2::SockRef;
use tokio::sync::oneshot;

pub(crate) use self::canary::Canaries;
use self::{
    live::Live,
    metrics::Form,
    page::{Now, View},
    throughput::Throughput,
};
use crate::{StartError, environment::Shared};

/// Who takes nothing for so long is no longer waited for.
const GIVE_UP: Duration = Duration::from_secs(30);

/// What the handlers know.
struct Health {
    shared: Arc<Shared>,
    canaries: Arc<Canaries>,
    throughput: Mutex<Throughput>,
    live: Live,
    /// What browsers may do with the page.
    policy: HeaderValue,
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
    let health = Arc::new(Health {
        shared,
        canaries,
        throughput: Mutex::default(),
        live: Live::default(),
        policy: HeaderValue::from_str(&page::policy()).expect("ASCII"),
    });
    let thread = thread::Builder::new()
        .name("health".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, Arc::clone(&health)) => {}
                    () = live::keep_up(&health) => {}
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
    let listener = listener.tap_io(|stream| {
        let socket = SockRef::from(&*stream);
        let _ = socket.set_tcp_user_timeout(Some(GIVE_UP));
        let _ = socket.set_tcp_nodelay(true);
    });
    let router = Router::new()
        .route("/", get(show_page))
        .route("/live", get(live::listen))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/status", get(show_status))
        .route("/metrics", get(show_metrics))
        .with_state(health);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "health checks are no longer served");
    }
}

impl Health {
    fn throughput(&self) -> MutexGuard<'_, Throughput> {
        // Nothing panics while the lock is held.
        self.throughput
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `show` on what there is to see now.
    fn with_view<T>(&self, show: impl FnOnce(View<'_>) -> T) -> T {
        let snapshot = self.shared.snapshot.load();
        show(View {
            started: self.shared.started,
            draining: self.shared.gauges.draining.load(Ordering::Relaxed),
            plane: &self.shared.plane,
            snapshot: &snapshot,
            throughput: &self.throughput(),
            now: Now::read(),
        })
    }
}

async fn show_page(State(health): State<Arc<Health>>) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, health.policy.clone()),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, health.with_view(page::page)).into_response()
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

/// Ready: new peers are let in, and what the operator requires is up.
async fn ready(State(health): State<Arc<Health>>) -> Response {
    let shared = &health.shared;
    let draining = shared.gauges.draining.load(Ordering::SeqCst);
    match readiness::judge(&shared.agent.readiness, draining, &shared.snapshot.load()) {
        Ok(()) => (StatusCode::OK, "ready\n").into_response(),
        Err(missing) => (StatusCode::SERVICE_UNAVAILABLE, missing).into_response(),
    }
}

async fn show_status(State(health): State<Arc<Health>>) -> Response {
    axum::Json(status::status(&health.shared)).into_response()
}

async fn show_metrics(State(health): State<Arc<Health>>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT);
    let form = Form::accepted(accept.and_then(|types| types.to_str().ok()));
    match metrics::page(&health.shared, form) {
        Ok(page) => ([(header::CONTENT_TYPE, form.content_type())], page).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics not rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

//! `health`: one event for each connection, up or not.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_vici::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    environment::Shared,
    sandbox::Sandbox,
    supervisor::{
        connection::status::{ChildStatus, ConnectionStatus},
        messages::ListStatus,
        probes::PathStatus,
    },
    vici_session::{Gone, Session},
};

/// Connections asked for at once.
const PAGE: usize = 64;

pub(super) async fn run<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    request: &Message,
) -> Result<Message, Gone> {
    let name = request.get_str("name").map(ToOwned::to_owned);
    let mut cursor: Option<Arc<str>> = None;
    loop {
        let page = ListStatus {
            name: name.clone(),
            cursor,
            limit: PAGE,
        };
        let statuses = match session.shared.supervisor.send(page).await {
            Ok(statuses) => statuses,
            Err(error) => return Ok(super::unavailable(error)),
        };
        if let Some(name) = &name
            && statuses.is_empty()
        {
            return Ok(Message::failure(format!("connection '{name}' not found")));
        }
        cursor = statuses.last().map(|status| Arc::clone(&status.name));
        let last = statuses.len() < PAGE;
        for status in &statuses {
            let message = render(status, session.shared);
            session.stream("health", message).await?;
        }
        if last {
            let sandbox = session.shared.sandbox.as_ref();
            return Ok(Message::success()
                .with_some("state-warning", session.shared.state_warning())
                .with_some("sandbox", sandbox.map(Sandbox::message)));
        }
    }
}

fn render(status: &ConnectionStatus, shared: &Arc<Shared>) -> Message {
    let mut message = Message::new()
        .with("state", status.state.name())
        .with("persistent", status.persistent)
        .with("since", status.since.elapsed().as_secs().to_string());
    message.push_some("peer", status.peer.map(|peer| peer.to_string()));
    message.push_some("remote-id", status.remote_id.as_deref());
    message.push("reason", &*status.reason);
    if let Some(maintenance) = &status.maintenance {
        let since = maintenance.lasts().as_secs().to_string();
        message.push("maintenance", since);
    }
    message.push("failures", status.failures.to_string());
    if let Some(at) = status.next_retry {
        let wait = at.saturating_duration_since(Instant::now());
        message.push("next-retry", millis(wait));
    }
    message.push("summary", status.sentence(Instant::now()));
    message.push("ike-sas", status.ike_sas.to_string());
    let mut children = Message::new();
    for child in &status.children {
        children.push(&*child.name, render_child(child, shared));
    }
    message.push("children", children);
    Message::new().with(&*status.name, message)
}

fn render_child(child: &ChildStatus, shared: &Arc<Shared>) -> Message {
    let mut message = Message::new().with("state", child.state.name());
    if let Some(at) = child.up_since {
        message.push("up-since", at.elapsed().as_secs().to_string());
    }
    let usage = child.inbound.and_then(|spi| shared.plane.usage(spi));
    if let Some(usage) = usage {
        message.push("bytes-in", usage.bytes_in.to_string());
        message.push("bytes-out", usage.bytes_out.to_string());
        message.push("packets-in", usage.packets_in.to_string());
        message.push("packets-out", usage.packets_out.to_string());
    }
    message.push("local-ts", child.local_ts.clone());
    message.push("remote-ts", child.remote_ts.clone());
    if let Some(path) = &child.path {
        message.push("path", render_path(path));
    }
    message
}

/// Losses and times of the last 60 probes; times in microseconds.
fn render_path(path: &PathStatus) -> Message {
    let alive = path.dead_since.is_none();
    let mut message = Message::new()
        .with("target", path.target.to_string())
        .with("state", if alive { "alive" } else { "dead" })
        .with("losses", path.losses.to_string())
        .with("sent", path.measured.sent.to_string())
        .with("lost", path.measured.lost.to_string());
    if let Some(times) = path.measured.round_trip {
        let times = [
            ("rtt-min", times.min),
            ("rtt-avg", times.avg),
            ("rtt-max", times.max),
        ];
        for (key, time) in times {
            message.push(key, time.as_micros().to_string());
        }
    }
    message.push("repairs", path.total.repairs.to_string());
    message.push_some("refused", path.refused.as_deref());
    message
}

fn millis(span: Duration) -> String {
    span.as_millis().to_string()
}

//! `/status`: everything at a glance, as JSON.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use serde::Serialize;

use super::path::PathView;
use crate::{
    environment::Shared,
    sandbox::Sandbox,
    supervisor::connection::status::{ChildStatus, ConnectionStatus},
};

/// The agent.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    version: &'static str,
    uptime_seconds: u64,
    draining: bool,
    data_plane: &'static str,
    ike_sas: usize,
    half_open: usize,
    control_clients: usize,
    reserved_spis: usize,
    /// Only there when keys are being written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_log_warning: Option<String>,
    /// Only there while what should outlive a restart cannot be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_warning: Option<String>,
    /// What the process may still do; not there where nobody confined it.
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<Sandbox>,
    /// Age of what follows.
    snapshot_age_milliseconds: u128,
    connections: BTreeMap<Arc<str>, Connection>,
    counters: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
struct Connection {
    state: &'static str,
    persistent: bool,
    since_seconds: u64,
    peer: Option<String>,
    remote_id: Option<String>,
    reason: Arc<str>,
    /// The same and what comes next, in a sentence.
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    maintenance_seconds: Option<u64>,
    failures: u32,
    next_retry_milliseconds: Option<u128>,
    ike_sas: usize,
    children: BTreeMap<Arc<str>, Child>,
}

#[derive(Debug, Serialize)]
struct Child {
    state: &'static str,
    up_seconds: Option<u64>,
    bytes_in: u64,
    bytes_out: u64,
    packets_in: u64,
    packets_out: u64,
    local_ts: Vec<String>,
    remote_ts: Vec<String>,
    /// Where its path is probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathView>,
}

/// The present status.
pub(super) fn status(shared: &Shared) -> Status {
    let gauges = &shared.gauges;
    let snapshot = shared.snapshot.load();
    let mut counters: BTreeMap<_, _> = shared
        .counters
        .iter()
        .map(|(name, counter)| (name, counter.get()))
        .collect();
    counters.extend(shared.plane.counters().iter());
    Status {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: shared.started.elapsed().as_secs(),
        draining: gauges.draining.load(Ordering::Relaxed),
        data_plane: shared.plane.name(),
        ike_sas: gauges.ike_sas.load(Ordering::Relaxed),
        half_open: gauges.half_open.load(Ordering::Relaxed),
        control_clients: gauges.clients.load(Ordering::Relaxed),
        reserved_spis: shared.plane.reserved(),
        key_log_warning: shared.key_log.as_ref().map(|key_log| {
            format!(
                "every session key is written to {}",
                key_log.directory().display()
            )
        }),
        state_warning: shared.state_warning(),
        sandbox: shared.sandbox.clone(),
        snapshot_age_milliseconds: snapshot.at.elapsed().as_millis(),
        connections: snapshot
            .connections
            .iter()
            .map(|status| (Arc::clone(&status.name), connection(status, shared)))
            .collect(),
        counters,
    }
}

fn connection(status: &ConnectionStatus, shared: &Shared) -> Connection {
    let now = Instant::now();
    Connection {
        state: status.state.name(),
        persistent: status.persistent,
        since_seconds: status.since.elapsed().as_secs(),
        peer: status.peer.map(|peer| peer.to_string()),
        remote_id: status.remote_id.clone(),
        reason: Arc::clone(&status.reason),
        summary: status.sentence(now),
        maintenance_seconds: status
            .maintenance
            .as_ref()
            .map(|maintenance| maintenance.lasts().as_secs()),
        failures: status.failures,
        next_retry_milliseconds: status
            .next_retry
            .map(|at| at.saturating_duration_since(now).as_millis()),
        ike_sas: status.ike_sas,
        children: status
            .children
            .iter()
            .map(|status| (Arc::clone(&status.name), child(status, shared)))
            .collect(),
    }
}

fn child(status: &ChildStatus, shared: &Shared) -> Child {
    let usage = status
        .inbound
        .and_then(|spi| shared.plane.usage(spi))
        .unwrap_or_default();
    Child {
        state: status.state.name(),
        up_seconds: status.up_since.map(|at| at.elapsed().as_secs()),
        bytes_in: usage.bytes_in,
        bytes_out: usage.bytes_out,
        packets_in: usage.packets_in,
        packets_out: usage.packets_out,
        local_ts: status.local_ts.clone(),
        remote_ts: status.remote_ts.clone(),
        path: status.path.as_ref().map(PathView::of),
    }
}

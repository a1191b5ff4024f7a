//! `/metrics`: the counters in OpenMetrics. Made when asked for, from counters that exist anyway.

use std::{fmt, sync::atomic::Ordering};

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};

use super::path::{self, Paths};
use crate::{environment::Shared, supervisor::connection::status::State};

/// The page.
pub(super) fn page(shared: &Shared) -> Result<String, fmt::Error> {
    let mut registry = prometheus_client::registry::Registry::with_prefix("holdfast");
    registry.register_collector(Box::new(Values::take(shared)));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

/// The values at one instant.
#[derive(Debug)]
struct Values {
    counters: Vec<(&'static str, u64)>,
    gauges: Vec<(&'static str, &'static str, i64)>,
    uptime: i64,
    connections: Vec<(String, bool, i64)>,
    paths: Paths,
}

impl Values {
    fn take(shared: &Shared) -> Self {
        let mut counters: Vec<_> = shared
            .counters
            .iter()
            .map(|(name, counter)| (name, counter.get()))
            .collect();
        counters.extend(shared.plane.counters().iter());
        let size = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        let gauges = &shared.gauges;
        let load = |gauge: &std::sync::atomic::AtomicUsize| size(gauge.load(Ordering::Relaxed));
        Self {
            counters,
            gauges: vec![
                ("ike_sas", "IKE_SAs in any state", load(&gauges.ike_sas)),
                (
                    "ike_sas_half_open",
                    "IKE_SAs that have not authenticated",
                    load(&gauges.half_open),
                ),
                (
                    "control_clients",
                    "Control clients connected",
                    load(&gauges.clients),
                ),
                (
                    "draining",
                    "Whether the agent is shutting down",
                    i64::from(gauges.draining.load(Ordering::Relaxed)),
                ),
                (
                    "esp_spis_reserved",
                    "Inbound SPIs reserved or installed",
                    size(shared.plane.reserved()),
                ),
            ],
            paths: path::of(&shared.snapshot.load().connections),
            uptime: i64::try_from(shared.started.elapsed().as_secs()).unwrap_or(i64::MAX),
            connections: shared
                .snapshot
                .load()
                .connections
                .iter()
                .map(|status| {
                    (
                        status.name.to_string(),
                        status.state == State::Up,
                        size(status.ike_sas),
                    )
                })
                .collect(),
        }
    }
}

impl prometheus_client::collector::Collector for Values {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, value) in &self.counters {
            let name = name.replace('-', "_");
            let metric = ConstCounter::new(*value);
            let descriptor =
                encoder.encode_descriptor(&name, "Events", None, metric.metric_type())?;
            metric.encode(descriptor)?;
        }
        for (name, help, value) in &self.gauges {
            let metric = ConstGauge::new(*value);
            let descriptor = encoder.encode_descriptor(name, help, None, metric.metric_type())?;
            metric.encode(descriptor)?;
        }
        let uptime = ConstGauge::new(self.uptime);
        let descriptor = encoder.encode_descriptor(
            "uptime",
            "Time since the start",
            Some(&Unit::Seconds),
            uptime.metric_type(),
        )?;
        uptime.encode(descriptor)?;
        self.encode_connections(&mut encoder)?;
        path::encode(&self.paths, &mut encoder)
    }
}

impl Values {
    fn encode_connections(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        if self.connections.is_empty() {
            return Ok(());
        }
        let kind = ConstGauge::new(0_i64).metric_type();
        let help = "Whether everything wanted of a connection is up";
        let mut descriptor = encoder.encode_descriptor("connection_up", help, None, kind)?;
        for (name, up, _) in &self.connections {
            let labels = [("connection", name.as_str())];
            ConstGauge::new(i64::from(*up)).encode(descriptor.encode_family(&labels)?)?;
        }
        let help = "IKE_SAs of a connection";
        let mut descriptor = encoder.encode_descriptor("connection_ike_sas", help, None, kind)?;
        for (name, _, count) in &self.connections {
            let labels = [("connection", name.as_str())];
            ConstGauge::new(*count).encode(descriptor.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

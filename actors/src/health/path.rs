//! The path of a tunnel as `/status` and `/metrics` show it.

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use serde::Serialize;

use crate::supervisor::{connection::status::ConnectionStatus, probes::PathStatus};

/// As JSON. Losses and times are those of the last 60 probes.
#[derive(Debug, Serialize)]
pub(super) struct PathView {
    target: String,
    alive: bool,
    dead_seconds: Option<u64>,
    /// In a row.
    losses: u32,
    sent: u32,
    lost: u32,
    round_trip_milliseconds: Option<Milliseconds>,
    repairs: u64,
    /// Why none is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

#[derive(Debug, Serialize)]
struct Milliseconds {
    min: f64,
    avg: f64,
    max: f64,
}

impl PathView {
    /// A path as it is now.
    pub(super) fn of(path: &PathStatus) -> Self {
        // Microseconds are as exact as it is.
        let round = |time: std::time::Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        Self {
            target: path.target.to_string(),
            alive: path.dead_since.is_none(),
            dead_seconds: path.dead_since.map(|since| since.elapsed().as_secs()),
            losses: path.losses,
            sent: path.measured.sent,
            lost: path.measured.lost,
            round_trip_milliseconds: path.measured.round_trip.map(|times| Milliseconds {
                min: round(times.min),
                avg: round(times.avg),
                max: round(times.max),
            }),
            repairs: path.total.repairs,
            refused: path.refused.clone(),
        }
    }
}

/// The paths that are probed, each with its connection and child.
pub(super) type Paths = Vec<(String, String, PathStatus)>;

/// Those of these connections.
pub(super) fn of(connections: &[ConnectionStatus]) -> Paths {
    let of_connection = |connection: &ConnectionStatus| -> Paths {
        let paths = connection.children.iter().filter_map(|child| {
            let path = child.path.clone()?;
            Some((connection.name.to_string(), child.name.to_string(), path))
        });
        paths.collect()
    };
    connections.iter().flat_map(of_connection).collect()
}

/// Writes what is measured of the paths.
pub(super) fn encode(paths: &Paths, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
    if paths.is_empty() {
        return Ok(());
    }
    let gauges: [(&str, &str, fn(&PathStatus) -> f64); 3] = [
        ("path_up", "Whether probes get through a tunnel", |path| {
            f64::from(u8::from(path.dead_since.is_none()))
        }),
        (
            "path_round_trip_seconds",
            "Average round-trip time of the last 60 probes of a tunnel",
            |path| {
                let times = path.measured.round_trip;
                times.map_or(f64::NAN, |times| times.avg.as_secs_f64())
            },
        ),
        (
            "path_loss_ratio",
            "Lost ones among the last 60 probes of a tunnel",
            |path| f64::from(path.measured.lost) / f64::from(path.measured.sent.max(1)),
        ),
    ];
    for (name, help, value) in gauges {
        let kind = ConstGauge::new(0.0).metric_type();
        let mut descriptor = encoder.encode_descriptor(name, help, None, kind)?;
        for (connection, child, path) in paths {
            let labels = [("connection", connection.as_str()), ("child", child)];
            ConstGauge::new(value(path)).encode(descriptor.encode_family(&labels)?)?;
        }
    }
    let counters: [(&str, &str, fn(&PathStatus) -> u64); 3] = [
        (
            "path_probes_answered",
            "Probes of a tunnel that were answered",
            |path| path.total.answered,
        ),
        (
            "path_probes_lost",
            "Probes of a tunnel that were lost",
            |path| path.total.lost,
        ),
        (
            "path_repairs",
            "Repairs of a tunnel whose probes were lost",
            |path| path.total.repairs,
        ),
    ];
    for (name, help, value) in counters {
        let kind = ConstCounter::new(0_u64).metric_type();
        let mut descriptor = encoder.encode_descriptor(name, help, None, kind)?;
        for (connection, child, path) in paths {
            let labels = [("connection", connection.as_str()), ("child", child)];
            ConstCounter::new(value(path)).encode(descriptor.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

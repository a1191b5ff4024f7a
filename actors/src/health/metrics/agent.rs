//! What concerns the agent as a whole.

use std::{
    fmt,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use holdfast_ike::Counters;
use holdfast_ipsec::PlaneCounters;
use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter},
};

use super::family::{Family, family, seconds};
use crate::{environment::Shared, histogram::Reading, hooks::Tally};

/// The values at one instant.
#[derive(Debug)]
pub(super) struct Values {
    counters: Vec<(Counted, u64)>,
    gauges: Vec<(Family, i64)>,
    hooks: [(&'static str, u64); 3],
    uptime: f64,
    actors: Vec<Actor>,
}

#[derive(Debug)]
struct Counted {
    name: &'static str,
    meaning: &'static str,
}

#[derive(Debug)]
struct Actor {
    kind: &'static str,
    waiting: i64,
    handling: Reading,
}

impl Values {
    pub(super) fn take(shared: &Shared) -> Self {
        let protocol = shared.counters.iter().zip(Counters::meanings());
        let plane = shared.plane.counters();
        let plane = plane.iter().zip(PlaneCounters::meanings());
        Self {
            counters: protocol
                .map(|((name, counter), (_, meaning))| (Counted { name, meaning }, counter.get()))
                .chain(
                    plane.map(|((name, value), (_, meaning))| (Counted { name, meaning }, value)),
                )
                .collect(),
            gauges: gauges(shared),
            hooks: hooks(&shared.hooks),
            uptime: shared.started.elapsed().as_secs_f64(),
            actors: shared
                .meters
                .iter()
                .map(|(kind, meter)| Actor {
                    kind,
                    waiting: size(meter.waiting()),
                    handling: meter.handling().read(),
                })
                .collect(),
        }
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        family("build_info", "The version that runs").gauges(encoder, [(version, 1)])?;
        for (Counted { name, meaning }, value) in &self.counters {
            let name = name.replace('-', "_");
            let help = meaning.trim().trim_end_matches('.');
            let kind = MetricType::Counter;
            let row = encoder.encode_descriptor(&name, help, None, kind)?;
            ConstCounter::new(*value).encode(row)?;
        }
        for (family, value) in &self.gauges {
            family.gauge(encoder, *value)?;
        }
        let outcomes = self.hooks.iter();
        family("hooks", "Operators' commands by what became of them").counters(
            encoder,
            outcomes.map(|(outcome, count)| ([("outcome", *outcome)], *count)),
        )?;
        seconds("uptime", "Time since the start").fraction(encoder, self.uptime)?;
        family(
            "actor_mailbox_messages",
            "Messages waiting for actors of a kind",
        )
        .gauges(
            encoder,
            self.actors
                .iter()
                .map(|actor| ([("actor", actor.kind)], actor.waiting)),
        )?;
        seconds(
            "actor_handling",
            "Time that actors of a kind took for a message",
        )
        .histograms(
            encoder,
            self.actors
                .iter()
                .map(|actor| ([("actor", actor.kind)], actor.handling.clone())),
        )
    }
}

fn hooks(tally: &Tally) -> [(&'static str, u64); 3] {
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    [
        ("succeeded", load(&tally.succeeded)),
        ("failed", load(&tally.failed)),
        ("lost", load(&tally.lost)),
    ]
}

fn gauges(shared: &Shared) -> Vec<(Family, i64)> {
    let gauges = &shared.gauges;
    let load = |gauge: &AtomicUsize| size(gauge.load(Ordering::Relaxed));
    vec![
        (
            family("ike_sas", "IKE_SAs in any state"),
            load(&gauges.ike_sas),
        ),
        (
            family("ike_sas_half_open", "IKE_SAs that have not authenticated"),
            load(&gauges.half_open),
        ),
        (
            family("control_clients", "Control clients connected"),
            load(&gauges.clients),
        ),
        (
            family("draining", "Whether the agent is shutting down"),
            i64::from(gauges.draining.load(Ordering::Relaxed)),
        ),
        (
            family(
                "state_not_kept",
                "Whether what should outlive a restart cannot be written",
            ),
            i64::from(shared.state_warning().is_some()),
        ),
        (
            family("esp_spis_reserved", "Inbound SPIs reserved or installed"),
            size(shared.plane.reserved()),
        ),
    ]
}

fn size(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

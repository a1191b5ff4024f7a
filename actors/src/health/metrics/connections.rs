//! What concerns one connection, or one child. Labels are names of the configuration only: what
//! peers say about themselves makes no series.

use std::{fmt, sync::Arc, time::Instant};

use prometheus_client::encoding::DescriptorEncoder;

use super::family::{Family, family, seconds};
use crate::{
    environment::Shared,
    history::Amounts,
    supervisor::{
        Snapshot,
        connection::status::{ChildStatus, ConnectionStatus, State},
    },
};

/// Connections that get series of their own. With more, those that come last by name are counted
/// only, and a monitor can tell.
const MOST: usize = 5000;

/// The values at one instant.
#[derive(Debug)]
pub(super) struct Values {
    now: Instant,
    snapshot: Arc<Snapshot>,
    /// In the order of the children of the connections.
    children: Vec<Child>,
    retransmissions: Vec<u64>,
}

#[derive(Debug)]
struct Child {
    connection: Arc<str>,
    name: Arc<str>,
    up: bool,
    uptime: f64,
    amounts: Amounts,
}

type OfConnection<'a> = [(&'static str, &'a str); 1];
type OfChild<'a> = [(&'static str, &'a str); 2];
type OfDirection<'a> = [(&'static str, &'a str); 3];

impl Values {
    pub(super) fn take(shared: &Shared) -> Self {
        let now = Instant::now();
        let snapshot = shared.snapshot.load_full();
        let shown = || snapshot.connections.iter().take(MOST);
        let children = shown()
            .flat_map(|connection| {
                let children = connection.children.iter();
                children.map(|child| Child::take(connection, child, shared, now))
            })
            .collect();
        let retransmissions = shown()
            .map(|connection| {
                let tally = shared.tallies.get(&connection.name);
                tally.map_or(0, |tally| tally.retransmit_out.get())
            })
            .collect();
        Self {
            now,
            children,
            retransmissions,
            snapshot,
        }
    }

    fn shown(&self) -> impl Iterator<Item = &ConnectionStatus> {
        self.snapshot.connections.iter().take(MOST)
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        self.states(encoder)?;
        self.attempts(encoder)?;
        self.traffic(encoder)
    }

    fn rows<V>(
        &self,
        value: impl Fn(&ConnectionStatus) -> V,
    ) -> impl Iterator<Item = (OfConnection<'_>, V)> {
        self.shown()
            .map(move |status| ([("connection", &*status.name)], value(status)))
    }

    fn states(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = &self.snapshot.connections;
        let of_state = State::ALL.map(|state| {
            let count = all.iter().filter(|status| status.state == state).count();
            (
                [("state", state.name())],
                i64::try_from(count).unwrap_or(i64::MAX),
            )
        });
        family("connections", "Connections by their state").gauges(encoder, of_state)?;
        let unlabelled = i64::try_from(all.len().saturating_sub(MOST)).unwrap_or(i64::MAX);
        family(
            "connections_without_series",
            "Connections too many to have series of their own",
        )
        .gauge(encoder, unlabelled)?;
        family(
            "connection_up",
            "Whether everything wanted of a connection is up",
        )
        .gauges(
            encoder,
            self.rows(|status| i64::from(status.state == State::Up)),
        )?;
        family(
            "connection_state",
            "1 for the state that a connection is in",
        )
        .gauges(
            encoder,
            self.shown().flat_map(|status| {
                State::ALL.map(|state| {
                    let labels = [("connection", &*status.name), ("state", state.name())];
                    (labels, i64::from(status.state == state))
                })
            }),
        )?;
        family("connection_ike_sas", "IKE_SAs of a connection").gauges(
            encoder,
            self.rows(|status| i64::try_from(status.ike_sas).unwrap_or(i64::MAX)),
        )?;
        seconds(
            "connection_uptime",
            "How long a connection has been up; 0 while it is not",
        )
        .fractions(
            encoder,
            self.rows(|status| match status.state {
                State::Up => self
                    .now
                    .saturating_duration_since(status.since)
                    .as_secs_f64(),
                _ => 0.0,
            }),
        )
    }

    fn attempts(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        family(
            "connection_flaps",
            "How often a connection was lost although it was wanted",
        )
        .counters(encoder, self.rows(|status| status.history.flaps.get()))?;
        family(
            "connection_attempts",
            "Attempts at an IKE_SA that were begun here",
        )
        .counters(encoder, self.rows(|status| status.history.attempts.get()))?;
        family("connection_failures", "Attempts at an IKE_SA that failed")
            .counters(encoder, self.rows(|status| status.history.failures.get()))?;
        family(
            "connection_failures_in_a_row",
            "Attempts that failed since a connection was last up",
        )
        .gauges(encoder, self.rows(|status| i64::from(status.failures)))?;
        seconds(
            "connection_next_retry",
            "Time until the next attempt, where one has a time",
        )
        .fractions(
            encoder,
            self.rows(|status| status.next_retry)
                .filter_map(|(labels, at)| Some((labels, at?)))
                .map(|(labels, at)| (labels, at.saturating_duration_since(self.now).as_secs_f64())),
        )?;
        family(
            "connection_retransmissions",
            "Requests of a connection that were sent again",
        )
        .counters(
            encoder,
            self.rows(|_| ())
                .zip(&self.retransmissions)
                .map(|((labels, ()), count)| (labels, *count)),
        )?;
        seconds(
            "connection_handshake",
            "Time from the first message of an IKE_SA until it was established",
        )
        .histograms(
            encoder,
            self.rows(|status| status.history.handshakes.read()),
        )
    }

    fn traffic(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        family("child_up", "Whether a child is up")
            .gauges(encoder, self.of_children(|child| i64::from(child.up)))?;
        seconds("child_uptime", "Age of a child's CHILD_SA; 0 without one")
            .fractions(encoder, self.of_children(|child| child.uptime))?;
        let both = |child: &Child| child.amounts;
        self.directed(
            encoder,
            family("child_bytes", "Octets of IP packets that a child carried"),
            |child| (both(child).bytes_in, both(child).bytes_out),
        )?;
        self.directed(
            encoder,
            family("child_packets", "IP packets that a child carried"),
            |child| (both(child).packets_in, both(child).packets_out),
        )?;
        family(
            "child_replayed_packets",
            "ESP packets of a child dropped as replayed or too late",
        )
        .counters(encoder, self.of_children(|child| child.amounts.replayed))?;
        family(
            "child_integrity_failed_packets",
            "ESP packets of a child dropped because their integrity check failed",
        )
        .counters(
            encoder,
            self.of_children(|child| child.amounts.integrity_failed),
        )
    }

    fn of_children<V>(
        &self,
        value: impl Fn(&Child) -> V,
    ) -> impl Iterator<Item = (OfChild<'_>, V)> {
        self.children
            .iter()
            .map(move |child| (child.labels(), value(child)))
    }

    fn directed(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        family: Family,
        amounts: impl Fn(&Child) -> (u64, u64),
    ) -> fmt::Result {
        let rows = self.children.iter().flat_map(|child| {
            let (inward, outward) = amounts(child);
            [("in", inward), ("out", outward)].map(|(direction, amount)| {
                let [connection, name] = child.labels();
                let labels: OfDirection<'_> = [connection, name, ("direction", direction)];
                (labels, amount)
            })
        });
        family.counters(encoder, rows)
    }
}

impl Child {
    fn take(
        connection: &ConnectionStatus,
        child: &ChildStatus,
        shared: &Shared,
        now: Instant,
    ) -> Self {
        let uptime = child.up_since.map(|at| now.saturating_duration_since(at));
        Self {
            connection: Arc::clone(&connection.name),
            name: Arc::clone(&child.name),
            up: child.state == State::Up,
            uptime: uptime.map_or(0.0, |uptime| uptime.as_secs_f64()),
            amounts: child.amounts(&shared.plane),
        }
    }

    fn labels(&self) -> OfChild<'_> {
        [("connection", &*self.connection), ("child", &*self.name)]
    }
}

//! A connection as people see it.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

use holdfast_ike::EspSpi;

use super::{Phase, Supervised, World};
use crate::{
    bus::ControlEvent,
    data_plane::Plane,
    history::{Amounts, Condition, History, Traffic},
    store::Maintenance,
    supervisor::{probes::PathStatus, registry::Registry},
};

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Everything wanted is there.
    Up,
    /// On its way up.
    Connecting,
    /// The next try has a time.
    Waiting,
    /// Wanted, and nothing can be done about it from here.
    Down,
    /// Nobody wants it.
    Idle,
    /// Traffic will bring it up.
    Trapped,
    /// An operator took it down.
    Disabled,
    /// An operator keeps it down, over restarts.
    Maintenance,
}

impl State {
    /// Its name for control clients.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Connecting => "connecting",
            Self::Waiting => "waiting",
            Self::Down => "down",
            Self::Idle => "idle",
            Self::Trapped => "trapped",
            Self::Disabled => "disabled",
            Self::Maintenance => "maintenance",
        }
    }

    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Up,
        Self::Connecting,
        Self::Waiting,
        Self::Down,
        Self::Idle,
        Self::Trapped,
        Self::Disabled,
        Self::Maintenance,
    ];

    /// What is remembered of it.
    pub(crate) fn condition(self) -> Condition {
        match self {
            Self::Up => Condition::Up,
            Self::Connecting | Self::Waiting | Self::Down => Condition::Down,
            Self::Idle | Self::Trapped | Self::Disabled | Self::Maintenance => Condition::Unwanted,
        }
    }
}

/// A connection at one instant.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionStatus {
    pub(crate) name: Arc<str>,
    pub(crate) state: State,
    pub(crate) persistent: bool,
    /// When it came up, or ceased to be up.
    pub(crate) since: Instant,
    /// An operator keeps it down.
    pub(crate) maintenance: Option<Maintenance>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) remote_id: Option<String>,
    /// Why it is not up; empty when it is.
    pub(crate) reason: Arc<str>,
    /// Failed attempts since it was last up.
    pub(crate) failures: u32,
    pub(crate) next_retry: Option<Instant>,
    /// The peer refuses us: only an operator makes the next attempt come sooner.
    pub(crate) refused: bool,
    pub(crate) ike_sas: usize,
    pub(crate) children: Vec<ChildStatus>,
    pub(crate) history: Arc<History>,
}

/// A child at one instant.
#[derive(Clone, Debug)]
pub(crate) struct ChildStatus {
    pub(crate) name: Arc<str>,
    pub(crate) state: State,
    pub(crate) up_since: Option<Instant>,
    /// Names its traffic counters in the data plane.
    pub(crate) inbound: Option<EspSpi>,
    pub(crate) local_ts: Vec<String>,
    pub(crate) remote_ts: Vec<String>,
    /// How its path is, where it is probed.
    pub(crate) path: Option<PathStatus>,
    /// What it has carried over all its CHILD_SAs.
    pub(crate) traffic: Arc<Traffic>,
}

impl ChildStatus {
    /// What it has carried so far.
    pub(crate) fn amounts(&self, plane: &Plane) -> Amounts {
        self.traffic
            .total(self.inbound.and_then(|spi| plane.usage(spi)))
    }
}

impl Supervised {
    /// The present status.
    pub(crate) fn status(&self, registry: &Registry) -> ConnectionStatus {
        let name = &self.config.name;
        let state = self.state(registry);
        let shown = registry.newest_usable(name).or_else(|| match self.phase {
            Phase::Connecting { id } => registry.get(id),
            _ => None,
        });
        let reason = match state {
            State::Up => "".into(),
            _ => self.explain(state),
        };
        ConnectionStatus {
            name: Arc::clone(name),
            state,
            persistent: self.config.persistent,
            since: self.since,
            maintenance: self.maintenance.clone(),
            peer: shown.map(|record| record.path.remote),
            remote_id: shown
                .and_then(|record| record.established.as_ref())
                .map(|established| established.remote_id.to_string()),
            reason,
            failures: self.failures,
            next_retry: self.next_try().filter(|_| state != State::Up),
            refused: matches!(self.phase, Phase::Waiting { slow: true, .. }),
            ike_sas: registry.count_of(name),
            children: self
                .config
                .children
                .values()
                .map(|child| self.child_status(&child.ike.name, registry))
                .collect(),
            history: Arc::clone(&self.history),
        }
    }

    fn state(&self, registry: &Registry) -> State {
        let usable = registry.newest_usable(&self.config.name).is_some();
        if usable && self.all_met(registry) {
            return State::Up;
        }
        match self.phase {
            Phase::Connecting { .. } | Phase::Resolving { .. } | Phase::Starting => {
                State::Connecting
            }
            Phase::Waiting { .. } => State::Waiting,
            Phase::Idle if self.children.values().any(|child| child.pending.is_some()) => {
                State::Connecting
            }
            Phase::Idle if self.children.values().any(|child| child.until.is_some()) => {
                State::Waiting
            }
            Phase::Idle if self.maintenance.is_some() => State::Maintenance,
            Phase::Idle if self.wants.withdrawn() => State::Disabled,
            Phase::Idle if self.wants.any() => State::Down,
            Phase::Idle => State::Idle,
        }
    }

    fn explain(&self, state: State) -> Arc<str> {
        if let Some(maintenance) = &self.maintenance {
            return super::maintenance::explain(maintenance);
        }
        let of_child = self
            .children
            .iter()
            .filter(|(name, _)| self.wants.child(name))
            .find_map(|(name, child)| {
                let failure = child.failure.as_ref()?;
                Some(format!("child {name}: {failure}").into())
            });
        self.reason
            .clone()
            .or(of_child)
            .unwrap_or_else(|| match state {
                State::Connecting => "waiting for the peer's answer".into(),
                State::Idle if self.has_traps() => "waiting for traffic".into(),
                State::Idle => "nobody asked for it".into(),
                _ => "".into(),
            })
    }

    fn child_status(&self, name: &Arc<str>, registry: &Registry) -> ChildStatus {
        let up = registry
            .carrier(&self.config.name, name)
            .and_then(|record| {
                record
                    .children
                    .iter()
                    .filter(|child| child.up.name == *name && !child.closing)
                    .max_by_key(|child| child.up.at)
            })
            .map(|child| &child.up);
        let trying = self.children.get(name);
        let state = match (&up, trying) {
            (Some(_), _) => State::Up,
            (None, Some(child)) if child.pending.is_some() => State::Connecting,
            (None, Some(child)) if child.until.is_some() => State::Waiting,
            (None, _) if self.wants.child(name) => State::Down,
            (None, _) if self.is_trapped(name) => State::Trapped,
            (None, _) if self.maintenance.is_some() => State::Maintenance,
            (None, _) if self.wants.withdrawn() => State::Disabled,
            (None, _) => State::Idle,
        };
        let texts = |selectors: &[holdfast_ike::TrafficSelector]| {
            selectors.iter().map(ToString::to_string).collect()
        };
        ChildStatus {
            name: Arc::clone(name),
            state,
            up_since: up.map(|up| up.at),
            inbound: up.map(|up| up.inbound_spi),
            local_ts: up.map_or_else(Vec::new, |up| texts(&up.local_ts)),
            remote_ts: up.map_or_else(Vec::new, |up| texts(&up.remote_ts)),
            path: None,
            traffic: self.history.traffic(name),
        }
    }

    /// Keeps its history. Tells whether it came up, or ceased to be up.
    pub(crate) fn observe(&self, registry: &Registry, now: SystemTime) -> Option<bool> {
        self.history.note(self.state(registry).condition(), now)
    }

    /// The attempt that has just failed, as listeners hear of it.
    pub(crate) fn failure(&self, now: Instant) -> ControlEvent {
        ControlEvent::AttemptFailed {
            connection: Arc::clone(&self.config.name),
            reason: self.reason.clone().unwrap_or_default(),
            failures: self.failures,
            next_retry: self.deadline().map(|at| at.saturating_duration_since(now)),
        }
    }

    /// That it came up, or ceased to be up, as listeners hear of it.
    pub(crate) fn change(&self, registry: &Registry, up: bool) -> ControlEvent {
        ControlEvent::ConnectionChanged {
            connection: Arc::clone(&self.config.name),
            up,
            reason: if up {
                "".into()
            } else {
                self.explain(self.state(registry))
            },
        }
    }

    /// Remembers when it came up or ceased to be up.
    pub(super) fn note_state(&mut self, world: &World<'_>) {
        let up = self.state(world.registry) == State::Up;
        if up != self.was_up {
            self.was_up = up;
            self.since = world.now;
        }
    }
}

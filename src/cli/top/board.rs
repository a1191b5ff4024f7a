//! What is shown: the last report, the rates since the one before, and what somebody looks at.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use ratatui::widgets::TableState;

use crate::cli::status::{Connection, Report};

/// Rates that are remembered for each connection.
const REMEMBERED: usize = 120;

/// The board.
#[derive(Debug, Default)]
pub(super) struct Board {
    report: Report,
    at: Option<Instant>,
    flows: BTreeMap<String, Flow>,
    order: Order,
    /// The connection that is looked at, by name: the order may change.
    chosen: Option<String>,
    /// Why the agent cannot be asked.
    away: Option<String>,
    /// The rows that fit, and which of them is marked.
    pub(super) rows: TableState,
}

/// The traffic of a connection.
#[derive(Debug, Default)]
pub(super) struct Flow {
    total: (u64, u64),
    /// Octets a second, in and out.
    pub(super) rate: (u64, u64),
    /// Both together, the latest last.
    pub(super) history: VecDeque<u64>,
}

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Name,
    /// What is not up first.
    State,
    /// The busiest first.
    Traffic,
}

/// Another connection is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Up(usize),
    Down(usize),
    First,
    Last,
}

impl Board {
    /// The agent has said this.
    pub(super) fn update(&mut self, report: Report, now: Instant) {
        let passed = self
            .at
            .map(|before| now.saturating_duration_since(before))
            .filter(|passed| !passed.is_zero());
        self.flows
            .retain(|name, _| report.connections.iter().any(|other| other.name == *name));
        for connection in &report.connections {
            let known = self.flows.contains_key(&connection.name);
            let flow = self.flows.entry(connection.name.clone()).or_default();
            flow.add(connection.traffic(), passed.filter(|_| known));
        }
        self.report = report;
        self.at = Some(now);
        self.away = None;
        self.mark();
    }

    /// The agent says nothing; what it said last stays.
    pub(super) fn lose(&mut self, why: String) {
        self.away = Some(why);
    }

    pub(super) fn next_order(&mut self) {
        self.order = match self.order {
            Order::Name => Order::State,
            Order::State => Order::Traffic,
            Order::Traffic => Order::Name,
        };
        self.mark();
    }

    pub(super) fn select(&mut self, step: Move) {
        let last = self.report.connections.len().saturating_sub(1);
        let at = self.rows.selected().unwrap_or(0);
        let to = match step {
            Move::Up(rows) => at.saturating_sub(rows),
            Move::Down(rows) => (at + rows).min(last),
            Move::First => 0,
            Move::Last => last,
        };
        self.chosen = self.connections().get(to).map(|other| other.name.clone());
        self.mark();
    }

    /// In the order in which they are shown.
    pub(super) fn connections(&self) -> Vec<&Connection> {
        let mut all: Vec<&Connection> = self.report.connections.iter().collect();
        match self.order {
            Order::Name => {}
            Order::State => all.sort_by_key(|connection| rank(&connection.state)),
            Order::Traffic => all.sort_by_key(|connection| {
                let (inward, outward) = self.flow(&connection.name).rate;
                Reverse(inward.saturating_add(outward))
            }),
        }
        all
    }

    /// The one that is looked at.
    pub(super) fn chosen(&self) -> Option<&Connection> {
        let at = self.rows.selected()?;
        self.connections().get(at).copied()
    }

    pub(super) fn flow(&self, name: &str) -> &Flow {
        static NOTHING: Flow = Flow {
            total: (0, 0),
            rate: (0, 0),
            history: VecDeque::new(),
        };
        self.flows.get(name).unwrap_or(&NOTHING)
    }

    pub(super) fn report(&self) -> &Report {
        &self.report
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    pub(super) fn away(&self) -> Option<&str> {
        self.away.as_deref()
    }

    /// Octets a second of all connections.
    pub(super) fn rate(&self) -> (u64, u64) {
        self.flows.values().fold((0, 0), |sum, flow| {
            (
                u64::saturating_add(sum.0, flow.rate.0),
                u64::saturating_add(sum.1, flow.rate.1),
            )
        })
    }

    /// Keeps the mark on the connection that is looked at, wherever it is now.
    fn mark(&mut self) {
        let connections = self.connections();
        let at = self.chosen.as_ref().and_then(|name| {
            connections
                .iter()
                .position(|connection| connection.name == *name)
        });
        let first = (!connections.is_empty()).then_some(0);
        self.rows.select(at.or(first));
    }
}

impl Flow {
    fn add(&mut self, total: (u64, u64), passed: Option<Duration>) {
        if let Some(passed) = passed {
            self.rate = (
                per_second(self.total.0, total.0, passed),
                per_second(self.total.1, total.1, passed),
            );
            if self.history.len() == REMEMBERED {
                self.history.pop_front();
            }
            self.history
                .push_back(self.rate.0.saturating_add(self.rate.1));
        }
        self.total = total;
    }
}

/// Totals begin anew with the agent.
fn per_second(before: u64, now: u64, passed: Duration) -> u64 {
    let octets = u128::from(now.checked_sub(before).unwrap_or(now));
    let a_second = octets * 1_000_000 / passed.as_micros().max(1);
    u64::try_from(a_second).unwrap_or(u64::MAX)
}

/// What an operator looks for comes first.
fn rank(state: &str) -> u8 {
    match state {
        "down" => 0,
        "waiting" => 1,
        "connecting" => 2,
        "up" => 4,
        "idle" | "trapped" | "disabled" | "maintenance" => 5,
        _ => 3,
    }
}

//! The probing of one tunnel: when the next probe is due, when one is lost, when the path counts as
//! dead. No actor, no clock: times go in, deeds come out.

use std::time::{Duration, Instant};

use holdfast_config::{Probe, ProbeAction};

use super::{
    repair::{Remedy, Repair},
    window::{Measured, Window},
};

/// So many times the threshold must be answered in a row before what was tried is forgotten.
const STABLE: u32 = 10;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Send the probe of this token.
    Send(u64),
    /// The path died.
    Died,
    /// It lives again, after this time.
    Revived(Duration),
    /// Do something about it.
    Repair(Remedy),
}

/// One tunnel.
#[derive(Debug)]
pub(super) struct Path {
    probe: Probe,
    /// When the next probe is due.
    next: Instant,
    /// The one under way, and when it is lost.
    waiting: Option<(u64, Instant)>,
    /// Lost in a row.
    losses: u32,
    /// Answered in a row.
    answers: u32,
    dead_since: Option<Instant>,
    window: Window,
    repair: Repair,
    total: Total,
    /// Why the last one was not sent.
    refused: Option<String>,
}

/// All probes of a tunnel so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) answered: u64,
    pub(crate) lost: u64,
    /// What was tried because of them.
    pub(crate) repairs: u64,
}

/// A tunnel's path as people see it.
#[derive(Clone, Debug)]
pub(crate) struct PathStatus {
    pub(crate) target: std::net::IpAddr,
    pub(crate) dead_since: Option<Instant>,
    /// Lost in a row.
    pub(crate) losses: u32,
    /// The last ones.
    pub(crate) measured: Measured,
    /// All of them.
    pub(crate) total: Total,
    /// Why none is sent.
    pub(crate) refused: Option<String>,
}

impl Path {
    /// Nothing is known yet. The first probe leaves after `fraction` of the interval, so that many
    /// tunnels that came up together are not probed together.
    pub(super) fn new(probe: Probe, now: Instant, fraction: f64) -> Self {
        Self {
            next: now + probe.interval.mul_f64(fraction.clamp(0.0, 1.0)),
            probe,
            waiting: None,
            losses: 0,
            answers: 0,
            dead_since: None,
            window: Window::default(),
            repair: Repair::default(),
            total: Total::default(),
            refused: None,
        }
    }

    pub(super) fn probe(&self) -> &Probe {
        &self.probe
    }

    /// When [`Path::attend`] is due.
    pub(super) fn due(&self) -> Instant {
        self.waiting
            .map_or(self.next, |(_, lost)| lost.min(self.next))
    }

    /// Whether [`Path::attend`] would send a probe now.
    pub(super) fn is_to_send(&self, now: Instant) -> bool {
        self.next <= now && self.waiting.is_none_or(|(_, lost)| lost <= now)
    }

    /// Time has come for something. `up` says whether there is a tunnel; `token` names the next
    /// probe.
    pub(super) fn attend(&mut self, up: bool, token: u64, now: Instant) -> Vec<Deed> {
        let mut deeds = Vec::new();
        if !up {
            // It has other ways to come back.
            self.waiting = None;
            self.losses = 0;
            self.dead_since = None;
            self.next = now + self.probe.interval;
            return deeds;
        }
        if self.waiting.take_if(|(_, lost)| *lost <= now).is_some() {
            self.lost(now, &mut deeds);
        }
        if self.is_to_send(now) {
            self.waiting = Some((token, now + self.probe.timeout));
            // In step, unless that would be many at once.
            self.next = (self.next + self.probe.interval).max(now + self.probe.interval / 2);
            deeds.push(Deed::Send(token));
        }
        deeds
    }

    fn lost(&mut self, now: Instant, deeds: &mut Vec<Deed>) {
        self.window.push(None);
        self.total.lost += 1;
        self.losses = self.losses.saturating_add(1);
        self.answers = 0;
        if self.losses < self.probe.threshold {
            return;
        }
        if self.dead_since.is_none() {
            self.dead_since = Some(now);
            deeds.push(Deed::Died);
        }
        if self.probe.action == ProbeAction::Repair {
            let remedy = self.repair.next(self.notice(), now);
            self.total.repairs += u64::from(remedy.is_some());
            deeds.extend(remedy.map(Deed::Repair));
        }
    }

    /// How long it takes to find a path dead.
    fn notice(&self) -> Duration {
        self.probe.interval.saturating_mul(self.probe.threshold)
    }

    /// A probe was answered. One that was given up is worth as much as a loss.
    pub(super) fn answered(
        &mut self,
        token: u64,
        round_trip: Duration,
        now: Instant,
    ) -> Option<Deed> {
        self.waiting.take_if(|(waiting, _)| *waiting == token)?;
        self.window.push(Some(round_trip));
        self.total.answered += 1;
        self.losses = 0;
        self.answers = self.answers.saturating_add(1);
        if self.answers >= self.probe.threshold.saturating_mul(STABLE) {
            self.repair.forget();
        }
        let dead = self.dead_since.take()?;
        Some(Deed::Revived(now.saturating_duration_since(dead)))
    }

    /// The probe could not be sent: nothing is learned from it. Told when it is news.
    pub(super) fn refused(&mut self, reason: String) -> bool {
        self.waiting = None;
        let news = self.refused.as_ref() != Some(&reason);
        self.refused = Some(reason);
        news
    }

    /// The probe has left.
    pub(super) fn sent(&mut self) {
        self.refused = None;
    }

    /// There was no room for the probe: it leaves later.
    pub(super) fn postpone(&mut self, wait: Duration, now: Instant) {
        self.next = self.next.max(now + wait);
    }

    pub(super) fn status(&self) -> PathStatus {
        PathStatus {
            target: self.probe.target,
            dead_since: self.dead_since,
            losses: self.losses,
            measured: self.window.measured(),
            total: self.total,
            refused: self.refused.clone(),
        }
    }
}

#[cfg(test)]
mod tests;

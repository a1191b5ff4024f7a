//! The deadlines of one IKE_SA.

use std::time::{Duration, Instant};

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// Send the request in flight again, or give up.
    Retransmit,
    /// Believe a refusal of IKE_SA_INIT that anybody may have sent.
    Refusal,
    /// Forget a peer that never finished its handshake.
    HalfOpen,
    /// Ask a silent peer for a sign of life.
    Liveness,
    /// Keep the NAT's mapping open.
    Keepalive,
    /// Rekey the IKE_SA.
    Rekey,
    /// Close the IKE_SA because of its age.
    Expire,
    /// Have the IKE_SA replaced by one that is authenticated anew.
    Reauthenticate,
    /// Close the IKE_SA because it was not.
    Overdue,
    /// Rekey a CHILD_SA, or remove one that has been replaced.
    Children,
    /// Repeat the deletion of a former IKE_SA, or forget it.
    Formers,
    /// Forget an SA whose additional key exchanges the peer does not finish.
    FollowUp,
    /// The peer should know its new IKE_SA by now.
    Hold,
    /// Forget a message of which only some fragments came.
    Fragments,
}

impl Timer {
    const ALL: [Self; 14] = [
        Self::Retransmit,
        Self::Refusal,
        Self::HalfOpen,
        Self::Liveness,
        Self::Keepalive,
        Self::Rekey,
        Self::Expire,
        Self::Reauthenticate,
        Self::Overdue,
        Self::Children,
        Self::Formers,
        Self::FollowUp,
        Self::Hold,
        Self::Fragments,
    ];

    /// The reason as logs and tests show it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Retransmit => "retransmit",
            Self::Refusal => "refusal",
            Self::HalfOpen => "half-open timeout",
            Self::Liveness => "liveness check",
            Self::Keepalive => "NAT keepalive",
            Self::Rekey => "rekey IKE_SA",
            Self::Expire => "expire IKE_SA",
            Self::Reauthenticate => "authenticate anew",
            Self::Overdue => "expire authentication",
            Self::Children => "rekey or remove CHILD_SA",
            Self::Formers => "close rekeyed IKE_SA",
            Self::FollowUp => "additional key exchange",
            Self::Hold => "begin to use rekeyed IKE_SA",
            Self::Fragments => "forget fragments",
        }
    }
}

/// At most one deadline of each kind.
#[derive(Debug, Default)]
pub(super) struct Timers([Option<Instant>; Timer::ALL.len()]);

impl Timers {
    pub(super) fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = Some(at);
    }

    /// Never, if that is beyond all time.
    pub(super) fn set_after(&mut self, timer: Timer, now: Instant, wait: Duration) {
        self.0[timer as usize] = now.checked_add(wait);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) fn stop_all(&mut self) {
        self.0 = Default::default();
    }

    /// When this one is due.
    pub(super) fn get(&self, timer: Timer) -> Option<Instant> {
        self.0[timer as usize]
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<(Instant, Timer)> {
        Timer::ALL
            .into_iter()
            .filter_map(|timer| Some((self.0[timer as usize]?, timer)))
            .min_by_key(|(at, _)| *at)
    }

    /// Takes one deadline that has passed.
    pub(super) fn take_expired(&mut self, now: Instant) -> Option<Timer> {
        let (at, timer) = self.next()?;
        (at <= now).then(|| {
            self.stop(timer);
            timer
        })
    }
}

//! A CHILD_SA of an IKE_SA, from its agreement to its end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::event::ChildUp;
use crate::{ChildConfig, Environment, EspSpi, EspSuite, Mode, TrafficSelector};

/// Where a CHILD_SA of ours stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChildState {
    /// The data plane has been asked to install it.
    Installing,
    /// The same, and it is to be deleted as soon as the data plane has answered.
    Doomed,
    /// It is in the data plane.
    Installed,
    /// We asked the peer to delete its half.
    Deleting,
    /// It left the data plane, and that was told; the peer's half is still to be deleted.
    Gone,
    /// Another one has taken its place and the peer's half is deleted: it only receives what was on
    /// its way.
    Retired {
        /// When it leaves the data plane.
        until: Instant,
    },
}

/// What the world has been told of a CHILD_SA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nothing,
    /// It is up.
    Up,
    /// Another one has taken its place.
    Replaced,
}

/// Whether a CHILD_SA is meant to stay (RFC 7296 section 2.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Stays,
    /// We made it and close it again at once. The world never hears of it.
    Discarded,
    /// The peer made it, and will close it because this one of ours replaces the same.
    BeatenBy(EspSpi),
}

/// Which of the two ends of the *exchange* we are: the requester's keys come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExchangeRole {
    Requester,
    Replier,
}

/// How long a CHILD_SA goes on receiving after another one has taken its place.
pub(super) const RETIREMENT: Duration = Duration::from_secs(5);

/// A CHILD_SA of an IKE_SA.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) config: Arc<ChildConfig>,
    pub(super) inbound_spi: EspSpi,
    pub(super) outbound_spi: EspSpi,
    pub(super) state: ChildState,
    pub(super) told: Told,
    pub(super) suite: EspSuite,
    pub(super) mode: Mode,
    pub(super) encapsulation: bool,
    /// The data plane is installing it for a path that is not the present one any more.
    pub(super) moved: bool,
    pub(super) local_ts: Box<[TrafficSelector]>,
    pub(super) remote_ts: Box<[TrafficSelector]>,
    /// When it is to be rekeyed.
    pub(super) rekey_at: Option<Instant>,
    /// When it was last known to carry a packet, or began to wait for one.
    pub(super) used: Instant,
    /// The one that is to be deleted by us as soon as this one is installed: it rekeys that.
    pub(super) deletes: Option<EspSpi>,
    /// The one that takes its place.
    pub(super) replaced_by: Option<EspSpi>,
    pub(super) standing: Standing,
    /// The data plane has not been told to send by it yet.
    pub(super) deferred: bool,
}

impl Child {
    /// Whether it is there to stay: neither replaced nor on its way out.
    pub(super) fn is_current(&self) -> bool {
        matches!(self.state, ChildState::Installing | ChildState::Installed) && !self.is_replaced()
    }

    /// Whether another one carries its traffic, or soon will.
    pub(super) fn is_replaced(&self) -> bool {
        self.replaced_by.is_some() || self.is_redundant()
    }

    /// Whether it lost a simultaneous rekeying, or nobody wants it any more.
    pub(super) fn is_redundant(&self) -> bool {
        self.standing != Standing::Stays
    }

    /// Whether it may be rekeyed, by us or by the peer: not before it is known to stay.
    pub(super) fn is_rekeyable(&self) -> bool {
        self.state == ChildState::Installed && !self.is_replaced() && self.told == Told::Up
    }

    /// Whether the world believes that it is up. Of one that has left the data plane it was told.
    pub(super) fn is_known_to_be_up(&self) -> bool {
        self.told == Told::Up && self.state != ChildState::Gone
    }

    /// Whether the peer means it by this SPI, which is one of its own.
    pub(super) fn is_peers(&self, spi: EspSpi) -> bool {
        self.outbound_spi == spi && self.exists_at_peer()
    }

    /// Whether the peer has a half of it.
    pub(super) fn exists_at_peer(&self) -> bool {
        !matches!(self.state, ChildState::Retired { .. })
    }

    /// When it wants attention.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            ChildState::Retired { until } => Some(until),
            _ => self.rekey_at.into_iter().chain(self.idle_at()).min(),
        }
    }

    /// When it has been idle for too long, unless it has been used after all.
    pub(super) fn idle_at(&self) -> Option<Instant> {
        let limit = self.config.options.inactivity;
        let counts = !limit.is_zero() && self.state == ChildState::Installed && !self.is_replaced();
        counts.then(|| self.used.checked_add(limit)).flatten()
    }

    pub(super) fn up_event(&self, at: Instant) -> ChildUp {
        ChildUp {
            name: self.config.name.clone(),
            inbound_spi: self.inbound_spi,
            outbound_spi: self.outbound_spi,
            reqid: Some(self.config.options.reqid).filter(|reqid| *reqid != 0),
            suite: self.suite,
            mode: self.mode,
            encapsulation: self.encapsulation,
            local_ts: self.local_ts.to_vec(),
            remote_ts: self.remote_ts.to_vec(),
            at,
        }
    }
}

/// How long an SA is used before it is rekeyed: two ends with the same configuration, or a thousand
/// tunnels that came up together, should not all do it at the same instant.
pub(super) fn rekey_after(
    rekey_time: Duration,
    rand_time: Duration,
    env: &mut dyn Environment,
) -> Duration {
    let most = rand_time.min(rekey_time / 2);
    rekey_time.saturating_sub(fraction(most, env))
}

/// How long to wait after a rekeying that failed: 5 to 15 s (RFC 7296 section 2.25 asks for a wait,
/// and both ends may be waiting for each other).
pub(super) fn retry_after(env: &mut dyn Environment) -> Duration {
    Duration::from_secs(5) + fraction(Duration::from_secs(10), env)
}

/// How long the peer has to try again what we have refused for now: until then it may not even have our
/// answer, should that have been lost.
pub(super) const CONCESSION: Duration = Duration::from_secs(20);

/// A random part of `most`.
fn fraction(most: Duration, env: &mut dyn Environment) -> Duration {
    let mut random = [0; 2];
    env.random(&mut random);
    most / u32::from(u16::MAX) * u32::from(u16::from_ne_bytes(random))
}

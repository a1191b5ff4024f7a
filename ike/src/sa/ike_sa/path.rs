//! Where the peer is: an end that is not behind a NAT itself sends to where the peer's newest
//! authentic message came from, for a NAT on the way may give the peer another address or port at any
//! time (RFC 7296 section 2.23).
//!
//! Only what moves the protocol on is believed: a request with the message ID that comes next, the
//! response that is awaited, or an ESP packet newer than all before it. Whoever repeats what was
//! sent before, from wherever, moves nothing.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{IkeSa, State};
use crate::{
    Environment, EspSpi, Path,
    sa::{
        child::ChildState,
        event::{Event, Nat, PathChanged},
        exchange::update_addresses::may_be_used,
        io::Output,
        requests::InFlight,
        timers::Timer,
    },
};

/// The peer is followed by its ESP packets at most so often. Its IKE messages are rare by themselves.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

impl IkeSa {
    /// An authentic new message of the peer has come this way.
    pub(super) fn follow(&mut self, path: Path, now: Instant) {
        if path.remote != self.path.remote && !self.uses_mobike() && self.follows(path) {
            self.use_path(path, self.nat(), now);
        }
    }

    /// So has an authentic new packet on a CHILD_SA.
    pub(super) fn on_peer_moved(&mut self, inbound_spi: EspSpi, path: Path, now: Instant) {
        let ours = self.children.iter().any(|child| {
            child.inbound_spi == inbound_spi
                && matches!(child.state, ChildState::Installed | ChildState::Deleting)
        });
        if !ours || path.remote == self.path.remote || !self.follows(path) {
            return;
        }
        let State::Established(established) = &mut self.state else {
            return;
        };
        let recent = |at: Instant| now.saturating_duration_since(at) < FOLLOW_INTERVAL;
        if !established.followed.is_some_and(recent) {
            established.followed = Some(now);
            if established.mobike.is_some() {
                self.verify_heard(path);
            } else {
                self.use_path(path, self.nat(), now);
            }
        }
    }

    /// Behind a NAT ourselves we would believe whoever rewrites addresses on the way, and gain
    /// nothing: the peer's address is not what changes. ESP in UDP knows one port only.
    fn follows(&self, path: Path) -> bool {
        !self.nat().local && self.carries_esp(path)
    }

    pub(super) fn carries_esp(&self, path: Path) -> bool {
        let good = path.local.port() == self.options.nat_t_port;
        self.established()
            .is_some_and(|established| good || !established.encapsulation)
    }

    /// Our addresses or routes have changed.
    pub(super) fn check_path(&mut self, now: Instant, env: &mut dyn Environment) {
        let unanswered = self.requests.in_flight.as_ref();
        let waits = |request: &InFlight| request.retransmissions > 0;
        if !self.is_established() || unanswered.is_some_and(|request| waits(request)) {
            self.repeat_request(env);
        }
        if self.uses_mobike() {
            return self.check_path_with_mobike(now, env);
        }
        if !self.is_established() {
            return;
        }
        let addresses = env.local_addresses();
        let kept = addresses.contains(&self.path.local.ip());
        if let Some(source) = self.source_towards(self.path.remote.ip(), env)
            && !kept
            && addresses.contains(&source)
        {
            // A peer that follows us learns it from the next message.
            let mut path = self.path;
            path.local.set_ip(source);
            self.use_path(path, self.nat(), now);
            self.probe();
        }
    }

    /// The address of ours to reach `remote` from: the one that the route says, if it may be used.
    pub(super) fn source_towards(&self, remote: IpAddr, env: &dyn Environment) -> Option<IpAddr> {
        let source = env.source_address(remote)?;
        may_be_used(&self.connection, source).then_some(source)
    }

    pub(super) fn nat(&self) -> Nat {
        self.established()
            .map(|established| established.nat)
            .unwrap_or_default()
    }

    /// From now on everything goes by this path: requests, those in flight too, and packets.
    pub(super) fn use_path(&mut self, path: Path, nat: Nat, now: Instant) {
        let State::Established(established) = &mut self.state else {
            return;
        };
        if self.path == path && established.nat == nat {
            return;
        }
        established.nat = nat;
        established.encapsulation = nat.local || nat.remote || nat.faked;
        let encapsulation = established.encapsulation;
        self.path = path;
        if let Some(request) = &mut self.requests.in_flight {
            request.path = path;
        }
        for former in &mut self.formers {
            if let Some(deletion) = &mut former.deletion {
                deletion.path = path;
            }
        }
        for child in &mut self.children {
            child.encapsulation = encapsulation;
            match child.state {
                ChildState::Gone => {}
                // The data plane knows nothing of it yet.
                ChildState::Installing | ChildState::Doomed => child.moved = true,
                ChildState::Installed | ChildState::Deleting | ChildState::Retired { .. } => {
                    self.outputs.push_back(Output::UpdateChild {
                        inbound_spi: child.inbound_spi,
                        path,
                        encapsulation,
                    });
                }
            }
        }
        self.arm_keepalive(now);
        self.emit(Event::PathChanged(PathChanged { path, nat }));
    }

    /// Whoever is behind a NAT keeps its mapping open (RFC 3948 section 4).
    pub(super) fn arm_keepalive(&mut self, now: Instant) {
        let interval = self.connection.keep_alive;
        if !self.nat().local || interval.is_zero() {
            self.timers.stop(Timer::Keepalive);
        } else if self.timers.get(Timer::Keepalive).is_none() {
            self.timers.set_after(Timer::Keepalive, now, interval);
        }
    }
}

//! Becoming established, and having CHILD_SAs installed.

use std::time::{Duration, Instant};

use super::{Established, IkeSa, State};
use crate::{
    Environment, Identification,
    crypto::Nonces,
    sa::{
        child::{Agreed, Child, ChildState, ExchangeRole, Installation},
        event::{self, Event, KeyLog},
        exchange::ike_auth::Handshake,
        io::Output,
        secured::{Secured, esp_lines},
        timers::Timer,
        uniqueness::Contact,
    },
};

impl IkeSa {
    /// Both ends are authenticated. `(local, remote)` are their identities.
    pub(super) fn establish(
        &mut self,
        secured: Secured,
        handshake: &Handshake,
        (local_id, remote_id): (Identification, Identification),
        initial_contact: bool,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        // Before anything is transmitted: see `uniqueness`.
        let contact = self.contacts.enter();
        let nat = handshake.nat.unwrap_or_default();
        let encapsulation = nat.local || nat.remote || nat.faked;
        self.emit(Event::Established(Box::new(event::Established {
            role: self.role,
            spis: self.spis,
            connection: self.connection.name.clone(),
            local_id,
            remote_id,
            path: self.path,
            initial_contact,
            contact: Contact {
                role: self.role,
                begun: self.begun,
                established: now,
                lowest_nonce: handshake.lowest_nonce(),
                initial_contact,
            },
            suite: secured.suite,
            nat,
        })));
        self.state = State::Established(Box::new(Established {
            secured,
            nat,
            encapsulation,
            _contact: contact,
        }));
        self.heard(now);
        self.arm_lifetimes(now, env);
    }

    fn arm_lifetimes(&mut self, now: Instant, env: &mut dyn Environment) {
        let connection = self.connection.clone();
        if !connection.dpd_delay.is_zero() {
            self.timers
                .set_after(Timer::Liveness, now, connection.dpd_delay);
        }
        if !connection.rekey_time.is_zero() {
            let time = spread(connection.rekey_time, env);
            self.timers.set_after(Timer::Replace, now, time);
        }
        if !connection.over_time.is_zero() {
            self.timers
                .set_after(Timer::Expire, now, connection.over_time);
        }
        let behind_nat = self
            .established()
            .is_some_and(|established| established.nat.local);
        if behind_nat && !connection.keep_alive.is_zero() {
            self.timers
                .set_after(Timer::Keepalive, now, connection.keep_alive);
        }
    }

    /// Hands a negotiated CHILD_SA to the data plane.
    pub(super) fn install(
        &mut self,
        agreed: Agreed,
        nonces: Nonces<'_>,
        role: ExchangeRole,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let State::Established(established) = &self.state else {
            env.release_spi(agreed.inbound_spi);
            return;
        };
        let config = agreed.config.clone();
        let inbound_spi = agreed.inbound_spi;
        let child_sa = agreed.into_child_sa(&Installation {
            connection: self.connection.name.clone(),
            prf: &established.secured.prf,
            sk_d: &established.secured.sk_d,
            nonces,
            role,
            path: self.path,
            encapsulation: established.encapsulation,
        });
        let child_sa = match child_sa {
            Ok(child_sa) => child_sa,
            Err(failure) => {
                return self.not_keyed(config.name.clone(), inbound_spi, failure, env);
            }
        };
        if self.logs_keys() {
            self.log_keys(esp_lines(&child_sa));
        }
        let replace_at = (!config.rekey_time.is_zero())
            .then(|| now.checked_add(spread(config.rekey_time, env)))
            .flatten();
        // Most IKE_SAs have one child and should not keep room for more.
        self.children.reserve_exact(1);
        self.children.push(Child {
            config,
            inbound_spi,
            outbound_spi: child_sa.outbound_spi,
            state: ChildState::Installing,
            suite: child_sa.suite,
            encapsulation: child_sa.encapsulation,
            local_ts: child_sa.local_ts.clone().into(),
            remote_ts: child_sa.remote_ts.clone().into(),
            replace_at,
        });
        self.arm_child_replacement();
        self.outputs
            .push_back(Output::InstallChild(Box::new(child_sa)));
    }

    /// The peer is alive.
    pub(super) fn heard(&mut self, now: Instant) {
        // Datagrams carry the time of their arrival: a later one may have been handled already.
        self.last_inbound = self.last_inbound.max(now);
    }

    pub(super) fn established(&self) -> Option<&Established> {
        match &self.state {
            State::Established(established) => Some(established),
            _ => None,
        }
    }

    pub(super) fn logs_keys(&self) -> bool {
        self.options.key_log || self.connection.key_log
    }

    pub(super) fn log_keys(&mut self, lines: impl IntoIterator<Item = KeyLog>) {
        for line in lines {
            self.emit(Event::KeyLog(Box::new(line)));
        }
    }
}

/// Takes up to a tenth off a lifetime, so that two ends, or a thousand tunnels that came up
/// together, do not all renew at the same instant.
fn spread(time: Duration, env: &mut dyn Environment) -> Duration {
    let mut random = [0; 2];
    env.random(&mut random);
    let taken = time / 10 / u32::from(u16::MAX) * u32::from(u16::from_ne_bytes(random));
    time.saturating_sub(taken)
}

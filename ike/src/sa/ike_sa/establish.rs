//! Becoming established, and having CHILD_SAs installed.

use std::{sync::Arc, time::Instant};

use super::{Established, IkeSa, State};
use crate::{
    Environment, EspSpi, Identification,
    child_sa::Sending,
    crypto::Nonces,
    sa::{
        child::{Child, ChildState, ExchangeRole, Standing, Told, rekey_after},
        event::{self, Event, KeyLog},
        exchange::ike_auth::Handshake,
        io::Output,
        negotiation::{Agreed, Installation},
        redirect::Part,
        secured::{Secured, esp_lines},
        timers::Timer,
        uniqueness::Contact,
    },
};

impl IkeSa {
    /// Both ends are authenticated. `(local, remote)` are their identities.
    pub(super) fn establish(
        &mut self,
        mut secured: Secured,
        handshake: &Handshake,
        (local_id, remote_id): (Identification, Identification),
        initial_contact: bool,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        for vip in &self.configured.local_vips {
            self.outputs.push_back(Output::AssignAddress(*vip));
        }
        if let Some(mixed) = &handshake.ppk {
            secured.sk_d = mixed.sk_d.clone();
        }
        // Before anything is transmitted: see `uniqueness`.
        let contact = self.contacts.enter();
        let nat = handshake.nat.unwrap_or_default();
        let remote_eap_id = self.remote_eap_id.take();
        let encapsulation = nat.local || nat.remote || nat.faked;
        self.emit(Event::Established(Box::new(event::Established {
            role: self.role,
            spis: self.spis,
            connection: self.connection.name.clone(),
            local_id,
            remote_id,
            remote_eap_id,
            ppk: handshake.ppk.is_some(),
            resumed: handshake.resumed.is_some(),
            path: self.path,
            initial_contact,
            contact: Contact {
                role: self.role,
                remote: self.path.remote.ip(),
                begun: self.begun,
                established: now,
                lowest_nonce: handshake.lowest_nonce(),
                initial_contact,
            },
            suite: secured.suite,
            at: now,
            nat,
            configured: Arc::clone(&self.configured),
            follows_redirects: self.part == Part::Gateway,
        })));
        self.state = State::Established(Box::new(Established {
            secured,
            nat,
            encapsulation,
            followed: None,
            mobike: None,
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
        self.arm_rekeying(now, env);
        self.arm_reauthentication(now, env);
        self.arm_keepalive(now);
    }

    /// The present keys last for so long.
    pub(super) fn arm_rekeying(&mut self, now: Instant, env: &mut dyn Environment) {
        let connection = self.connection.clone();
        if !connection.rekey_time.is_zero() {
            let time = rekey_after(connection.rekey_time, connection.rand_time, env);
            self.timers.set_after(Timer::Rekey, now, time);
        }
        if !connection.over_time.is_zero() {
            self.timers
                .set_after(Timer::Expire, now, connection.over_time);
        }
    }

    /// Hands a negotiated CHILD_SA to the data plane.
    pub(super) fn install(
        &mut self,
        agreed: Agreed,
        nonces: Nonces<'_>,
        role: ExchangeRole,
        purpose: Purpose,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if let Purpose::Replace(old) = purpose {
            self.replace_child(old, agreed.inbound_spi);
        }
        let used = self.last_use_before(purpose, now, env);
        let State::Established(established) = &self.state else {
            env.release_spi(agreed.inbound_spi);
            return;
        };
        let config = agreed.config.clone();
        let inbound_spi = agreed.inbound_spi;
        let sending = purpose.sending(role);
        let lifetime = config.options.randomise(config.lifetime, env);
        let child_sa = agreed.into_child_sa(&Installation {
            connection: self.connection.name.clone(),
            prf: &established.secured.prf,
            sk_d: &established.secured.sk_d,
            nonces,
            role,
            path: self.path,
            encapsulation: established.encapsulation,
            sending,
            lifetime,
        });
        let child_sa = match child_sa {
            Ok(child_sa) => child_sa,
            Err(failure) => {
                return self.not_keyed(config.name.clone(), inbound_spi, failure, now, env);
            }
        };
        if self.logs_keys() {
            self.log_keys(esp_lines(&child_sa));
        }
        let rekey_at = (!config.rekey_time.is_zero() && !purpose.is_redundant())
            .then(|| now.checked_add(rekey_after(config.rekey_time, config.rand_time, env)))
            .flatten();
        let discarded = purpose == Purpose::Discard;
        // Most IKE_SAs have one child and should not keep room for more.
        self.children.reserve_exact(1);
        self.children.push(Child {
            config,
            inbound_spi,
            outbound_spi: child_sa.outbound_spi,
            state: if discarded {
                ChildState::Doomed
            } else {
                ChildState::Installing
            },
            told: Told::Nothing,
            suite: child_sa.suite,
            mode: child_sa.mode,
            encapsulation: child_sa.encapsulation,
            moved: false,
            local_ts: child_sa.local_ts.clone().into(),
            remote_ts: child_sa.remote_ts.clone().into(),
            rekey_at,
            used,
            deletes: purpose.deletes(role),
            replaced_by: None,
            standing: match purpose {
                Purpose::Discard => Standing::Discarded,
                Purpose::Beaten(ours) => Standing::BeatenBy(ours),
                Purpose::Create | Purpose::Replace(_) => Standing::Stays,
            },
            deferred: sending == Sending::OnceHeard,
        });
        self.arm_children();
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

/// What an agreed CHILD_SA is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To carry traffic that none carried before.
    Create,
    /// To take the place of this one.
    Replace(EspSpi),
    /// To be deleted by the peer, because this one of ours replaces the same.
    Beaten(EspSpi),
    /// To be deleted at once. It is installed all the same: the peer may have begun to use it.
    Discard,
}

impl Purpose {
    /// The requester knows that the replier is ready. The replier waits for a sign, as long as
    /// there is something else to send by (RFC 7296 section 2.8).
    fn sending(self, role: ExchangeRole) -> Sending {
        match (self, role) {
            (Self::Create, _) | (Self::Replace(_), ExchangeRole::Requester) => Sending::AtOnce,
            (Self::Replace(_), ExchangeRole::Replier) | (Self::Beaten(_) | Self::Discard, _) => {
                Sending::OnceHeard
            }
        }
    }

    fn is_redundant(self) -> bool {
        matches!(self, Self::Beaten(_) | Self::Discard)
    }

    /// Whoever rekeys deletes the old one.
    fn deletes(self, role: ExchangeRole) -> Option<EspSpi> {
        match (self, role) {
            (Self::Replace(old), ExchangeRole::Requester) => Some(old),
            _ => None,
        }
    }
}

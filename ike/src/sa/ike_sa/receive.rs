//! Datagrams: whose they are, whether they are authentic, and which come twice.

use std::time::Instant;

use super::{IkeSa, State};
use crate::{
    Environment, Path,
    sa::{
        event::Failure,
        exchange::informational,
        io::Role,
        payloads::{Payloads, notify},
        responses::Sequence,
        secured::OpenError,
    },
    wire::{self, Body, Encrypted, ExchangeType, Header, NotifyType, WireError},
};

impl IkeSa {
    pub(super) fn on_datagram(
        &mut self,
        path: Path,
        data: &[u8],
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Ok(header) = Header::parse(data) else {
            env.counters().invalid.increment();
            return;
        };
        let present = header.spis.initiator == self.spis.initiator
            && (header.spis.responder == self.spis.responder
                || header.exchange == ExchangeType::IkeSaInit);
        let former = self
            .formers
            .iter()
            .position(|former| former.generation.spis == header.spis);
        let role = match former {
            Some(index) if !present => self.formers[index].generation.role,
            _ => self.role,
        };
        if header.flags.initiator == (role == Role::Initiator) {
            // Ours, sent back to us (RFC 7296 section 2.2: the I flag tells the directions apart).
            env.counters().reflected.increment();
            return;
        }
        if !present {
            match former {
                Some(index) => self.on_former_datagram(index, &header, path, data, now, env),
                // Perhaps of an IKE_SA that the peer knows before we do: it will ask again.
                None => env.counters().invalid_spi.increment(),
            }
        } else if header.flags.response {
            self.on_response(&header, data, now, env);
        } else {
            self.on_request(&header, path, data, now, env);
        }
    }

    fn on_response(
        &mut self,
        header: &Header,
        data: &[u8],
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if !self.requests.awaits(header.message_id, header.exchange) {
            env.counters().out_of_window.increment();
            return;
        }
        match wire::parse_body(header, data) {
            Ok(Body::Clear(payloads)) if header.exchange == ExchangeType::IkeSaInit => {
                env.counters().ike_init_in_resp.increment();
                self.on_init_response(header, &Payloads(payloads), data, now, env);
            }
            Ok(Body::Encrypted(encrypted)) if header.exchange != ExchangeType::IkeSaInit => {
                self.on_sealed_response(header, &encrypted, now, env);
            }
            _ => env.counters().invalid.increment(),
        }
    }

    fn on_sealed_response(
        &mut self,
        header: &Header,
        encrypted: &Encrypted<'_>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(secured) = self.secured() else {
            return;
        };
        match secured.open(encrypted) {
            Ok(payloads) => {
                let counters = env.counters();
                match header.exchange {
                    ExchangeType::IkeAuth => counters.ike_auth_in_resp.increment(),
                    ExchangeType::CreateChildSa | ExchangeType::IkeFollowupKe => {
                        counters.create_child_in_resp.increment();
                    }
                    _ => counters.info_in_resp.increment(),
                }
                self.on_protected_response(header, &payloads, now, env);
            }
            Err(OpenError::Integrity) => env.counters().integrity_failed.increment(),
            Err(OpenError::Syntax(error)) => {
                // Authentic and unreadable: the two ends can't work together, and asking again
                // would get the same answer. The peer knows nothing of it (RFC 7296 section 2.21.3).
                let failure = syntax_failure(&error, env);
                self.send_once(&informational::delete_ike_sa(), env);
                self.fail(failure, env);
            }
        }
    }

    fn on_request(
        &mut self,
        header: &Header,
        path: Path,
        data: &[u8],
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if header.exchange == ExchangeType::IkeSaInit {
            return self.on_repeated_init(path, data, env);
        }
        let Ok(Body::Encrypted(encrypted)) = wire::parse_body(header, data) else {
            return env.counters().invalid.increment();
        };
        let sequence = self.responses.classify(header.message_id);
        if sequence == Sequence::OutOfWindow {
            env.counters().out_of_window.increment();
            return;
        }
        let Some(secured) = self.secured() else {
            return;
        };
        let payloads = match secured.open(&encrypted) {
            Err(OpenError::Integrity) => return env.counters().integrity_failed.increment(),
            other => other,
        };
        if sequence == Sequence::Repeated {
            return self.repeat_response(path, env);
        }
        self.heard(now);
        self.peer_knows_generation();
        match payloads {
            Ok(payloads) => self.on_protected_request(header, &payloads, path, now, env),
            Err(OpenError::Syntax(error)) => self.refuse_syntax(header, &error, path, env),
            Err(OpenError::Integrity) => {}
        }
    }

    /// The initiator's first message once more: answered from the cache if it is the very same
    /// (RFC 7296 section 2.1).
    fn on_repeated_init(&mut self, path: Path, data: &[u8], env: &mut dyn Environment) {
        if let State::HalfOpen(half_open) = &mut self.state
            && half_open.handshake.is_request(data)
        {
            self.repeat_response(path, env);
        } else {
            env.counters().out_of_window.increment();
        }
    }

    fn repeat_response(&mut self, path: Path, env: &mut dyn Environment) {
        env.counters().retransmit_in.increment();
        if let Some(response) = self.responses.cached() {
            let response = response.to_vec();
            self.transmit(path, response);
        }
    }

    /// An authentic request that can't be read (RFC 7296 sections 2.5 and 2.21).
    fn refuse_syntax(
        &mut self,
        header: &Header,
        error: &WireError,
        path: Path,
        env: &mut dyn Environment,
    ) {
        let failure = syntax_failure(error, env);
        let answer = match error {
            WireError::UnsupportedCriticalPayload(payload_type) => notify(
                NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD,
                vec![*payload_type],
            ),
            _ => notify(NotifyType::INVALID_SYNTAX, Vec::new()),
        };
        self.responses.begin();
        self.respond_with(header, &[answer], path, env);
        let authenticated = self.is_established() || self.is_deleting();
        if failure != Failure::UnsupportedCriticalPayload || !authenticated {
            self.fail(failure, env);
        }
    }
}

fn syntax_failure(error: &WireError, env: &mut dyn Environment) -> Failure {
    if let WireError::UnsupportedCriticalPayload(_) = error {
        env.counters().unsupported_critical.increment();
        Failure::UnsupportedCriticalPayload
    } else {
        env.counters().invalid.increment();
        Failure::InvalidSyntax
    }
}

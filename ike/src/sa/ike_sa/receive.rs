//! Datagrams: whose they are, whether they are authentic, and which come twice.

use std::time::Instant;

use super::{IkeSa, State};
use crate::{
    Environment, Path,
    sa::{
        event::Failure,
        exchange::informational,
        io::Role,
        message::Content,
        payloads::{Payloads, notify},
        responses::Sequence,
        secured::OpenError,
    },
    wire::{self, Body, ExchangeType, Header, NotifyType, Payload, WireError},
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
            && (header.spis.responder == self.spis.responder || header.exchange.begins_ike_sa());
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
            self.on_response(&header, path, data, now, env);
        } else {
            self.on_request(&header, path, data, now, env);
        }
    }

    fn on_response(
        &mut self,
        header: &Header,
        path: Path,
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
            Ok(Body::Clear(payloads)) if header.exchange == ExchangeType::IkeSessionResume => {
                self.on_resume_response(header, &Payloads(payloads), data, now, env);
            }
            Ok(Body::Clear(payloads)) if says_unknown(&payloads) => self.on_disowned(now, env),
            Ok(body) if !header.exchange.begins_ike_sa() => {
                self.on_sealed_response(header, &body, path, now, env);
            }
            _ => env.counters().invalid.increment(),
        }
    }

    /// Somebody, perhaps the peer, says that the peer does not know this IKE_SA. That is a hint and no
    /// proof (RFC 7296 section 2.4): the request in flight is the question whether it is true, asked a few
    /// more times soon. A peer that lives answers, whoever forged the hint.
    fn on_disowned(&mut self, now: Instant, env: &mut dyn Environment) {
        env.counters().invalid_spi.increment();
        // While it authenticates a peer may be slow for good reasons.
        let established = self.is_established() || self.is_deleting();
        if let Some(request) = &mut self.requests.in_flight
            && established
            && request.hasten()
        {
            self.arm_retransmit(now, env);
        }
    }

    fn on_sealed_response(
        &mut self,
        header: &Header,
        body: &Body<'_>,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(content) = self.open(header, body, now, env) else {
            return;
        };
        match content.payloads() {
            Ok(payloads) => {
                let counters = env.counters();
                match header.exchange {
                    ExchangeType::IkeAuth => counters.ike_auth_in_resp.increment(),
                    ExchangeType::CreateChildSa | ExchangeType::IkeFollowupKe => {
                        counters.create_child_in_resp.increment();
                    }
                    ExchangeType::IkeIntermediate => {}
                    _ => counters.info_in_resp.increment(),
                }
                self.note_intermediate(header, &content);
                self.follow(path, now);
                self.follow_answer(path, now);
                self.on_protected_response(header, &payloads, now, env);
            }
            Err(error) => {
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
        if header.exchange.begins_ike_sa() {
            return self.on_repeated_init(path, data, env);
        }
        let Ok(body) = wire::parse_body(header, data) else {
            return env.counters().invalid.increment();
        };
        match self.responses.classify(header.message_id) {
            Sequence::Expected => {}
            Sequence::Repeated => return self.on_repeated_request(&body, path, env),
            Sequence::OutOfWindow => return env.counters().out_of_window.increment(),
        }
        let Some(content) = self.open(header, &body, now, env) else {
            return;
        };
        self.heard(now);
        self.follow(path, now);
        self.peer_knows_generation();
        match content.payloads() {
            Ok(payloads) => {
                self.note_intermediate(header, &content);
                self.on_protected_request(header, &payloads, path, now, env);
            }
            Err(error) => self.refuse_syntax(header, &error, path, env),
        }
    }

    fn on_repeated_request(&mut self, body: &Body<'_>, path: Path, env: &mut dyn Environment) {
        if !asks_again(body) {
            return;
        }
        let before = match &self.state {
            State::HalfOpen(half_open) => half_open.intermediate.before(),
            _ => None,
        };
        let known = before.is_some_and(|before| before.vouches_for(body).is_ok());
        let Some(secured) = self.secured() else {
            return;
        };
        match secured.vouches_for(body) {
            Err(_) if known => self.repeat_response(path, env),
            Ok(()) => self.repeat_response(path, env),
            Err(error) => count_unopened(&error, env),
        }
    }

    /// The content of a protected message, once it is whole and authentic.
    fn open(
        &mut self,
        header: &Header,
        body: &Body<'_>,
        now: Instant,
        env: &mut dyn Environment,
    ) -> Option<Content> {
        let opened = self.secured()?.open(header, body);
        self.whole(opened, now, env)
    }

    /// The initiator's first message once more: answered from the cache if it is the very same
    /// (RFC 7296 section 2.1).
    fn on_repeated_init(&mut self, path: Path, data: &[u8], env: &mut dyn Environment) {
        if let State::HalfOpen(half_open) = &mut self.state
            && half_open.responder.handshake.is_request(data)
        {
            self.repeat_response(path, env);
        } else {
            env.counters().out_of_window.increment();
        }
    }

    fn repeat_response(&mut self, path: Path, env: &mut dyn Environment) {
        env.counters().retransmit_in.increment();
        if let Some(response) = self.responses.cached() {
            let response = response.clone();
            self.transmit(path, &response);
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

/// Whether an unprotected response says that its sender does not know the IKE_SA.
fn says_unknown(payloads: &[Payload]) -> bool {
    payloads.iter().any(|payload| {
        matches!(payload, Payload::Notify(notify) if notify.notify_type == NotifyType::INVALID_IKE_SPI)
    })
}

/// Whether a datagram of a request that was answered asks for the answer once more: of fragments
/// only the first one does (RFC 7383 section 2.6.1).
pub(super) fn asks_again(body: &Body<'_>) -> bool {
    match body {
        Body::Fragment(fragment) => fragment.number == 1,
        _ => true,
    }
}

/// Counts a datagram that is of no use.
pub(super) fn count_unopened(error: &OpenError, env: &dyn Environment) {
    let counters = env.counters();
    match error {
        OpenError::Integrity => counters.integrity_failed.increment(),
        OpenError::Clear | OpenError::TooLarge => counters.invalid.increment(),
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

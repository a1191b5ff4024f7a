//! Additional key exchanges between IKE_SA_INIT and IKE_AUTH (RFC 9242, RFC 9370 section 2.2.2).
//! After each of them all keys are others.

use std::time::Instant;

use super::{Authenticating, IkeSa, State, response::count_failure};
use crate::{
    Environment, Path, Secret,
    sa::{
        event::{CloseCause, Failure},
        exchange::{
            Exchange,
            ike_auth::{Handshake, Initiator},
            ike_intermediate::{self, IkeIntermediate, plain_message},
        },
        io::Role,
        message::Content,
        payloads::{Payloads, error_notify},
        secured::{Derived, Secured},
    },
    wire::{ExchangeType, Header},
};

/// A responder between IKE_SA_INIT and IKE_AUTH.
#[derive(Default)]
pub(super) struct Intermediate {
    /// The request that is being handled, as it goes into IntAuth.
    request: Vec<u8>,
    /// The keys from before the last exchange: its request, and the response to it, may be repeated.
    before: Option<Box<Secured>>,
}

impl Intermediate {
    /// The keys that protect a repeated request where the present ones do not.
    pub(super) fn before(&self) -> Option<&Secured> {
        self.before.as_deref()
    }
}

impl IkeSa {
    /// Initiator: begins the next additional key exchange, or IKE_AUTH after the last one.
    pub(super) fn continue_handshake(
        &mut self,
        secured: Secured,
        initiator: Box<Initiator>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let done = initiator.handshake.int_auth.exchanges();
        let Some(method) = secured.suite.additional.nth(done) else {
            return self.authenticate(secured, initiator, now, env);
        };
        self.state = State::Authenticating(Box::new(Authenticating {
            secured,
            initiator: None,
        }));
        match IkeIntermediate::new(initiator, method, env) {
            Ok(intermediate) => {
                let payloads = intermediate.build_request();
                let exchange = Exchange::IkeIntermediate(Box::new(intermediate));
                self.send_request(exchange, &payloads, now, env);
            }
            Err((initiator, failure)) => self.give_up_handshake(*initiator, failure, env),
        }
    }

    pub(super) fn on_intermediate_response(
        &mut self,
        intermediate: IkeIntermediate,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let shared = intermediate.handle_response(payloads);
        let IkeIntermediate {
            mut initiator,
            request,
            response,
            ..
        } = intermediate;
        let State::Authenticating(authenticating) = &self.state else {
            return;
        };
        let secured = &authenticating.secured;
        let renewed = shared.and_then(|shared| {
            self.renew_keys(
                secured,
                &mut initiator.handshake,
                &shared,
                (&request, &response),
            )
        });
        match renewed {
            Ok(Derived {
                secured, key_log, ..
            }) => {
                self.log_keys(key_log);
                self.continue_handshake(secured, initiator, now, env);
            }
            Err(failure) => self.give_up_handshake(*initiator, failure, env),
        }
    }

    /// The peer is not authenticated, so nothing is owed to it; it forgets what is half open.
    fn give_up_handshake(
        &mut self,
        initiator: Initiator,
        failure: Failure,
        env: &mut dyn Environment,
    ) {
        if let Some(offer) = initiator.child {
            offer.cancel(env);
        }
        count_failure(failure, env);
        self.close(CloseCause::Failed(failure), env);
    }

    /// The keys after an exchange: SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr).
    fn renew_keys(
        &self,
        secured: &Secured,
        handshake: &mut Handshake,
        shared: &Secret,
        messages: (&[u8], &[u8]),
    ) -> Result<Derived, Failure> {
        let keys = (&handshake.sk_pi, &handshake.sk_pr);
        handshake.int_auth.add(secured.prf, keys, messages);
        let derived = secured.derive_successor(
            self.role,
            self.spis,
            secured.suite,
            (shared, &[]),
            handshake.nonces(),
            self.logs_keys(),
        )?;
        handshake.sk_pi = derived.sk_pi.clone();
        handshake.sk_pr = derived.sk_pr.clone();
        Ok(derived)
    }

    /// Keeps what IntAuth needs of a message of the peer that has been opened.
    pub(super) fn note_intermediate(&mut self, header: &Header, content: &Content) {
        if header.exchange != ExchangeType::IkeIntermediate {
            return;
        }
        let message = plain_message(header, content);
        match &mut self.state {
            State::HalfOpen(half_open) => half_open.intermediate.request = message,
            _ => {
                if let Some(request) = &mut self.requests.in_flight
                    && let Exchange::IkeIntermediate(intermediate) = &mut request.exchange
                {
                    intermediate.response = message;
                }
            }
        }
    }

    pub(super) fn on_intermediate_request(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        path: Path,
        env: &mut dyn Environment,
    ) {
        let State::HalfOpen(half_open) = &mut self.state else {
            return;
        };
        if half_open.asking.is_some() {
            // Outside the window of one: an IKE_AUTH request has no answer yet.
            return env.counters().out_of_window.increment();
        }
        let request = std::mem::take(&mut half_open.intermediate.request);
        let done = half_open.responder.handshake.int_auth.exchanges();
        let method = half_open.secured.suite.additional.nth(done);
        self.responses.begin();
        match ike_intermediate::handle_request(payloads, method, env) {
            Ok((answer, shared)) => {
                let response = Content::of(&answer);
                let own = self.header(header.exchange, header.message_id, true);
                let response = plain_message(&own, &response);
                // Still under the keys that protected the request.
                self.respond_with(header, &answer, path, env);
                self.path = path;
                self.renew_half_open((&request, &response), &shared, env);
            }
            Err(failure) => self.refuse_handshake(header, failure, path, env),
        }
    }

    fn renew_half_open(
        &mut self,
        messages: (&[u8], &[u8]),
        shared: &Secret,
        env: &mut dyn Environment,
    ) {
        let State::HalfOpen(mut half_open) = std::mem::replace(&mut self.state, State::Closed)
        else {
            return;
        };
        debug_assert!(self.role == Role::Responder);
        let handshake = &mut half_open.responder.handshake;
        let renewed = self.renew_keys(&half_open.secured, handshake, shared, messages);
        let renewed = renewed.map(|derived| {
            let before = std::mem::replace(&mut half_open.secured, derived.secured);
            half_open.intermediate.before = Some(Box::new(before));
            derived.key_log
        });
        self.state = State::HalfOpen(half_open);
        match renewed {
            Ok(key_log) => self.log_keys(key_log),
            Err(failure) => self.close(CloseCause::Failed(failure), env),
        }
    }

    /// The peer is not authenticated and does not keep to what was negotiated: it is told so, and
    /// the IKE_SA is over (RFC 7296 section 2.21.2).
    pub(super) fn refuse_handshake(
        &mut self,
        header: &Header,
        failure: Failure,
        path: Path,
        env: &mut dyn Environment,
    ) {
        count_failure(failure, env);
        self.respond_with(header, &[error_notify(failure)], path, env);
        self.close(CloseCause::Failed(failure), env);
    }
}

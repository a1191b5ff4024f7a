//! IKE_AUTH of either role: the messages, and what others must answer in between.

use std::{sync::Arc, time::Instant};

use super::{
    HalfOpen, IkeSa, State, establish::Purpose, response::count_failure, resume::SessionFacts,
};
use crate::{
    Environment, Path,
    sa::{
        child::ExchangeRole,
        configuration::lacks_address,
        credential::{Answer, CredentialAnswer, CredentialId, CredentialRequest, Question},
        event::{CloseCause, Event, Failure},
        exchange::{
            Exchange,
            ike_auth::{
                AuthRefusal, AuthResponse, Authenticated, Context, Initiator, InitiatorStep,
                Rejection, ResponderStep,
            },
        },
        io::{Output, Role},
        negotiation::ChildOffer,
        payloads::{Payloads, error_notify},
        redirect::Part,
        responses::Parked,
        secured::Secured,
        timers::Timer,
    },
    wire::{ExchangeType, Header},
};

/// Initiator: IKE_SA_INIT is answered.
pub(super) struct Authenticating {
    pub(super) secured: Secured,
    /// Here while somebody else's answer is awaited; in the exchange while the peer's is.
    pub(super) initiator: Option<Box<Initiator>>,
}

/// Responder: the request whose response waits for somebody's answer.
#[derive(Clone, Copy)]
pub(super) struct Asking {
    header: Header,
    path: Path,
}

impl IkeSa {
    fn ask(&mut self, question: Question) {
        self.asked = self.asked.wrapping_add(1);
        let id = CredentialId(self.asked);
        let request = CredentialRequest { id, question };
        self.outputs
            .push_back(Output::Credential(Box::new(request)));
    }

    /// An answer. Answers to earlier questions come too late.
    pub(super) fn on_credential(
        &mut self,
        id: CredentialId,
        answer: CredentialAnswer,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if id != CredentialId(self.asked) {
            return;
        }
        if let (Role::Responder, Ok(Answer::EapSuccess { identity, .. })) = (self.role, &answer) {
            self.remote_eap_id.clone_from(identity);
        }
        match &mut self.state {
            State::Authenticating(authenticating) => {
                let Some(mut initiator) = authenticating.initiator.take() else {
                    return;
                };
                self.timers.stop(Timer::HalfOpen);
                let step = initiator.on_answer(
                    answer,
                    &mut Context {
                        secured: &authenticating.secured,
                        path: self.path,
                        env,
                    },
                );
                self.initiator_step(initiator, step, now, env);
            }
            State::HalfOpen(half_open) => {
                let Some(asking) = half_open.asking.take() else {
                    return;
                };
                let step = half_open.responder.on_answer(
                    answer,
                    &mut Context {
                        secured: &half_open.secured,
                        path: asking.path,
                        env,
                    },
                );
                self.responder_step(asking, step, now, env);
            }
            _ => {}
        }
    }

    /// Initiator: begins IKE_AUTH.
    pub(super) fn authenticate(
        &mut self,
        secured: Secured,
        mut initiator: Box<Initiator>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let step = initiator.begin(&mut Context {
            secured: &secured,
            path: self.path,
            env,
        });
        self.state = State::Authenticating(Box::new(Authenticating {
            secured,
            initiator: None,
        }));
        match step {
            Ok(step) => self.initiator_step(initiator, Ok(step), now, env),
            Err(failure) => {
                // The peer knows of nothing that could be over.
                if let Some(offer) = initiator.child {
                    offer.cancel(env);
                }
                self.close(CloseCause::Failed(failure), env);
            }
        }
    }

    pub(super) fn on_auth_response(
        &mut self,
        mut initiator: Box<Initiator>,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let State::Authenticating(authenticating) = &self.state else {
            return;
        };
        let step = initiator.on_response(
            payloads,
            &mut Context {
                secured: &authenticating.secured,
                path: self.path,
                env,
            },
        );
        self.initiator_step(initiator, step, now, env);
    }

    fn initiator_step(
        &mut self,
        initiator: Box<Initiator>,
        step: Result<InitiatorStep, AuthRefusal>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        match step {
            Ok(InitiatorStep::Send(payloads)) => {
                self.send_request(Exchange::IkeAuth(initiator), &payloads, now, env);
            }
            Ok(InitiatorStep::Ask(question)) => {
                let State::Authenticating(authenticating) = &mut self.state else {
                    return;
                };
                authenticating.initiator = Some(initiator);
                let patience = self.connection.half_open_timeout;
                self.timers.set_after(Timer::HalfOpen, now, patience);
                self.ask(question);
            }
            Ok(InitiatorStep::Done(authenticated)) => {
                self.authenticated(*initiator, *authenticated, now, env);
            }
            Err(refusal) => self.auth_failed(&refusal, initiator.child, env),
        }
    }

    /// Initiator: both ends are authenticated.
    fn authenticated(
        &mut self,
        initiator: Initiator,
        authenticated: Authenticated,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if self.part == Part::Client
            && let Some(to) = authenticated.answered.redirect
        {
            return self.redirected(to, initiator.child, env);
        }
        let State::Authenticating(authenticating) =
            std::mem::replace(&mut self.state, State::Closed)
        else {
            return;
        };
        let Initiator {
            handshake,
            child: offer,
            ..
        } = initiator;
        self.configured = Arc::new(authenticated.answered.configured);
        let facts = SessionFacts {
            local_id: authenticated.local_id.clone(),
            remote_id: authenticated.remote_id.clone(),
        };
        self.establish(
            authenticating.secured,
            &handshake,
            (authenticated.local_id, authenticated.remote_id),
            authenticated.answered.initial_contact,
            now,
            env,
        );
        self.keep_ticket(authenticated.answered.ticket, facts, now);
        self.obey_lifetime(authenticated.answered.auth_lifetime, now, env);
        self.begin_mobike(authenticated.answered.mobike, env);
        match authenticated.child {
            Some(Ok(agreed)) => {
                let nonces = handshake.nonces();
                let (role, purpose) = (ExchangeRole::Requester, Purpose::Create);
                self.install(agreed, nonces, role, purpose, now, env);
            }
            Some(Err(unaccepted)) => {
                if let Some(offer) = offer {
                    self.offer_failed(offer, &unaccepted, env);
                }
            }
            None => {}
        }
        if lacks_address(&self.connection, &self.configured) {
            // No CHILD_SA could ever be made on it. Another IKE_SA may have more luck.
            self.begin_delete(CloseCause::Failed(Failure::InternalAddressFailure));
        }
    }

    /// One of the two ends is not accepted by the other. A responder that we refuse believes that
    /// all is well and must be told (RFC 7296 section 2.21.2): by one message without waiting for
    /// the answer, for nothing is owed to somebody we cannot identify.
    fn auth_failed(
        &mut self,
        refusal: &AuthRefusal,
        offer: Option<ChildOffer>,
        env: &mut dyn Environment,
    ) {
        if let Some(offer) = offer {
            offer.cancel(env);
        }
        let failure = match *refusal {
            AuthRefusal::Theirs(failure) => failure,
            AuthRefusal::Ours(failure) => {
                self.send_once(&[error_notify(Failure::AuthenticationFailed)], env);
                failure
            }
        };
        count_failure(failure, env);
        self.close(CloseCause::Failed(failure), env);
    }

    pub(super) fn on_auth_request(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let State::HalfOpen(half_open) = &mut self.state else {
            return;
        };
        if half_open.asking.is_some() {
            // Outside the window of one: the one before it has no answer yet.
            env.counters().out_of_window.increment();
            return;
        }
        env.counters().ike_auth_in_req.increment();
        self.responses.begin();
        let done = half_open.responder.handshake.int_auth.exchanges();
        if half_open.secured.suite.additional.nth(done).is_some() {
            // Not all key exchanges that were agreed on have taken place.
            return self.refuse_handshake(header, Failure::InvalidSyntax, path, env);
        }
        let step = half_open.responder.on_request(
            payloads,
            &mut Context {
                secured: &half_open.secured,
                path,
                env,
            },
        );
        let asking = Asking {
            header: *header,
            path,
        };
        self.responder_step(asking, step, now, env);
    }

    fn responder_step(
        &mut self,
        asking: Asking,
        step: Result<ResponderStep, Rejection>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Asking { header, path } = asking;
        match step {
            Ok(ResponderStep::Respond(payloads)) => {
                self.path = path;
                self.respond_with(&header, &payloads, path, env);
            }
            Ok(ResponderStep::Ask(question)) => {
                if let State::HalfOpen(half_open) = &mut self.state {
                    half_open.asking = Some(asking);
                    self.ask(question);
                }
            }
            Ok(ResponderStep::Done(response)) => {
                self.accept_initiator(asking, *response, now, env);
            }
            Err(Rejection {
                failure,
                mut payloads,
            }) => {
                count_failure(failure, env);
                payloads.push(error_notify(failure));
                self.respond_with(&header, &payloads, path, env);
                self.close(CloseCause::Failed(failure), env);
            }
        }
    }

    /// Responder: both ends are authenticated.
    fn accept_initiator(
        &mut self,
        Asking { header, path }: Asking,
        response: AuthResponse,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let State::HalfOpen(half_open) = std::mem::replace(&mut self.state, State::Closed) else {
            return;
        };
        let AuthResponse {
            candidate,
            local_id,
            remote_id,
            asked,
            given,
            payloads: mut answer,
            child,
        } = response;
        self.connection = candidate.connection;
        self.contacts = candidate.contacts;
        // The initiator has moved to the NAT-T port if it must (RFC 7296 section 2.23).
        self.path = path;
        self.timers.stop(Timer::HalfOpen);
        let HalfOpen {
            secured, responder, ..
        } = *half_open;
        self.configured = Arc::new(given.configured());
        // Whatever becomes of the IKE_SA, its end gives them back.
        self.leases = given.leases;
        if let Some(to) = self.redirects_clients() {
            if let Some(Ok(granted)) = child {
                env.release_spi(granted.agreed.inbound_spi);
            }
            return self.redirect_initiator(secured, &to, (&header, path), answer, now, env);
        }
        let handshake = responder.handshake;
        self.establish(
            secured,
            &handshake,
            (local_id, remote_id),
            asked.initial_contact,
            now,
            env,
        );
        self.begin_mobike(asked.mobike, env);
        match child {
            Some(Ok(granted)) => {
                let parked = Parked {
                    message_id: header.message_id,
                    exchange_type: ExchangeType::IkeAuth,
                    path,
                    inbound_spi: granted.agreed.inbound_spi,
                    common: answer,
                    success: granted.payloads,
                };
                let nonces = handshake.nonces();
                self.grant_child(granted.agreed, nonces, Purpose::Create, parked, now, env);
            }
            Some(Err(failure)) => {
                count_failure(failure, env);
                self.emit(Event::ChildRefused { failure });
                answer.push(error_notify(failure));
                self.respond_with(&header, &answer, path, env);
            }
            None => self.respond_with(&header, &answer, path, env),
        }
    }
}

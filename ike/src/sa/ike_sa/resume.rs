//! Resuming a session in either role, up to IKE_AUTH (RFC 5723).

use std::{sync::Arc, time::Instant};

use super::{Candidate, IkeSa, SaOptions, respond::Begun};
use crate::{
    ChildConfig, Environment, IkeSpi, IkeSpis, MessageId,
    crypto::Nonces,
    proposal::takes_suite,
    sa::{
        admission::{InitRequest, Refusal},
        event::{CloseCause, Event, Failure},
        exchange::{
            Exchange,
            ike_auth::{Handshake, Resumed, announcement::Announced},
            ike_intermediate::IntAuth,
            ike_sa_init::IkeSaInit,
            ike_session_resume::{self, IkeSessionResume, ResumeAnswer, ResumeDone, refuse_ticket},
        },
        io::Role,
        message::Message,
        payloads::Payloads,
        redirect::Part,
        resumption::{Given, Session, is_allowed},
        secured::Secured,
        timers::Timer,
    },
    wire::{ExchangeType, Header, write_message},
};

impl IkeSa {
    /// Initiator: the first request, of IKE_SESSION_RESUME where there is a session that may be
    /// resumed.
    pub(super) fn begin(
        &mut self,
        child: Option<Arc<ChildConfig>>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        match self.options.session.take() {
            Some(session) if self.may_resume(&session, now) => {
                let resume = IkeSessionResume::new(session, child, env);
                self.send_resume(Box::new(resume), now, env);
            }
            _ => self.begin_from_scratch(child, now, env),
        }
    }

    fn may_resume(&self, session: &Session, now: Instant) -> bool {
        let expected = self.connection.remote.last();
        is_allowed(&self.connection)
            && now < session.expires
            && session.gateway == self.path.remote.ip()
            && takes_suite(&self.connection.proposals, &session.suite)
            && expected.is_some_and(|round| round.id.matches(&session.remote_id))
    }

    fn begin_from_scratch(
        &mut self,
        child: Option<Arc<ChildConfig>>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let redirect = self.client_notify();
        match IkeSaInit::new(&self.connection, child, redirect, env) {
            Ok(init) => self.send_init(Box::new(init), now, env),
            Err(failure) => self.close(CloseCause::Failed(failure), env),
        }
    }

    fn send_resume(
        &mut self,
        resume: Box<IkeSessionResume>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let fake_nat = self.fakes_nat(&self.connection);
        let payloads = resume.build_request(&self.connection, self.spis, self.path, fake_nat);
        let header = self.header(ExchangeType::IkeSessionResume, MessageId(0), false);
        let message = Message::whole(write_message(&header, &payloads));
        let exchange = Exchange::IkeSessionResume(resume);
        self.launch(&header, exchange, message, None, now, env);
    }

    /// An IKE_SESSION_RESUME response, which is not authentic.
    pub(super) fn on_resume_response(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        datagram: &[u8],
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let fake_nat = self.fakes_nat(&self.connection);
        let Some(request) = &mut self.requests.in_flight else {
            return;
        };
        let Exchange::IkeSessionResume(resume) = &mut request.exchange else {
            return;
        };
        let connection = &self.connection;
        let answer = resume.handle_response(payloads, header.spis, self.path, connection, fake_nat);
        match answer {
            ResumeAnswer::Stale => {}
            ResumeAnswer::FallBack => self.fall_back(now, env),
            ResumeAnswer::Again => {
                if let Some((resume, _)) = self.take_resume() {
                    self.requests.rewind();
                    self.send_resume(resume, now, env);
                }
            }
            ResumeAnswer::Done(done) => {
                if let Some((resume, request)) = self.take_resume() {
                    self.spis.responder = header.spis.responder;
                    let messages = (request, datagram.to_vec());
                    self.resumed(*resume, done, messages, now, env);
                }
            }
        }
    }

    /// The exchange in flight, and its request.
    fn take_resume(&mut self) -> Option<(Box<IkeSessionResume>, Vec<u8>)> {
        let request = self
            .requests
            .answered(MessageId(0), ExchangeType::IkeSessionResume)?;
        self.timers.stop(Timer::Retransmit);
        match request.exchange {
            Exchange::IkeSessionResume(resume) => Some((resume, request.message.into_octets())),
            _ => None,
        }
    }

    /// Initiator: the gateway does not take the ticket. The new request has
    /// another SPI: by the old one the gateway may know an IKE_SA that nobody goes on with.
    fn fall_back(&mut self, now: Instant, env: &mut dyn Environment) {
        let Some((resume, _)) = self.take_resume() else {
            return;
        };
        let new = env.allocate_ike_spi();
        env.release_ike_spi(self.spis.initiator);
        self.spis.initiator = new;
        self.requests.rewind();
        self.begin_from_scratch(resume.child, now, env);
    }

    fn resumed(
        &mut self,
        resume: IkeSessionResume,
        done: ResumeDone,
        (request, response): (Vec<u8>, Vec<u8>),
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let session = &resume.session;
        let nonces = Nonces {
            initiator: &resume.nonce,
            responder: &done.nonce_r,
        };
        let keys = (session.suite, &session.sk_d);
        let log = self.logs_keys();
        let derived = match Secured::derive_resumed(self.role, self.spis, keys, nonces, log) {
            Ok(derived) => derived,
            Err(failure) => return self.close(CloseCause::Failed(failure), env),
        };
        self.log_keys(derived.key_log);
        self.float_port(done.nat);
        let mut secured = derived.secured;
        secured.peer_takes_fragments = done.fragmentation;
        let handshake = Handshake {
            request,
            with_cookie: None,
            response,
            nonce_i: resume.nonce,
            nonce_r: done.nonce_r,
            sk_pi: derived.sk_pi,
            sk_pr: derived.sk_pr,
            nat: done.nat,
            announced: Announced::default(),
            int_auth: IntAuth::default(),
            resumed: Some(Box::new(Resumed {
                local_id: session.local_id.clone(),
                remote_id: session.remote_id.clone(),
                eap_id: None,
                ticket: None,
            })),
            ppk: None,
        };
        // The gateway does not say again what it takes.
        let child = self.defer_child(resume.child, false);
        // A refusal says nothing about our secret, and there is no ticket for the next attempt.
        if let Err(failure) = self.begin_auth(handshake, secured, child, true, now, env) {
            self.close(CloseCause::Failed(failure), env);
        }
    }

    /// Initiator: the gateway has given a ticket in the IKE_SA that is now established.
    pub(super) fn keep_ticket(&mut self, given: Option<Given>, facts: SessionFacts, now: Instant) {
        let (Some(Given { ticket, lifetime }), Some(established)) = (given, self.established())
        else {
            return;
        };
        let Some(expires) = now.checked_add(lifetime) else {
            return;
        };
        let mut suite = established.secured.suite;
        suite.additional = crate::proposal::AdditionalKeyExchanges::NONE;
        let session = Session {
            ticket,
            expires,
            gateway: self.path.remote.ip(),
            suite,
            sk_d: established.secured.sk_d.clone(),
            local_id: facts.local_id,
            remote_id: facts.remote_id,
        };
        self.emit(Event::Session(Box::new(session)));
    }

    /// Responder: a ticket in the place of a key exchange.
    pub(super) fn respond_to_resumption(
        request: InitRequest,
        candidates: Vec<Candidate>,
        local_spi: IkeSpi,
        options: SaOptions,
        now: Instant,
        env: &mut dyn Environment,
    ) -> Result<Self, Refusal> {
        let answer =
            ike_session_resume::handle_request(&request, candidates, local_spi, &options, env)?;
        let spis = IkeSpis {
            initiator: request.initiator_spi(),
            responder: local_spi,
        };
        let log = options.key_log || answer.candidate.connection.key_log;
        let content = answer.ticket.content;
        let nonces = Nonces {
            initiator: &answer.nonce_i,
            responder: &answer.done.nonce_r,
        };
        let keys = (content.suite, &content.sk_d);
        let mut derived = Secured::derive_resumed(Role::Responder, spis, keys, nonces, log)
            .map_err(|_: Failure| refuse_ticket(&request))?;
        derived.secured.peer_takes_fragments = answer.done.fragmentation;
        let eap_id = content.eap_id.clone();
        let begun = Begun {
            spis,
            first: answer.candidate.clone(),
            candidates: vec![answer.candidate],
            derived,
            nonce_i: answer.nonce_i,
            nonce_r: answer.done.nonce_r,
            nat: answer.done.nat,
            announced: Announced::default(),
            part: Part::Neither,
            payloads: answer.payloads,
            resumed: Some(Box::new(Resumed {
                local_id: content.local_id,
                remote_id: content.remote_id,
                eap_id: content.eap_id,
                ticket: Some(answer.ticket.id),
            })),
        };
        let mut sa = Self::half_open(request, begun, options, now);
        sa.remote_eap_id = eap_id;
        Ok(sa)
    }
}

/// Who the two ends of a session are.
pub(super) struct SessionFacts {
    pub(super) local_id: crate::Identification,
    pub(super) remote_id: crate::Identification,
}

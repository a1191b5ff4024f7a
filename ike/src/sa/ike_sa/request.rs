//! Sending our requests and reading their responses.

use std::{sync::Arc, time::Instant};

use super::{Established, IKE_PORT, IkeSa, NAT_T_PORT, SaOptions, State};
use crate::{
    ChildConfig, Connection, Environment, IkeSpi, IkeSpis, MessageId, Path,
    sa::{
        child::{Answer, ChildOffer, ChildState, ExchangeRole},
        contacts::Contacts,
        event::{ChildDownCause, CloseCause, Event, Failure, Nat},
        exchange::{
            Exchange, Work,
            create_child::CreateChild,
            ike_auth::{Handshake, IkeAuth},
            ike_sa_init::{IkeSaInit, InitAnswer, InitDone},
            informational,
        },
        io::{Output, Role},
        payloads::{Payloads, error_notify},
        requests::{InFlight, Requests, deadline},
        responses::Responses,
        secured::Secured,
        timers::{Timer, Timers},
    },
    wire::{ExchangeType, Header, Payload, write_message},
};

impl IkeSa {
    /// Starts as initiator: the IKE_SA_INIT request is the first output.
    ///
    /// `child` is negotiated in IKE_AUTH; without one the IKE_SA is childless (RFC 6023).
    #[expect(clippy::too_many_arguments, reason = "a constructor of plain facts")]
    pub fn initiate(
        connection: Arc<Connection>,
        contacts: Contacts,
        local_spi: IkeSpi,
        path: Path,
        child: Option<Arc<ChildConfig>>,
        options: SaOptions,
        now: Instant,
        env: &mut dyn Environment,
    ) -> Self {
        let mut sa = Self {
            role: Role::Initiator,
            spis: IkeSpis {
                initiator: local_spi,
                responder: IkeSpi::ZERO,
            },
            path,
            options,
            connection,
            contacts,
            state: State::Connecting,
            requests: Requests::default(),
            responses: Responses::default(),
            children: Vec::new(),
            outputs: std::collections::VecDeque::new(),
            timers: Timers::default(),
            begun: now,
            last_inbound: now,
        };
        match IkeSaInit::new(&sa.connection, child, env) {
            Ok(init) => sa.send_init(Box::new(init), now, env),
            Err(failure) => sa.close(CloseCause::Failed(failure), env),
        }
        sa
    }

    fn send_init(&mut self, init: Box<IkeSaInit>, now: Instant, env: &mut dyn Environment) {
        let payloads = init.build_request(
            &self.connection,
            self.spis,
            self.path,
            self.fakes_nat(&self.connection),
        );
        let header = self.header(ExchangeType::IkeSaInit, MessageId(0), false);
        let datagram = write_message(&header, &payloads);
        env.counters().ike_init_out_req.increment();
        self.launch(&header, Exchange::IkeSaInit(init), datagram, now, env);
    }

    /// Whether this end pretends to be behind a NAT.
    pub(super) fn fakes_nat(&self, connection: &Connection) -> bool {
        self.options.force_encapsulation || connection.encap
    }

    /// Seals and sends a request.
    fn send_request(
        &mut self,
        exchange: Exchange,
        payloads: &[Payload],
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let exchange_type = match exchange {
            Exchange::IkeSaInit(_) => ExchangeType::IkeSaInit,
            Exchange::IkeAuth(_) => ExchangeType::IkeAuth,
            Exchange::CreateChild(_) => ExchangeType::CreateChildSa,
            Exchange::DeleteChild(_) | Exchange::DeleteIke | Exchange::Liveness => {
                ExchangeType::Informational
            }
        };
        let counters = env.counters();
        match exchange_type {
            ExchangeType::IkeAuth => counters.ike_auth_out_req.increment(),
            ExchangeType::CreateChildSa => counters.create_child_out_req.increment(),
            _ => counters.info_out_req.increment(),
        }
        let header = self.header(exchange_type, self.requests.next_id(), false);
        let Some(secured) = self.secured() else {
            return;
        };
        let datagram = secured.seal(&header, payloads);
        self.launch(&header, exchange, datagram, now, env);
    }

    fn launch(
        &mut self,
        header: &Header,
        exchange: Exchange,
        datagram: Vec<u8>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        self.transmit(self.path, datagram.clone());
        self.requests.sent(InFlight {
            message_id: header.message_id,
            exchange_type: header.exchange,
            exchange,
            path: self.path,
            datagram,
            retransmissions: 0,
        });
        self.arm_retransmit(0, now, env);
    }

    pub(super) fn arm_retransmit(
        &mut self,
        retransmissions: u32,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let mut random = [0; 2];
        env.random(&mut random);
        let at = deadline(
            &self.connection.retransmit,
            retransmissions,
            u16::from_ne_bytes(random),
            now,
        );
        self.timers.set(Timer::Retransmit, at);
    }

    /// Starts queued work while the window is open.
    pub(super) fn start_work(&mut self, now: Instant, env: &mut dyn Environment) {
        while matches!(self.state, State::Established(_) | State::Deleting(..)) {
            let Some(work) = self.requests.take_ready() else {
                return;
            };
            match work {
                Work::CreateChild(config, method) => self.create_child(config, method, now, env),
                Work::DeleteChild(spi) => {
                    if let Some(child) = self.child_mut(spi) {
                        if child.state != ChildState::Gone {
                            child.state = ChildState::Deleting;
                        }
                        let payloads = informational::delete_child_sa(spi);
                        self.send_request(Exchange::DeleteChild(spi), &payloads, now, env);
                    }
                }
                Work::DeleteIke => {
                    let payloads = informational::delete_ike_sa();
                    self.send_request(Exchange::DeleteIke, &payloads, now, env);
                }
                Work::Liveness => self.send_request(Exchange::Liveness, &[], now, env),
            }
        }
    }

    fn create_child(
        &mut self,
        config: Arc<ChildConfig>,
        method: Option<crate::proposal::KeyExchangeMethod>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if self.has_child(&config.name) {
            return;
        }
        let name = config.name.clone();
        match CreateChild::new(config, method, self.path, env) {
            Ok(create) => {
                let payloads = create.build_request();
                self.send_request(Exchange::CreateChild(Box::new(create)), &payloads, now, env);
            }
            Err(failure) => self.emit(Event::ChildFailed { name, failure }),
        }
    }

    /// An IKE_SA_INIT response. It is not authentic yet: what makes no sense is ignored, and the
    /// request stays in flight.
    pub(super) fn on_init_response(
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
        let Exchange::IkeSaInit(init) = &mut request.exchange else {
            return;
        };
        let answer = init.handle_response(
            payloads,
            header.spis,
            self.path,
            &self.connection,
            fake_nat,
            env,
        );
        if matches!(answer, Ok(InitAnswer::Stale)) {
            return;
        }
        let Some(request) = self
            .requests
            .answered(header.message_id, ExchangeType::IkeSaInit)
        else {
            return;
        };
        self.timers.stop(Timer::Retransmit);
        match (answer, request.exchange) {
            (Ok(InitAnswer::Again), Exchange::IkeSaInit(init)) => {
                self.requests.rewind();
                self.send_init(init, now, env);
            }
            (Ok(InitAnswer::Done(done)), Exchange::IkeSaInit(init)) => {
                self.spis.responder = header.spis.responder;
                let messages = (request.datagram, datagram.to_vec());
                if let Err(failure) = self.begin_auth(*init, *done, messages, now, env) {
                    self.close(CloseCause::Failed(failure), env);
                }
            }
            (Err(failure), _) => {
                count_failure(failure, env);
                self.close(CloseCause::Failed(failure), env);
            }
            _ => {}
        }
    }

    fn begin_auth(
        &mut self,
        init: IkeSaInit,
        done: InitDone,
        (request, response): (Vec<u8>, Vec<u8>),
        now: Instant,
        env: &mut dyn Environment,
    ) -> Result<(), Failure> {
        let derived = Secured::derive(self.role, self.spis, &done, &init.nonce)?;
        self.log_keys([derived.key_log]);
        if init.child.is_none() && !done.childless {
            return Err(Failure::Protocol("it takes no IKE_SA without a CHILD_SA"));
        }
        self.float_port(done.nat);
        let handshake = Handshake {
            request,
            response,
            nonce_i: init.nonce,
            nonce_r: done.nonce_r,
            sk_pi: derived.sk_pi,
            sk_pr: derived.sk_pr,
            nat: done.nat,
        };
        let initial_contact =
            self.connection.unique != crate::config::Unique::Never && !self.contacts.any();
        let connection = self.connection.clone();
        let auth = IkeAuth::new(
            handshake,
            &connection,
            init.child,
            initial_contact,
            self.path,
            env,
        )?;
        match auth.build_request(&connection, &derived.secured, self.path, env) {
            Ok(payloads) => {
                self.state = State::Authenticating(Box::new(derived.secured));
                self.send_request(Exchange::IkeAuth(Box::new(auth)), &payloads, now, env);
                Ok(())
            }
            Err(failure) => {
                if let Some(offer) = auth.child {
                    offer.cancel(env);
                }
                Err(failure)
            }
        }
    }

    /// Behind a NAT everything moves to the NAT-T port (RFC 7296 section 2.23).
    fn float_port(&mut self, nat: Option<Nat>) {
        let floats = nat.is_some_and(|nat| nat.local || nat.remote || nat.faked);
        if floats && self.path.local.port() != self.options.nat_t_port {
            self.path.local.set_port(self.options.nat_t_port);
            if self.path.remote.port() == IKE_PORT {
                self.path.remote.set_port(NAT_T_PORT);
            }
        }
    }

    /// A response under the protection of the IKE_SA.
    pub(super) fn on_protected_response(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(request) = self.requests.answered(header.message_id, header.exchange) else {
            return;
        };
        self.timers.stop(Timer::Retransmit);
        self.heard(now);
        if request.retransmissions > 0 {
            self.emit(Event::PeerAnswers);
        }
        match request.exchange {
            Exchange::IkeAuth(auth) => self.on_auth_response(*auth, payloads, now, env),
            Exchange::CreateChild(create) => {
                self.on_create_response(*create, payloads, now, env);
            }
            Exchange::DeleteChild(spi) => self.drop_child(spi, ChildDownCause::Terminated),
            Exchange::DeleteIke => {
                if let State::Deleting(_, cause) = self.state {
                    self.close(cause, env);
                }
            }
            Exchange::Liveness | Exchange::IkeSaInit(_) => {}
        }
    }

    fn on_auth_response(
        &mut self,
        auth: IkeAuth,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let connection = self.connection.clone();
        let State::Authenticating(secured) = &self.state else {
            return;
        };
        let authenticated = match auth.handle_response(payloads, &connection, secured, env) {
            Ok(authenticated) => authenticated,
            Err(failure) => return self.refuse_responder(failure, auth.child, env),
        };
        let State::Authenticating(secured) = std::mem::replace(&mut self.state, State::Closed)
        else {
            return;
        };
        let IkeAuth {
            handshake,
            local_id,
            initial_contact,
            child: offer,
        } = auth;
        self.establish(
            *secured,
            &handshake,
            (local_id, authenticated.remote_id),
            initial_contact,
            now,
            env,
        );
        match authenticated.child {
            Some(Ok(agreed)) => {
                let nonces = handshake.nonces();
                self.install(agreed, nonces, ExchangeRole::Requester, now, env);
            }
            Some(Err(failure)) => {
                count_failure(failure, env);
                if let Some(offer) = offer {
                    self.offer_failed(offer, failure, env);
                }
            }
            None => {}
        }
    }

    /// The responder failed to authenticate, or refused us. In the former case it believes that
    /// all is well and must be told (RFC 7296 section 2.21.2). One message without waiting for the
    /// answer: nothing is owed to somebody we cannot identify.
    fn refuse_responder(
        &mut self,
        failure: Failure,
        offer: Option<ChildOffer>,
        env: &mut dyn Environment,
    ) {
        count_failure(failure, env);
        if let Some(offer) = offer {
            offer.cancel(env);
        }
        if matches!(
            failure,
            Failure::AuthenticationFailed | Failure::IdentityMismatch | Failure::NoSecret
        ) {
            self.send_once(&[error_notify(Failure::AuthenticationFailed)], env);
        }
        self.close(CloseCause::Failed(failure), env);
    }

    /// One INFORMATIONAL request whose answer nobody waits for.
    pub(super) fn send_once(&mut self, payloads: &[Payload], env: &mut dyn Environment) {
        let header = self.header(ExchangeType::Informational, self.requests.next_id(), false);
        let path = self.path;
        if let Some(secured) = self.secured() {
            let datagram = secured.seal(&header, payloads);
            env.counters().info_out_req.increment();
            self.transmit(path, datagram);
        }
    }

    fn on_create_response(
        &mut self,
        create: CreateChild,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        match create.offer.answer(payloads) {
            Ok(Answer::OtherKeyExchange(method)) => {
                let config = create.offer.config.clone();
                create.offer.cancel(env);
                self.requests
                    .enqueue(Work::CreateChild(config, Some(method)));
            }
            Ok(Answer::Agreed(agreed)) if create.is_deleted(agreed.outbound_spi) => {
                self.offer_failed(create.offer, Failure::TemporaryFailure, env);
            }
            Ok(Answer::Agreed(agreed)) => match payloads.nonce() {
                Ok(nonce_r) => {
                    let nonces = crate::crypto::Nonces {
                        initiator: &create.nonce,
                        responder: nonce_r,
                    };
                    self.install(*agreed, nonces, ExchangeRole::Requester, now, env);
                }
                Err(failure) => self.offer_failed(create.offer, failure, env),
            },
            Err(failure) => {
                count_failure(failure, env);
                self.offer_failed(create.offer, failure, env);
            }
        }
    }

    fn offer_failed(&mut self, offer: ChildOffer, failure: Failure, env: &mut dyn Environment) {
        let name = offer.config.name.clone();
        offer.cancel(env);
        // The peer may have brought the same child up meanwhile.
        if !self.has_child(&name) {
            self.emit(Event::ChildFailed { name, failure });
        }
    }

    pub(super) fn log_keys<const N: usize>(&mut self, lines: [crate::sa::event::KeyLog; N]) {
        if self.options.key_log || self.connection.key_log {
            for line in lines {
                self.emit(Event::KeyLog(Box::new(line)));
            }
        }
    }

    /// The peer is alive.
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_inbound = now;
    }

    /// Repeats the request in flight.
    pub(super) fn retransmit(&mut self, now: Instant, env: &mut dyn Environment) {
        let tries = self.connection.retransmit.tries;
        let Some(request) = &mut self.requests.in_flight else {
            return;
        };
        if request.retransmissions >= tries {
            let cause = match self.state {
                State::Deleting(_, cause) => cause,
                _ => CloseCause::PeerUnresponsive,
            };
            return self.close(cause, env);
        }
        request.retransmissions += 1;
        let attempt = request.retransmissions;
        let output = Output::Transmit {
            path: request.path,
            data: request.datagram.clone(),
        };
        env.counters().retransmit_out.increment();
        self.outputs.push_back(output);
        self.emit(Event::Retransmitting { attempt });
        self.arm_retransmit(attempt, now, env);
    }

    pub(super) fn established(&self) -> Option<&Established> {
        match &self.state {
            State::Established(established) => Some(established),
            _ => None,
        }
    }
}

/// Counts what operators look for.
pub(super) fn count_failure(failure: Failure, env: &dyn Environment) {
    let counters = env.counters();
    match failure {
        Failure::NoProposalChosen | Failure::InvalidKeyExchange => {
            counters.no_proposal.increment();
        }
        Failure::TsUnacceptable => counters.ts_unacceptable.increment(),
        Failure::AuthenticationRefused
        | Failure::AuthenticationFailed
        | Failure::NoSecret
        | Failure::IdentityMismatch
        | Failure::NoConnection => counters.auth_failed.increment(),
        _ => {}
    }
}

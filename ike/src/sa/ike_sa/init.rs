//! IKE_SA_INIT as initiator, up to the IKE_AUTH request.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{IKE_PORT, IkeSa, NAT_T_PORT, SaOptions, State, response::count_failure};
use crate::{
    ChildConfig, Connection, Environment, IkeSpi, IkeSpis, MessageId, Path,
    sa::{
        contacts::Contacts,
        event::{CloseCause, Event, Failure, Nat},
        exchange::{
            Exchange,
            ike_auth::{Asking, Handshake, Initiator},
            ike_intermediate::IntAuth,
            ike_sa_init::{IkeSaInit, InitAnswer, InitDone},
        },
        io::Role,
        message::Message,
        payloads::Payloads,
        redirect::{Part, client_notify},
        requests::Requests,
        responses::Responses,
        secured::Secured,
        timers::{Timer, Timers},
    },
    wire::{ExchangeType, Header, Payload, write_message},
};

/// The genuine answer is not much later than one that somebody on the path makes up.
const DOUBT: Duration = Duration::from_secs(1);

impl IkeSa {
    /// Starts as initiator: the first request, of IKE_SA_INIT or to resume a session, is the first
    /// output.
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
        let part = if options.follow_redirects {
            Part::Client
        } else {
            Part::Neither
        };
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
            state: State::Connecting { refusal: None },
            requests: Requests::default(),
            responses: Responses::default(),
            children: Vec::new(),
            formers: Vec::new(),
            configured: Arc::default(),
            leases: Vec::new(),
            half_done: None,
            outputs: std::collections::VecDeque::new(),
            timers: Timers::default(),
            begun: now,
            last_inbound: now,
            part,
            asked: 0,
            remote_eap_id: None,
            fragment_octets: 0,
        };
        sa.begin(child, now, env);
        sa
    }

    /// What we say of redirects, if we follow them.
    pub(super) fn client_notify(&self) -> Option<Payload> {
        let from = self.options.redirected_from.as_ref();
        (self.part == Part::Client).then(|| client_notify(from))
    }

    pub(super) fn send_init(
        &mut self,
        init: Box<IkeSaInit>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let payloads = init.build_request(
            &self.connection,
            self.spis,
            self.path,
            self.fakes_nat(&self.connection),
        );
        let header = self.header(ExchangeType::IkeSaInit, MessageId(0), false);
        let message = Message::whole(write_message(&header, &payloads));
        env.counters().ike_init_out_req.increment();
        self.launch(&header, Exchange::IkeSaInit(init), message, None, now, env);
    }

    /// Whether this end pretends to be behind a NAT.
    pub(super) fn fakes_nat(&self, connection: &Connection) -> bool {
        self.options.force_encapsulation || connection.encap
    }

    /// An IKE_SA_INIT response. It is not authentic yet: what makes no sense or refuses us changes
    /// nothing for now, and the request stays in flight.
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
        let answer = match answer {
            Ok(InitAnswer::Stale) => return,
            Ok(answer) => answer,
            Err(failure) => return self.doubt(failure, now),
        };
        let Some(request) = self
            .requests
            .answered(header.message_id, ExchangeType::IkeSaInit)
        else {
            return;
        };
        let Exchange::IkeSaInit(mut init) = request.exchange else {
            return;
        };
        self.timers.stop(Timer::Retransmit);
        self.timers.stop(Timer::Refusal);
        self.state = State::Connecting { refusal: None };
        match answer {
            InitAnswer::Again => {
                init.note_restart(request.retransmissions > 0);
                self.requests.rewind();
                self.send_init(init, now, env);
            }
            InitAnswer::Done(done) => {
                self.spis.responder = header.spis.responder;
                let messages = (request.message.into_octets(), datagram.to_vec());
                if let Err(failure) = self.end_init(*init, *done, messages, now, env) {
                    self.close(CloseCause::Failed(failure), env);
                }
            }
            InitAnswer::Redirected(to) => {
                self.emit(Event::Redirected(to));
                self.close(CloseCause::Redirected, env);
            }
            InitAnswer::Stale => {}
        }
    }

    /// Anybody may have refused us: it is believed when nothing better comes for a while
    /// (RFC 7296 section 2.21.1).
    fn doubt(&mut self, failure: Failure, now: Instant) {
        if let State::Connecting {
            refusal: refusal @ None,
        } = &mut self.state
        {
            *refusal = Some(failure);
            self.timers.set_after(Timer::Refusal, now, DOUBT);
        }
    }

    pub(super) fn believe_refusal(&mut self, env: &mut dyn Environment) {
        if let State::Connecting {
            refusal: Some(failure),
        } = self.state
        {
            count_failure(failure, env);
            self.close(CloseCause::Failed(failure), env);
        }
    }

    fn end_init(
        &mut self,
        init: IkeSaInit,
        done: InitDone,
        (request, response): (Vec<u8>, Vec<u8>),
        now: Instant,
        env: &mut dyn Environment,
    ) -> Result<(), Failure> {
        let log = self.logs_keys();
        let derived = Secured::derive(self.role, self.spis, &done, &init.nonce, log)?;
        self.log_keys(derived.key_log);
        self.float_port(done.nat);
        let child = self.defer_child(init.child, done.childless);
        let handshake = Handshake {
            request,
            with_cookie: None,
            response,
            nonce_i: init.nonce,
            nonce_r: done.nonce_r,
            sk_pi: derived.sk_pi,
            sk_pr: derived.sk_pr,
            nat: done.nat,
            announced: done.announced,
            int_auth: IntAuth::default(),
            resumed: None,
            ppk: None,
        };
        let ambiguous = init.ambiguous;
        self.begin_auth(handshake, derived.secured, child, ambiguous, now, env)
    }

    /// What is negotiated in IKE_AUTH. A child that is to wait is asked for once the IKE_SA is there.
    pub(super) fn defer_child(
        &mut self,
        child: Option<Arc<ChildConfig>>,
        is_taken: bool,
    ) -> Option<Arc<ChildConfig>> {
        if !self.connection.childless.defers(is_taken) {
            return child;
        }
        if let Some(child) = child {
            self.enqueue_child(child, None);
        }
        None
    }

    /// Both ends have the keys. `ambiguous` is [`Initiator::ambiguous`].
    pub(super) fn begin_auth(
        &mut self,
        handshake: Handshake,
        secured: Secured,
        child: Option<Arc<ChildConfig>>,
        ambiguous: bool,
        now: Instant,
        env: &mut dyn Environment,
    ) -> Result<(), Failure> {
        let initial_contact =
            self.connection.unique != crate::config::Unique::Never && !self.contacts.any();
        let mut initiator = Initiator::new(
            handshake,
            Arc::clone(&self.connection),
            child,
            Asking { initial_contact },
            self.path,
            env,
        )?;
        initiator.ambiguous = ambiguous;
        self.continue_handshake(secured, Box::new(initiator), now, env);
        Ok(())
    }

    /// Behind a NAT everything moves to the NAT-T port (RFC 7296 section 2.23). Whoever may meet one
    /// later does so at once (RFC 4555 section 3.3), unless the peer has ports of its own.
    pub(super) fn float_port(&mut self, nat: Option<Nat>) {
        let mobike = self.connection.mobike && self.path.remote.port() == IKE_PORT;
        let floats = nat.is_some_and(|nat| nat.local || nat.remote || nat.faked || mobike);
        if floats && self.path.local.port() != self.options.nat_t_port {
            self.path.local.set_port(self.options.nat_t_port);
            if self.path.remote.port() == IKE_PORT {
                self.path.remote.set_port(NAT_T_PORT);
            }
        }
    }
}

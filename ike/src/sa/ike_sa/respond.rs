//! Answering the peer's requests.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use super::{
    Candidate, HalfOpen, IkeSa, SaOptions, State, establish::Purpose, intermediate::Intermediate,
    rekey_ike::OldGeneration, response::count_failure,
};
use crate::{
    Connection, Environment, EspSpi, IkeSpi, IkeSpis, MessageId, Path,
    crypto::Nonces,
    proposal::select_ike,
    sa::{
        admission::{InitRequest, Refusal, refuse},
        child::{ChildState, ExchangeRole},
        configuration,
        event::{ChildDownCause, Event, Failure, Nat},
        exchange::{
            Exchange,
            create_child::{self, CreateRefusal},
            ike_auth::{Handshake, Responder, Resumed, announcement::Announced, auth_lifetime},
            ike_intermediate::IntAuth,
            ike_sa_init,
            informational::{self, Wanted},
        },
        io::Role,
        message::{Content, Message},
        negotiation::Agreed,
        payloads::{Payloads, error_notify},
        redirect::Part,
        requests::Requests,
        responses::{Parked, Responses},
        secured::{Derived, Secured},
        timers::{Timer, Timers},
    },
    wire::{ExchangeType, Header, Payload, write_message},
};

/// What the first two messages have made, for a responder.
pub(super) struct Begun {
    pub(super) spis: IkeSpis,
    /// The best of the candidates.
    pub(super) first: Candidate,
    pub(super) candidates: Vec<Candidate>,
    pub(super) derived: Derived,
    pub(super) nonce_i: Box<[u8]>,
    pub(super) nonce_r: Box<[u8]>,
    pub(super) nat: Option<Nat>,
    pub(super) announced: Announced,
    pub(super) part: Part,
    /// Of the response.
    pub(super) payloads: Vec<Payload>,
    pub(super) resumed: Option<Box<Resumed>>,
}

impl IkeSa {
    /// Starts as responder: the response to the first request is the first output.
    ///
    /// `candidates` are the connections that fit the addresses, best first; IKE_AUTH decides among
    /// them. On error no IKE_SA was made.
    pub fn respond(
        request: InitRequest,
        candidates: Vec<Candidate>,
        local_spi: IkeSpi,
        options: SaOptions,
        now: Instant,
        env: &mut dyn Environment,
    ) -> Result<Self, Refusal> {
        let connections: Vec<&Connection> = candidates
            .iter()
            .map(|candidate| &*candidate.connection)
            .collect();
        if connections.is_empty() {
            env.counters().no_proposal.increment();
            return Err(refuse(&request, Failure::NoProposalChosen));
        }
        if request.header.exchange == ExchangeType::IkeSessionResume {
            return Self::respond_to_resumption(request, candidates, local_spi, options, now, env);
        }
        let fake_nat =
            options.force_encapsulation || connections.iter().any(|connection| connection.encap);
        let answer = ike_sa_init::handle_request(&request, &connections, local_spi, fake_nat, env)?;
        let spis = IkeSpis {
            initiator: request.initiator_spi(),
            responder: local_spi,
        };
        let first_logs = connections.first().is_some_and(|first| first.key_log);
        let log = options.key_log || first_logs;
        let derived = Secured::derive(Role::Responder, spis, &answer.done, &answer.nonce_i, log)
            .map_err(|failure| refuse(&request, failure))?;
        // IKE_AUTH may choose only a connection to which these algorithms are acceptable.
        let agreed = std::slice::from_ref(&answer.proposal);
        let candidates: Vec<Candidate> = candidates
            .into_iter()
            .filter(|candidate| select_ike(agreed, &candidate.connection.proposals).is_some())
            .collect();
        let first = candidates
            .first()
            .cloned()
            .ok_or_else(|| refuse(&request, Failure::NoProposalChosen))?;
        let begun = Begun {
            spis,
            first,
            candidates,
            derived,
            nonce_i: answer.nonce_i,
            nonce_r: answer.done.nonce_r,
            nat: answer.done.nat,
            announced: answer.done.announced,
            part: if answer.follows_redirects {
                Part::Gateway
            } else {
                Part::Neither
            },
            payloads: answer.payloads,
            resumed: None,
        };
        env.counters().ike_init_out_resp.increment();
        Ok(Self::half_open(request, begun, options, now))
    }

    /// The first request is answered.
    pub(super) fn half_open(
        request: InitRequest,
        begun: Begun,
        options: SaOptions,
        now: Instant,
    ) -> Self {
        let Begun { first, derived, .. } = begun;
        let mut sa = Self {
            role: Role::Responder,
            spis: begun.spis,
            path: request.path,
            options,
            connection: first.connection,
            contacts: first.contacts,
            state: State::Closed,
            requests: Requests::default(),
            responses: Responses::default(),
            children: Vec::new(),
            formers: Vec::new(),
            configured: Arc::default(),
            leases: Vec::new(),
            half_done: None,
            outputs: VecDeque::new(),
            timers: Timers::default(),
            begun: request.received,
            last_inbound: now,
            part: begun.part,
            asked: 0,
            remote_eap_id: None,
            fragment_octets: 0,
        };
        let header = sa.header(request.header.exchange, MessageId(0), true);
        let response = write_message(&header, &begun.payloads);
        let handshake = Handshake {
            request: request.datagram,
            with_cookie: None,
            response: response.clone(),
            nonce_i: begun.nonce_i,
            nonce_r: begun.nonce_r,
            sk_pi: derived.sk_pi,
            sk_pr: derived.sk_pr,
            nat: begun.nat,
            announced: begun.announced,
            int_auth: IntAuth::default(),
            resumed: begun.resumed,
            ppk: None,
        };
        sa.state = State::HalfOpen(Box::new(HalfOpen {
            secured: derived.secured,
            responder: Responder::new(handshake, begun.candidates),
            intermediate: Intermediate::default(),
            asking: None,
        }));
        sa.log_keys(derived.key_log);
        sa.responses.begin();
        let response = Message::whole(response);
        sa.transmit(request.path, &response);
        sa.responses.answered(MessageId(0), response);
        sa.timers
            .set_after(Timer::HalfOpen, now, sa.connection.half_open_timeout);
        sa
    }

    /// Seals, caches and sends a response.
    pub(super) fn respond_with(
        &mut self,
        request: &Header,
        payloads: &[Payload],
        path: Path,
        env: &mut dyn Environment,
    ) {
        self.respond_to(request.exchange, request.message_id, payloads, path, env);
    }

    pub(super) fn respond_to(
        &mut self,
        exchange: ExchangeType,
        message_id: MessageId,
        payloads: &[Payload],
        path: Path,
        env: &mut dyn Environment,
    ) {
        let counters = env.counters();
        match exchange {
            ExchangeType::IkeAuth => counters.ike_auth_out_resp.increment(),
            ExchangeType::CreateChildSa | ExchangeType::IkeFollowupKe => {
                counters.create_child_out_resp.increment();
            }
            ExchangeType::IkeIntermediate => {}
            _ => counters.info_out_resp.increment(),
        }
        let header = self.header(exchange, message_id, true);
        let limit = self.fragment_limit(path);
        let Some(secured) = self.secured() else {
            return;
        };
        let response = secured.seal(&header, &Content::of(payloads), limit);
        self.transmit(path, &response);
        self.responses.answered(message_id, response);
    }

    pub(super) fn on_protected_request(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let counters = env.counters();
        match (&self.state, header.exchange) {
            (State::HalfOpen(_), ExchangeType::IkeIntermediate) => {
                self.on_intermediate_request(header, payloads, path, env);
            }
            (State::HalfOpen(_), ExchangeType::IkeAuth) => {
                self.on_auth_request(header, payloads, path, now, env);
            }
            (State::HalfOpen(_), ExchangeType::Informational) => {
                counters.info_in_req.increment();
                self.on_goodbye(header, payloads, path, env);
            }
            (State::Established(_), ExchangeType::CreateChildSa) => {
                counters.create_child_in_req.increment();
                self.responses.begin();
                if self.responses.parked.is_some() {
                    // Outside the window of one, and one child waits for the data plane already.
                    return self.refuse_for_now(header, payloads, path, now, env);
                }
                if payloads.ts_initiator().is_none() {
                    self.on_rekey_ike_request(header, payloads, path, now, env);
                } else {
                    self.on_create_request(header, payloads, path, now, env);
                }
            }
            (State::Established(_), ExchangeType::IkeFollowupKe) => {
                counters.create_child_in_req.increment();
                self.responses.begin();
                self.on_follow_up_request(header, payloads, path, now, env);
            }
            (State::Deleting(..), ExchangeType::CreateChildSa | ExchangeType::IkeFollowupKe) => {
                // RFC 7296 section 2.25.2
                counters.create_child_in_req.increment();
                self.responses.begin();
                let answer = [error_notify(Failure::TemporaryFailure)];
                self.respond_with(header, &answer, path, env);
            }
            (State::Established(_) | State::Deleting(..), ExchangeType::Informational) => {
                counters.info_in_req.increment();
                self.responses.begin();
                self.on_informational(header, payloads, path, now, env);
            }
            (State::Established(_) | State::Deleting(..), _) => {
                counters.invalid.increment();
                self.responses.begin();
                self.answer_invalid_syntax(header, path, env);
            }
            // Nothing else may come before IKE_AUTH is done.
            _ => counters.out_of_window.increment(),
        }
    }

    /// An initiator that does not like what we said in IKE_AUTH says so in an exchange of its own (RFC
    /// 7296 section 2.21.2). Nothing else may come before IKE_AUTH is done.
    fn on_goodbye(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        path: Path,
        env: &mut dyn Environment,
    ) {
        let Some(cause) = informational::read_request(payloads, &[]).close else {
            return env.counters().out_of_window.increment();
        };
        self.responses.begin();
        self.respond_with(header, &[], path, env);
        self.close(cause, env);
    }

    /// Fatal for both ends (RFC 7296 section 2.21.3).
    fn answer_invalid_syntax(&mut self, header: &Header, path: Path, env: &mut dyn Environment) {
        let failure = Failure::InvalidSyntax;
        self.respond_with(header, &[error_notify(failure)], path, env);
        self.fail(failure, env);
    }

    /// Has the data plane install what was agreed; the response waits for it, so that the peer's
    /// first packet finds its SA.
    pub(super) fn grant_child(
        &mut self,
        agreed: Agreed,
        nonces: Nonces<'_>,
        purpose: Purpose,
        parked: Parked,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        self.responses.parked = Some(Box::new(parked));
        self.install(agreed, nonces, ExchangeRole::Replier, purpose, now, env);
    }

    fn on_create_request(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if self.requests.rekeying().is_some() {
            // RFC 7296 section 2.25.2
            return self.refuse_for_now(header, payloads, path, now, env);
        }
        let being_created = self.child_that_wins();
        let result = create_child::handle_request(
            payloads,
            &self.connection.children,
            &self.children,
            being_created.as_deref(),
            &self.requests,
            &self.ends(),
            env,
        );
        match result {
            Ok(response) if !response.granted.agreed.suite.additional.is_empty() => {
                self.begin_half_child(header, response, path, now, env);
            }
            Ok(mut response) => {
                let success = response.payloads();
                let parked = Parked {
                    message_id: header.message_id,
                    exchange_type: header.exchange,
                    path,
                    inbound_spi: response.granted.agreed.inbound_spi,
                    common: Vec::new(),
                    success,
                };
                let nonces = Nonces {
                    initiator: &response.nonce_i,
                    responder: &response.nonce_r,
                };
                let agreed = response.granted.agreed;
                let Some(old) = response.rekeys else {
                    // A second one of the same kind is nobody's, so the older goes.
                    let identical = self.identical_children(&agreed);
                    self.grant_child(agreed, nonces, Purpose::Create, parked, now, env);
                    for spi in identical {
                        self.terminate_lineage(spi);
                    }
                    return;
                };
                let all = [&*response.nonce_i, &*response.nonce_r];
                self.note_collision(old, agreed.inbound_spi, all);
                self.grant_child(agreed, nonces, Purpose::Replace(old), parked, now, env);
            }
            Err(refusal) => {
                if let CreateRefusal::Failure(failure) = refusal
                    && failure != Failure::InvalidSyntax
                {
                    self.emit(Event::ChildRefused { failure });
                    if failure == Failure::TemporaryFailure {
                        self.leave_rekeying_to_peer(payloads, now);
                    }
                }
                self.refuse_creation(header, refusal, path, env);
            }
        }
    }

    /// Says why no SA is created.
    pub(super) fn refuse_creation(
        &mut self,
        header: &Header,
        refusal: CreateRefusal,
        path: Path,
        env: &mut dyn Environment,
    ) {
        match refusal {
            CreateRefusal::Failure(Failure::InvalidSyntax) => {
                self.answer_invalid_syntax(header, path, env);
            }
            CreateRefusal::Failure(failure) => {
                count_failure(failure, env);
                self.respond_with(header, &[error_notify(failure)], path, env);
            }
            CreateRefusal::Notify(answer) => self.respond_with(header, &[answer], path, env),
        }
    }

    /// The child that we are asking the peer for at this moment, where a request of the peer's for
    /// the same one is refused: that of the IKE_SA's creator wins.
    pub(super) fn child_that_wins(&self) -> Option<Arc<str>> {
        let request = self.requests.in_flight.as_ref()?;
        match (&self.role, &request.exchange) {
            (Role::Initiator, Exchange::CreateChild(create)) if create.rekeys.is_none() => {
                Some(create.offer.config.name.clone())
            }
            _ => None,
        }
    }

    pub(super) fn identical_children(&self, agreed: &Agreed) -> Vec<EspSpi> {
        self.children
            .iter()
            .filter(|child| {
                child.config.name == agreed.config.name
                    && *child.local_ts == *agreed.local_ts
                    && *child.remote_ts == *agreed.remote_ts
            })
            .map(|child| child.inbound_spi)
            .collect()
    }

    fn on_informational(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let wanted = informational::read_request(payloads, &self.children);
        let mut answer = self.answer_deletions(&wanted);
        answer.extend(configuration::answer_informational(payloads));
        answer.extend(self.answer_mobike(payloads, path, now, env));
        self.respond_with(header, &answer, path, env);
        self.carry_out_deletions(&wanted, now, env);
        self.on_redirect(payloads);
        self.obey_lifetime(auth_lifetime::read(payloads), now, env);
        let Some(cause) = wanted.close else {
            return;
        };
        if let Some(theirs) = self.take_collision(env) {
            // The peer has not noticed that both of us rekey the IKE_SA: what it made of it stays
            // (RFC 7296 section 2.8.2).
            self.succeed(*theirs, OldGeneration::Deleted, now, env);
            return;
        }
        let cause = match self.state {
            State::Deleting(_, ours) => ours,
            _ => cause,
        };
        self.close(cause, env);
    }

    /// Where both ends delete the same child, each has named its half already
    /// (RFC 7296 section 1.4.1).
    pub(super) fn answer_deletions(&self, wanted: &Wanted) -> Vec<Payload> {
        let named: Vec<_> = wanted
            .deleted
            .iter()
            .copied()
            .filter(|spi| {
                self.children.iter().any(|child| {
                    child.inbound_spi == *spi
                        && !matches!(child.state, ChildState::Deleting | ChildState::Gone)
                })
            })
            .collect();
        informational::answer(&named)
    }

    pub(super) fn carry_out_deletions(
        &mut self,
        wanted: &Wanted,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if let Some(create) = self.requests.creating() {
            wanted
                .unknown
                .iter()
                .for_each(|spi| create.note_deleted(*spi));
        }
        for spi in &wanted.deleted {
            self.drop_child(*spi, ChildDownCause::PeerDeleted, now, env);
        }
    }
}

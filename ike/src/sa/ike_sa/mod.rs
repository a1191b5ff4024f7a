//! The IKE_SA itself.

mod ageing;
mod authenticate;
mod children;
mod command;
mod establish;
mod follow_up;
mod formers;
mod fragments;
mod init;
mod intermediate;
mod mobike;
mod path;
mod receive;
mod redirect;
mod rekey_child;
mod rekey_ike;
mod respond;
mod response;
mod resume;
mod send;
mod timeout;

use std::{collections::VecDeque, sync::Arc, time::Instant};

use authenticate::Authenticating;

use super::{
    child::Child,
    contacts::{ContactGuard, Contacts},
    ends::Ends,
    event::{ChildDownCause, CloseCause, Event, Failure, Nat},
    exchange::{Exchange, Work, ike_auth::Responder, ike_followup_ke::HalfDone},
    generation::{self, Former},
    io::{Input, Output, Role},
    message::Message,
    redirect::{Gateway, Part},
    requests::Requests,
    responses::Responses,
    resumption::Session,
    secured::Secured,
    timers::{Timer, Timers},
};
use crate::{
    Configured, Connection, Environment, IkeSpi, IkeSpis, MessageId, Path,
    configuration::Lease,
    wire::{ExchangeType, Header},
};

/// What the caller decides for an IKE_SA beside its connection.
#[derive(Clone, Debug)]
pub struct SaOptions {
    /// The data plane knows ESP in UDP only: claim to be behind a NAT.
    pub force_encapsulation: bool,
    /// Emit [`Event::KeyLog`].
    pub key_log: bool,
    /// Our port for IKE and ESP behind a NAT: 4500 unless configured otherwise.
    pub nat_t_port: u16,
    /// IP datagrams with fragments of IKE messages are no larger than this (RFC 7383).
    pub fragment_size: u16,
    /// Initiator: say that we follow redirects (RFC 5685), and report them.
    pub follow_redirects: bool,
    /// Initiator: the gateway that sent us to this one.
    pub redirected_from: Option<Gateway>,
    /// Initiator: the session that is to be resumed, if the gateway still takes its ticket.
    pub session: Option<Arc<Session>>,
}

impl Default for SaOptions {
    fn default() -> Self {
        Self {
            force_encapsulation: false,
            key_log: false,
            nat_t_port: NAT_T_PORT,
            fragment_size: FRAGMENT_SIZE,
            follow_redirects: true,
            redirected_from: None,
            session: None,
        }
    }
}

/// IKE's port, and the one it moves to behind a NAT (RFC 7296 section 2.23).
const IKE_PORT: u16 = 500;
const NAT_T_PORT: u16 = 4500;

/// What every path of IPv6 carries, and nearly every one of IPv4.
const FRAGMENT_SIZE: u16 = 1280;

/// A connection that may be meant by an incoming request.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The connection.
    pub connection: Arc<Connection>,
    /// Its count of established IKE_SAs.
    pub contacts: Contacts,
    /// An operator keeps it down: a peer that has proven to be its own is asked to come back later.
    pub kept_down: bool,
}

/// Where an IKE_SA stands. Each variant owns what only it has.
enum State {
    /// Initiator: IKE_SA_INIT is unanswered, or refused by somebody who need not be the peer.
    Connecting { refusal: Option<Failure> },
    /// Initiator: IKE_AUTH goes on.
    Authenticating(Box<Authenticating>),
    /// Responder: IKE_SA_INIT is answered, IKE_AUTH is not done.
    HalfOpen(Box<HalfOpen>),
    /// Both ends are authenticated.
    Established(Box<Established>),
    /// We told the peer, or are about to, that it is over.
    Deleting(Box<Secured>, CloseCause),
    /// Over. Only undrained outputs remain.
    Closed,
}

struct HalfOpen {
    secured: Secured,
    responder: Responder,
    intermediate: intermediate::Intermediate,
    asking: Option<authenticate::Asking>,
}

struct Established {
    secured: Secured,
    nat: Nat,
    /// Both ends can do UDP encapsulation, and one of them needs it.
    encapsulation: bool,
    /// When it last followed the peer because of an ESP packet.
    followed: Option<Instant>,
    /// Both ends support MOBIKE.
    mobike: Option<Box<mobike::Mobike>>,
    _contact: ContactGuard,
}

/// One IKE_SA.
///
/// Methods are of four kinds: *constructors* ([`IkeSa::initiate`], [`IkeSa::respond`]); *inputs*
/// ([`IkeSa::handle`]); *outputs* ([`IkeSa::poll_output`], to be drained after each input in order,
/// and [`IkeSa::poll_timeout`], to be asked after that); and *getters*. It never reads a clock and
/// never blocks. After [`Event::Closed`] it must be dropped.
pub struct IkeSa {
    role: Role,
    spis: IkeSpis,
    path: Path,
    options: SaOptions,
    connection: Arc<Connection>,
    contacts: Contacts,
    state: State,
    requests: Requests,
    responses: Responses,
    children: Vec<Child>,
    formers: Vec<Former>,
    /// Virtual addresses and what came with them.
    configured: Arc<Configured>,
    /// What we have lent to the peer.
    leases: Vec<Lease>,
    /// An SA that the peer creates in several exchanges.
    half_done: Option<Box<HalfDone>>,
    outputs: VecDeque<Output>,
    timers: Timers,
    begun: Instant,
    last_inbound: Instant,
    /// Of redirects.
    part: Part,
    /// Questions to others so far; only the answer to the last one counts.
    asked: u32,
    /// Who the peer has proved to be by EAP, until it is established.
    remote_eap_id: Option<crate::Identification>,
    /// Of incomplete messages, as the environment knows.
    fragment_octets: usize,
}

impl IkeSa {
    /// Feeds one input. For a datagram `now` must be the time of its arrival.
    pub fn handle(&mut self, input: Input<'_>, now: Instant, env: &mut dyn Environment) {
        if self.is_closed() {
            return;
        }
        match input {
            Input::Datagram { path, data } => self.on_datagram(path, data, now, env),
            Input::Timeout => self.on_timeout(now, env),
            Input::ChildInstalled {
                inbound_spi,
                installed,
            } => self.on_child_installed(inbound_spi, installed, now, env),
            Input::ChildExpired { inbound_spi, hard } => {
                self.on_child_expired(inbound_spi, hard, now, env);
            }
            Input::Credential { id, answer } => self.on_credential(id, answer, now, env),
            Input::PeerMoved { inbound_spi, path } => self.on_peer_moved(inbound_spi, path, now),
            Input::Command(command) => self.on_command(command, now, env),
        }
        self.start_work(now, env);
    }

    /// The next effect, in the order in which they must be carried out.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if self.outputs.is_empty() && self.outputs.capacity() > 0 {
            // Thousands of idle IKE_SAs should not each keep a buffer.
            self.outputs = VecDeque::new();
        }
        output
    }

    /// When [`Input::Timeout`] is due, and what for.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.timers.next().map(|(at, timer)| (at, timer.name()))
    }

    /// Both SPIs; the responder's is zero until it has answered. Rekeying changes them.
    pub fn spis(&self) -> IkeSpis {
        self.spis
    }

    /// Our SPI. Datagrams with former ones may still come, see
    /// [`Environment::allocate_ike_spi`].
    pub fn local_spi(&self) -> IkeSpi {
        match self.role {
            Role::Initiator => self.spis.initiator,
            Role::Responder => self.spis.responder,
        }
    }

    /// Who created it, or rekeyed it last.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Where messages leave from and go to.
    pub fn path(&self) -> Path {
        self.path
    }

    /// The connection; for a responder only final once it is established.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Whether both ends are authenticated and nothing is being closed.
    pub fn is_established(&self) -> bool {
        matches!(self.state, State::Established(_))
    }

    /// Whether it is over.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// The state's name as VICI clients know it.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            State::Connecting { .. } | State::Authenticating(_) | State::HalfOpen(_) => {
                "CONNECTING"
            }
            State::Established(_) => "ESTABLISHED",
            State::Deleting(..) => "DELETING",
            State::Closed => "DESTROYING",
        }
    }

    /// Names of the exchange in flight and of those queued.
    pub fn tasks(&self) -> (Option<&'static str>, Vec<&'static str>) {
        self.requests.names()
    }

    /// The addresses that `dynamic` selectors stand for.
    fn ends(&self) -> Ends {
        Ends::new(self.path, &self.configured)
    }

    fn emit(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn transmit(&mut self, path: Path, message: &Message) {
        for datagram in message.datagrams() {
            let data = datagram.to_vec();
            self.outputs.push_back(Output::Transmit { path, data });
        }
    }

    fn secured(&mut self) -> Option<&mut Secured> {
        match &mut self.state {
            State::Authenticating(authenticating) => Some(&mut authenticating.secured),
            State::Deleting(secured, _) => Some(secured),
            State::HalfOpen(half_open) => Some(&mut half_open.secured),
            State::Established(established) => Some(&mut established.secured),
            State::Connecting { .. } | State::Closed => None,
        }
    }

    fn header(&self, exchange: ExchangeType, message_id: MessageId, response: bool) -> Header {
        generation::header(self.role, self.spis, exchange, message_id, response)
    }

    /// The end: everything is let go, nobody is told but the caller.
    fn close(&mut self, cause: CloseCause, env: &mut dyn Environment) {
        // Before the children go: nobody is to be answered any more.
        self.responses.parked = None;
        while let Some(child) = self.children.last() {
            self.remove_child(child.inbound_spi, ChildDownCause::IkeSaClosed, env);
        }
        if let State::Authenticating(authenticating) = &mut self.state
            && let Some(initiator) = authenticating.initiator.take()
            && let Some(offer) = initiator.child
        {
            offer.cancel(env);
        }
        if let Some(request) = self.requests.in_flight.take() {
            match request.exchange {
                Exchange::IkeAuth(auth) => {
                    if let Some(offer) = auth.child {
                        offer.cancel(env);
                    }
                }
                Exchange::IkeIntermediate(intermediate) => {
                    if let Some(offer) = intermediate.initiator.child {
                        offer.cancel(env);
                    }
                }
                Exchange::CreateChild(create) => create.offer.cancel(env),
                Exchange::RekeyIke(rekey) => Self::cancel_rekey(*rekey, env),
                _ => {}
            }
        }
        for vip in &self.configured.local_vips {
            self.outputs.push_back(Output::WithdrawAddress(*vip));
        }
        for lease in std::mem::take(&mut self.leases) {
            env.release_lease(&lease);
        }
        if let Some(half_done) = self.half_done.take() {
            half_done.cancel(env);
        }
        for former in std::mem::take(&mut self.formers) {
            env.release_ike_spi(former.generation.local_spi());
        }
        env.release_ike_spi(self.local_spi());
        self.timers.stop_all();
        self.state = State::Closed;
        self.emit(Event::Closed(cause));
    }

    /// The end because of `failure`, unless it is being closed for another reason already.
    fn fail(&mut self, failure: Failure, env: &mut dyn Environment) {
        let cause = match self.state {
            State::Deleting(_, ours) => ours,
            _ => CloseCause::Failed(failure),
        };
        self.close(cause, env);
    }

    /// Begins closing: tells the peer, keeps serving until it has answered.
    fn begin_delete(&mut self, cause: CloseCause) {
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Established(established) => {
                self.emit(Event::Closing);
                State::Deleting(Box::new(established.secured), cause)
            }
            other => other,
        };
        if matches!(self.state, State::Deleting(..)) {
            for timer in [
                Timer::Liveness,
                Timer::Rekey,
                Timer::Children,
                Timer::Expire,
                Timer::Reauthenticate,
                Timer::Overdue,
            ] {
                self.timers.stop(timer);
            }
            let accepted = self.requests.enqueue(Work::DeleteIke);
            debug_assert!(accepted, "there is always room for it");
        }
    }
}

//! IKE_SESSION_RESUME: a ticket and nonces in the place of IKE_SA_INIT (RFC 5723 section 4.3).

use std::sync::Arc;

use super::super::{
    Candidate, SaOptions,
    admission::{InitRequest, Refusal, reply},
    event::Nat,
    nat,
    payloads::{Payloads, notify},
    resumption::{Session, is_allowed, tickets::Opened},
};
use super::ike_auth::local_id;
use super::ike_sa_init::{
    COOKIE_LENGTHS, RESTART_LIMIT, fragmentation_supported, make_nonce, takes_fragments,
};
use crate::{
    ChildConfig, Connection, Environment, IkeSpi, IkeSpis, Path,
    proposal::takes_suite,
    wire::{NotifyType, Payload},
};

/// The initiator's side.
pub(in super::super) struct IkeSessionResume {
    pub(in super::super) session: Arc<Session>,
    pub(in super::super) nonce: Box<[u8]>,
    cookie: Vec<u8>,
    restarts: u8,
    /// What is to be negotiated in IKE_AUTH.
    pub(in super::super) child: Option<Arc<ChildConfig>>,
}

/// What the initiator does next.
pub(in super::super) enum ResumeAnswer {
    /// Send the changed request under the same message ID.
    Again,
    /// No answer to this request: wait on.
    Stale,
    /// Begin from scratch.
    FallBack,
    /// Go on to IKE_AUTH.
    Done(ResumeDone),
}

/// What both ends know after IKE_SESSION_RESUME beside the session.
pub(in super::super) struct ResumeDone {
    pub(in super::super) nonce_r: Box<[u8]>,
    pub(in super::super) nat: Option<Nat>,
    pub(in super::super) fragmentation: bool,
}

impl IkeSessionResume {
    pub(in super::super) fn new(
        session: Arc<Session>,
        child: Option<Arc<ChildConfig>>,
        env: &mut dyn Environment,
    ) -> Self {
        Self {
            session,
            nonce: make_nonce(env),
            cookie: Vec::new(),
            restarts: 0,
            child,
        }
    }

    pub(in super::super) fn build_request(
        &self,
        connection: &Connection,
        spis: IkeSpis,
        path: Path,
        fake_nat: bool,
    ) -> Vec<Payload> {
        let mut payloads = Vec::with_capacity(6);
        if !self.cookie.is_empty() {
            payloads.push(notify(NotifyType::COOKIE, self.cookie.clone()));
        }
        payloads.push(Payload::Nonce(self.nonce.to_vec()));
        let ticket = self.session.ticket.clone();
        payloads.push(notify(NotifyType::TICKET_OPAQUE, ticket));
        payloads.extend(nat::detection_payloads(spis, path, fake_nat));
        if connection.fragmentation.is_announced() {
            payloads.push(fragmentation_supported());
        }
        payloads
    }

    /// The response is not authentic. At worst somebody has us take the long way.
    pub(in super::super) fn handle_response(
        &mut self,
        payloads: &Payloads,
        spis: IkeSpis,
        path: Path,
        connection: &Connection,
        fake_nat: bool,
    ) -> ResumeAnswer {
        if let Some(cookie) = payloads.notify(NotifyType::COOKIE) {
            if !COOKIE_LENGTHS.contains(&cookie.data.len()) || self.cookie == cookie.data {
                return ResumeAnswer::Stale;
            }
            if self.restarts >= RESTART_LIMIT {
                return ResumeAnswer::FallBack;
            }
            self.restarts += 1;
            self.cookie.clone_from(&cookie.data);
            return ResumeAnswer::Again;
        }
        if payloads.notify(NotifyType::TICKET_NACK).is_some() || payloads.error().is_some() {
            return ResumeAnswer::FallBack;
        }
        let (Ok(nonce_r), false) = (payloads.nonce(), spis.responder.is_zero()) else {
            return ResumeAnswer::Stale;
        };
        let nat = nat::detect(payloads, spis, path, fake_nat);
        if fake_nat && nat.is_none() {
            // It would not put ESP into UDP, and we have nothing else.
            return ResumeAnswer::FallBack;
        }
        ResumeAnswer::Done(ResumeDone {
            nonce_r: nonce_r.into(),
            nat,
            fragmentation: connection.fragmentation.is_announced() && takes_fragments(payloads),
        })
    }
}

/// The responder's side: everything that follows from the request.
pub(in super::super) struct ResumeResponse {
    pub(in super::super) payloads: Vec<Payload>,
    pub(in super::super) done: ResumeDone,
    pub(in super::super) nonce_i: Box<[u8]>,
    pub(in super::super) ticket: Opened,
    /// The connection that was chosen when the ticket was given.
    pub(in super::super) candidate: Candidate,
}

/// Answers an IKE_SESSION_RESUME request, or refuses the ticket (RFC 5723 section 4.3.2).
pub(in super::super) fn handle_request(
    request: &InitRequest,
    candidates: Vec<Candidate>,
    local_spi: IkeSpi,
    options: &SaOptions,
    env: &mut dyn Environment,
) -> Result<ResumeResponse, Refusal> {
    let payloads = Payloads(request.payloads.clone());
    let nack = || refuse_ticket(request);
    let nonce_i: Box<[u8]> = payloads.nonce().map_err(|_| nack())?.into();
    let presented = payloads
        .notify(NotifyType::TICKET_OPAQUE)
        .ok_or_else(nack)?;
    let ticket = env.open_ticket(&presented.data).ok_or_else(nack)?;
    let candidate = candidates
        .into_iter()
        .find(|candidate| still_fits(&candidate.connection, &ticket, request.path))
        .ok_or_else(nack)?;
    let connection = &candidate.connection;
    let fake_nat = options.force_encapsulation || connection.encap;
    let nat = nat::detect(&payloads, request.header.spis, request.path, fake_nat);
    if fake_nat && nat.is_none() {
        return Err(nack());
    }
    let spis = IkeSpis {
        initiator: request.header.spis.initiator,
        responder: local_spi,
    };
    let nonce_r = make_nonce(env);
    let fragmentation = takes_fragments(&payloads) && connection.fragmentation.is_announced();
    let mut answer = vec![Payload::Nonce(nonce_r.to_vec())];
    if nat.is_some() {
        answer.extend(nat::detection_payloads(spis, request.path, fake_nat));
    }
    answer.extend(fragmentation.then(fragmentation_supported));
    Ok(ResumeResponse {
        payloads: answer,
        done: ResumeDone {
            nonce_r,
            nat,
            fragmentation,
        },
        nonce_i,
        ticket,
        candidate,
    })
}

/// Whether the connection is still what it was when the ticket was given: another configuration may
/// ask for other proofs.
fn still_fits(connection: &Connection, Opened { content, .. }: &Opened, path: Path) -> bool {
    let (last, remote) = (
        connection.local.len().saturating_sub(1),
        connection.remote.last(),
    );
    connection.name == content.connection
        && is_allowed(connection)
        && takes_suite(&connection.proposals, &content.suite)
        && remote.is_some_and(|round| round.id.matches(&content.remote_id))
        && local_id(connection, last, path).is_same(&content.local_id)
}

pub(in super::super) fn refuse_ticket(request: &InitRequest) -> Refusal {
    let nack = notify(NotifyType::TICKET_NACK, Vec::new());
    Refusal {
        reply: Some(reply(&request.header, &[nack])),
        failure: None,
    }
}

//! IKE_SA_INIT: algorithms, key exchange, nonces and NAT detection (RFC 7296 section 1.2).

use std::sync::Arc;

use super::ike_auth::{
    announcement::{self, Announced},
    ppk,
};

use super::super::{
    admission::{InitRequest, Refusal, refuse, reply},
    event::{Failure, Nat},
    nat,
    payloads::{Payloads, notify},
    redirect::{self, Gateway, RedirectAt},
};
use super::ike_intermediate::{
    intermediate_supported, offers_additional, takes_intermediate, without_additional,
};
use crate::{
    ChildConfig, Connection, Environment, IkeSpi, IkeSpis, Path, Secret,
    config::Childless,
    crypto::{IkeSuite, KeyPair, RespondError},
    proposal::{KeyExchangeMethod, Proposal, Transform, accept_ike, select_ike},
    wire::{Body, Header, NotifyType, Payload, parse_body},
};

/// Nonces we make: at least half the key size of the largest PRF (RFC 7296 section 2.10).
const NONCE_LENGTH: usize = 32;

/// How often the peer may ask for another request (cookie, other key exchange) before we take it
/// for an attack.
pub(super) const RESTART_LIMIT: u8 = 5;

/// Cookies are 1 to 64 octets long (RFC 7296 section 2.6).
pub(super) const COOKIE_LENGTHS: std::ops::RangeInclusive<usize> = 1..=64;

pub(in super::super) fn make_nonce(env: &mut dyn Environment) -> Box<[u8]> {
    let mut nonce = [0; NONCE_LENGTH];
    env.random(&mut nonce);
    Box::new(nonce)
}

/// The initiator's side.
pub(in super::super) struct IkeSaInit {
    key_pair: KeyPair,
    pub(in super::super) nonce: Box<[u8]>,
    cookie: Vec<u8>,
    restarts: u8,
    /// The request has several forms on the way, and the answer does not say which one it is to.
    pub(in super::super) ambiguous: bool,
    /// What is to be negotiated in IKE_AUTH.
    pub(in super::super) child: Option<Arc<ChildConfig>>,
    /// What we say of redirects, if we follow them.
    pub(in super::super) redirect: Option<Payload>,
    /// We have a post-quantum pre-shared key.
    ppk: bool,
}

/// What the initiator does next.
pub(in super::super) enum InitAnswer {
    /// Send the changed request under the same message ID.
    Again,
    /// An answer to an earlier form of the request: wait on.
    Stale,
    /// Try this gateway instead.
    Redirected(Gateway),
    /// Go on to IKE_AUTH.
    Done(Box<InitDone>),
}

/// What both ends know after IKE_SA_INIT.
pub(in super::super) struct InitDone {
    pub(in super::super) suite: IkeSuite,
    pub(in super::super) shared: Secret,
    pub(in super::super) nonce_r: Box<[u8]>,
    /// `None` when the peer does not support NAT traversal.
    pub(in super::super) nat: Option<Nat>,
    /// What the peer says about authentication.
    pub(in super::super) announced: Announced,
    /// Both ends take fragments (RFC 7383 section 2.3).
    pub(in super::super) fragmentation: bool,
    /// The responder takes an IKE_SA without a CHILD_SA (RFC 6023).
    pub(in super::super) childless: bool,
}

impl IkeSaInit {
    pub(in super::super) fn new(
        connection: &Connection,
        child: Option<Arc<ChildConfig>>,
        redirect: Option<Payload>,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let method = methods(&connection.proposals)
            .next()
            .ok_or(Failure::NoProposalChosen)?;
        Ok(Self {
            key_pair: generate(method, env)?,
            nonce: make_nonce(env),
            cookie: Vec::new(),
            restarts: 0,
            ambiguous: false,
            child,
            redirect,
            ppk: ppk::is_offered(connection, env)?,
        })
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
            // First of all, so that the responder need not read on (RFC 7296 section 2.6).
            payloads.push(notify(NotifyType::COOKIE, self.cookie.clone()));
        }
        payloads.push(Payload::SecurityAssociation(connection.proposals.clone()));
        payloads.push(Payload::KeyExchange {
            method: self.key_pair.method(),
            data: self.key_pair.public().to_vec(),
        });
        payloads.push(Payload::Nonce(self.nonce.to_vec()));
        payloads.extend(nat::detection_payloads(spis, path, fake_nat));
        if connection.fragmentation.is_announced() {
            payloads.push(fragmentation_supported());
        }
        payloads.extend(announcement::of_initiator(connection));
        if offers_additional(&connection.proposals) {
            payloads.push(intermediate_supported());
        }
        payloads.extend(self.ppk.then(ppk::use_ppk));
        payloads.extend(self.redirect.clone());
        payloads
    }

    /// `spis` are those of the response's header. The response is not authentic, so an error is no
    /// more than a hint, and leaves the request as it is.
    pub(in super::super) fn handle_response(
        &mut self,
        payloads: &Payloads,
        spis: IkeSpis,
        path: Path,
        connection: &Connection,
        fake_nat: bool,
        env: &mut dyn Environment,
    ) -> Result<InitAnswer, Failure> {
        if let Some(cookie) = payloads.notify(NotifyType::COOKIE) {
            if !COOKIE_LENGTHS.contains(&cookie.data.len()) {
                return Err(Failure::InvalidSyntax);
            }
            if self.cookie == cookie.data {
                return Ok(InitAnswer::Stale);
            }
            self.count_restart()?;
            self.cookie.clone_from(&cookie.data);
            return Ok(InitAnswer::Again);
        }
        if let Some(invalid) = payloads.notify(NotifyType::INVALID_KE_PAYLOAD) {
            let group = invalid
                .data
                .as_slice()
                .try_into()
                .map_err(|_| Failure::InvalidSyntax)?;
            let method = KeyExchangeMethod(u16::from_be_bytes(group));
            if method == self.key_pair.method() && self.restarts > 0 {
                return Ok(InitAnswer::Stale);
            }
            // Never a method that we did not offer, and never the same again.
            if method == self.key_pair.method()
                || !methods(&connection.proposals).any(|offered| offered == method)
            {
                return Err(Failure::InvalidKeyExchange);
            }
            self.count_restart()?;
            self.key_pair = generate(method, env)?;
            return Ok(InitAnswer::Again);
        }
        if self.redirect.is_some()
            && let Some(to) = redirect::read_redirect(payloads, &self.nonce)
        {
            return Ok(InitAnswer::Redirected(to));
        }
        if let Some(failure) = payloads.error() {
            return Err(failure);
        }
        if spis.responder.is_zero() {
            return Err(Failure::InvalidSyntax);
        }
        let suite = accept_ike(&connection.proposals, payloads.proposals()?)
            .ok_or(Failure::NoProposalChosen)?;
        let (method, public) = payloads.key_exchange().ok_or(Failure::InvalidSyntax)?;
        if method != suite.key_exchange || method != self.key_pair.method() {
            return Err(Failure::InvalidSyntax);
        }
        if !suite.additional.is_empty() && !takes_intermediate(payloads) {
            return Err(Failure::Protocol(
                "it chose key exchanges for which it has no IKE_INTERMEDIATE",
            ));
        }
        let childless = payloads
            .notify(NotifyType::CHILDLESS_IKEV2_SUPPORTED)
            .is_some();
        let needed = self.child.is_none() || connection.childless == Childless::Force;
        if needed && !childless {
            return Err(Failure::Childless);
        }
        Ok(InitAnswer::Done(Box::new(InitDone {
            suite,
            shared: self
                .key_pair
                .agree(public)
                .map_err(|_| Failure::InvalidSyntax)?,
            nonce_r: payloads.nonce()?.into(),
            nat: nat::detect(payloads, spis, path, fake_nat),
            announced: Announced::read(payloads),
            childless,
            fragmentation: connection.fragmentation.is_announced() && takes_fragments(payloads),
        })))
    }

    /// The request is about to be sent in another form. If the last one was `repeated`, one copy of
    /// it may have been challenged with a cookie and another one taken.
    pub(in super::super) fn note_restart(&mut self, repeated: bool) {
        self.ambiguous |= repeated && !self.cookie.is_empty();
    }

    /// To be called before anything is changed: beyond the limit the request stays as it is.
    fn count_restart(&mut self) -> Result<(), Failure> {
        if self.restarts >= RESTART_LIMIT {
            return Err(Failure::Protocol(
                "it asks for ever new IKE_SA_INIT requests",
            ));
        }
        self.restarts += 1;
        Ok(())
    }
}

pub(super) fn methods(proposals: &[Proposal]) -> impl Iterator<Item = KeyExchangeMethod> + '_ {
    proposals
        .iter()
        .flat_map(|proposal| &proposal.transforms)
        .filter_map(|transform| match transform {
            Transform::KeyExchange(method) => Some(*method),
            _ => None,
        })
}

pub(super) fn generate(
    method: KeyExchangeMethod,
    env: &mut dyn Environment,
) -> Result<KeyPair, Failure> {
    KeyPair::generate(method, &mut |buffer| env.random(buffer))
        .map_err(|_| Failure::NoProposalChosen)
}

impl From<RespondError> for Failure {
    fn from(error: RespondError) -> Self {
        match error {
            RespondError::Unsupported(_) => Self::NoProposalChosen,
            RespondError::Invalid(_) => Self::InvalidSyntax,
        }
    }
}

/// Whether the second of two IKE_SA_INIT requests is the first one with a cookie.
pub(in super::super) fn adds_cookie(request: &[u8], other: &[u8]) -> bool {
    // A notification with a cookie of the greatest length.
    let longest = 8 + COOKIE_LENGTHS.end();
    if other.len() > request.len() + longest {
        return false;
    }
    let (Some((header, payloads)), Some((other_header, others))) =
        (read_clear(request), read_clear(other))
    else {
        return false;
    };
    let is_cookie = |payload: &Payload| matches!(payload, Payload::Notify(notify) if notify.notify_type == NotifyType::COOKIE);
    let Some((first, rest)) = others.split_first() else {
        return false;
    };
    is_cookie(first)
        && rest == payloads
        && header.spis == other_header.spis
        && header.message_id == other_header.message_id
}

fn read_clear(datagram: &[u8]) -> Option<(Header, Vec<Payload>)> {
    let header = Header::parse(datagram).ok()?;
    match parse_body(&header, datagram) {
        Ok(Body::Clear(payloads)) => Some((header, payloads)),
        _ => None,
    }
}

/// Where to, if the best of the connections sends its clients away before it knows who they are.
fn redirected_at_once<'a>(connections: &[&'a Connection]) -> Option<&'a Gateway> {
    let redirect = connections.first()?.redirect.as_ref()?;
    (redirect.at == RedirectAt::IkeSaInit).then_some(&redirect.to)
}

pub(super) fn fragmentation_supported() -> Payload {
    notify(NotifyType::IKEV2_FRAGMENTATION_SUPPORTED, Vec::new())
}

pub(super) fn takes_fragments(payloads: &Payloads) -> bool {
    payloads
        .notify(NotifyType::IKEV2_FRAGMENTATION_SUPPORTED)
        .is_some()
}

/// The responder's side: everything that follows from the request.
pub(in super::super) struct InitResponse {
    pub(in super::super) payloads: Vec<Payload>,
    pub(in super::super) done: InitDone,
    pub(in super::super) nonce_i: Box<[u8]>,
    /// The initiator understands REDIRECT.
    pub(in super::super) follows_redirects: bool,
    /// The algorithms, as they were answered.
    pub(in super::super) proposal: Proposal,
}

/// Answers an IKE_SA_INIT request. The error says what to send instead.
pub(in super::super) fn handle_request(
    request: &InitRequest,
    connections: &[&Connection],
    local_spi: IkeSpi,
    fake_nat: bool,
    env: &mut dyn Environment,
) -> Result<InitResponse, Refusal> {
    let payloads = Payloads(request.payloads.clone());
    let refuse = |failure| refuse(request, failure);
    let nonce_i: Box<[u8]> = payloads.nonce().map_err(refuse)?.into();
    let follows_redirects = redirect::is_understood(&payloads);
    if follows_redirects && let Some(to) = redirected_at_once(connections) {
        let answer = redirect::redirect_notify(to, &nonce_i);
        return Err(Refusal {
            reply: Some(reply(&request.header, &[answer])),
            failure: None,
        });
    }
    let offered = payloads.proposals().map_err(refuse)?;
    let plain;
    let offered = if takes_intermediate(&payloads) {
        offered
    } else {
        plain = without_additional(offered);
        &plain
    };
    let (offered_method, public) = payloads
        .key_exchange()
        .ok_or_else(|| refuse(Failure::InvalidSyntax))?;
    let Some(selected) = connections
        .iter()
        .find_map(|connection| select_ike(offered, &connection.proposals))
    else {
        env.counters().no_proposal.increment();
        return Err(refuse(Failure::NoProposalChosen));
    };
    let suite = selected.suite;
    if suite.key_exchange != offered_method {
        let group = suite.key_exchange.0.to_be_bytes().to_vec();
        return Err(Refusal {
            reply: Some(reply(
                &request.header,
                &[notify(NotifyType::INVALID_KE_PAYLOAD, group)],
            )),
            failure: None,
        });
    }
    let key_exchange =
        KeyPair::respond(suite.key_exchange, public, &mut |buffer| env.random(buffer))
            .map_err(|error| refuse(error.into()))?;
    let nonce_r = make_nonce(env);
    // The request's hashes cover a zero responder SPI, those of the response the chosen one.
    let nat = nat::detect(&payloads, request.header.spis, request.path, fake_nat);
    let spis = IkeSpis {
        initiator: request.header.spis.initiator,
        responder: local_spi,
    };
    let mut answer = vec![
        Payload::SecurityAssociation(vec![selected.proposal.clone()]),
        Payload::KeyExchange {
            method: suite.key_exchange,
            data: key_exchange.public.into(),
        },
        Payload::Nonce(nonce_r.to_vec()),
    ];
    if nat.is_some() {
        answer.extend(nat::detection_payloads(spis, request.path, fake_nat));
    }
    let childless = connections
        .iter()
        .any(|connection| connection.childless.is_taken());
    if childless {
        answer.push(notify(NotifyType::CHILDLESS_IKEV2_SUPPORTED, Vec::new()));
    }
    let fragmentation = takes_fragments(&payloads)
        && connections
            .iter()
            .any(|connection| connection.fragmentation.is_announced());
    if !suite.additional.is_empty() {
        answer.push(intermediate_supported());
    }
    if fragmentation {
        answer.push(fragmentation_supported());
    }
    let announced = Announced::read(&payloads);
    answer.extend(announcement::of_responder(connections, &announced, env));
    Ok(InitResponse {
        payloads: answer,
        done: InitDone {
            suite,
            shared: key_exchange.shared,
            nonce_r,
            nat,
            announced,
            fragmentation,
            childless,
        },
        nonce_i,
        follows_redirects,
        proposal: selected.proposal,
    })
}

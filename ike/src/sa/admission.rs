//! What is done with the first request of an IKE_SA, IKE_SA_INIT or IKE_SESSION_RESUME, before any
//! state is made for it: half-open limits, cookies, version check (RFC 7296 sections 2.5 and 2.6);
//! and with what belongs to no IKE_SA.

use std::{collections::HashMap, net::IpAddr, time::Instant};

use super::{
    cookie::Cookies,
    payloads::{Payloads, error_notify, notify},
    unknown_spi::UnknownSpis,
};
use crate::{
    Environment, IkeSpi, IkeSpis, MessageId, Path,
    wire::{
        self, Body, ExchangeType, Flags, Header, NotifyType, Payload, WireError, write_message,
    },
};

/// The longest request that is looked at. It may not be fragmented by IKE (RFC 7383 section 2.2),
/// so honest ones hardly exceed a packet, and a copy is kept while the IKE_SA is half-open.
const LONGEST_REQUEST: usize = 8 * 1024;

/// Limits on half-open IKE_SAs (those whose initiator has not authenticated). Defaults are
/// strongSwan's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Half-open IKE_SAs from which on every initiator must return a cookie; 0 turns cookies off.
    pub cookie_threshold: usize,
    /// The same for one source address.
    pub cookie_threshold_ip: usize,
    /// Half-open IKE_SAs of one source address beyond which its requests are dropped; 0 is no limit.
    pub block_threshold: usize,
    /// Half-open IKE_SAs beyond which all requests are dropped; 0 is no limit.
    pub init_limit_half_open: usize,
}

impl Default for AdmissionLimits {
    fn default() -> Self {
        Self {
            cookie_threshold: 30,
            cookie_threshold_ip: 3,
            block_threshold: 5,
            init_limit_half_open: 0,
        }
    }
}

/// A well-formed IKE_SA_INIT or IKE_SESSION_RESUME request that may become an IKE_SA.
#[derive(Debug)]
pub struct InitRequest {
    pub(super) header: Header,
    pub(super) payloads: Vec<Payload>,
    pub(super) datagram: Vec<u8>,
    pub(super) path: Path,
    pub(super) received: Instant,
}

impl InitRequest {
    /// The SPI that the initiator chose.
    pub fn initiator_spi(&self) -> IkeSpi {
        self.header.spis.initiator
    }

    /// Where it arrived and came from.
    pub fn path(&self) -> Path {
        self.path
    }
}

/// Why an admitted request makes no IKE_SA.
#[derive(Debug)]
pub struct Refusal {
    /// What to send back, if anything.
    pub reply: Option<Vec<u8>>,
    /// What operators should know; `None` where the initiator is merely to ask again.
    pub failure: Option<super::Failure>,
}

/// The verdict on a datagram that belongs to no IKE_SA.
#[derive(Debug)]
pub enum Admitted {
    /// Make an IKE_SA of it.
    Accept(Box<InitRequest>),
    /// Answer without keeping anything.
    Reply(Vec<u8>),
    /// A request for an IKE_SA that does not exist: this answer says so.
    Disown(Vec<u8>),
    /// Say nothing. The reason is for counters and logs.
    Drop(DropReason),
}

/// Why a datagram that belongs to no IKE_SA is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Not an IKE message.
    Malformed,
    /// For an IKE_SA that does not exist.
    UnknownSpi,
    /// Over the half-open limits.
    Limited,
}

/// Keeps the half-open counts and the cookie secrets.
#[derive(Debug, Default)]
pub struct Admission {
    limits: AdmissionLimits,
    cookies: Cookies,
    unknown_spis: UnknownSpis,
    total: usize,
    // Keys are chosen by strangers: the standard hasher resists collisions.
    by_address: HashMap<IpAddr, usize>,
}

impl Admission {
    /// No half-open IKE_SA yet.
    pub fn new(limits: AdmissionLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// How many half-open IKE_SAs there are.
    pub fn half_open(&self) -> usize {
        self.total
    }

    /// An IKE_SA was made for a request from `address`.
    pub fn opened(&mut self, address: IpAddr) {
        self.total += 1;
        *self.by_address.entry(address).or_default() += 1;
    }

    /// It is authenticated or gone.
    pub fn closed(&mut self, address: IpAddr) {
        if let Some(count) = self.by_address.get_mut(&address) {
            self.total -= 1;
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }

    /// Judges a datagram for which there is no IKE_SA. `now` is the time of its arrival.
    pub fn judge(
        &mut self,
        datagram: &[u8],
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) -> Admitted {
        let header = match Header::parse(datagram) {
            Ok(header) => header,
            Err(WireError::UnsupportedVersion) => return refuse_version(datagram, env),
            Err(_) => return malformed(env),
        };
        let begins_ike_sa = header.exchange.begins_ike_sa()
            && header.flags.initiator
            && !header.flags.response
            && header.message_id == MessageId(0)
            && header.spis.responder.is_zero();
        if !begins_ike_sa {
            env.counters().invalid_spi.increment();
            let from = path.remote.ip();
            let answer = self.unknown_spis.answer(&header, datagram.len(), from, now);
            return answer.map_or(Admitted::Drop(DropReason::UnknownSpi), Admitted::Disown);
        }
        if datagram.len() > LONGEST_REQUEST {
            return malformed(env);
        }
        env.counters().ike_init_in_req.increment();
        let from = path.remote.ip();
        if self.over_limits(from) {
            env.counters().half_open_refused.increment();
            return Admitted::Drop(DropReason::Limited);
        }
        let payloads = match wire::parse_body(&header, datagram) {
            Ok(Body::Clear(payloads)) => payloads,
            Err(WireError::UnsupportedCriticalPayload(payload_type)) => {
                env.counters().unsupported_critical.increment();
                return Admitted::Reply(reply(
                    &header,
                    &[notify(
                        NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD,
                        vec![payload_type],
                    )],
                ));
            }
            Ok(_) | Err(_) => return malformed(env),
        };
        let request = InitRequest {
            header,
            payloads,
            datagram: datagram.to_vec(),
            path,
            received: now,
        };
        self.challenge(request, from, now, env)
    }

    fn over_limits(&self, from: IpAddr) -> bool {
        let limits = &self.limits;
        let here = self.by_address.get(&from).copied().unwrap_or(0);
        // A threshold below that of cookies would block before it ever challenged.
        let block = limits
            .block_threshold
            .max(limits.cookie_threshold_ip.saturating_add(1));
        (limits.block_threshold > 0 && here >= block)
            || (limits.init_limit_half_open > 0 && self.total >= limits.init_limit_half_open)
    }

    fn needs_cookie(&self, from: IpAddr) -> bool {
        let limits = &self.limits;
        let here = self.by_address.get(&from).copied().unwrap_or(0);
        (limits.cookie_threshold > 0 && self.total >= limits.cookie_threshold)
            || (limits.cookie_threshold_ip > 0 && here >= limits.cookie_threshold_ip)
    }

    fn challenge(
        &mut self,
        request: InitRequest,
        from: IpAddr,
        now: Instant,
        env: &mut dyn Environment,
    ) -> Admitted {
        if !self.needs_cookie(from) {
            return Admitted::Accept(Box::new(request));
        }
        let spi = request.initiator_spi();
        let payloads = Payloads(request.payloads);
        let Ok(nonce) = payloads.nonce() else {
            return malformed(env);
        };
        // The cookie must be the first payload (RFC 7296 section 2.6).
        if let Some(Payload::Notify(first)) = payloads.0.first()
            && first.notify_type == NotifyType::COOKIE
            && self.cookies.check(&first.data, nonce, from, spi, now, env)
        {
            return Admitted::Accept(Box::new(InitRequest {
                payloads: payloads.0,
                ..request
            }));
        }
        let cookie = self.cookies.make(nonce, from, spi, now, env);
        env.counters().cookies_sent.increment();
        Admitted::Reply(reply(
            &request.header,
            &[notify(NotifyType::COOKIE, cookie)],
        ))
    }
}

fn malformed(env: &mut dyn Environment) -> Admitted {
    env.counters().invalid.increment();
    Admitted::Drop(DropReason::Malformed)
}

/// A response to an IKE_SA_INIT or IKE_SESSION_RESUME request that makes no IKE_SA.
pub(super) fn reply(request: &Header, payloads: &[Payload]) -> Vec<u8> {
    let header = Header {
        spis: IkeSpis {
            initiator: request.spis.initiator,
            responder: IkeSpi::ZERO,
        },
        next_payload: 0,
        major: 2,
        minor: 0,
        exchange: request.exchange,
        flags: Flags {
            initiator: false,
            version: false,
            response: true,
        },
        message_id: request.message_id,
        length: 0,
    };
    write_message(&header, payloads)
}

/// The R bit of the flags.
const RESPONSE: u8 = 0x20;

/// Answers a request of a later major version with INVALID_MAJOR_VERSION (RFC 7296 section 2.5).
/// Earlier versions, and responses of any, get nothing: IKEv1 could not read the answer.
fn refuse_version(datagram: &[u8], env: &mut dyn Environment) -> Admitted {
    env.counters().invalid.increment();
    let (Some(&version), Some(&flags)) = (datagram.get(17), datagram.get(19)) else {
        return Admitted::Drop(DropReason::Malformed);
    };
    let (Some(spis), Some(message_id)) = (
        datagram.first_chunk::<16>(),
        datagram.get(20..24).and_then(|id| id.try_into().ok()),
    ) else {
        return Admitted::Drop(DropReason::Malformed);
    };
    if version >> 4 <= 2 || flags & RESPONSE != 0 || datagram.len() < Header::LEN {
        return Admitted::Drop(DropReason::Malformed);
    }
    let mut initiator = [0; 8];
    initiator.copy_from_slice(&spis[..8]);
    let mut responder = [0; 8];
    responder.copy_from_slice(&spis[8..]);
    let header = Header {
        spis: IkeSpis {
            initiator: IkeSpi(initiator),
            responder: IkeSpi(responder),
        },
        next_payload: 0,
        major: 2,
        minor: 0,
        exchange: ExchangeType::from(datagram[18]),
        flags: Flags {
            initiator: false,
            version: false,
            response: true,
        },
        message_id: MessageId(u32::from_be_bytes(message_id)),
        length: 0,
    };
    Admitted::Reply(write_message(
        &header,
        &[notify(NotifyType::INVALID_MAJOR_VERSION, Vec::new())],
    ))
}

/// A stateless error response to `request`. There is none for a malformed one: INVALID_SYNTAX is
/// said in protected messages only, lest forged requests make us talk (RFC 7296 section 3.10.1).
pub(super) fn refuse(request: &InitRequest, failure: super::Failure) -> Refusal {
    Refusal {
        reply: (failure != super::Failure::InvalidSyntax)
            .then(|| reply(&request.header, &[error_notify(failure)])),
        failure: Some(failure),
    }
}

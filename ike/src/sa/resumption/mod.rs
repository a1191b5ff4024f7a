//! Resuming a session (RFC 5723): a client that had an IKE_SA with a gateway begins another one
//! with what both remember of it, without a key exchange and without proving anew who it is.
//!
//! The gateway remembers nothing: all that it needs is in a ticket, which it seals for itself
//! ([`tickets`]) and the client keeps for it, with the client's own half, as a [`Session`]. A ticket
//! is asked for and given in IKE_AUTH, and is good for one IKE_SA.

pub mod content;
pub mod tickets;

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

pub use content::TicketContent;
pub use tickets::Tickets;

use super::payloads::{Payloads, notify};
use crate::{
    Connection, Identification, Secret,
    crypto::IkeSuite,
    wire::{NotifyType, Payload},
};

/// The longest ticket that we keep for a gateway. It travels in one datagram with little else.
const LONGEST_TICKET: usize = 1024;

/// What a client keeps of an IKE_SA, to begin another one with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What the gateway wants back.
    pub ticket: Vec<u8>,
    /// When the gateway takes it no more.
    pub expires: Instant,
    /// The gateway that gave it.
    pub gateway: IpAddr,
    pub(super) suite: IkeSuite,
    pub(super) sk_d: Secret,
    pub(super) local_id: Identification,
    pub(super) remote_id: Identification,
}

/// A ticket as the gateway gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) ticket: Vec<u8>,
    pub(super) lifetime: Duration,
}

/// Whether sessions of this connection may be resumed. What a post-quantum pre-shared key has to
/// prove, it has to prove each time; and where proofs are to be renewed, a ticket must not be one.
pub(super) fn is_allowed(connection: &Connection) -> bool {
    connection.resumption && connection.ppk.is_none() && connection.reauth.time.is_zero()
}

/// Client: asks for a ticket (RFC 5723 section 4.1).
pub(super) fn request(connection: &Connection) -> Option<Payload> {
    is_allowed(connection).then(|| notify(NotifyType::TICKET_REQUEST, Vec::new()))
}

/// Gateway: whether a ticket is asked for.
pub(super) fn is_requested(payloads: &Payloads) -> bool {
    payloads.notify(NotifyType::TICKET_REQUEST).is_some()
}

/// Gateway: the answer to one who asks, with the ticket or without (RFC 5723 section 6.1).
pub(super) fn answer(given: Option<Given>) -> Payload {
    let Some(Given { ticket, lifetime }) = given else {
        return notify(NotifyType::TICKET_NACK, Vec::new());
    };
    let seconds = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
    let data = [&seconds.to_be_bytes()[..], &ticket].concat();
    notify(NotifyType::TICKET_LT_OPAQUE, data)
}

/// Client: what the gateway has given, if we want it.
pub(super) fn read_answer(payloads: &Payloads, connection: &Connection) -> Option<Given> {
    let answer = payloads.notify(NotifyType::TICKET_LT_OPAQUE)?;
    let (seconds, ticket) = answer.data.split_first_chunk()?;
    let fits = (1..=LONGEST_TICKET).contains(&ticket.len()) && is_allowed(connection);
    fits.then(|| Given {
        ticket: ticket.to_vec(),
        lifetime: Duration::from_secs(u32::from_be_bytes(*seconds).into()),
    })
}

/// How long the gateway takes a ticket: no longer than an IKE_SA lives (RFC 5723 section 6.2).
pub(super) fn lifetime(connection: &Connection) -> Duration {
    let over_time = Some(connection.over_time).filter(|time| !time.is_zero());
    over_time.map_or(tickets::KEY_LIFE, |time| time.min(tickets::KEY_LIFE))
}

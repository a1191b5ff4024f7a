//! IKE_AUTH: identities, proof of them, and the first CHILD_SA (RFC 7296 sections 1.2, 2.15 and
//! 2.16).
//!
//! One exchange is enough for shared keys and signatures. EAP and further rounds (RFC 4739) take
//! more. Each side is a small state machine: [`Initiator`] turns responses into requests,
//! [`Responder`] requests into responses. Both stop where somebody else must sign, judge a
//! signature or speak EAP (see [`crate::sa::credential`]), and go on with the answer.
//! What other features add to the first request and to the last response is in [`extras`].

pub(in crate::sa) mod announcement;
pub(in crate::sa) mod auth_lifetime;
mod extras;
mod first_child;
mod handshake;
mod initiator;
mod outcome;
pub(in crate::sa) mod ppk;
mod responder;

use std::{net::IpAddr, sync::Arc};

pub(in crate::sa) use extras::Asking;
pub(in crate::sa) use handshake::{Handshake, Resumed};
pub(in crate::sa) use initiator::Initiator;
pub(in crate::sa) use outcome::{
    AuthRefusal, AuthResponse, Authenticated, InitiatorStep, Rejection, ResponderStep,
};
pub(in crate::sa) use responder::Responder;

use super::super::{
    credential::CertificatePayload,
    event::Failure,
    payloads::{Payloads, notify},
    secured::Secured,
};
use crate::{
    Connection, Environment, Identification, Path,
    wire::{NotifyType, Payload},
};

/// Shared Key Message Integrity Code (RFC 7296 section 3.8).
const SHARED_KEY: u8 = 2;

/// EAP messages of one round. Methods that fragment TLS take a few dozen.
const EAP_MESSAGES: usize = 256;

/// What a step sees of its IKE_SA.
pub(in crate::sa) struct Context<'a> {
    pub(in crate::sa) secured: &'a Secured,
    pub(in crate::sa) path: Path,
    pub(in crate::sa) env: &'a mut dyn Environment,
}

/// The identity of an end that has none configured: its address.
fn address_id(address: IpAddr) -> Identification {
    match address {
        IpAddr::V4(address) => Identification::Ipv4(address),
        IpAddr::V6(address) => Identification::Ipv6(address),
    }
}

/// Who we say we are in a round: what is configured, or our address.
pub(in crate::sa) fn local_id(connection: &Connection, round: usize, path: Path) -> Identification {
    let configured = connection
        .local
        .get(round)
        .and_then(|round| round.id.as_ref());
    configured
        .cloned()
        .unwrap_or_else(|| address_id(path.local.ip()))
}

fn authentication(method: u8, data: Vec<u8>) -> Payload {
    Payload::Authentication { method, data }
}

fn another_auth_follows() -> Payload {
    notify(NotifyType::ANOTHER_AUTH_FOLLOWS, Vec::new())
}

/// CERT payloads, to be sent.
fn certificates(certificates: Vec<CertificatePayload>) -> impl Iterator<Item = Payload> {
    certificates
        .into_iter()
        .map(|CertificatePayload { encoding, data }| Payload::Certificate { encoding, data })
}

/// The shared key of both ends' identities.
fn shared_key(
    local: &Identification,
    remote: &Identification,
    env: &dyn Environment,
) -> Result<Arc<crate::Secret>, Failure> {
    env.psk(local, remote).ok_or(Failure::NoSecret)
}

/// Whether the sender goes on with another round (RFC 4739 section 3.2).
fn goes_on(payloads: &Payloads) -> bool {
    payloads.notify(NotifyType::ANOTHER_AUTH_FOLLOWS).is_some()
}

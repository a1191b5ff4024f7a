//! A RADIUS client (RFC 2865) that carries EAP (RFC 3579) to servers that decide, learns keys and
//! limits from them, and accounts (RFC 2866).
//!
//! A [`Conversation`] makes requests out of EAP responses and EAP packets out of answers. A request
//! is carried by an [`Exchange`], which says what to send to which server and for how long to wait.
//! [`Health`] remembers which servers were silent, for all exchanges.
//!
//! Every Access-Request has a Message-Authenticator, in front, and so must every answer: without one
//! an attacker on the way can turn a refusal into an acceptance (Blast-RADIUS, CVE-2024-3596).

mod accounting;
mod answer;
mod attribute;
mod conversation;
mod exchange;
mod md5;
mod request;

pub use accounting::{Accounting, Status, Traffic};
pub use answer::{Answer, Error};
pub use attribute::{Attributes, Kind};
pub use conversation::{Conversation, Grant, Nas, Verdict};
pub use exchange::{Action, Exchange, Health, Timing};
pub use md5::Secret;
pub use request::{Code, Template};

/// The most octets of a packet (RFC 2865 section 3).
pub const MAX_PACKET: usize = 4096;

/// Code, identifier, length and authenticator.
const HEADER: usize = 20;

#[cfg(test)]
mod tests;

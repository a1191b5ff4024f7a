//! The IKEv2 wire format (RFC 7296 section 3, fragments RFC 7383 section 2.5): octets to typed
//! values and back.
//!
//! This module must not know keys, states or what a payload is good for. Whether a payload may
//! appear in an exchange is the state machine's question; whether its octets mean anything is
//! answered here. Everything read is bounded by [`limits`], nothing read is trusted, and what was
//! parsed and is written again parses to the same value.

mod configuration;
mod delete;
mod encrypted;
mod error;
mod exchange;
mod header;
mod identification;
pub mod limits;
mod notify;
mod payload;
pub(crate) mod reader;
mod security_association;
mod traffic_selector;
mod writer;

pub use configuration::{AttributeType, Configuration, ConfigurationKind};
pub use delete::Delete;
pub use encrypted::{
    Body, Encrypted, Fragment, parse_body, write_encrypted_prefix, write_fragment_prefix,
};
pub use error::WireError;
pub use exchange::ExchangeType;
pub use header::{Flags, Header};
pub use notify::{Notify, NotifyType};
pub use payload::{Payload, parse_payloads, payload_type, write_message, write_payloads};

#[cfg(test)]
mod tests;

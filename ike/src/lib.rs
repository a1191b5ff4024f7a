//! A sans-IO IKEv2 implementation (RFC 7296): wire codec, cryptography, exchanges and the state
//! machine of one IKE_SA.
//!
//! This crate must not know sockets, clocks, files, threads, async runtimes or any random source
//! but the [`Environment`] handed in. Time is an argument; effects are [`Output`](sa::Output)s that the caller
//! drains. It must not know connections' policies either (when to retry, what to keep up): that is
//! the supervisor's job.

// clippy.toml bans clocks, randomness, files and sockets here; tests need a first instant.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod child_options;
pub mod child_sa;
pub mod config;
pub mod configuration;
pub mod counters;
pub mod crypto;
pub mod environment;
pub mod identification;
pub mod proposal;
pub mod sa;
pub mod secret;
pub mod spi;
pub mod traffic_selector;
pub mod wire;

pub use child_options::{ChildOptions, TfcPadding};
pub use child_sa::{ChildSa, EspKey, EspSuite, Mode, Path};
pub use config::{ChildConfig, Connection};
pub use configuration::Configured;
pub use counters::{Counter, Counters};
pub use environment::Environment;
pub use identification::Identification;
pub use secret::Secret;
pub use spi::{EspSpi, IkeSpi, IkeSpis, MessageId};
pub use traffic_selector::TrafficSelector;

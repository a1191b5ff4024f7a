//! The running holdfast agent: every actor and nothing else.
//!
//! Start with [`run`]. `docs/architecture.md` shows a datagram's way, every actor and message, and
//! the order of the drain. No protocol rule belongs here: what cites RFC 7296 is in `holdfast-ike`.

mod agent;
mod bus;
mod commands;
mod credentials;
mod data_plane;
mod eap;
mod environment;
mod error;
mod events;
mod fragments;
mod handle;
mod health;
mod histogram;
mod history;
pub mod hooks;
mod icmp;
mod ike_sa;
mod keylog;
mod ledger;
mod message_log;
mod mistakes;
mod monitor;
mod network_watch;
mod pools;
mod post;
mod reader;
mod reload;
mod sandbox;
mod shutdown;
mod socket;
mod store;
mod supervisor;
mod tallies;
pub mod text;
mod transport;
mod vici_listener;
mod vici_session;
mod watchdog;
mod workers;

pub use agent::{Hooks, Options, Stop, run, run_with};
pub use error::StartError;
pub use sandbox::Sandbox;
pub use shutdown::Exit;
pub use watchdog::Watchdog;

//! Declarative holdfast configuration: files to a validated model.
//!
//! Read [`Config`] first: everything in it has been checked, so the agent never meets a value that
//! it must doubt.

pub mod model;
pub mod secrets;

pub use model::{
    Agent, Child, CloseAction, Config, Connection, DataPlaneKind, DpdAction, Endpoint, Limits, Log,
    LogFormat, LogLevel, Reconnect, StartAction, Tun, ViciAddress,
};
pub use secrets::{PskEntry, Secrets};

//! Declarative holdfast configuration: files to a validated model.
//!
//! [`load()`] reads a main file, the folder `conf.d` beside it and the environment. It returns a
//! [`Config`] in which everything has been checked, so that the agent never meets a value that it
//! must doubt, or a [`ConfigError`] with everything that is wrong: where it stands, and what to do
//! about it. `docs/configuration.md` describes every key.

pub mod confinement;
pub mod diagnostic;
mod environment;
mod json_schema;
mod key_path;
mod layers;
mod load;
pub mod model;
pub mod pool;
mod quantity;
mod raw;
mod reference;
mod report;
mod schema;
pub mod secrets;
pub mod settings;
mod suggest;
pub mod swanctl;
#[cfg(test)]
mod tests;
mod validate;
mod value;

pub use diagnostic::{ConfigError, Diagnostic, Severity, render};
pub use environment::Environment;
pub use json_schema::json_schema;
pub use load::{Loaded, load, load_with};
pub use model::{
    Agent, Child, CloseAction, Command, Config, Connection, DataPlaneKind, DpdAction, Endpoint,
    Hooks, Limits, Log, LogFormat, LogLevel, Probe, ProbeAction, ProbeKind, Radius, RadiusServer,
    Readiness, Reconnect, Shunt, ShuntAction, StartAction, StateDir, Tun, ViciAddress,
};
pub use pool::Pool;
pub use secrets::{AuthorityEntry, PrivateKeyEntry, PskEntry, Secrets};
pub use settings::{Entry, Setting, Settings};

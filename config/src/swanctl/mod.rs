//! Connections as strongSwan's users write them: in swanctl.conf, or as `load-conn` messages.
//!
//! [`connection`] turns one connection's settings into the same [`Connection`] as our TOML, through
//! the same validation. [`read`] reads a swanctl.conf; [`import`] rewrites one as TOML. Which key is
//! obeyed, accepted or refused is said in `docs/swanctl.md`, row by row of the table in `keys`.

mod conf;
mod import;
pub(crate) mod keys;
mod origins;
pub(crate) mod plain;
#[cfg(test)]
mod tests;
mod translate;
mod value;

pub use conf::{Conf, Files, read, read_from};
pub use import::{Import, SecretFile, import, import_from};

use crate::{
    Agent, ConfigError, Connection, Diagnostic, Settings, key_path::KeyPath, load, report::Report,
    validate,
};
use plain::{Plain, Table};
use translate::Translation;

/// One connection from its settings, and what may not be meant.
///
/// `settings` is what stands inside the connection's section: for `load-conn`, what is under the
/// name in the message. Problems name the key as it was written, such as
/// `connections.gw.children.net.esp_proposals`, and the place when there is one.
///
/// # Errors
/// With everything that is wrong with the connection: unknown keys, keys and values that this
/// version does not support, mistakes. Nothing is silently ignored: a key that is accepted without
/// effect makes a warning.
pub fn connection(
    name: &str,
    settings: &Settings,
    agent: &Agent,
) -> Result<(Connection, Vec<Diagnostic>), ConfigError> {
    let translation = translate::connection(name, settings);
    let report = Report::new(&translation.origins);
    for finding in &translation.findings {
        report.push(finding.diagnostic.clone());
    }
    let connection = validated(name, &translation, agent, &report);
    let rejected = report.has_errors();
    let found = report.finish();
    if rejected {
        return Err(ConfigError::new(found));
    }
    Ok((connection, found))
}

/// The translated connection through the validation that TOML goes through.
fn validated(
    name: &str,
    translation: &Translation,
    agent: &Agent,
    report: &Report<'_>,
) -> Connection {
    let mut connections = Table::default();
    connections.push(name, Plain::Table(translation.table.clone()), &[]);
    let mut root = Table::default();
    root.push("connections", Plain::Table(connections), &[]);
    let mut raw = load::deserialize(&mut root.to_value(), report);
    let raw = raw.connections.remove(name).unwrap_or_default();
    let scope = report.at(KeyPath::of(["connections", name]));
    validate::connection(name, &raw, agent, &scope)
}

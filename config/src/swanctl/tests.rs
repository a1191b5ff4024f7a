//! Whole connections: what is obeyed, accepted, refused, and in which words.

mod import;
mod keys;
mod values;

use super::{Files, connection, read_from};
use crate::{Agent, ConfigError, Connection, Settings};

/// What stands in a connection's section, as it comes over the control protocol.
fn settings(text: &str) -> Settings {
    let text = format!("connections {{ gw {{\n{text}\n}} }}");
    let files = Files::Fixed([("swanctl.conf".into(), text)].into());
    let conf = read_from(&files, "swanctl.conf".as_ref()).unwrap_or_else(|error| panic!("{error}"));
    let connections = conf.settings.section("connections").unwrap();
    as_message(connections.section("gw").unwrap())
}

/// Without places, as a message has none.
fn as_message(settings: &Settings) -> Settings {
    use crate::Setting;
    let mut out = Settings::default();
    for entry in settings.iter() {
        match entry.setting() {
            Setting::Value(value) => out.push_value(entry.name(), value.to_vec()),
            Setting::List(items) => {
                out.push_list(entry.name(), items.iter().map(|item| item.to_vec()));
            }
            Setting::Section(section) => out.push_section(entry.name(), as_message(section)),
        }
    }
    out
}

const ROUNDS: &str =
    "local { auth = psk\n id = moon.example\n }\nremote { auth = psk\n id = sun.example\n }\n";

/// A connection that is right, with further settings for it and for its child.
fn gw_settings(connection: &str, child: &str) -> Settings {
    settings(&format!(
        "remote_addrs = 192.0.2.2\n{ROUNDS}{connection}\nchildren {{ net {{ remote_ts = 10.2.0.0/16\n{child}\n}} }}"
    ))
}

fn load(settings: &Settings) -> Result<(Connection, String), ConfigError> {
    let (connection, warnings) = connection("gw", settings, &Agent::default())?;
    let lines: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    Ok((connection, lines.join("\n")))
}

fn gw(connection: &str, child: &str) -> Connection {
    let (connection, warnings) =
        load(&gw_settings(connection, child)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(warnings, "");
    connection
}

/// What is said: warnings, or errors.
fn said(connection: &str, child: &str) -> String {
    match load(&gw_settings(connection, child)) {
        Ok((_, warnings)) if warnings.is_empty() => "fine".to_owned(),
        Ok((_, warnings)) => format!("warning: {warnings}"),
        Err(error) => error.to_string(),
    }
}

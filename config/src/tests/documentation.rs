//! docs/configuration.md describes every key, no other, and with examples that work.

use super::{NET, PARIS, SECRET, Site};
use crate::{
    reference,
    schema::{Holds, Section},
};

#[test]
fn every_key_is_described_and_no_other() {
    let documented = reference::read();
    for (heading, section) in Section::HEADINGS {
        let Some(rows) = documented.get(heading) else {
            panic!("no table under {heading}")
        };
        for key in section.keys() {
            // What connections and defaults have in common is described once.
            if section == Section::Defaults && Section::Connection.keys().contains(key) {
                continue;
            }
            assert!(rows.contains_key(*key), "{heading} lacks {key}");
        }
        for key in rows.keys() {
            let known = section.keys().contains(&key.as_str());
            assert!(known, "{heading} describes {key}, which does not exist");
        }
    }
}

/// The lines of a table but those that set this key.
fn without(table: &str, key: &str) -> String {
    let sets_key = |line: &&str| {
        line.split('=')
            .next()
            .is_some_and(|name| name.trim() == key)
    };
    let rest: Vec<&str> = table.lines().filter(|line| !sets_key(line)).collect();
    rest.join("\n") + "\n"
}

const SERVER: &str = "address = \"192.0.2.5\"\nsecret = { value = \"s3cret\" }\n";

/// A configuration in which one key stands as in the document.
pub(super) fn with_key(section: Section, key: &str, value: &str) -> String {
    let line = format!("{key} = {value}\n");
    let local = without(PARIS, "local");
    match section {
        Section::Root => String::new(),
        Section::Agent => format!("[agent]\n{line}"),
        Section::Readiness => format!("[agent.readiness]\n{line}"),
        Section::Tun => format!("[agent.tun]\n{line}"),
        Section::Limits => format!("[agent.limits]\n{line}"),
        Section::Log => format!("[agent.log]\n{line}"),
        Section::Defaults => format!("[defaults]\n{line}"),
        Section::Connection if key == "ppk_required" => {
            format!("{PARIS}ppk_id = \"x.example\"\n{line}{SECRET}")
        }
        Section::Connection => format!("{}{line}{SECRET}", without(PARIS, key)),
        Section::Auth if key == "auth" => format!("{local}local.{line}{SECRET}"),
        Section::Auth => format!("{local}local.auth = \"psk\"\nlocal.{line}{SECRET}"),
        Section::Retransmit => format!("{PARIS}retransmit.{line}{SECRET}"),
        Section::Reconnect => format!("{PARIS}reconnect.{line}{SECRET}"),
        Section::Hooks => format!("{PARIS}hooks.{line}{SECRET}"),
        Section::Child => format!("{PARIS}{}{line}{SECRET}", without(NET, key)),
        Section::Probe if key == "target" => format!("{PARIS}{NET}probe.{line}{SECRET}"),
        Section::Probe => {
            let kind = match key {
                "port" => "probe.kind = \"tcp\"\n",
                "kind" if value.contains("tcp") => "probe.port = 443\n",
                _ => "",
            };
            let target = "probe.target = \"10.2.0.1\"\n";
            format!("{PARIS}{NET}{target}{kind}probe.{line}{SECRET}")
        }
        Section::Secret if key == "file" => {
            format!("[secrets.x]\ntype = \"private_key\"\n{line}")
        }
        Section::Authority if key == "cacert" => format!("[authorities.x]\n{line}"),
        Section::Authority => format!("[authorities.x]\ncacert = \"ca.pem\"\n{line}"),
        Section::Secret => format!("{}{line}", without(SECRET, key)),
        Section::Pool if key == "addrs" => format!("[pools.x]\n{line}"),
        Section::Pool => format!("[pools.x]\naddrs = \"10.3.0.0/24\"\n{line}"),
        Section::SecretSource => format!("[secrets.x]\ntype = \"psk\"\nsecret.{line}"),
        Section::Radius => format!("[radius]\n{line}"),
        Section::RadiusServer => format!("[radius.servers.one]\n{}{line}", without(SERVER, key)),
    }
}

fn said(section: Section, key: &str, value: &str) -> Result<(), String> {
    let text = with_key(section, key, value);
    let site = Site::new(&text).with("credentials/paris", "s3cret");
    let folder = site.path("credentials").display().to_string();
    let site = site
        .with_variable("CREDENTIALS_DIRECTORY", &folder)
        .with("paris.psk", "s3cret")
        .with("radius.secret", "s3cret")
        .with("moon.key", super::credentials::KEY)
        .with("ca.pem", super::credentials::CA)
        .with_variable("PSK", "s3cret")
        .with_variable("PARIS_PSK", "s3cret");
    match site.load() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{key} = {value}\n{error}\n{text}")),
    }
}

/// Keys whose default is another key's value.
const REFERENCES: [&str; 1] = ["agent.port"];

#[test]
fn every_example_and_every_default_is_accepted() {
    let documented = reference::read();
    let mut tried = 0;
    for (heading, section) in Section::HEADINGS {
        for (key, row) in &documented[heading] {
            let values = [&row.default, &row.example];
            for value in values.into_iter().flatten() {
                if !REFERENCES.contains(&value.as_str()) {
                    said(section, key, value).unwrap_or_else(|said| panic!("{said}"));
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 80, "only {tried} values were found");
}

#[test]
fn every_value_has_an_example() {
    for (heading, section) in Section::HEADINGS {
        for (key, row) in &reference::read()[heading] {
            let has_example = row.example.is_some() || section.holds(key) != Holds::Value;
            assert!(has_example, "{heading}: {key}");
        }
    }
}

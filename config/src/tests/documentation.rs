//! docs/configuration.md describes every key, no other, and with examples that work.

use std::{collections::BTreeMap, path::Path};

use super::{NET, PARIS, SECRET, Site};
use crate::schema::{Holds, Section};

/// Headings of the document and the tables they describe.
const HEADINGS: [(&str, Section); 18] = [
    ("Top level", Section::Root),
    ("[agent]", Section::Agent),
    ("[agent.readiness]", Section::Readiness),
    ("[agent.tun]", Section::Tun),
    ("[agent.limits]", Section::Limits),
    ("[agent.log]", Section::Log),
    ("[defaults]", Section::Defaults),
    ("[connections.NAME]", Section::Connection),
    ("local and remote", Section::Auth),
    ("retransmit", Section::Retransmit),
    ("reconnect", Section::Reconnect),
    ("[connections.NAME.children.CHILD]", Section::Child),
    ("[secrets.NAME]", Section::Secret),
    ("secret", Section::SecretSource),
    ("[authorities.NAME]", Section::Authority),
    ("[pools.NAME]", Section::Pool),
    ("[radius]", Section::Radius),
    ("[radius.servers.NAME]", Section::RadiusServer),
];

struct Row {
    default: Option<String>,
    example: Option<String>,
}

/// A cell that is one piece of code is a value, anything else is a description.
fn value(cell: &str) -> Option<String> {
    let code = cell.strip_prefix('`')?.strip_suffix('`')?;
    (!code.contains('`')).then(|| code.to_owned())
}

/// Key to row, for each heading.
fn documented() -> BTreeMap<String, BTreeMap<String, Row>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut sections: BTreeMap<String, BTreeMap<String, Row>> = BTreeMap::new();
    let mut heading = String::new();
    for line in text.lines() {
        if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().replace('`', "");
        } else if let Some(row) = line.strip_prefix("| `") {
            let row = row.replace("\\|", "\u{0}");
            let cells: Vec<String> = row
                .split('|')
                .map(|cell| cell.replace('\u{0}', "|").trim().to_owned())
                .collect();
            assert!(
                cells.len() >= 4,
                "key, meaning, default and example: {line}"
            );
            let key = cells[0].trim_end_matches('`').to_owned();
            let row = Row {
                default: value(&cells[2]),
                example: value(&cells[3]),
            };
            let previous = sections
                .entry(heading.clone())
                .or_default()
                .insert(key, row);
            assert!(previous.is_none(), "described twice: {line}");
        }
    }
    sections
}

#[test]
fn every_key_is_described_and_no_other() {
    let documented = documented();
    for (heading, section) in HEADINGS {
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
fn with_key(section: Section, key: &str, value: &str) -> String {
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
        Section::Child => format!("{PARIS}{}{line}{SECRET}", without(NET, key)),
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
    let site = Site::new(&text)
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
    let documented = documented();
    let mut tried = 0;
    for (heading, section) in HEADINGS {
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
    for (heading, section) in HEADINGS {
        for (key, row) in &documented()[heading] {
            let has_example = row.example.is_some() || section.holds(key) != Holds::Value;
            assert!(has_example, "{heading}: {key}");
        }
    }
}

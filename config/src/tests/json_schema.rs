//! What editors are told is what the agent accepts.

use std::{collections::BTreeSet, path::Path};

use jsonschema::Validator;
use serde_json::Value;

use super::{NET, PARIS, SECRET, Site, paris};
use crate::{
    json_schema::{KEYWORDS, Others, json_schema},
    reference,
    schema::Section,
};

fn validator() -> Validator {
    jsonschema::draft7::new(&json_schema()).unwrap()
}

/// What the schema has against a file, one line for each problem.
fn said(toml: &str) -> String {
    let value: Value = toml_edit::de::from_str(toml).unwrap();
    let lines: Vec<String> = validator()
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    lines.join("\n")
}

#[test]
fn it_is_a_schema_and_every_key_has_a_description() {
    let schema = json_schema();
    assert!(jsonschema::draft7::meta::is_valid(&schema));
    let definitions = schema["definitions"].as_object().unwrap();
    let mut tables: Vec<&Value> = definitions.values().collect();
    tables.push(&schema);
    assert_eq!(tables.len(), Section::HEADINGS.len());
    let mut keys = 0;
    for table in tables {
        assert_eq!(table["additionalProperties"], false, "{table:#}");
        for (key, property) in table["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{key}: {property:#}");
            assert!(
                !property.to_string().contains("null"),
                "{key}: {property:#}"
            );
            keys += 1;
        }
    }
    let known: usize = Section::HEADINGS
        .map(|(_, section)| section.keys().len())
        .iter()
        .sum();
    assert_eq!(keys, known);
}

#[test]
fn every_example_fits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            assert_eq!(
                said(&std::fs::read_to_string(&path).unwrap()),
                "",
                "{path:?}"
            );
            seen += 1;
        }
    }
    assert!(seen >= 4, "only {seen} examples were found");
}

#[test]
fn every_default_and_every_example_of_the_page_fits() {
    let pages = reference::read();
    let schema = json_schema();
    let mut tried = 0;
    for (heading, section) in Section::HEADINGS {
        for (key, row) in &pages[heading] {
            let values = [&row.default, &row.example].into_iter().flatten();
            for value in values.filter(|value| *value != "agent.port") {
                let said = said(&super::documentation::with_key(section, key, value));
                assert_eq!(said, "", "{heading}: {key} = {value}");
                tried += 1;
            }
        }
    }
    assert!(tried > 80, "only {tried} values were found");
    let workers = &schema["definitions"]["RawAgent"]["properties"]["workers"];
    assert_eq!(workers["default"], 0, "{workers:#}");
    assert_eq!(workers["examples"][0], 4, "{workers:#}");
}

/// The places that the schema complains about.
fn places(toml: &str) -> BTreeSet<String> {
    let value: Value = toml_edit::de::from_str(toml).unwrap();
    let place = |error: jsonschema::ValidationError<'_>| error.instance_path().to_string();
    validator().iter_errors(&value).map(place).collect()
}

#[test]
fn what_is_wrong_is_underlined() {
    let wrong = |toml: &str, expected: &[&str]| {
        let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(places(toml), expected, "{toml}\n{}", said(toml));
    };
    wrong(
        "[agent]\nhelth = \"127.0.0.1:8500\"\nport = 70000",
        &["/agent", "/agent/port"],
    );
    wrong(
        "connections.a.children.b.start_action = \"starts\"",
        &["/connections/a/children/b/start_action"],
    );
    wrong(
        "connections.a = { persistent = \"yes\", local_addrs = [1] }",
        &["/connections/a/persistent", "/connections/a/local_addrs"],
    );
    wrong(
        "secrets.a = { ids = [\"x\"], secret = { file = \"a\", env = \"B\" } }",
        &["/secrets/a", "/secrets/a/secret"],
    );
    wrong(
        "secrets.a.type = \"private_key\"\nsecrets.b.type = \"psk\"\n\
         secrets.c = { type = \"psk\", secret = {} }",
        &["/secrets/a", "/secrets/b", "/secrets/c/secret"],
    );
    wrong(
        "pools.a.dns = \"10.1.0.53\"\nauthorities.a = {}\nradius.servers.a.port = -1",
        &[
            "/pools/a",
            "/authorities/a",
            "/radius/servers/a",
            "/radius/servers/a/port",
        ],
    );
}

/// A wrong keyword makes the validation name the right ones: those of the schema.
#[test]
fn the_keywords_are_those_that_the_agent_takes() {
    for (section, key, words, others) in KEYWORDS {
        if others == Others::Yes {
            continue;
        }
        let site = |word: &str| {
            let line = format!("{key} = \"{word}\"");
            let fits = |table: &str| table.replace(&format!("\n{key} ="), "\nunused =");
            match section {
                Section::Agent => Site::new(&format!("[agent]\n{line}")),
                Section::Log => Site::new(&format!("[agent.log]\n{line}")),
                Section::Auth => {
                    let with = format!("auth = \"pubkey\", {line}, id = \"sun");
                    Site::new(&PARIS.replace("auth = \"psk\", id = \"sun", &with))
                }
                Section::Connection => paris(&line, ""),
                Section::Probe => paris("", &format!("probe.target = \"10.2.0.1\"\nprobe.{line}")),
                Section::Child => paris("", &line),
                Section::Secret => Site::new(&format!("{PARIS}{NET}{}{line}", fits(SECRET))),
                section => panic!("{section:?} has no keywords yet: say how one is written"),
            }
        };
        let refused = site("no keyword at all").said();
        let choices = refused
            .lines()
            .find(|line| line.contains("unknown value"))
            .and_then(|line| line.split("use ").nth(1))
            .unwrap_or_else(|| panic!("{key}: {refused}"));
        let named: Vec<&str> = choices.split('"').skip(1).step_by(2).collect();
        for word in &named {
            assert!(words.contains(word), "{key}: the schema lacks {word}");
        }
        for word in words {
            let said = site(word).said();
            assert!(!said.contains("unknown value"), "{key} = {word}: {said}");
        }
    }
}

//! What editors are told is what the agent accepts.

use std::path::Path;

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

#[test]
fn what_is_wrong_is_underlined() {
    insta::assert_snapshot!(said("[agent]\nhelth = \"127.0.0.1:8500\"\nport = 70000"), @r"
    /agent/port: 70000 is greater than the maximum of 65535
    /agent: Additional properties are not allowed ('helth' was unexpected)
    ");
    insta::assert_snapshot!(said("connections.a.children.b.start_action = \"starts\""), @"");
    insta::assert_snapshot!(said("connections.a = { persistent = \"yes\", local_addrs = [1] }"), @"");
    insta::assert_snapshot!(said("secrets.a = { ids = [\"x\"], secret = { file = \"a\", env = \"B\" } }"), @"");
    insta::assert_snapshot!(said("secrets.a = { type = \"private_key\" }\nsecrets.b.type = \"psk\"\nsecrets.c = { type = \"psk\", secret = {} }"), @"");
    insta::assert_snapshot!(said("pools.a.dns = \"10.1.0.53\"\nauthorities.a = {}\nradius.servers.a.port = -1"), @"");
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
                    let with = format!("{line}, id = \"sun");
                    Site::new(&PARIS.replace("id = \"sun", &with))
                }
                Section::Connection => paris(&line, ""),
                Section::Child => paris("", &line),
                Section::Secret => Site::new(&format!("{PARIS}{NET}{}{line}", fits(SECRET))),
                section => panic!("{section:?} has no keywords yet: say how one is written"),
            }
        };
        let refused = site("no keyword at all").said();
        let choices = refused
            .split("use ")
            .nth(1)
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

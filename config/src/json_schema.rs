//! The JSON Schema of configuration files, for editors.
//!
//! Types are those that the files are read with ([`crate::raw`]), descriptions and examples those
//! of `docs/configuration.md`, and the keywords are listed here; a test holds them against what
//! the validation accepts.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Map, Value, json};

use crate::{
    quantity::{Amount, Interval, Name, TextList},
    raw::{RawAuth, RawConfig, RawRounds},
    reference::{self, Row},
    schema::{Holds, Section},
};

/// Keys that take keywords, and whether they take other values beside them.
pub(crate) const KEYWORDS: [(Section, &str, &[&str], Others); 21] = {
    use Others::{No, Yes};
    use Section::{Agent, Auth, Child, Connection, Log, Probe, Readiness, Secret};
    [
        (
            Agent,
            "dataplane",
            &["auto", "userspace", "kernel", "none"],
            No,
        ),
        (
            Log,
            "level",
            &["error", "warn", "info", "debug", "trace"],
            No,
        ),
        (Log, "format", &["text", "json"], No),
        (Readiness, "require", &["running", "all", "any"], Yes),
        (Auth, "revocation", &["relaxed", "ifuri", "strict"], No),
        (
            Auth,
            "auth",
            &[
                "psk",
                "pubkey",
                "eap",
                "eap-mschapv2",
                "eap-tls",
                "eap-radius",
                "any",
            ],
            Yes,
        ),
        (Auth, "id", &["%any"], Yes),
        (
            Connection,
            "fragmentation",
            &["yes", "accept", "no", "force"],
            No,
        ),
        (
            Connection,
            "unique",
            &["no", "never", "keep", "replace"],
            No,
        ),
        (Connection, "send_cert", &["ifasked", "always", "never"], No),
        (Connection, "redirect_at", &["ike_auth", "ike_sa_init"], No),
        (Connection, "proposals", &["default"], Yes),
        (Child, "esp_proposals", &["default"], Yes),
        (Child, "mode", &["tunnel", "transport", "pass", "drop"], No),
        (Child, "tfc_padding", &["mtu"], Yes),
        (
            Child,
            "start_action",
            &["none", "trap", "start", "trap|start"],
            No,
        ),
        (Child, "close_action", &["none", "trap", "start"], No),
        (Child, "dpd_action", &["clear", "trap", "restart"], No),
        (Probe, "kind", &["icmp", "tcp"], No),
        (Probe, "action", &["repair", "report"], No),
        (Secret, "type", &["psk", "eap", "ppk", "private_key"], No),
    ]
};

/// Whether a key takes anything but its keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    Yes,
    No,
}

/// The JSON Schema (draft 7, which editors know best) of a configuration file.
pub fn json_schema() -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<RawConfig>().to_value();
    without_null(&mut schema);
    // Only whole files are of this kind, and they say so by their place.
    let pages = reference::read();
    for (heading, section) in Section::HEADINGS {
        let described = pages.get(heading);
        let common = pages
            .get("[connections.NAME]")
            .filter(|_| section == Section::Defaults);
        let Some(table) = definition(&mut schema, section) else {
            continue;
        };
        let Some(properties) = table.get_mut("properties").and_then(Value::as_object_mut) else {
            continue;
        };
        for (key, property) in properties {
            let row = [described, common]
                .into_iter()
                .flatten()
                .find_map(|rows| rows.get(key));
            if let Some(row) = row {
                describe(section, key, row, property);
            }
        }
        require(section, described.into_iter().flatten(), table);
    }
    let Some(root) = schema.as_object_mut() else {
        return schema;
    };
    root.insert("title".to_owned(), json!("Holdfast configuration"));
    schema
}

/// The part of the schema that is about a section.
fn definition(schema: &mut Value, section: Section) -> Option<&mut Map<String, Value>> {
    let name = match section {
        Section::Root => return schema.as_object_mut(),
        Section::Agent => "RawAgent",
        Section::Readiness => "RawReadiness",
        Section::Tun => "RawTun",
        Section::Limits => "RawLimits",
        Section::Log => "RawLog",
        Section::Defaults => "RawDefaults",
        Section::Connection => "RawConnection",
        Section::Auth => "RawAuth",
        Section::Retransmit => "RawRetransmit",
        Section::Reconnect => "RawReconnect",
        Section::Hooks => "RawHooks",
        Section::Child => "RawChild",
        Section::Probe => "RawProbe",
        Section::Secret => "RawSecret",
        Section::SecretSource => "RawSecretSource",
        Section::Authority => "RawAuthority",
        Section::Pool => "RawPool",
        Section::Radius => "RawRadius",
        Section::RadiusServer => "RawRadiusServer",
    };
    schema
        .get_mut("definitions")?
        .get_mut(name)?
        .as_object_mut()
}

/// What an editor shows beside a key, and offers for it.
fn describe(section: Section, key: &str, row: &Row, property: &mut Value) {
    let section = match section {
        // What both have, both describe in the same way.
        Section::Defaults => Section::Connection,
        section => section,
    };
    let keywords = KEYWORDS
        .iter()
        .find(|(of, name, ..)| *of == section && *name == key);
    let inner = std::mem::take(property);
    let mut described = match (keywords, inner) {
        (Some((_, _, words, Others::No)), _) => json!({ "enum": words }),
        (Some((_, _, words, Others::Yes)), inner) => {
            json!({ "anyOf": [{ "enum": words }, inner] })
        }
        // Draft 7 ignores what stands beside a reference.
        (None, Value::Object(inner)) if inner.contains_key("$ref") => json!({ "allOf": [inner] }),
        (None, inner) => inner,
    };
    described["description"] = json!(row.meaning);
    if let Some(default) = row.default.as_deref().and_then(parse) {
        described["default"] = default;
    }
    if let (Some(example), Holds::Value) =
        (row.example.as_deref().and_then(parse), section.holds(key))
    {
        described["examples"] = json!([example]);
    }
    *property = described;
}

/// Which keys must be there. Connections may take theirs from `[defaults]`.
fn require<'a>(
    section: Section,
    rows: impl Iterator<Item = (&'a String, &'a Row)>,
    table: &mut Map<String, Value>,
) {
    match section {
        Section::Auth | Section::Connection | Section::Probe => {}
        Section::Secret => {
            table.insert("required".to_owned(), json!(["type"]));
            let of_key = json!({
                "properties": { "type": { "const": "private_key" } },
                "required": ["type"],
            });
            table.insert("if".to_owned(), of_key);
            table.insert("then".to_owned(), json!({ "required": ["file"] }));
            table.insert("else".to_owned(), json!({ "required": ["secret"] }));
        }
        Section::SecretSource => {
            table.insert("minProperties".to_owned(), json!(1));
            table.insert("maxProperties".to_owned(), json!(1));
        }
        _ => {
            let required: Vec<&String> = rows
                .filter(|(_, row)| row.required)
                .map(|(key, _)| key)
                .collect();
            if !required.is_empty() {
                table.insert("required".to_owned(), json!(required));
            }
        }
    }
}

/// A value as it stands in a file.
fn parse(value: &str) -> Option<Value> {
    let table: Map<String, Value> = toml_edit::de::from_str(&format!("value = {value}")).ok()?;
    table.get("value").cloned()
}

/// TOML has no null: a key is there or not.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(table) => {
            if table
                .get("default")
                .is_some_and(|default| !default.is_boolean())
            {
                table.remove("default");
            }
            if let Some(Value::Array(types)) = table.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    table.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = table.get_mut("anyOf") {
                choices.retain(|choice| *choice != json!({ "type": "null" }));
                if let [Value::Object(only)] = choices.as_slice() {
                    *table = only.clone();
                }
            }
            table.values_mut().for_each(without_null);
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// Declares the schema of a type that is written in several ways.
macro_rules! written_as {
    ($type:ty, $name:literal, $($schema:tt)*) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($($schema)*)
            }
        }
    };
}

written_as!(Interval, "Interval", { "type": ["string", "number"], "minimum": 0 });
written_as!(Amount, "Amount", { "type": ["string", "integer"], "minimum": 0 });
written_as!(Name, "Name", { "type": ["string", "integer"] });
written_as!(TextList, "TextList", {
    "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }]
});

impl JsonSchema for RawRounds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Rounds")
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let round = generator.subschema_for::<RawAuth>();
        json_schema!({ "anyOf": [round, { "type": "array", "items": round }] })
    }
}

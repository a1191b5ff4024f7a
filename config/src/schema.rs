//! Which keys exist where. The list of keys is the fields of the structs in [`crate::raw`]; this
//! module adds how they nest; which keys of swanctl.conf are refused by name is in
//! [`crate::swanctl::keys`].

use config::{Value, ValueKind};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor, value::Error as Unfit},
    forward_to_deserialize_any,
};
use toml_edit::{Item, TableLike};

use crate::{
    key_path::{KeyPath, Segment},
    layers::Layer,
    raw,
    suggest::nearest,
    swanctl::keys::{self, Place, Rule},
};

/// A table of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Root,
    Agent,
    Readiness,
    Tun,
    Limits,
    Log,
    Defaults,
    Connection,
    Auth,
    Retransmit,
    Reconnect,
    Hooks,
    Child,
    Probe,
    Secret,
    SecretSource,
    Authority,
    Pool,
    Radius,
    RadiusServer,
}

/// What a known key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Value,
    Table(Section),
    /// Tables under names of the author's choice.
    Named(Section),
}

impl Section {
    /// The keys that may stand in it.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Root => fields_of::<raw::RawConfig>(),
            Self::Agent => fields_of::<raw::RawAgent>(),
            Self::Readiness => fields_of::<raw::RawReadiness>(),
            Self::Tun => fields_of::<raw::RawTun>(),
            Self::Limits => fields_of::<raw::RawLimits>(),
            Self::Log => fields_of::<raw::RawLog>(),
            Self::Defaults => fields_of::<raw::RawDefaults>(),
            Self::Connection => fields_of::<raw::RawConnection>(),
            Self::Auth => fields_of::<raw::RawAuth>(),
            Self::Retransmit => fields_of::<raw::RawRetransmit>(),
            Self::Reconnect => fields_of::<raw::RawReconnect>(),
            Self::Hooks => fields_of::<raw::RawHooks>(),
            Self::Child => fields_of::<raw::RawChild>(),
            Self::Probe => fields_of::<raw::RawProbe>(),
            Self::Secret => fields_of::<raw::RawSecret>(),
            Self::SecretSource => fields_of::<raw::RawSecretSource>(),
            Self::Authority => fields_of::<raw::RawAuthority>(),
            Self::Pool => fields_of::<raw::RawPool>(),
            Self::Radius => fields_of::<raw::RawRadius>(),
            Self::RadiusServer => fields_of::<raw::RawRadiusServer>(),
        }
    }

    pub(crate) fn holds(self, key: &str) -> Holds {
        match (self, key) {
            (Self::Root, "agent") => Holds::Table(Self::Agent),
            (Self::Root, "defaults") => Holds::Table(Self::Defaults),
            (Self::Root, "connections") => Holds::Named(Self::Connection),
            (Self::Root, "secrets") => Holds::Named(Self::Secret),
            (Self::Root, "authorities") => Holds::Named(Self::Authority),
            (Self::Root, "pools") => Holds::Named(Self::Pool),
            (Self::Agent, "readiness") => Holds::Table(Self::Readiness),
            (Self::Agent, "tun") => Holds::Table(Self::Tun),
            (Self::Agent, "limits") => Holds::Table(Self::Limits),
            (Self::Agent, "log") => Holds::Table(Self::Log),
            (Self::Connection | Self::Defaults, "local" | "remote") => Holds::Table(Self::Auth),
            (Self::Connection | Self::Defaults, "retransmit") => Holds::Table(Self::Retransmit),
            (Self::Connection | Self::Defaults, "reconnect") => Holds::Table(Self::Reconnect),
            (Self::Connection | Self::Defaults, "hooks") => Holds::Table(Self::Hooks),
            (Self::Connection, "children") => Holds::Named(Self::Child),
            (Self::Defaults, "child") => Holds::Table(Self::Child),
            (Self::Child, "probe") => Holds::Table(Self::Probe),
            (Self::Root, "radius") => Holds::Table(Self::Radius),
            (Self::Radius, "servers") => Holds::Named(Self::RadiusServer),
            (Self::Secret | Self::RadiusServer, "secret") => Holds::Table(Self::SecretSource),
            _ => Holds::Value,
        }
    }

    /// What is missing for a key that swanctl.conf has and this version has not, and the remedy.
    fn refused(self, key: &str) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Root => match key {
                "include" => Some((
                    "an include statement",
                    "put further files into the folder conf.d beside the main file",
                )),
                _ => None,
            },
            Self::Connection | Self::Defaults => refused_of_swanctl(Place::Connection, key),
            Self::Auth => refused_of_swanctl(Place::Auth, key),
            Self::Child => refused_of_swanctl(Place::Child, key),
            Self::Secret => match key {
                "handle" | "slot" | "module" | "pin" => {
                    Some(("a token", "put the key into a file"))
                }
                _ => None,
            },
            Self::Agent
            | Self::Readiness
            | Self::Tun
            | Self::Limits
            | Self::Log
            | Self::Retransmit
            | Self::Reconnect
            | Self::Hooks
            | Self::Probe
            | Self::SecretSource
            | Self::Radius
            | Self::RadiusServer
            | Self::Authority
            | Self::Pool => None,
        }
    }
}

/// A key of swanctl.conf that this version has not: what is missing, and the remedy.
fn refused_of_swanctl(place: Place, key: &str) -> Option<(&'static str, &'static str)> {
    match keys::rule(place, key)? {
        Rule::Settled(settled) => Some((settled.otherwise.what, settled.otherwise.remedy())),
        Rule::Refused(refusal) => Some((refusal.what, refusal.remedy())),
        Rule::Structure if key == "round" || key.contains('-') => Some((
            "a second authentication round (RFC 4739)",
            "give local or remote an array of tables",
        )),
        Rule::Obeyed(_) | Rule::Structure => None,
    }
}

/// A key that does not belong where it stands.
pub(crate) struct Stray {
    pub(crate) path: KeyPath,
    pub(crate) span: Option<std::ops::Range<usize>>,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

/// Finds every unknown key of a file.
pub(crate) fn strays(layer: &Layer) -> Vec<Stray> {
    let mut found = Vec::new();
    let root = KeyPath::default();
    visit(Section::Root, layer.document.as_table(), &root, &mut found);
    found
}

fn visit(section: Section, table: &dyn TableLike, path: &KeyPath, found: &mut Vec<Stray>) {
    for (name, item) in table.iter() {
        let path = path.key(name);
        if !section.keys().contains(&name) {
            let (message, remedy) = judge_stray(section, name);
            let span = table.key(name).and_then(toml_edit::Key::span);
            found.push(Stray {
                path,
                span,
                message,
                remedy,
            });
            continue;
        }
        if let Holds::Table(section) = section.holds(name) {
            for (index, table) in tables_in(item).into_iter().enumerate() {
                visit(section, table, &path.index(index), found);
            }
        }
        // What is no table although it should be one is told by its type later.
        let Some(table) = item.as_table_like() else {
            continue;
        };
        match section.holds(name) {
            Holds::Value => {}
            Holds::Table(section) => visit(section, table, &path, found),
            Holds::Named(section) => {
                for (name, item) in table.iter() {
                    if let Some(table) = item.as_table_like() {
                        visit(section, table, &path.key(name), found);
                    }
                }
            }
        }
    }
}

/// The tables of an array, where one may stand for a table.
fn tables_in(item: &Item) -> Vec<&dyn TableLike> {
    if let Some(tables) = item.as_array_of_tables() {
        return tables.iter().map(|table| table as &dyn TableLike).collect();
    }
    let elements = item.as_array().into_iter().flatten();
    elements
        .filter_map(|element| element.as_inline_table())
        .map(|table| table as &dyn TableLike)
        .collect()
}

fn judge_stray(section: Section, name: &str) -> (String, String) {
    if let Some((what, remedy)) = section.refused(name) {
        let message = format!("{what} is not supported by this version");
        return (message, remedy.to_owned());
    }
    let remedy = match nearest(name, section.keys()) {
        Some(key) => format!("did you mean \"{key}\"?"),
        None => format!("known here: {}", section.keys().join(", ")),
    };
    ("unknown key".to_owned(), remedy)
}

/// The path of an `[agent]` key whose steps are given in lower case, or what would have been right.
pub(crate) fn agent_key(steps: &[&str]) -> Result<KeyPath, Option<KeyPath>> {
    let mut section = Section::Agent;
    let mut path = KeyPath::of(["agent"]);
    for (position, step) in steps.iter().enumerate() {
        if !section.keys().contains(step) {
            let suggestion = nearest(step, section.keys());
            return Err(suggestion.map(|key| path.key(key)));
        }
        let last = position + 1 == steps.len();
        path = match (section.holds(step), last) {
            (Holds::Value, true) => return Ok(path.key(step)),
            (Holds::Table(inner), false) => {
                section = inner;
                path.key(step)
            }
            _ => return Err(None),
        };
    }
    Err(None)
}

/// Takes the value at a path out of the merged configuration.
pub(crate) fn prune(root: &mut Value, path: &KeyPath) -> bool {
    let Some((Segment::Key(last), parents)) = path.segments().split_last() else {
        return false;
    };
    let mut value = root;
    for parent in parents {
        let next = match (&mut value.kind, parent) {
            (ValueKind::Table(table), Segment::Key(key)) => table.get_mut(key),
            (ValueKind::Array(elements), Segment::Index(index)) => elements.get_mut(*index),
            _ => None,
        };
        let Some(next) = next else {
            return false;
        };
        value = next;
    }
    match &mut value.kind {
        ValueKind::Table(table) => table.remove(last).is_some(),
        _ => false,
    }
}

/// The names of a struct's fields as serde knows them.
fn fields_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    struct FieldNames<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for FieldNames<'_> {
        type Error = Unfit;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unfit> {
            Err(Unfit::custom("not a struct"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Unfit> {
            *self.0 = fields;
            Err(Unfit::custom("the fields are known now"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
            option unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier
            ignored_any
        }
    }

    let mut fields: &'static [&'static str] = &[];
    // It fails by design once it has seen the names.
    let _ = T::deserialize(FieldNames(&mut fields));
    fields
}

//! How two daemons' answers differ.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
};

use super::forms;
use crate::lab::{
    pretty::Packet,
    vici::{Message, Value},
};

/// One difference: where, and how holdfast's answer is unlike charon's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Difference {
    pub(super) command: String,
    /// Names of sections and a key, joined by `/`.
    pub(super) key: String,
    pub(super) kind: Kind,
    /// Both values, for people.
    shown: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// charon has it, holdfast has not.
    Missing,
    /// holdfast has it, charon has not.
    Extra,
    /// Both have it, and it says something else, or in another way.
    Other,
    /// The keys that both have come in another order.
    Order,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Missing, Self::Extra, Self::Other, Self::Order];

    /// The word for it in the table.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Other => "other",
            Self::Order => "order",
        }
    }
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, key, .. } = self;
        let kind = self.kind.word();
        write!(f, "| {command} | {key} | {kind} | {} |", self.shown)
    }
}

/// Compares the answers to one command. Events are compared in the order of their sending.
pub(super) fn differences(
    command: &str,
    charon: &[Packet],
    holdfast: &[Packet],
) -> BTreeSet<Difference> {
    let mut found = Findings {
        command,
        differences: BTreeSet::new(),
    };
    let titles = |packets: &[Packet]| -> Vec<String> {
        packets.iter().map(|packet| packet.title.clone()).collect()
    };
    if titles(charon) != titles(holdfast) {
        let shown = format!("{:?}, {:?}", titles(charon), titles(holdfast));
        found.add("(packets)", Kind::Other, shown);
    }
    for (theirs, ours) in charon.iter().zip(holdfast) {
        found.compare("", &theirs.message, &ours.message);
    }
    found.differences
}

struct Findings<'a> {
    command: &'a str,
    differences: BTreeSet<Difference>,
}

impl Findings<'_> {
    fn add(&mut self, key: &str, kind: Kind, shown: String) {
        self.differences.insert(Difference {
            command: self.command.to_owned(),
            key: key.to_owned(),
            kind,
            shown,
        });
    }

    fn compare(&mut self, place: &str, charon: &Message, holdfast: &Message) {
        let (theirs, ours) = (by_name(place, charon), by_name(place, holdfast));
        for (name, value) in &theirs {
            let key = join(place, name);
            match (value, ours.get(name)) {
                (value, None) => self.add(&key, Kind::Missing, show(value)),
                (Value::Section(theirs), Some(Value::Section(ours))) => {
                    self.compare(&key, theirs, ours);
                }
                (theirs, Some(ours)) if !forms::alike(name, theirs, ours) => {
                    let shown = format!("charon: {}, holdfast: {}", show(theirs), show(ours));
                    self.add(&key, Kind::Other, shown);
                }
                _ => {}
            }
        }
        for (name, value) in &ours {
            if !theirs.contains_key(name) {
                self.add(&join(place, name), Kind::Extra, show(value));
            }
        }
        let order = |message: &Message| -> Vec<String> {
            let names = message.0.iter().map(|(name, _)| general(place, name));
            names
                .filter(|name| theirs.contains_key(name) && ours.contains_key(name))
                .collect()
        };
        let (theirs, ours) = (order(charon), order(holdfast));
        if theirs != ours {
            let shown = format!("charon: {theirs:?}, holdfast: {ours:?}");
            self.add(place, Kind::Order, shown);
        }
    }
}

fn by_name<'a>(place: &str, message: &'a Message) -> BTreeMap<String, &'a Value> {
    let elements = message.0.iter();
    elements
        .map(|(name, value)| (general(place, name), value))
        .collect()
}

/// The name without what is of one SA only: CHILD_SAs are sections named with their number.
fn general(place: &str, name: &str) -> String {
    if place.ends_with("child-sas")
        && let Some((name, number)) = name.rsplit_once('-')
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        return format!("{name}-N");
    }
    if name.is_empty() {
        return "(all)".to_owned();
    }
    name.to_owned()
}

fn join(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}/{name}")
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("`{text}`"),
        Value::List(items) => format!("[{}]", items.join(" ")),
        Value::Section(section) => {
            let names: Vec<&str> = section.0.iter().map(|(name, _)| name.as_str()).collect();
            format!("{{{}}}", names.join(" "))
        }
    }
}

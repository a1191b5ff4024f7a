//! One connection's settings, key by key as [`super::keys`] says, in the terms of our TOML.

use std::collections::BTreeSet;

use super::{
    keys::{self, Done, Kind, Place, Refusal, Rule, Settled},
    origins::{self, Origins},
    plain::{Plain, Table},
    value,
};
use crate::{
    diagnostic::{Diagnostic, Severity},
    key_path::KeyPath,
    settings::{Entry, Setting, Settings},
    suggest::nearest,
};

/// What became of a connection.
pub(super) struct Translation {
    pub(super) table: Table,
    pub(super) origins: Origins,
    pub(super) findings: Vec<Finding>,
}

/// Something to be said about a key.
pub(super) struct Finding {
    pub(super) weight: Weight,
    pub(super) diagnostic: Diagnostic,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// The value is accepted and has no effect.
    Idle,
    /// The connection could do without the key.
    Lesser,
    /// It could not.
    Essential,
}

/// Translates a connection.
pub(super) fn connection(name: &str, settings: &Settings) -> Translation {
    let path = KeyPath::of(["connections", name]);
    let mut translator = Translator::default();
    let at = At {
        translated: path.clone(),
        written: path,
    };
    let table = translator.connection(settings, &at);
    Translation {
        table,
        origins: translator.origins,
        findings: translator.findings,
    }
}

/// What an absent `auth` means to charon.
const NO_AUTH: &str = "no auth is given, which means pubkey";

/// A section: where it is in the translation, and where it was written.
struct At {
    translated: KeyPath,
    written: KeyPath,
}

impl At {
    fn key(&self, name: &str) -> Self {
        self.named(name, name)
    }

    fn named(&self, translated: &str, written: &str) -> Self {
        Self {
            translated: self.translated.key(translated),
            written: self.written.key(written),
        }
    }
}

#[derive(Default)]
struct Translator {
    origins: Origins,
    findings: Vec<Finding>,
}

impl Translator {
    fn connection(&mut self, settings: &Settings, at: &At) -> Table {
        let mut table = self.section(Place::Connection, settings, at);
        for side in ["local", "remote"] {
            let (auth, comments) = self.authentication(side, settings, at);
            table.push(side, auth, comments);
        }
        for (name, place) in [
            ("retransmit", Place::Retransmit),
            ("reconnect", Place::Reconnect),
        ] {
            if let Some((entry, section)) = self.subsection(settings, name, at) {
                let at = at.key(name);
                self.mark(entry, &at);
                let inner = self.section(place, section, &at);
                table.push(name, Plain::Table(inner), &entry.comments);
            }
        }
        if let Some((entry, section)) = self.subsection(settings, "children", at) {
            let at = at.key("children");
            self.mark(entry, &at);
            let children = self.children(section, &at);
            table.push("children", Plain::Table(children), &entry.comments);
        }
        table
    }

    /// Every key of a section but those that hold sections.
    fn section(&mut self, place: Place, settings: &Settings, at: &At) -> Table {
        let mut table = Table::default();
        let mut seen = BTreeSet::new();
        for entry in settings.iter() {
            let at = at.key(&entry.name);
            if !seen.insert(entry.name.as_str()) {
                self.wrong(entry, &at, "it is given twice", "keep one of them");
                continue;
            }
            self.mark(entry, &at);
            match keys::rule(place, &entry.name) {
                Some(Rule::Structure) if fits_structure(place, entry) => {}
                None | Some(Rule::Structure) => self.unknown(place, entry, &at),
                Some(_) if is_empty(entry) => {}
                Some(Rule::Obeyed(kind)) => {
                    if let Some(plain) = self.read(kind, entry, &at) {
                        table.push(&entry.name, plain, &entry.comments);
                    }
                }
                Some(Rule::Settled(settled)) => self.settle(&settled, entry, &at),
                Some(Rule::Refused(refusal)) => self.refuse(&refusal, entry, &at),
            }
        }
        table
    }

    /// A section under a key that holds one.
    fn subsection<'s>(
        &mut self,
        settings: &'s Settings,
        name: &str,
        at: &At,
    ) -> Option<(&'s Entry, &'s Settings)> {
        let entry = settings.get(name)?;
        match &entry.setting {
            Setting::Section(section) => Some((entry, section)),
            Setting::Value(_) | Setting::List(_) => {
                let at = at.key(name);
                let message = "a value stands where a section is expected";
                self.wrong(entry, &at, message, "write it as name { ... }");
                None
            }
        }
    }

    fn children(&mut self, children: &Settings, at: &At) -> Table {
        let mut table = Table::default();
        let mut seen = BTreeSet::new();
        for entry in children.iter() {
            let at = at.key(&entry.name);
            self.mark(entry, &at);
            let Setting::Section(section) = &entry.setting else {
                self.wrong(
                    entry,
                    &at,
                    "a child is a section",
                    "write it as name { ... }",
                );
                continue;
            };
            if !seen.insert(entry.name.as_str()) {
                self.wrong(entry, &at, "it is given twice", "keep one of them");
                continue;
            }
            let mut child = self.section(Place::Child, section, &at);
            if let Some((entry, section)) = self.subsection(section, "probe", &at) {
                let at = at.key("probe");
                self.mark(entry, &at);
                let probe = self.section(Place::Probe, section, &at);
                child.push("probe", Plain::Table(probe), &entry.comments);
            }
            table.push(&entry.name, Plain::Table(child), &entry.comments);
        }
        table
    }

    /// How one side authenticates, round by round.
    fn authentication<'s>(
        &mut self,
        side: &str,
        settings: &'s Settings,
        at: &At,
    ) -> (Plain, &'s [String]) {
        let mut rounds: Vec<(i64, &Entry, &Settings)> = settings
            .sections()
            .filter(|(entry, _)| entry.name.starts_with(side))
            .map(|(entry, section)| (self.round(section, &at.key(&entry.name)), entry, section))
            .collect();
        rounds.sort_by_key(|(round, ..)| *round);
        let comments: &[String] = rounds.first().map_or(&[], |(_, entry, _)| &entry.comments);
        let mut tables = Vec::new();
        for (index, (_, entry, section)) in rounds.iter().enumerate() {
            let mut auth = at.named(side, &entry.name);
            if rounds.len() > 1 {
                auth.translated = auth.translated.index(index);
            }
            self.mark(entry, &auth);
            let table = self.section(Place::Auth, section, &auth);
            tables.push(self.with_auth(table, &auth));
        }
        let plain = match tables.len() {
            0 => Plain::Table(self.with_auth(Table::default(), &at.key(side))),
            1 => Plain::Table(tables.remove(0)),
            _ => Plain::Tables(tables),
        };
        (plain, comments)
    }

    /// What an absent `auth` means is said.
    fn with_auth(&mut self, mut table: Table, at: &At) -> Table {
        if !table.fields.iter().any(|field| field.key == "auth") {
            self.origins
                .insert_implied(at.translated.key("auth"), NO_AUTH);
            table.push("auth", Plain::Text("pubkey".to_owned()), &[]);
        }
        table
    }

    fn round(&mut self, section: &Settings, at: &At) -> i64 {
        let Some(entry) = section.get("round").filter(|entry| !is_empty(entry)) else {
            return 0;
        };
        let at = at.key("round");
        match self.read(Kind::Number, entry, &at) {
            Some(Plain::Integer(round)) => round,
            Some(_) => {
                self.wrong(entry, &at, "this is no number", "write a number such as 1");
                0
            }
            None => 0,
        }
    }

    /// The value of an entry, when it has the right form.
    fn read(&mut self, kind: Kind, entry: &Entry, at: &At) -> Option<Plain> {
        let from_message = entry.mark.is_none();
        match (&entry.setting, kind) {
            (Setting::Value(content), Kind::Files(_)) if from_message => {
                Some(Plain::List(vec![value::inline(content)]))
            }
            (Setting::List(items), Kind::Files(_)) if from_message => {
                let items = items.iter().map(|item| value::inline(item));
                Some(Plain::List(items.collect()))
            }
            (Setting::Value(value), _) => {
                let text = self.text(value, entry, at)?;
                Some(value::read(kind, text))
            }
            (Setting::List(items), Kind::List) => {
                let items = items.iter().map(|item| self.text(item, entry, at));
                let items: Option<Vec<&str>> = items.collect();
                let trimmed = |item: &str| item.trim().to_owned();
                Some(Plain::List(items?.into_iter().map(trimmed).collect()))
            }
            (Setting::List(_), _) => {
                self.wrong(entry, at, "this is a list", "give one value");
                None
            }
            (Setting::Section(_), _) => {
                self.wrong(entry, at, "this is a section", "give a value");
                None
            }
        }
    }

    fn text<'v>(&mut self, value: &'v [u8], entry: &Entry, at: &At) -> Option<&'v str> {
        let text = std::str::from_utf8(value).ok();
        if text.is_none() {
            self.wrong(entry, at, "the value is no text", "write it in UTF-8");
        }
        text
    }

    /// A key of which some values say what is done anyway.
    fn settle(&mut self, settled: &Settled, entry: &Entry, at: &At) {
        let Some(Plain::Text(text)) = self.read(Kind::Text, entry, at) else {
            return;
        };
        if value::says(settled.done, &text) {
            return;
        }
        let same = |word: &str| {
            let both = (value::boolean(word), value::boolean(&text));
            word == "*" || word == text || matches!(both, (Some(a), Some(b)) if a == b)
        };
        if let Some((_, why)) = settled.idle.iter().find(|(word, _)| same(word)) {
            let message = format!("it has no effect: {why}");
            self.find(Weight::Idle, entry, at, message, "leave the key out");
            return;
        }
        let say = |word: &str| format!("set {} = {word}", entry.name);
        let remedy = match (settled.otherwise.remedy, settled.done) {
            (Some(remedy), _) => remedy.to_owned(),
            (None, Done::No) => say("no"),
            (None, Done::Yes) => say("yes"),
            (None, Done::Zero) => "leave the key out".to_owned(),
            (None, Done::Words(words)) => say(words.last().expect("a word says what is done")),
        };
        self.refuse_with(&settled.otherwise, entry, at, &remedy);
    }

    fn refuse(&mut self, refusal: &Refusal, entry: &Entry, at: &At) {
        self.refuse_with(refusal, entry, at, refusal.remedy());
    }

    fn refuse_with(&mut self, refusal: &Refusal, entry: &Entry, at: &At, remedy: &str) {
        let weight = if refusal.essential {
            Weight::Essential
        } else {
            Weight::Lesser
        };
        let message = format!("{} is not supported by this version", refusal.what);
        self.find(weight, entry, at, message, remedy);
    }

    /// In the words of charon, with which it discards the connection as well.
    fn unknown(&mut self, place: Place, entry: &Entry, at: &At) {
        let kind = match entry.setting {
            Setting::Section(_) => "section",
            Setting::Value(_) | Setting::List(_) => "option",
        };
        let known: Vec<&str> = keys::table(place)
            .iter()
            .map(|(key, _)| key.trim_end_matches('*'))
            .collect();
        let remedy = match nearest(&entry.name, &known) {
            Some(key) if key != entry.name => format!("did you mean {key}?"),
            _ => "remove it".to_owned(),
        };
        let message = format!("unknown {kind}: {}, config discarded", entry.name);
        self.find(Weight::Essential, entry, at, message, &remedy);
    }

    fn wrong(&mut self, entry: &Entry, at: &At, message: &str, remedy: &str) {
        self.find(Weight::Essential, entry, at, message.to_owned(), remedy);
    }

    fn find(&mut self, weight: Weight, entry: &Entry, at: &At, message: String, remedy: &str) {
        let severity = match weight {
            Weight::Idle => Severity::Warning,
            Weight::Lesser | Weight::Essential => Severity::Error,
        };
        self.findings.push(Finding {
            weight,
            diagnostic: Diagnostic {
                severity,
                origin: origins::origin(entry.mark.as_ref()),
                key: at.written.to_string(),
                message,
                remedy: remedy.to_owned(),
            },
        });
    }

    fn mark(&mut self, entry: &Entry, at: &At) {
        let (translated, written) = (at.translated.clone(), at.written.clone());
        self.origins.insert(translated, written, entry.mark.clone());
    }
}

/// Whether an entry that the reader looks after is of the form it expects. What is named like a
/// section (`local_adrs`) may be a mistyped key.
fn fits_structure(place: Place, entry: &Entry) -> bool {
    let suffixed = entry.name.starts_with("local") || entry.name.starts_with("remote");
    place == Place::Auth || !suffixed || matches!(entry.setting, Setting::Section(_))
}

/// An empty value stands for none, as an empty assignment does in swanctl.conf.
fn is_empty(entry: &Entry) -> bool {
    match &entry.setting {
        Setting::Value(value) => value.trim_ascii().is_empty(),
        Setting::List(items) => items.is_empty(),
        Setting::Section(_) => false,
    }
}

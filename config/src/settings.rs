//! Settings as strongSwan's tools write them: an ordered tree of sections, lists and values.
//!
//! They come from a `load-conn` message of VICI or from a swanctl.conf ([`crate::swanctl::read`]).
//! Whoever receives a message turns it into [`Settings`] with the three `push` methods:
//!
//! ```
//! use holdfast_config::Settings;
//!
//! let mut local = Settings::default();
//! local.push_value("auth", "psk");
//! let mut connection = Settings::default();
//! connection.push_list("remote_addrs", ["192.0.2.2"]);
//! connection.push_section("local", local);
//! assert_eq!(connection.len(), 2);
//! ```

use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

use zeroize::Zeroizing;

use crate::diagnostic::{Origin, Place, Source};

/// A section: what it holds, in order.
///
/// Equality is that of names and contents, wherever they were written. `Debug` shows no values:
/// they may be secret. Nesting is as deep as the caller makes it; a reader of messages must bound
/// it.
#[derive(Clone, Default, PartialEq)]
pub struct Settings {
    entries: Vec<Entry>,
}

/// One name and what stands under it.
#[derive(Clone)]
pub struct Entry {
    pub(crate) name: String,
    pub(crate) setting: Setting,
    /// Where it was written; nowhere, when it came in a message.
    pub(crate) mark: Option<Mark>,
    /// The comment lines directly above it.
    pub(crate) comments: Vec<String>,
}

/// What stands under a name.
#[derive(Clone, PartialEq)]
pub enum Setting {
    /// A value, usually text.
    Value(Zeroizing<Vec<u8>>),
    /// A list of values.
    List(Vec<Zeroizing<Vec<u8>>>),
    /// Further names.
    Section(Settings),
}

/// Bytes of a file, from which a [`Place`] is made when somebody wants to see it.
#[derive(Clone)]
pub(crate) struct Mark {
    pub(crate) file: Arc<MarkedFile>,
    pub(crate) span: Range<usize>,
}

/// A file that marks point into.
pub(crate) struct MarkedFile {
    pub(crate) path: PathBuf,
    /// Its text, secrets masked.
    pub(crate) source: Arc<Source>,
}

impl Mark {
    pub(crate) fn origin(&self) -> Origin {
        let place = Place::new(&self.file.path, &self.file.source, self.span.clone());
        Origin::Place(Box::new(place))
    }
}

impl Settings {
    /// Adds a value.
    pub fn push_value(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.push(name, Setting::Value(Zeroizing::new(value.into())));
    }

    /// Adds a list of values.
    pub fn push_list<T: Into<Vec<u8>>>(
        &mut self,
        name: impl Into<String>,
        items: impl IntoIterator<Item = T>,
    ) {
        let items = items.into_iter().map(|item| Zeroizing::new(item.into()));
        self.push(name, Setting::List(items.collect()));
    }

    /// Adds a section.
    pub fn push_section(&mut self, name: impl Into<String>, section: Self) {
        self.push(name, Setting::Section(section));
    }

    fn push(&mut self, name: impl Into<String>, setting: Setting) {
        self.push_entry(Entry {
            name: name.into(),
            setting,
            mark: None,
            comments: Vec::new(),
        });
    }

    pub(crate) fn push_entry(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// What it holds, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The first entry of this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The first section of this name.
    pub fn section(&self, name: &str) -> Option<&Self> {
        self.sections()
            .find(|(entry, _)| entry.name == name)
            .map(|(_, section)| section)
    }

    /// Every section in it, in order.
    pub fn sections(&self) -> impl Iterator<Item = (&Entry, &Self)> {
        self.entries
            .iter()
            .filter_map(|entry| match &entry.setting {
                Setting::Section(section) => Some((entry, section)),
                Setting::Value(_) | Setting::List(_) => None,
            })
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands under the name.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.setting == other.setting
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self
            .entries
            .iter()
            .map(|entry| (&entry.name, &entry.setting));
        f.debug_map().entries(entries).finish()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entry(&self.name, &self.setting).finish()
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{} octets", value.len()),
            Self::List(items) => write!(f, "{} values", items.len()),
            Self::Section(section) => section.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_values() {
        let mut settings = Settings::default();
        settings.push_value("secret", "hunter2");
        settings.push_list("more", ["hunter3"]);
        let mut outer = Settings::default();
        outer.push_section("ike", settings);
        let shown = format!("{outer:?}");
        assert!(
            shown.contains("secret") && !shown.contains("hunter"),
            "{shown}"
        );
    }

    #[test]
    fn equality_ignores_places() {
        let value = |mark| Entry {
            name: "a".to_owned(),
            setting: Setting::Value(Zeroizing::new(b"1".to_vec())),
            mark,
            comments: Vec::new(),
        };
        let file = Arc::new(MarkedFile {
            path: PathBuf::from("x"),
            source: Arc::new(Source::new("x".as_ref(), "a = 1".to_owned())),
        });
        let marked = value(Some(Mark { file, span: 0..5 }));
        assert_eq!(marked, value(None));
    }
}

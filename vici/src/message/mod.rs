//! The tree that requests, responses and events carry.
//!
//! Keys keep their order and may repeat. Values are octets without a type of their own: numbers
//! travel as decimal text, certificates and keys as they are. The readers interpret them by the
//! rules that strongSwan's daemon follows.

pub(crate) mod codec;
mod number;
#[cfg(test)]
pub(crate) mod tests;
mod value;

use std::fmt::{self, Display};

pub use value::Value;
use zeroize::Zeroize;

/// Sections may be nested this deep. Real messages need five levels.
pub const MAX_DEPTH: usize = 32;

/// A message, or a section of one: named values in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Message {
    elements: Vec<(String, Value)>,
}

impl Message {
    /// A message without elements.
    pub fn new() -> Self {
        Self::default()
    }

    /// The response of a command that did what it was asked for.
    pub fn success() -> Self {
        Self::new().with("success", true)
    }

    /// The response of a command that failed, and why.
    pub fn failure(reason: impl Display) -> Self {
        Self::new()
            .with("success", false)
            .with("errmsg", reason.to_string())
    }

    /// Adds an element at the end.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.elements.push((name.into(), value.into()));
    }

    /// Adds an element at the end if there is a value.
    pub fn push_some(&mut self, name: impl Into<String>, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// Adds the text of something printable at the end.
    pub fn push_display(&mut self, name: impl Into<String>, value: impl Display) {
        self.push(name, value.to_string());
    }

    /// [`Message::push`] for chains.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.push(name, value);
        self
    }

    /// [`Message::push_some`] for chains.
    #[must_use]
    pub fn with_some(mut self, name: impl Into<String>, value: Option<impl Into<Value>>) -> Self {
        self.push_some(name, value);
        self
    }

    /// [`Message::push_display`] for chains.
    #[must_use]
    pub fn with_display(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.push_display(name, value);
        self
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// The number of elements on this level.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// The elements of this level in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.elements
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// The sections of this level in order.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.iter()
            .filter_map(|(name, value)| Some((name, value.as_section()?)))
    }

    /// The first section of this level with exactly this name, which may contain dots.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.sections()
            .find_map(|(found, section)| (found == name).then_some(section))
    }

    /// The first element at `path`: names joined by dots, sections first.
    ///
    /// Sections of the same name are searched one after the other.
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.all(path).next()
    }

    /// Every element at `path`, for keys that repeat.
    pub fn all<'a>(&'a self, path: &str) -> Box<dyn Iterator<Item = &'a Value> + 'a> {
        let (first, rest) = match path.split_once('.') {
            Some((first, rest)) => (first.to_owned(), Some(rest.to_owned())),
            None => (path.to_owned(), None),
        };
        let here = self
            .iter()
            .filter_map(move |(name, value)| (name == first).then_some(value));
        match rest {
            None => Box::new(here),
            Some(rest) => Box::new(
                here.filter_map(Value::as_section)
                    .flat_map(move |section| section.all(&rest)),
            ),
        }
    }

    /// Whether there is an element at `path`, whatever it holds.
    pub fn contains(&self, path: &str) -> bool {
        self.get(path).is_some()
    }

    /// The octets of the first value at `path`.
    pub fn get_bytes(&self, path: &str) -> Option<&[u8]> {
        self.all(path).find_map(Value::as_bytes)
    }

    /// The first value at `path` if it is printable text.
    pub fn get_str(&self, path: &str) -> Option<&str> {
        printable(self.get_bytes(path)?)
    }

    /// The first value at `path` as a number in the notations of C: decimal, `0x` or octal.
    /// `None` if there is none or it is anything else.
    pub fn get_int(&self, path: &str) -> Option<i64> {
        number::parse(self.get_str(path)?)
    }

    /// The first value at `path` as a truth value: `yes`, `true`, `enabled` or `1`, and their
    /// opposites, in any case. `None` if there is none or it is anything else.
    pub fn get_bool(&self, path: &str) -> Option<bool> {
        let text = self.get_str(path)?;
        let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
        if is_one_of(&["1", "yes", "true", "enabled"]) {
            Some(true)
        } else if is_one_of(&["0", "no", "false", "disabled"]) {
            Some(false)
        } else {
            None
        }
    }

    /// The first section at `path`.
    pub fn get_section(&self, path: &str) -> Option<&Self> {
        self.all(path).find_map(Value::as_section)
    }

    /// The items of the first list at `path`; none if there is no list.
    pub fn get_list(&self, path: &str) -> impl Iterator<Item = &[u8]> {
        self.all(path)
            .find_map(Value::as_list)
            .unwrap_or_default()
            .iter()
            .map(Vec::as_slice)
    }

    /// The printable items of the first list at `path`.
    pub fn get_str_list(&self, path: &str) -> impl Iterator<Item = &str> {
        self.get_list(path).filter_map(printable)
    }

    /// Reads a response's verdict: `Err` holds the reason when it says `success = no`.
    pub fn verdict(&self) -> Result<(), String> {
        match self.get_bool("success") {
            Some(false) => Err(self
                .get_str("errmsg")
                .unwrap_or("the agent gives no reason")
                .to_owned()),
            Some(true) | None => Ok(()),
        }
    }
}

/// Requests carry private keys and shared secrets: nothing of a message is left in memory.
impl Drop for Message {
    fn drop(&mut self) {
        for (_, value) in &mut self.elements {
            match value {
                Value::Bytes(octets) => octets.zeroize(),
                Value::List(items) => items.zeroize(),
                // Wiped by its own drop.
                Value::Section(_) => {}
            }
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Message {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(elements: I) -> Self {
        Self {
            elements: elements
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}

/// The text of octets without control characters.
///
/// strongSwan accepts printable ASCII only; identities and reasons may be UTF-8, so that is
/// printable here too.
fn printable(octets: &[u8]) -> Option<&str> {
    std::str::from_utf8(octets)
        .ok()
        .filter(|text| !text.contains(char::is_control))
}

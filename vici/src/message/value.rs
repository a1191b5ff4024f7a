//! What a name in a message may stand for.

use std::fmt;

use super::{Message, printable};

/// What a name in a message stands for.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Octets: text, a number in decimal, or a blob.
    Bytes(Vec<u8>),
    /// Several of them.
    List(Vec<Vec<u8>>),
    /// A level of its own.
    Section(Message),
}

impl Value {
    /// A list of the texts of something printable.
    pub fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(
            items
                .into_iter()
                .map(|item| item.to_string().into_bytes())
                .collect(),
        )
    }

    /// The octets, unless it is a list or a section.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(octets) => Some(octets),
            Self::List(_) | Self::Section(_) => None,
        }
    }

    /// The octets as printable text.
    pub fn as_str(&self) -> Option<&str> {
        self.as_bytes().and_then(printable)
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Vec<u8>]> {
        match self {
            Self::List(items) => Some(items),
            Self::Bytes(_) | Self::Section(_) => None,
        }
    }

    /// The section, if it is one.
    pub fn as_section(&self) -> Option<&Message> {
        match self {
            Self::Section(section) => Some(section),
            Self::Bytes(_) | Self::List(_) => None,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Requests carry private keys and shared secrets: octets stay out of logs.
        match self {
            Self::Bytes(octets) => write!(f, "<{} octets>", octets.len()),
            Self::List(items) => write!(f, "<{} items>", items.len()),
            Self::Section(section) => section.fmt(f),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Bytes(text.into_bytes())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<&[u8]> for Value {
    fn from(octets: &[u8]) -> Self {
        Self::Bytes(octets.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(octets: Vec<u8>) -> Self {
        Self::Bytes(octets)
    }
}

/// `yes` or `no`.
impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        if yes { "yes" } else { "no" }.into()
    }
}

macro_rules! from_number {
    ($($number:ty)*) => {$(
        /// Decimal text.
        impl From<$number> for Value {
            fn from(number: $number) -> Self {
                number.to_string().into()
            }
        }
    )*};
}

from_number!(u16 u32 u64 u128 usize i32 i64);

impl From<Message> for Value {
    fn from(section: Message) -> Self {
        Self::Section(section)
    }
}

impl From<Vec<String>> for Value {
    fn from(items: Vec<String>) -> Self {
        Self::List(items.into_iter().map(String::into_bytes).collect())
    }
}

impl From<Vec<&str>> for Value {
    fn from(items: Vec<&str>) -> Self {
        Self::list(items)
    }
}

impl From<Vec<Vec<u8>>> for Value {
    fn from(items: Vec<Vec<u8>>) -> Self {
        Self::List(items)
    }
}

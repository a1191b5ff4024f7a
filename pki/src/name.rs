//! Distinguished names (RFC 5280 section 4.1.2.4) and patterns for them.

use std::fmt::{self, Write as _};

use x509_parser::{
    asn1_rs::{Any, Tag},
    prelude::FromDer,
    x509::{RelativeDistinguishedName, X509Name},
};

use crate::{ParseError, der};

/// A distinguished name in DER, as it stands in a certificate. Two names are equal when their
/// encodings are; whether they mean the same is for [`Name::is_same`] to say.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    der: Box<[u8]>,
    /// Its parts, each in a form in which parts that mean the same are the same octets.
    canonical: Box<[Box<[u8]>]>,
}

impl Name {
    /// Reads the encoding of a name.
    pub fn from_der(octets: &[u8]) -> Result<Self, ParseError> {
        match X509Name::from_der(octets) {
            Ok(([], name)) => Ok(Self::from_parsed(&name)),
            _ => Err(ParseError::Der("a distinguished name")),
        }
    }

    pub(crate) fn from_parsed(name: &X509Name<'_>) -> Self {
        Self {
            der: name.as_raw().into(),
            canonical: name.iter().map(canonical).collect(),
        }
    }

    /// The encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether it has no attributes.
    pub fn is_empty(&self) -> bool {
        self.canonical.is_empty()
    }

    /// Whether both mean the same: case, space and the type of string do not matter (RFC 5280
    /// section 7.1).
    pub fn is_same(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }

    /// Whether it is `base`, or below it in the tree of names (RFC 5280 section 4.2.1.10).
    pub fn is_within(&self, base: &Self) -> bool {
        self.canonical.starts_with(&base.canonical)
    }

    /// The mail addresses among its attributes (RFC 5280 section 4.1.2.6).
    pub(crate) fn mail_addresses(&self) -> Vec<String> {
        /// emailAddress of PKCS #9.
        const MAIL: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
        let attributes = self.attributes().into_iter();
        attributes
            .filter_map(|(oid, text)| (oid == MAIL).then_some(text))
            .collect()
    }

    /// Object identifiers and texts of its attributes; values that are no text are left empty.
    fn attributes(&self) -> Vec<(Vec<u8>, String)> {
        let Ok((_, name)) = X509Name::from_der(&self.der) else {
            return Vec::new();
        };
        name.iter_attributes()
            .map(|attribute| {
                let text = attribute.as_str().unwrap_or_default();
                (attribute.attr_type().as_bytes().to_vec(), text.to_owned())
            })
            .collect()
    }
}

impl fmt::Display for Name {
    /// As people read it; who wrote it gets no control characters into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok((_, name)) = X509Name::from_der(&self.der) else {
            return f.write_str("(invalid)");
        };
        let text = name.to_string();
        if text.is_empty() {
            return f.write_str("(empty)");
        }
        text.chars()
            .try_for_each(|c| f.write_char(if c.is_control() { '?' } else { c }))
    }
}

/// The attributes of one part, in an order of their own: type, then value. Values that are text are
/// compared as text (RFC 4518, of which only case and space are done here); others as they are.
fn canonical(part: &RelativeDistinguishedName<'_>) -> Box<[u8]> {
    const TEXT: u8 = 0xff;
    let mut attributes: Vec<Vec<u8>> = part
        .iter()
        .map(|attribute| {
            let (tag, value) = match text(attribute.attr_value()) {
                Some(text) => (TEXT, folded(&text).into_bytes()),
                None => (
                    attribute.attr_value().tag().0 as u8,
                    attribute.as_slice().to_vec(),
                ),
            };
            let content = der::encode(tag, &[&value]);
            der::encode(
                der::OBJECT_IDENTIFIER,
                &[attribute.attr_type().as_bytes(), &content],
            )
        })
        .collect();
    attributes.sort_unstable();
    attributes.concat().into()
}

/// The text of a DirectoryString, IA5String or NumericString.
fn text(value: &Any<'_>) -> Option<String> {
    match value.tag() {
        Tag::NumericString | Tag::PrintableString | Tag::Utf8String | Tag::Ia5String => {
            str::from_utf8(value.data).ok().map(ToOwned::to_owned)
        }
        // What writes T61String means Latin-1 by it.
        Tag::T61String => Some(value.data.iter().map(|octet| char::from(*octet)).collect()),
        Tag::BmpString => {
            let (pairs, []) = value.data.as_chunks::<2>() else {
                return None;
            };
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            String::from_utf16(&units).ok()
        }
        _ => None,
    }
}

fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match X509Name::from_der(&self.der) {
            Ok((_, name)) => write!(f, "Name({name})"),
            Err(_) => f.write_str("Name(invalid)"),
        }
    }
}

/// A distinguished name as people write it, `C=CH, O=Example, CN=*`. A value of `*` stands for
/// any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(Vec<(&'static [u8], String)>);

/// Short names and encoded object identifiers (RFC 4519 section 2, RFC 2985 section 5.2.1), the
/// short names being those of strongSwan where RFC 4519 has others.
const TYPES: [(&str, &[u8]); 20] = [
    ("CN", &[0x55, 4, 3]),
    ("SN", &[0x55, 4, 4]),
    ("S", &[0x55, 4, 4]),
    ("serialNumber", &[0x55, 4, 5]),
    ("C", &[0x55, 4, 6]),
    ("L", &[0x55, 4, 7]),
    ("ST", &[0x55, 4, 8]),
    ("STREET", &[0x55, 4, 9]),
    ("O", &[0x55, 4, 10]),
    ("OU", &[0x55, 4, 11]),
    ("T", &[0x55, 4, 12]),
    ("D", &[0x55, 4, 13]),
    ("postalCode", &[0x55, 4, 17]),
    ("N", &[0x55, 4, 41]),
    ("G", &[0x55, 4, 42]),
    ("I", &[0x55, 4, 43]),
    ("E", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]),
    (
        "emailAddress",
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1],
    ),
    ("UID", &[9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1]),
    ("DC", &[9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25]),
];

impl NamePattern {
    /// Reads `TYPE=value` pairs with commas, or slashes in front of each, between them. `None` for
    /// anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let separator = if text.starts_with('/') { '/' } else { ',' };
        let attributes: Option<Vec<_>> = text
            .trim_start_matches('/')
            .split(separator)
            .map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                let (_, oid) = TYPES
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(name.trim()))?;
                Some((*oid, value.trim().to_owned()))
            })
            .collect();
        attributes.map(Self)
    }

    /// Whether the name has exactly these attributes, in this order.
    pub fn matches(&self, name: &Name) -> bool {
        let attributes = name.attributes();
        attributes.len() == self.0.len()
            && self.0.iter().zip(&attributes).all(|(wanted, found)| {
                wanted.0 == found.0 && (wanted.1 == "*" || wanted.1 == found.1)
            })
    }
}

#[cfg(test)]
mod tests;

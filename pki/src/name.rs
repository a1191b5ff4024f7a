//! Distinguished names (RFC 5280 section 4.1.2.4) and patterns for them.

use std::fmt;

use x509_parser::{prelude::FromDer, x509::X509Name};

/// A distinguished name in DER, as it stands in a certificate. Two names are equal when their
/// encodings are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Box<[u8]>);

impl Name {
    pub(crate) fn from_parsed(name: &X509Name<'_>) -> Self {
        Self(name.as_raw().into())
    }

    /// The encoding.
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// Object identifiers and texts of its attributes; values that are no text are left empty.
    fn attributes(&self) -> Vec<(Vec<u8>, String)> {
        let Ok((_, name)) = X509Name::from_der(&self.0) else {
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

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match X509Name::from_der(&self.0) {
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

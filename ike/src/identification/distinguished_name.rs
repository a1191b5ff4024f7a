//! Encoded distinguished names as people read them: `C=CH, O=Example, CN=moon.example`.
//!
//! Just enough of X.690 and X.501 for that: a SEQUENCE of SETs of SEQUENCEs of an object
//! identifier and a string. Anything else is "not a name", never a panic.

use std::fmt::{self, Write};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// UTF8String, NumericString, PrintableString, TeletexString, IA5String, VisibleString: those
/// whose octets are read as text.
const TEXTS: [u8; 6] = [0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a];

/// Encoded attribute types and the short names that charon's users know.
const ATTRIBUTES: [(&[u8], &str); 16] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 4], "S"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "STREET"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 12], "T"),
    (&[0x55, 4, 13], "D"),
    (&[0x55, 4, 17], "postalCode"),
    (&[0x55, 4, 42], "G"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "E"),
    (&[9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
    (&[9, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
];

/// One attribute: the encoded type, the tag and the octets of its value.
struct Attribute<'a> {
    oid: &'a [u8],
    tag: u8,
    value: &'a [u8],
}

/// Prints the name; an encoding that is not one is said to be invalid, as charon does.
pub(super) fn write(f: &mut fmt::Formatter<'_>, encoded: &[u8]) -> fmt::Result {
    let Some(attributes) = attributes(encoded) else {
        return f.write_str("(invalid ID_DER_ASN1_DN)");
    };
    for (index, attribute) in attributes.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        match ATTRIBUTES.iter().find(|(oid, _)| *oid == attribute.oid) {
            Some((_, name)) => f.write_str(name)?,
            None => super::write_hex(f, attribute.oid)?,
        }
        f.write_char('=')?;
        match str::from_utf8(attribute.value) {
            Ok(text) if TEXTS.contains(&attribute.tag) => super::write_printable(f, text)?,
            _ => super::write_hex(f, attribute.value)?,
        }
    }
    Ok(())
}

fn attributes(encoded: &[u8]) -> Option<Vec<Attribute<'_>>> {
    let (mut names, []) = element(encoded, SEQUENCE)? else {
        return None;
    };
    let mut attributes = Vec::new();
    while !names.is_empty() {
        let (mut set, rest) = element(names, SET)?;
        names = rest;
        while !set.is_empty() {
            let (attribute, rest) = element(set, SEQUENCE)?;
            set = rest;
            let (oid, value) = element(attribute, OBJECT_IDENTIFIER)?;
            let (tag, value, []) = any_element(value)? else {
                return None;
            };
            attributes.push(Attribute { oid, tag, value });
        }
    }
    Some(attributes)
}

/// The content of the first element, which must have this tag, and what follows it.
fn element(octets: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any_element(octets)?;
    (found == tag).then_some((content, rest))
}

/// Tag, content and what follows. Lengths of more than two octets fit no IKE message.
fn any_element(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (length, content) = match octets.get(1..)? {
        [0x82, high, low, content @ ..] => (u16::from_be_bytes([*high, *low]), content),
        [0x81, length, content @ ..] | [length @ 0..=0x7f, content @ ..] => {
            (u16::from(*length), content)
        }
        _ => return None,
    };
    let (content, rest) = content.split_at_checked(length.into())?;
    Some((octets[0], content, rest))
}

/// Whether two encoded names have the same attributes in the same order, whatever the type of their
/// strings, their case and space. With `wildcards`, a value of `*` in the first stands for any.
pub(super) fn covers(pattern: &[u8], name: &[u8], wildcards: bool) -> bool {
    let (Some(wanted), Some(found)) = (attributes(pattern), attributes(name)) else {
        return false;
    };
    let same = |(wanted, found): (&Attribute<'_>, &Attribute<'_>)| {
        wanted.oid == found.oid
            && (wildcards && wanted.value == b"*" || wanted.is_same_value(found))
    };
    wanted.len() == found.len() && wanted.iter().zip(&found).all(same)
}

/// Whether a value is `*`.
pub(super) fn has_wildcard(encoded: &[u8]) -> bool {
    attributes(encoded).is_some_and(|all| all.iter().any(|attribute| attribute.value == b"*"))
}

impl Attribute<'_> {
    fn is_same_value(&self, other: &Self) -> bool {
        match (self.text(), other.text()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => (self.tag, self.value) == (other.tag, other.value),
        }
    }

    fn text(&self) -> Option<String> {
        let text = str::from_utf8(self.value).ok();
        let text = text.filter(|_| TEXTS.contains(&self.tag))?;
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        Some(words.join(" "))
    }
}

/// Encodes `C=CH, O=Example, CN=moon.example`, or the same with slashes in front of each part.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    let separator = if text.starts_with('/') { '/' } else { ',' };
    let text = text.strip_prefix('/').unwrap_or(text);
    let mut names = Vec::new();
    for part in text.split(separator) {
        let (name, value) = part.trim().split_once('=')?;
        let oid = attribute_type(name.trim())?;
        let value = value.trim();
        if value.is_empty() {
            return None;
        }
        let value = tlv(string_type(oid, value), value.as_bytes())?;
        let attribute = [tlv(OBJECT_IDENTIFIER, oid)?, value].concat();
        names.extend(tlv(SET, &tlv(SEQUENCE, &attribute)?)?);
    }
    tlv(SEQUENCE, &names)
}

fn attribute_type(name: &str) -> Option<&'static [u8]> {
    let name = if name.eq_ignore_ascii_case("emailAddress") {
        "E"
    } else {
        name
    };
    let known = ATTRIBUTES
        .iter()
        .find(|(_, known)| known.eq_ignore_ascii_case(name));
    known.map(|(oid, _)| *oid)
}

/// As most CAs write it: mail addresses and domains as IA5String, what fits as PrintableString.
fn string_type(oid: &[u8], value: &str) -> u8 {
    const UTF8: u8 = 0x0c;
    const PRINTABLE: u8 = 0x13;
    const IA5: u8 = 0x16;
    let is_printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
    if matches!(oid, [0x2a, .., 1] | [9, .., 25]) && value.is_ascii() {
        IA5
    } else if value.chars().all(is_printable) {
        PRINTABLE
    } else {
        UTF8
    }
}

/// An element of at most 64 KiB.
fn tlv(tag: u8, content: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(content.len()).ok()?;
    let mut element = vec![tag];
    match length {
        0..=0x7f => element.push(length as u8),
        0x80..=0xff => element.extend([0x81, length as u8]),
        _ => {
            element.push(0x82);
            element.extend(length.to_be_bytes());
        }
    }
    element.extend_from_slice(content);
    Some(element)
}

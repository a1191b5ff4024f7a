//! Messages to octets and back.
//!
//! An element is one octet of kind, then by kind: a name behind a length of one octet, a value
//! behind a length of two octets, both, or nothing.

use super::{MAX_DEPTH, Message, Value};
use crate::error::{DecodeError, EncodeError};

const SECTION_START: u8 = 1;
const SECTION_END: u8 = 2;
const KEY_VALUE: u8 = 3;
const LIST_START: u8 = 4;
const LIST_ITEM: u8 = 5;
const LIST_END: u8 = 6;

impl Message {
    /// Reads a whole message.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader { rest: octets };
        // The innermost open section is last. A stack of our own: recursion would let the peer
        // choose how much of the thread's is used.
        let mut open: Vec<(String, Self)> = Vec::new();
        let mut current = Self::new();
        while let Some(kind) = reader.kind() {
            match kind {
                SECTION_START if open.len() == MAX_DEPTH => return Err(DecodeError::TooDeep),
                SECTION_START => open.push((reader.name()?, std::mem::take(&mut current))),
                SECTION_END => {
                    let (name, mut parent) = open.pop().ok_or(DecodeError::UnmatchedEnd)?;
                    parent.push(name, current);
                    current = parent;
                }
                KEY_VALUE => {
                    let name = reader.name()?;
                    current.push(name, reader.value()?);
                }
                LIST_START => {
                    let name = reader.name()?;
                    current.push(name, reader.list()?);
                }
                element => {
                    return Err(DecodeError::UnexpectedElement {
                        element,
                        place: "outside a list",
                    });
                }
            }
        }
        if open.is_empty() {
            Ok(current)
        } else {
            Err(DecodeError::Unclosed)
        }
    }

    /// Appends the message's octets.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.encode_level(out, 0)
    }

    fn encode_level(&self, out: &mut Vec<u8>, depth: usize) -> Result<(), EncodeError> {
        for (name, value) in self.iter() {
            match value {
                Value::Bytes(octets) => {
                    out.push(KEY_VALUE);
                    write_name(name, out)?;
                    write_value(name, octets, out)?;
                }
                Value::List(items) => {
                    out.push(LIST_START);
                    write_name(name, out)?;
                    for item in items {
                        out.push(LIST_ITEM);
                        write_value(name, item, out)?;
                    }
                    out.push(LIST_END);
                }
                Value::Section(_) if depth == MAX_DEPTH => return Err(EncodeError::TooDeep),
                Value::Section(section) => {
                    out.push(SECTION_START);
                    write_name(name, out)?;
                    section.encode_level(out, depth + 1)?;
                    out.push(SECTION_END);
                }
            }
        }
        Ok(())
    }
}

/// Splits a name behind its length off the front.
pub(crate) fn read_name(octets: &[u8]) -> Result<(String, &[u8]), DecodeError> {
    let mut reader = Reader { rest: octets };
    Ok((reader.name()?, reader.rest))
}

/// Appends a name behind its length.
pub(crate) fn write_name(name: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match u8::try_from(name.len()) {
        Ok(length) if name.bytes().all(is_printable) => {
            out.push(length);
            out.extend_from_slice(name.as_bytes());
            Ok(())
        }
        _ => Err(EncodeError::Name(name.to_owned())),
    }
}

fn write_value(name: &str, octets: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let length = u16::try_from(octets.len()).map_err(|_| EncodeError::ValueTooLong {
        name: name.to_owned(),
        length: octets.len(),
    })?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(octets);
    Ok(())
}

fn is_printable(octet: u8) -> bool {
    octet == b' ' || octet.is_ascii_graphic()
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn kind(&mut self) -> Option<u8> {
        let (kind, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*kind)
    }

    fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(DecodeError::Truncated(what))?;
        self.rest = rest;
        Ok(taken)
    }

    fn name(&mut self) -> Result<String, DecodeError> {
        let length = self.take(1, "the length of a name")?[0];
        let octets = self.take(length.into(), "a name")?;
        match std::str::from_utf8(octets) {
            Ok(name) if octets.iter().copied().all(is_printable) => Ok(name.to_owned()),
            _ => Err(DecodeError::UnprintableName),
        }
    }

    fn value(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.take(2, "the length of a value")?;
        let length = u16::from_be_bytes([length[0], length[1]]);
        self.take(length.into(), "a value")
    }

    fn list(&mut self) -> Result<Vec<Vec<u8>>, DecodeError> {
        let mut items = Vec::new();
        loop {
            match self.kind().ok_or(DecodeError::Unclosed)? {
                LIST_ITEM => items.push(self.value()?.to_vec()),
                LIST_END => return Ok(items),
                element => {
                    return Err(DecodeError::UnexpectedElement {
                        element,
                        place: "inside a list",
                    });
                }
            }
        }
    }
}

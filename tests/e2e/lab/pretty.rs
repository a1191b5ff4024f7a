//! What swanctl prints with `--pretty`, read back. One element a line, so unlike `--raw` it can be
//! read without doubt.

use super::vici::{Message, Value};

/// A response or an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Packet {
    /// Such as `list-sa event` or `stats reply`.
    pub(crate) title: String,
    pub(crate) message: Message,
}

/// Reads everything that a run of swanctl printed.
pub(crate) fn packets(text: &str) -> Vec<Packet> {
    let mut lines = text.lines().map(str::trim);
    let mut packets = Vec::new();
    while let Some(line) = lines.next() {
        let title = line
            .strip_suffix('{')
            .unwrap_or_else(|| panic!("`{line}` begins no packet in:\n{text}"));
        packets.push(Packet {
            title: title.trim_end().to_owned(),
            message: section(&mut lines),
        });
    }
    packets
}

fn section<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Message {
    let mut message = Message::default();
    while let Some(line) = lines.next() {
        let (name, value) = if line == "}" {
            return message;
        } else if let Some((name, value)) = line.split_once(" = ") {
            match value {
                "[" => (name, Value::List(list(lines))),
                text => (name, Value::Text(text.to_owned())),
            }
        } else if let Some(name) = line.strip_suffix('{') {
            (name.trim_end(), Value::Section(section(lines)))
        } else if let Some(name) = line.strip_suffix(" =") {
            (name, Value::Text(String::new()))
        } else {
            panic!("`{line}` is no element of a message");
        };
        message.0.push((name.to_owned(), value));
    }
    panic!("a section has no end")
}

fn list<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<String> {
    lines
        .take_while(|line| *line != "]")
        .map(ToOwned::to_owned)
        .collect()
}

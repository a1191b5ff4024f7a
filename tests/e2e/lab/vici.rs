//! A small VICI client of the tests' own: it must not share a mistake with the agent's codec.

use std::{
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    time::Duration,
};

use socket2::{Domain, SockAddr, Socket, Type};

const COMMAND_REQUEST: u8 = 0;
const COMMAND_RESPONSE: u8 = 1;
const COMMAND_UNKNOWN: u8 = 2;
const EVENT_REGISTER: u8 = 3;
const EVENT_CONFIRM: u8 = 5;
const EVENT: u8 = 7;

const SECTION_START: u8 = 1;
const SECTION_END: u8 = 2;
const KEY_VALUE: u8 = 3;
const LIST_START: u8 = 4;
const LIST_ITEM: u8 = 5;
const LIST_END: u8 = 6;

/// How long an answer may take before the daemon counts as dead.
const PATIENCE: Duration = Duration::from_secs(20);

/// A message: keys in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message(pub(crate) Vec<(String, Value)>);

/// What a key may hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    List(Vec<String>),
    Section(Message),
}

impl Message {
    /// A message of plain key-value pairs.
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let pair =
            |(key, value): &(&str, &str)| ((*key).to_owned(), Value::Text((*value).to_owned()));
        Self(pairs.iter().map(pair).collect())
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.iter().find_map(|(name, value)| match value {
            Value::Text(text) if name == key => Some(text.as_str()),
            _ => None,
        })
    }

    pub(crate) fn section(&self, key: &str) -> Option<&Self> {
        self.sections()
            .find_map(|(name, section)| (name == key).then_some(section))
    }

    pub(crate) fn sections(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::Section(section) => Some((name.as_str(), section)),
            _ => None,
        })
    }

    /// Collects the values of a key here and in all sections below; a list gives all its items.
    pub(crate) fn collect(&self, key: &str, values: &mut Vec<String>) {
        for (name, value) in &self.0 {
            match value {
                Value::Section(section) => section.collect(key, values),
                Value::Text(text) if name == key => values.push(text.clone()),
                Value::List(items) if name == key => values.extend(items.iter().cloned()),
                Value::Text(_) | Value::List(_) => {}
            }
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        for (key, value) in &self.0 {
            match value {
                Value::Text(text) => {
                    named(KEY_VALUE, key, out);
                    long(text, out);
                }
                Value::List(items) => {
                    named(LIST_START, key, out);
                    for item in items {
                        out.push(LIST_ITEM);
                        long(item, out);
                    }
                    out.push(LIST_END);
                }
                Value::Section(section) => {
                    named(SECTION_START, key, out);
                    section.encode(out);
                    out.push(SECTION_END);
                }
            }
        }
    }
}

fn named(kind: u8, name: &str, out: &mut Vec<u8>) {
    out.push(kind);
    out.push(u8::try_from(name.len()).expect("a short name"));
    out.extend_from_slice(name.as_bytes());
}

fn long(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(
        &u16::try_from(text.len())
            .expect("a short value")
            .to_be_bytes(),
    );
    out.extend_from_slice(text.as_bytes());
}

/// Reads elements until the section (or the message) ends.
fn decode(bytes: &mut &[u8], nested: bool) -> io::Result<Message> {
    let mut message = Message::default();
    while let Ok(kind) = take(bytes, 1).map(|byte| byte[0]) {
        match kind {
            SECTION_START => {
                let name = short_text(bytes)?;
                message.0.push((name, Value::Section(decode(bytes, true)?)));
            }
            SECTION_END if nested => return Ok(message),
            KEY_VALUE => {
                let name = short_text(bytes)?;
                message.0.push((name, Value::Text(long_text(bytes)?)));
            }
            LIST_START => {
                let name = short_text(bytes)?;
                let mut items = Vec::new();
                while take(bytes, 1)?[0] == LIST_ITEM {
                    items.push(long_text(bytes)?);
                }
                message.0.push((name, Value::List(items)));
            }
            other => return Err(invalid(&format!("element {other}"))),
        }
    }
    if nested {
        Err(invalid("a section without end"))
    } else {
        Ok(message)
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> io::Result<&'a [u8]> {
    let (taken, rest) = bytes
        .split_at_checked(count)
        .ok_or_else(|| invalid("truncated"))?;
    *bytes = rest;
    Ok(taken)
}

fn short_text(bytes: &mut &[u8]) -> io::Result<String> {
    let length = take(bytes, 1)?[0];
    Ok(String::from_utf8_lossy(take(bytes, length.into())?).into_owned())
}

fn long_text(bytes: &mut &[u8]) -> io::Result<String> {
    let length = take(bytes, 2)?;
    let length = u16::from_be_bytes([length[0], length[1]]);
    Ok(String::from_utf8_lossy(take(bytes, length.into())?).into_owned())
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("VICI: {what}"))
}

/// The bytes of a command on the wire: what a client writes that never reads.
pub(crate) fn request_frame(command: &str, request: &Message) -> Vec<u8> {
    let mut payload = Vec::new();
    named(COMMAND_REQUEST, command, &mut payload);
    request.encode(&mut payload);
    frame(&payload)
}

/// The bytes of a registration for events.
pub(crate) fn register_frame(event: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    named(EVENT_REGISTER, event, &mut payload);
    frame(&payload)
}

/// A packet behind its length, whatever is in it.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short message");
    [&length.to_be_bytes(), payload].concat()
}

/// One connection to a control socket.
pub(crate) struct Client {
    stream: UnixStream,
}

impl Client {
    pub(crate) fn connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream })
    }

    /// As [`Self::connect`], for sockets that may be full: connecting, and each answer, may take this
    /// long.
    pub(crate) fn connect_within(socket: &Path, patience: Duration) -> io::Result<Self> {
        let connecting = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // On Linux it bounds connecting, too.
        connecting.set_write_timeout(Some(patience))?;
        connecting.set_read_timeout(Some(patience))?;
        connecting.connect(&SockAddr::unix(socket)?)?;
        let stream = UnixStream::from(OwnedFd::from(connecting));
        Ok(Self { stream })
    }

    /// Changes how long an answer may take.
    pub(crate) fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(patience))
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn request(&mut self, command: &str, request: &Message) -> io::Result<Message> {
        self.request_octets(&request_frame(command, request))
    }

    /// Sends a command, whatever its octets are, and waits for its answer.
    pub(crate) fn request_octets(&mut self, frame: &[u8]) -> io::Result<Message> {
        self.stream.write_all(frame)?;
        loop {
            let payload = self.read_frame()?;
            match payload.split_first() {
                Some((&COMMAND_RESPONSE, rest)) => return decode(&mut &*rest, false),
                Some((&COMMAND_UNKNOWN, _)) => return Err(invalid("unknown command")),
                Some((&EVENT, _)) => {}
                _ => return Err(invalid("an unexpected packet")),
            }
        }
    }

    /// Sends a command that streams events and collects them.
    pub(crate) fn stream(
        &mut self,
        command: &str,
        event: &str,
        request: &Message,
    ) -> io::Result<Vec<Message>> {
        self.register(event)?;
        self.stream.write_all(&request_frame(command, request))?;
        let mut events = Vec::new();
        loop {
            let payload = self.read_frame()?;
            match payload.split_first() {
                Some((&COMMAND_RESPONSE, _)) => return Ok(events),
                Some((&EVENT, mut rest)) => {
                    short_text(&mut rest)?;
                    events.push(decode(&mut rest, false)?);
                }
                _ => return Err(invalid("an unexpected packet")),
            }
        }
    }

    /// Asks for the events of this name.
    pub(crate) fn register(&mut self, event: &str) -> io::Result<()> {
        self.stream.write_all(&register_frame(event))?;
        loop {
            match self.read_frame()?.first() {
                Some(&EVENT_CONFIRM) => return Ok(()),
                // One that was registered for before.
                Some(&EVENT) => {}
                _ => return Err(invalid(&format!("no event {event}"))),
            }
        }
    }

    /// Waits for an event; its name comes with it.
    pub(crate) fn next_event(&mut self) -> io::Result<(String, Message)> {
        loop {
            let payload = self.read_frame()?;
            if let Some((&EVENT, mut rest)) = payload.split_first() {
                let name = short_text(&mut rest)?;
                return Ok((name, decode(&mut rest, false)?));
            }
        }
    }

    fn read_frame(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut payload = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut payload)?;
        Ok(payload)
    }
}

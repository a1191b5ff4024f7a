//! Ten ways of not being a client.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::lab::vici::{Message, frame, register_frame, request_frame};

/// What a client does, and what should come of it.
const WAYS: [(&str, Fate); 10] = [
    ("random octets", Fate::Dropped),
    ("a frame of four gigabytes", Fate::Dropped),
    ("a frame an octet too long", Fate::Dropped),
    ("the greatest frame, never finished", Fate::Kept),
    ("a command with a broken message", Fate::Answered),
    ("sections nested too deeply", Fate::Answered),
    ("a packet of no known type, then a command", Fate::Answered),
    ("requests whose answers are never read", Fate::Dropped),
    ("half a frame, then nothing more to say", Fate::Dropped),
    (
        "a thousand registrations for what does not exist",
        Fate::Answered,
    ),
];

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The agent closes it.
    Dropped,
    /// It stays, without an answer.
    Kept,
    /// It stays, and there is an answer.
    Answered,
}

/// How it ended.
pub(super) struct End {
    way: &'static str,
    expected: Fate,
    found: Fate,
}

impl End {
    /// What is wrong about it.
    pub(super) fn complaint(&self) -> Option<String> {
        let Self {
            way,
            expected,
            found,
        } = self;
        (expected != found).then(|| format!("{way}: {found:?} instead of {expected:?}"))
    }
}

/// Behaves in the way of this number until it is over.
pub(super) fn behave(number: usize, mut stream: UnixStream, over: &AtomicBool) -> End {
    let (way, expected) = WAYS[number % WAYS.len()];
    let patience = Some(Duration::from_millis(200));
    stream.set_read_timeout(patience).expect("a timeout");
    stream.set_write_timeout(patience).expect("a timeout");
    // Who is dropped while writing cannot write the rest.
    let written = stream.write_all(&octets(number));
    if expected == Fate::Dropped && way.starts_with("half") {
        stream
            .shutdown(std::net::Shutdown::Write)
            .expect("a half-closed connection");
    }
    let found = if way.starts_with("requests") {
        flood(&mut stream, over)
    } else {
        match written {
            Ok(()) => fate(&mut stream, over),
            Err(_) => Fate::Dropped,
        }
    };
    End {
        way,
        expected,
        found,
    }
}

fn octets(number: usize) -> Vec<u8> {
    let too_long = (512_u32 * 1024 + 1).to_be_bytes();
    match number % WAYS.len() {
        0 => random(number),
        1 => [&u32::MAX.to_be_bytes()[..], b"and more"].concat(),
        2 => [&too_long[..], &[0; 1024]].concat(),
        3 => [&(512_u32 * 1024).to_be_bytes()[..], &[0; 100]].concat(),
        4 => frame(b"\0\x05stats\x03\xff"),
        5 => frame(&[&b"\0\x05stats"[..], &b"\x01\x01a".repeat(200)].concat()),
        6 => [
            frame(b"\x63what is this"),
            request_frame("version", &Message::default()),
        ]
        .concat(),
        7 => Vec::new(),
        8 => b"\0\0\0\x40\0\x07version".to_vec(),
        _ => register_frame("no such event").repeat(1000),
    }
}

/// Octets that begin no frame: the length they announce is too great.
fn random(seed: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ seed as u64;
    let octets = (0..4096).map(|_| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    });
    std::iter::once(0xff).chain(octets).collect()
}

/// Reads until the connection is closed, or until the end.
fn fate(stream: &mut UnixStream, over: &AtomicBool) -> Fate {
    let mut answered = false;
    let mut buffer = [0; 4096];
    while !over.load(Ordering::Relaxed) {
        match stream.read(&mut buffer) {
            Ok(0) => return Fate::Dropped,
            Ok(_) => answered = true,
            Err(error) if is_timeout(error.kind()) => {}
            Err(_) => return Fate::Dropped,
        }
    }
    if answered { Fate::Answered } else { Fate::Kept }
}

/// Asks without end and never reads an answer.
fn flood(stream: &mut UnixStream, over: &AtomicBool) -> Fate {
    let request = request_frame("list-conns", &Message::default());
    let version = request_frame("version", &Message::default());
    let requests = [request, version].concat().repeat(100);
    while !over.load(Ordering::Relaxed) {
        match stream.write_all(&requests) {
            Ok(()) => {}
            Err(error) if is_timeout(error.kind()) => {}
            Err(_) => return Fate::Dropped,
        }
    }
    Fate::Kept
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

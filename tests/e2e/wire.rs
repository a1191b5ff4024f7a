//! The control protocol to the octet: what may be asked, what is ignored, and what closes a
//! connection. The same conversations with charon, which proves that they are the protocol's.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::Holdfast,
    sas::Daemon,
    vici::{Client, Message, frame, register_frame, request_frame},
};

/// How long nothing must come before it counts as nothing.
const SILENCE: Duration = Duration::from_millis(300);

/// A conversation: what is sent, and the types of the packets that come back.
struct Conversation {
    what: &'static str,
    sent: Vec<u8>,
    answers: &'static [u8],
}

const RESPONSE: u8 = 1;
const UNKNOWN_COMMAND: u8 = 2;
const CONFIRM: u8 = 5;
const UNKNOWN_EVENT: u8 = 6;

#[test]
fn conversations_with_charon() {
    let lab = Lab::new();
    let namespace = lab.namespace("wire");
    let charon = Charon::start(&lab, &namespace, &charon::Settings::default());
    converse(charon.control_socket());
}

#[test]
fn conversations_with_holdfast() {
    let lab = Lab::new();
    let namespace = lab.namespace("wire");
    let holdfast = Holdfast::start(&lab, &namespace, "dataplane = \"none\"", "");
    converse(holdfast.control_socket());

    // What charon does otherwise, or leaves open: see docs/vici.md.
    let mut client = holdfast.client().expect("a connection");
    let nested = [
        &b"\0\x07version"[..],
        &b"\x01\x01a".repeat(33),
        &b"\x02".repeat(33),
    ]
    .concat();
    for (sent, reason) in [
        (nested, "nested too deeply"),
        (b"\0\x07version\x02".to_vec(), "never opened"),
        (
            b"\0\x07version\x03\x01k\0\x09short".to_vec(),
            "in the middle of a value",
        ),
        (
            b"\0\x07version\x04\x01l\x03\x01k\0\0\x06".to_vec(),
            "inside a list",
        ),
    ] {
        let answer = client.request_octets(&frame(&sent)).expect("an answer");
        assert_eq!(answer.text("success"), Some("no"), "{answer:?}");
        let errmsg = answer.text("errmsg").unwrap_or_default();
        assert!(errmsg.contains(reason), "{answer:?}");
    }
}

fn converse(socket: &Path) {
    // charon may be asked for this; holdfast knows it, too.
    let mut client = Client::connect(socket).expect("a connection");
    let version = client.request("version", &Message::default());
    assert!(version.is_ok_and(|answer| answer.text("daemon").is_some()));
    for conversation in conversations() {
        let answers = answers_to(socket, &conversation.sent);
        assert_eq!(answers, conversation.answers, "{}", conversation.what);
    }
    for octets in [
        // An octet more than is allowed, and as much as can be announced.
        &(512_u32 * 1024 + 1).to_be_bytes()[..],
        &[0xff; 4],
        b"GET / HTTP/1.1\r\n\r\n",
    ] {
        assert!(is_closed_after(socket, octets), "{octets:02x?}");
    }
}

fn conversations() -> Vec<Conversation> {
    let mut all = about_commands();
    all.extend(about_events());
    all.extend(about_nonsense());
    all
}

fn version() -> Vec<u8> {
    request_frame("version", &Message::default())
}

fn of(what: &'static str, sent: &[Vec<u8>], answers: &'static [u8]) -> Conversation {
    Conversation {
        what,
        sent: sent.concat(),
        answers,
    }
}

fn about_events() -> Vec<Conversation> {
    let unregister = |event: &str| {
        let length = u8::try_from(event.len()).expect("a short name");
        frame(&[&[4, length], event.as_bytes()].concat())
    };
    vec![
        of(
            "an event that exists, and one that does not",
            &[
                register_frame("log"),
                register_frame("no-such-event"),
                version(),
            ],
            &[CONFIRM, UNKNOWN_EVENT, RESPONSE],
        ),
        of(
            "a registration and its end",
            &[
                register_frame("ike-updown"),
                unregister("ike-updown"),
                unregister("ike-updown"),
            ],
            &[CONFIRM, CONFIRM, UNKNOWN_EVENT],
        ),
        of(
            "the end of what was never registered",
            &[unregister("log"), unregister("no-such-event")],
            &[UNKNOWN_EVENT, UNKNOWN_EVENT],
        ),
        of(
            "the same registration twice",
            &[
                register_frame("ike-updown"),
                register_frame("ike-updown"),
                version(),
            ],
            &[CONFIRM, CONFIRM, RESPONSE],
        ),
    ]
}

fn about_nonsense() -> Vec<Conversation> {
    vec![
        of(
            "packets that only a daemon sends",
            &[
                frame(&[1]),
                frame(&[2]),
                frame(&[5]),
                frame(&[6]),
                frame(b"\x07\x03log"),
                version(),
            ],
            &[RESPONSE],
        ),
        of(
            "packets of no known type, and without a readable name",
            &[
                frame(&[8]),
                frame(b"\xff\x05stats"),
                frame(b"\0\x09short"),
                frame(b"\x03\x09short"),
                version(),
            ],
            &[RESPONSE],
        ),
    ]
}

fn about_commands() -> Vec<Conversation> {
    vec![
        of("a command", &[version()], &[RESPONSE]),
        of(
            "a command that does not exist",
            &[
                request_frame("no-such-command", &Message::default()),
                version(),
            ],
            &[UNKNOWN_COMMAND, RESPONSE],
        ),
        of(
            "a hundred commands at once",
            &vec![version(); 100],
            &[RESPONSE; 100],
        ),
        of(
            "a request of the greatest length",
            &[greatest_request(), version()],
            &[RESPONSE, RESPONSE],
        ),
        of(
            "arguments that a command does not know, ten sections deep",
            &[
                frame(
                    &[
                        &b"\0\x07version"[..],
                        &b"\x01\x01a".repeat(10),
                        &b"\x02".repeat(10),
                    ]
                    .concat(),
                ),
                version(),
            ],
            &[RESPONSE, RESPONSE],
        ),
    ]
}

/// `version` with an argument that fills 512 KiB.
fn greatest_request() -> Vec<u8> {
    let length = 512 * 1024;
    let mut packet = b"\0\x07version\x04\x01l".to_vec();
    while packet.len() + 1 < length {
        let room = length - packet.len() - 4;
        let item = if room < 65_535 { room } else { 60_000 };
        packet.push(5);
        packet.extend(u16::try_from(item).expect("a short item").to_be_bytes());
        packet.resize(packet.len() + item, b'x');
    }
    packet.push(6);
    frame(&packet)
}

/// Sends all of it at once and collects what comes until nothing more does: the packets' types.
fn answers_to(socket: &Path, sent: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    stream.set_read_timeout(Some(SILENCE)).expect("a timeout");
    stream.write_all(sent).expect("the requests are taken");
    let mut received = Vec::new();
    match stream.read_to_end(&mut received) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        end => panic!("the connection is over: {end:?}"),
    }
    let mut types = Vec::new();
    let mut rest = received.as_slice();
    while let Some((length, packet)) = rest.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        types.push(packet[0]);
        rest = &packet[length..];
    }
    // Events are none of the answers.
    types.retain(|kind| *kind != 7);
    types
}

fn is_closed_after(socket: &Path, octets: &[u8]) -> bool {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    let patience = Some(Duration::from_secs(5));
    stream.set_read_timeout(patience).expect("a timeout");
    stream.write_all(octets).expect("the octets are taken");
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

use super::*;
use crate::frame::MAX_LENGTH;

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn requests(octets: &[u8]) -> Vec<Result<Incoming, String>> {
    block_on(async {
        let mut requests = Requests::new(octets);
        let mut found = Vec::new();
        loop {
            match requests.next().await {
                Ok(Some(incoming)) => found.push(Ok(incoming)),
                Ok(None) => return found,
                Err(error) => {
                    found.push(Err(error.to_string()));
                    return found;
                }
            }
        }
    })
}

#[test]
fn what_a_client_may_ask() {
    let frames = [
        Packet::EventRegister("log".to_owned()),
        Packet::CommandRequest {
            name: "stats".to_owned(),
            message: Message::new().with("k", "v"),
        },
        Packet::EventUnregister("log".to_owned()),
    ]
    .map(|packet| packet.to_frame().unwrap())
    .concat();
    assert_eq!(
        requests(&frames),
        [
            Ok(Incoming::Register("log".to_owned())),
            Ok(Incoming::Command {
                name: "stats".to_owned(),
                message: Message::new().with("k", "v"),
            }),
            Ok(Incoming::Unregister("log".to_owned())),
        ]
    );
}

#[test]
fn a_command_with_unreadable_arguments_can_be_answered() {
    let frame = b"\0\0\0\x08\0\x05stats\x02";
    assert_eq!(
        requests(frame),
        [Ok(Incoming::Unreadable {
            name: "stats".to_owned(),
            error: DecodeError::UnmatchedEnd,
        })]
    );
}

#[test]
fn what_is_no_request_is_ignored() {
    for packet in [
        &b""[..],
        // A response, an unknown command, a confirmation, an unknown event, an event: an agent's.
        b"\x01",
        b"\x02",
        b"\x05",
        b"\x06",
        b"\x07\x03log",
        // Of no known type.
        b"\x08",
        b"\xff\x05stats",
        // Without a readable name.
        b"\0",
        b"\0\x02x",
        b"\0\x01\n",
        b"\x03",
        b"\x03\x04log",
        b"\x04\x01\x7f",
        // More than a name.
        b"\x03\x03logs",
    ] {
        let frame = |packet: &[u8]| {
            let length = u32::try_from(packet.len()).unwrap();
            [&length.to_be_bytes(), packet].concat()
        };
        let octets = [frame(packet), frame(b"\x03\x03log")].concat();
        let found = requests(&octets);
        assert_eq!(
            found,
            [Ok(Incoming::Register("log".to_owned()))],
            "{packet:02x?}"
        );
    }
}

#[test]
fn what_ends_a_connection() {
    for (octets, complaint) in [
        (&b"\0\x08\0\x01"[..], "524289 octets was announced"),
        (b"\xff\xff\xff\xff", "4294967295 octets was announced"),
        (b"GET / HTTP/1.1\r\n", "octets was announced"),
        (b"\0\0\0\x09\0", "in the middle of a packet"),
        (b"\0\0", "in the middle of a packet"),
    ] {
        let found = requests(octets);
        let [Err(error)] = found.as_slice() else {
            panic!("{octets:02x?}: {found:?}");
        };
        assert!(error.contains(complaint), "{octets:02x?}: {error}");
    }
}

#[test]
fn the_greatest_request_is_taken_and_no_greater_one() {
    let of_length = |length: usize| {
        let mut packet = b"\0\x05stats\x04\x01l".to_vec();
        while packet.len() + 1 < length {
            // A list's item with its three octets, and room for another after it or none.
            let room = length - packet.len() - 1 - 3;
            let item = if room < 65_535 { room } else { 60_000 };
            packet.push(5);
            packet.extend(u16::try_from(item).unwrap().to_be_bytes());
            packet.resize(packet.len() + item, b'x');
        }
        packet.push(6);
        assert_eq!(packet.len(), length);
        let prefix = u32::try_from(length).unwrap().to_be_bytes();
        [&prefix[..], &packet].concat()
    };
    let found = requests(&of_length(MAX_LENGTH));
    let [Ok(Incoming::Command { name, message })] = found.as_slice() else {
        panic!("not taken");
    };
    assert_eq!(name, "stats");
    assert_eq!(message.get_list("l").count(), 9);
    let found = requests(&of_length(MAX_LENGTH + 1));
    assert!(matches!(found.as_slice(), [Err(_)]), "taken");
}

#[test]
fn requests_may_come_all_at_once() {
    let frames: Vec<u8> = (0..1000_u32)
        .flat_map(|number| {
            let packet = Packet::CommandRequest {
                name: "stats".to_owned(),
                message: Message::new().with("n", number),
            };
            packet.to_frame().unwrap()
        })
        .collect();
    let found = requests(&frames);
    assert_eq!(found.len(), 1000);
    for (number, incoming) in (0..).zip(found) {
        let Ok(Incoming::Command { message, .. }) = incoming else {
            panic!("{incoming:?}");
        };
        assert_eq!(message.get_int("n"), Some(number));
    }
}

#[test]
fn a_response_that_does_not_fit_is_replaced() {
    let items = vec![vec![0_u8; 60_000]; 9];
    assert!(items.len() * items[0].len() > MAX_LENGTH);
    let long = Message::new().with("l", items);
    let unprintable = Message::new().with("ä".repeat(1000), "v");
    for message in [long, unprintable] {
        let mut out = Vec::new();
        block_on(Replies::new(&mut out).respond(message)).unwrap();
        let Ok(Packet::CommandResponse(response)) = Packet::decode(&out[4..]) else {
            panic!("{out:02x?}");
        };
        assert!(response.verdict().is_err());
    }
}

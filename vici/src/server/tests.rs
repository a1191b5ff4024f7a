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
fn what_ends_a_connection() {
    for (frame, complaint) in [
        (&b"\0\0\0\x01\x05"[..], "only an agent may send"),
        (b"\0\0\0\x05\x07\x03log", "only an agent may send"),
        (b"\0\0\0\0", "unreadable packet"),
        (b"\0\0\0\x01\x09", "unknown packet type 9"),
        (b"\0\0\0\x03\0\x02x", "unreadable packet"),
        (b"\0\0\0\x06\x03\x03logs", "1 octets too many"),
        (b"\0\x08\0\x01", "524289 octets was announced"),
        (b"GET / HTTP/1.1\r\n", "octets was announced"),
        (b"\0\0\0\x09\0", "in the middle of a packet"),
    ] {
        let found = requests(frame);
        let [Err(error)] = found.as_slice() else {
            panic!("{frame:02x?}: {found:?}");
        };
        assert!(error.contains(complaint), "{frame:02x?}: {error}");
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

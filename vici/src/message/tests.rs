use proptest::prelude::*;

use super::*;
use crate::error::{DecodeError, EncodeError};

fn encoded(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    message.encode(&mut out).unwrap();
    out
}

/// The example of the protocol's description, octet by octet.
#[test]
fn octets_of_every_element() {
    let message = Message::new()
        .with("key1", "value1")
        .with(
            "section1",
            Message::new().with("sub-section", Message::new().with("key2", "value2")),
        )
        .with("list1", vec!["item1", "item2"]);
    let expected: &[&[u8]] = &[
        b"\x03\x04key1\x00\x06value1",
        b"\x01\x08section1",
        b"\x01\x0bsub-section",
        b"\x03\x04key2\x00\x06value2",
        b"\x02\x02",
        b"\x04\x05list1\x05\x00\x05item1\x05\x00\x05item2\x06",
    ];
    let octets = encoded(&message);
    assert_eq!(octets, expected.concat());
    assert_eq!(Message::decode(&octets), Ok(message));
}

#[test]
fn malformed_messages() {
    use DecodeError::*;
    let unexpected = |element, place| UnexpectedElement { element, place };
    let deep: Vec<u8> = [1, 0].repeat(MAX_DEPTH + 1);
    let cases: &[(&[u8], DecodeError)] = &[
        (b"\x03", Truncated("the length of a name")),
        (b"\x03\x05key", Truncated("a name")),
        (b"\x03\x01k", Truncated("the length of a value")),
        (b"\x03\x01k\x00", Truncated("the length of a value")),
        (b"\x03\x01k\x00\x02v", Truncated("a value")),
        (b"\x03\x01k\xff\xffv", Truncated("a value")),
        (b"\x01\x01s", Unclosed),
        (b"\x01\x01s\x01\x01t\x02", Unclosed),
        (b"\x02", UnmatchedEnd),
        (b"\x01\x01s\x02\x02", UnmatchedEnd),
        (b"\x04\x01l", Unclosed),
        (b"\x04\x01l\x05\x00\x01i", Unclosed),
        (b"\x04\x01l\x05\x00", Truncated("the length of a value")),
        (
            b"\x04\x01l\x04\x01m\x06\x06",
            unexpected(4, "inside a list"),
        ),
        (
            b"\x04\x01l\x03\x01k\x00\x00\x06",
            unexpected(3, "inside a list"),
        ),
        (
            b"\x04\x01l\x01\x01s\x02\x06",
            unexpected(1, "inside a list"),
        ),
        (b"\x05\x00\x01i", unexpected(5, "outside a list")),
        (b"\x06", unexpected(6, "outside a list")),
        (b"\x00", unexpected(0, "outside a list")),
        (b"\x07", unexpected(7, "outside a list")),
        (b"\x03\x01\x00\x00\x00", UnprintableName),
        (b"\x03\x02\xc3\xa4\x00\x00", UnprintableName),
        (b"\x01\x01\x7f\x02", UnprintableName),
        (&deep, TooDeep),
    ];
    for (octets, error) in cases {
        assert_eq!(Message::decode(octets), Err(error.clone()), "{octets:02x?}");
    }
}

#[test]
fn unwritable_messages() {
    let mut deep = Message::new();
    for _ in 0..=MAX_DEPTH {
        deep = Message::new().with("s", deep);
    }
    let long = "n".repeat(256);
    let cases = [
        (Message::new().with(&long, "v"), EncodeError::Name(long)),
        (
            Message::new().with("tab\t", "v"),
            EncodeError::Name("tab\t".to_owned()),
        ),
        (
            Message::new().with("k", vec![0_u8; 65_536]),
            EncodeError::ValueTooLong {
                name: "k".to_owned(),
                length: 65_536,
            },
        ),
        (
            Message::new().with("l", vec![vec![0_u8; 65_537]]),
            EncodeError::ValueTooLong {
                name: "l".to_owned(),
                length: 65_537,
            },
        ),
        (deep, EncodeError::TooDeep),
    ];
    for (message, error) in cases {
        assert_eq!(message.encode(&mut Vec::new()), Err(error));
    }
}

#[test]
fn limits_themselves_are_fine() {
    let mut message = Message::new()
        .with("n".repeat(255), vec![0_u8; 65_535])
        .with("", "an empty name");
    for _ in 0..MAX_DEPTH {
        message = Message::new().with("s", message);
    }
    assert_eq!(Message::decode(&encoded(&message)), Ok(message));
}

#[test]
fn paths() {
    let message = Message::new()
        .with("a", Message::new().with("x", "first").with("x", "second"))
        .with("a", Message::new().with("y", "in the second section"))
        .with("a.b", Message::new().with("x", "dotted"))
        .with("list", vec!["1", "2"]);
    assert_eq!(message.get_str("a.x"), Some("first"));
    assert_eq!(message.get_str("a.y"), Some("in the second section"));
    let texts: Vec<_> = message.all("a.x").filter_map(Value::as_str).collect();
    assert_eq!(texts, ["first", "second"]);
    assert_eq!(message.get_str("a"), None);
    assert_eq!(message.get_str("a.x.z"), None);
    assert_eq!(message.get_str("a.b.x"), None, "a dot separates levels");
    let dotted = message.child("a.b").unwrap();
    assert_eq!(dotted.get_str("x"), Some("dotted"));
    assert_eq!(message.get_section("a").unwrap().len(), 2);
    assert_eq!(message.get_str_list("list").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(message.get_list("a").count(), 0);
    assert!(message.contains("list") && !message.contains("lis"));
}

#[test]
fn text_must_be_printable() {
    for (octets, text) in [
        (&b"moon.example"[..], Some("moon.example")),
        (b"", Some("")),
        ("Zürich".as_bytes(), Some("Zürich")),
        (b"line\nline", None),
        (b"\0", None),
        (b"\xff", None),
    ] {
        let message = Message::new().with("k", octets);
        assert_eq!(message.get_str("k"), text);
        assert_eq!(message.get_bytes("k"), Some(octets));
    }
}

#[test]
fn numbers() {
    for (text, number) in [
        ("0", Some(0)),
        ("-1", Some(-1)),
        ("+7", Some(7)),
        ("  42", Some(42)),
        ("0x1F", Some(31)),
        ("-0X10", Some(-16)),
        ("010", Some(8)),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", Some(i64::MAX)),
        (
            "-99999999999999999999999999999999999999999999",
            Some(i64::MIN),
        ),
        ("", None),
        ("-", None),
        ("--1", None),
        ("0x", None),
        ("08", None),
        ("12s", None),
        ("1 ", None),
        ("ten", None),
    ] {
        assert_eq!(
            Message::new().with("k", text).get_int("k"),
            number,
            "{text}"
        );
    }
    assert_eq!(Message::new().get_int("k"), None);
}

#[test]
fn truth() {
    for yes in ["1", "yes", "True", "ENABLED"] {
        assert_eq!(Message::new().with("k", yes).get_bool("k"), Some(true));
    }
    for no in ["0", "no", "False", "disabled"] {
        assert_eq!(Message::new().with("k", no).get_bool("k"), Some(false));
    }
    for neither in ["", "on", "2", "y"] {
        assert_eq!(Message::new().with("k", neither).get_bool("k"), None);
    }
    assert_eq!(Message::new().with("k", true).get_bool("k"), Some(true));
    assert_eq!(Message::new().with("k", false).get_bool("k"), Some(false));
}

#[test]
fn verdicts() {
    assert_eq!(Message::success().verdict(), Ok(()));
    assert_eq!(Message::new().verdict(), Ok(()), "streams end with nothing");
    assert_eq!(
        Message::failure("no such thing").verdict(),
        Err("no such thing".to_owned())
    );
    let silent = Message::new().with("success", "no");
    assert!(silent.verdict().is_err());
}

#[test]
fn secrets_stay_out_of_logs() {
    let message = Message::new()
        .with("data", "swordfish")
        .with("owners", vec!["carol"])
        .with("s", Message::new().with("pin", 1234_u32));
    let text = format!("{message:?}");
    assert_eq!(
        text,
        r#"{"data": <9 octets>, "owners": <1 items>, "s": {"pin": <4 octets>}}"#
    );
}

/// Names as they may be on the wire.
fn name() -> impl Strategy<Value = String> {
    "[ -~]{0,20}"
}

/// Messages of every shape.
pub(crate) fn any_message() -> impl Strategy<Value = Message> {
    let octets = prop::collection::vec(any::<u8>(), 0..40);
    let leaf = prop_oneof![
        octets.clone().prop_map(Value::from),
        prop::collection::vec(octets, 0..5).prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(5, 64, 6, |value| {
        prop::collection::vec((name(), value), 0..6)
            .prop_map(|elements| elements.into_iter().collect::<Message>().into())
    });
    prop::collection::vec((name(), value), 0..6).prop_map(|elements| elements.into_iter().collect())
}

proptest! {
    #[test]
    fn what_is_written_is_read(message in any_message()) {
        prop_assert_eq!(Message::decode(&encoded(&message)), Ok(message));
    }

    #[test]
    fn anything_may_be_read(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = Message::decode(&octets) {
            prop_assert_eq!(encoded(&message), octets);
        }
    }

    /// Octets that look like a message get further into the decoder than any others.
    #[test]
    fn a_damaged_message_may_be_read(
        message in any_message(),
        place in any::<prop::sample::Index>(),
        octet in any::<u8>(),
    ) {
        let mut octets = encoded(&message);
        if !octets.is_empty() {
            let place = place.index(octets.len());
            octets[place] = octet;
        }
        if let Ok(message) = Message::decode(&octets) {
            prop_assert_eq!(encoded(&message), octets);
        }
    }
}

use proptest::prelude::*;

use super::*;
use crate::{fuzz::read_anything, message::tests::any_message};

#[test]
fn octets_of_every_packet() {
    let message = || Message::new().with("k", "v");
    let cases: &[(Packet, &[u8])] = &[
        (
            Packet::CommandRequest {
                name: "version".to_owned(),
                message: Message::new(),
            },
            b"\0\0\0\x09\0\x07version",
        ),
        (
            Packet::CommandResponse(message()),
            b"\0\0\0\x07\x01\x03\x01k\0\x01v",
        ),
        (Packet::CommandUnknown, b"\0\0\0\x01\x02"),
        (
            Packet::EventRegister("log".to_owned()),
            b"\0\0\0\x05\x03\x03log",
        ),
        (
            Packet::EventUnregister("log".to_owned()),
            b"\0\0\0\x05\x04\x03log",
        ),
        (Packet::EventConfirm, b"\0\0\0\x01\x05"),
        (Packet::EventUnknown, b"\0\0\0\x01\x06"),
        (
            Packet::Event {
                name: "log".to_owned(),
                message: message(),
            },
            b"\0\0\0\x0b\x07\x03log\x03\x01k\0\x01v",
        ),
    ];
    for (packet, frame) in cases {
        assert_eq!(packet.to_frame().as_deref(), Ok(*frame));
        assert_eq!(Packet::decode(&frame[4..]).as_ref(), Ok(packet));
    }
}

#[test]
fn malformed_packets() {
    use DecodeError::*;
    let cases: &[(&[u8], DecodeError)] = &[
        (b"", Truncated("the packet's type")),
        (b"\x08", UnknownPacket(8)),
        (b"\xff\x01x", UnknownPacket(255)),
        (b"\0", Truncated("the length of a name")),
        (b"\0\x08version", Truncated("a name")),
        (b"\0\x01\n", UnprintableName),
        (b"\0\x01c\x02", UnmatchedEnd),
        (b"\x01\x03", Truncated("the length of a name")),
        (b"\x02\0", TrailingOctets(1)),
        (b"\x03\x03log\x03\x01k", TrailingOctets(3)),
        (b"\x05\0\0", TrailingOctets(2)),
        (b"\x07", Truncated("the length of a name")),
    ];
    for (octets, error) in cases {
        assert_eq!(Packet::decode(octets), Err(error.clone()), "{octets:02x?}");
    }
}

#[test]
fn a_command_with_unreadable_arguments_is_known_by_name() {
    let of = |octets: &[u8]| Packet::requested_command(octets);
    assert_eq!(of(b"\0\x05stats\x02"), Some("stats".to_owned()));
    assert_eq!(of(b"\0\x06stats"), None);
    assert_eq!(of(b"\x03\x05stats"), None);
    assert_eq!(of(b""), None);
}

#[test]
fn a_packet_of_the_greatest_length_fits_and_no_longer_one() {
    // Type, then eight list items with their three octets each, in a list of one name.
    let overhead = 1 + (1 + 1 + 1) + 1;
    let of_length = |length: usize| {
        let mut left = length - overhead;
        let mut items = Vec::new();
        while left > 0 {
            let item = (left - 3).min(60_000);
            // What remains must again have room for an item.
            let item = if (1..3).contains(&(left - 3 - item)) {
                item - 3
            } else {
                item
            };
            items.push(vec![0_u8; item]);
            left -= 3 + item;
        }
        Packet::CommandResponse(Message::new().with("l", items))
    };
    let frame = of_length(MAX_LENGTH).to_frame().unwrap();
    assert_eq!(frame.len(), 4 + MAX_LENGTH);
    assert_eq!(
        of_length(MAX_LENGTH + 1).to_frame(),
        Err(EncodeError::TooLarge(MAX_LENGTH + 1))
    );
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let name = || "[ -~]{0,30}";
    prop_oneof![
        (name(), any_message())
            .prop_map(|(name, message)| Packet::CommandRequest { name, message }),
        any_message().prop_map(Packet::CommandResponse),
        Just(Packet::CommandUnknown),
        name().prop_map(Packet::EventRegister),
        name().prop_map(Packet::EventUnregister),
        Just(Packet::EventConfirm),
        Just(Packet::EventUnknown),
        (name(), any_message()).prop_map(|(name, message)| Packet::Event { name, message }),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(packet in any_packet()) {
        let frame = packet.to_frame().unwrap();
        prop_assert_eq!(frame.len() - 4, u32::from_be_bytes(*frame.first_chunk().unwrap()) as usize);
        prop_assert_eq!(Packet::decode(&frame[4..]), Ok(packet));
    }

    #[test]
    fn the_fuzzing_entry_takes_anything(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        read_anything(&octets);
    }

    #[test]
    fn the_fuzzing_entry_takes_packets(packet in any_packet(), size in any::<u8>()) {
        let frame = packet.to_frame().unwrap();
        read_anything(&[&[size][..], &frame, &frame].concat());
        read_anything(&frame[4..]);
    }
}

use proptest::prelude::*;

use super::*;

#[test]
fn a_request_is_read_up_to_its_length() {
    let octets = [1, 7, 0, 7, 1, b'h', b'i', 0xff, 0xff];
    let body = Body {
        identifier: 7,
        kind: Type::IDENTITY,
        data: b"hi",
    };
    assert_eq!(Packet::parse(&octets), Ok(Packet::Request(body)));
    assert_eq!(Packet::Request(body).to_vec(), octets[..7]);
}

#[test]
fn what_is_no_packet_is_discarded() {
    let wrong: [&[u8]; 8] = [
        &[],
        &[1, 2, 0],
        &[1, 2, 0, 4],       // a request without a type
        &[1, 2, 0, 3, 1],    // shorter than the header
        &[1, 2, 0, 9, 1, 0], // longer than what came
        &[3, 2, 0, 5, 0],    // a success with data
        &[4, 2, 0, 5, 0],
        &[5, 2, 0, 4],
    ];
    for octets in wrong {
        assert_eq!(Packet::parse(octets), Err(Discard::Malformed), "{octets:?}");
    }
}

proptest! {
    #[test]
    fn any_octets_may_come(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
        crate::fuzz::packet(&octets);
    }

    #[test]
    fn what_is_written_is_read(identifier: u8, kind: u8, data: Vec<u8>) {
        let body = Body { identifier, kind: Type(kind), data: &data };
        for packet in [Packet::Request(body), Packet::Response(body), Packet::Success(identifier)] {
            let octets = packet.to_vec();
            prop_assert_eq!(Packet::parse(&octets), Ok(packet));
        }
    }
}

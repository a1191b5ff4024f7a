//! The codec against octets laid out by hand, against malformed octets, and against itself.

mod layout;
mod malformed;
mod malformed_bodies;
mod round_trip;
mod truncation;

use super::*;
use crate::{IkeSpi, IkeSpis, MessageId};

/// One payload: generic header with the right length, then the body.
fn payload(next: u8, body: &[u8]) -> Vec<u8> {
    payload_with_flags(next, 0, body)
}

fn payload_with_flags(next: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[next, flags], length.as_slice(), body].concat()
}

/// Reads one payload of this type and nothing else.
fn parse_one(payload_type: u8, body: &[u8]) -> Result<Payload, WireError> {
    let mut payloads = parse_payloads(payload_type, &payload(0, body))?;
    assert_eq!(payloads.len(), 1);
    Ok(payloads.remove(0))
}

/// The body of one written payload.
fn write_one(payload: &Payload) -> Vec<u8> {
    let mut out = Vec::new();
    assert_eq!(
        write_payloads(std::slice::from_ref(payload), &mut out),
        payload.number()
    );
    assert_eq!(out[..2], [0, 0], "last payload, not critical");
    assert_eq!(usize::from(u16::from_be_bytes([out[2], out[3]])), out.len());
    out.split_off(4)
}

fn header() -> Header {
    Header {
        spis: IkeSpis {
            initiator: IkeSpi([1, 2, 3, 4, 5, 6, 7, 8]),
            responder: IkeSpi([9, 10, 11, 12, 13, 14, 15, 16]),
        },
        next_payload: 0,
        major: 2,
        minor: 0,
        exchange: ExchangeType::Informational,
        flags: Flags {
            initiator: true,
            ..Flags::default()
        },
        message_id: MessageId(5),
        length: 28,
    }
}

/// A datagram with this first payload type and these octets after the header.
fn datagram(first: u8, octets: &[u8]) -> (Header, Vec<u8>) {
    let header = Header {
        next_payload: first,
        length: u32::try_from(Header::LEN + octets.len()).unwrap(),
        ..header()
    };
    let mut datagram = Vec::new();
    header.write(&mut datagram);
    datagram.extend_from_slice(octets);
    assert_eq!(Header::parse(&datagram), Ok(header));
    (header, datagram)
}

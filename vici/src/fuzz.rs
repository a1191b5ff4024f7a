//! The entry point for fuzzing: every parser of this crate at once.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use crate::{
    frame::{Decoder, MAX_LENGTH},
    packet::Packet,
    server::{Requests, ServerError},
};

/// Reads arbitrary octets as a stream of frames, arriving in pieces whose sizes the first octet
/// decides, as everything that a client sends to a server, and as one packet.
///
/// # Panics
/// When something that was read is not the same after being written and read again, or when the
/// buffer outgrows its limit, or when something but the end of the frames ends a client's requests:
/// all of them would be defects of this crate.
pub fn read_anything(octets: &[u8]) {
    check_packet(octets);
    let Some((size, stream)) = octets.split_first() else {
        return;
    };
    check_requests(stream);
    let mut decoder = Decoder::default();
    for piece in stream.chunks(usize::from(*size).max(1)) {
        decoder.push(piece);
        loop {
            match decoder.next_packet() {
                Ok(Some(packet)) => check_packet(packet),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(decoder.buffered() <= MAX_LENGTH + 4, "the buffer grows");
    }
}

fn check_requests(stream: &[u8]) {
    let mut requests = Requests::new(stream);
    loop {
        let next = pin!(requests.next()).poll(&mut Context::from_waker(Waker::noop()));
        match next {
            Poll::Ready(Ok(Some(_))) => {}
            Poll::Ready(Ok(None) | Err(ServerError::Frame(_))) => return,
            Poll::Ready(Err(error)) => panic!("{error}"),
            Poll::Pending => panic!("octets that are all there are waited for"),
        }
    }
}

fn check_packet(octets: &[u8]) {
    let Ok(packet) = Packet::decode(octets) else {
        return;
    };
    // A packet that was not in a frame may be longer than any frame.
    let Ok(frame) = packet.to_frame() else {
        assert!(octets.len() > MAX_LENGTH, "a short packet is not writable");
        return;
    };
    assert_eq!(&frame[4..], octets, "written otherwise than it was read");
    assert_eq!(Packet::decode(&frame[4..]), Ok(packet));
}

//! The entry point for fuzzing: every parser of this crate at once.

use crate::{
    frame::{Decoder, MAX_LENGTH},
    packet::Packet,
};

/// Reads arbitrary octets as a stream of frames, arriving in pieces whose sizes the first octet
/// decides, and as one packet.
///
/// # Panics
/// When something that was read is not the same after being written and read again, or when the
/// buffer outgrows its limit: both would be defects of this crate.
pub fn read_anything(octets: &[u8]) {
    check_packet(octets);
    let Some((size, stream)) = octets.split_first() else {
        return;
    };
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

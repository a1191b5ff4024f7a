//! What an ESP packet looks like, and how it is told from IKE on a shared port.

use std::ops::Range;

use super::cipher::{Cipher, PREFIX, TRAILER};

/// Nothing shorter can be ESP: no IV, an empty packet with its padding, an ICV of 96 bits. What else
/// the cipher needs is seen when the packet is opened.
const SHORTEST: usize = PREFIX + 4 + 12;

/// What a datagram on the NAT traversal port is (RFC 3948 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Datagram {
    /// One octet 0xFF (section 2.3): it has done its work by passing the NAT.
    Keepalive,
    /// Four zero octets, then an IKE message (section 2.2).
    Ike,
    /// ESP (section 2.1).
    Esp {
        /// The SPI.
        spi: u32,
        /// The low half of the sequence number.
        sequence: u32,
    },
    /// Nothing of these.
    Malformed,
}

/// Tells what a datagram is.
pub(crate) fn classify(datagram: &[u8]) -> Datagram {
    match datagram {
        [0xff] => Datagram::Keepalive,
        [0, 0, 0, 0, _, ..] => Datagram::Ike,
        [s0, s1, s2, s3, n0, n1, n2, n3, ..] if datagram.len() >= SHORTEST => Datagram::Esp {
            spi: u32::from_be_bytes([*s0, *s1, *s2, *s3]),
            sequence: u32::from_be_bytes([*n0, *n1, *n2, *n3]),
        },
        _ => Datagram::Malformed,
    }
}

/// Makes an ESP packet of the inner packet that lies in `buffer` from [`Cipher::header`] on.
/// `buffer` is as long as [`Cipher::sealed_len`] says.
///
/// The IV is made of the 64-bit sequence number: unique for the key as long as the counter never
/// wraps (RFC 4106 section 3.1).
pub(crate) fn seal(
    cipher: &Cipher,
    spi: u32,
    sequence: u64,
    extended: bool,
    next_header: u8,
    inner: usize,
    buffer: &mut [u8],
) {
    debug_assert_eq!(buffer.len(), cipher.sealed_len(inner));
    buffer[..4].copy_from_slice(&spi.to_be_bytes());
    buffer[4..PREFIX].copy_from_slice(&(sequence as u32).to_be_bytes());
    let inner_end = cipher.header() + inner;
    let icv_at = buffer.len() - cipher.icv();
    let padding = icv_at - TRAILER - inner_end;
    for (octet, value) in buffer[inner_end..].iter_mut().zip(1..=padding as u8) {
        *octet = value;
    }
    buffer[icv_at - 2] = padding as u8;
    buffer[icv_at - 1] = next_header;
    cipher.seal(spi, sequence, extended, &mut buffer[PREFIX..]);
}

/// Decrypts an ESP packet in place: where its payload lies and which protocol it is, or `None` when
/// it is not authentic.
///
/// `datagram` was classified as ESP; `sequence` is its full sequence number. Padding is stripped
/// but not inspected: the ICV covers it.
pub(crate) fn open(
    cipher: &Cipher,
    sequence: u64,
    extended: bool,
    datagram: &mut [u8],
) -> Option<(Range<usize>, u8)> {
    let icv_at = datagram.len().checked_sub(cipher.icv())?;
    let (prefix, body) = datagram.split_first_chunk_mut::<PREFIX>()?;
    let [s0, s1, s2, s3, ..] = *prefix;
    let spi = u32::from_be_bytes([s0, s1, s2, s3]);
    if !cipher.open(spi, sequence, extended, body) {
        return None;
    }
    let header = cipher.header();
    let &[.., padding, next_header] = &datagram[header..icv_at] else {
        return None;
    };
    let end = icv_at.checked_sub(TRAILER + usize::from(padding))?;
    (end >= header).then_some((header..end, next_header))
}

//! What an ESP packet looks like, and how it is told from IKE on a shared port.

use std::ops::Range;

use super::Cipher;

/// Octets before the encrypted part: SPI, sequence number and IV.
pub(crate) const HEADER: usize = 16;

/// Pad length and next header.
const TRAILER: usize = 2;

/// Pad length and next header must end on a multiple of this (RFC 4303 section 2.4).
const ALIGNMENT: usize = 4;

/// Nothing shorter can be ESP.
const SHORTEST: usize = HEADER + ALIGNMENT + Cipher::ICV;

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

/// Length of the ESP packet for an inner packet of this length.
pub(crate) fn sealed_len(inner: usize) -> usize {
    HEADER + (inner + TRAILER).next_multiple_of(ALIGNMENT) + Cipher::ICV
}

/// Makes an ESP packet of the inner packet that lies in `buffer` from [`HEADER`] on. `buffer` is as
/// long as [`sealed_len`] says.
///
/// The IV is the 64-bit sequence number: unique for the key as long as the counter never wraps
/// (RFC 4106 section 3.1).
pub(crate) fn seal(
    cipher: &Cipher,
    spi: u32,
    sequence: u64,
    extended: bool,
    next_header: u8,
    inner: usize,
    buffer: &mut [u8],
) {
    debug_assert_eq!(buffer.len(), sealed_len(inner));
    let iv = sequence.to_be_bytes();
    buffer[..4].copy_from_slice(&spi.to_be_bytes());
    buffer[4..8].copy_from_slice(&iv[4..]);
    buffer[8..HEADER].copy_from_slice(&iv);
    let icv_at = buffer.len() - Cipher::ICV;
    let padding = icv_at - HEADER - TRAILER - inner;
    for (octet, value) in buffer[HEADER + inner..].iter_mut().zip(1..=padding as u8) {
        *octet = value;
    }
    buffer[icv_at - 2] = padding as u8;
    buffer[icv_at - 1] = next_header;
    let aad = AdditionalData::new(spi, sequence, extended);
    let icv = cipher.seal(iv, aad.bytes(), &mut buffer[HEADER..icv_at]);
    buffer[icv_at..].copy_from_slice(&icv);
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
    let icv_at = datagram.len().checked_sub(Cipher::ICV)?;
    let (header, sealed) = datagram.split_first_chunk_mut::<HEADER>()?;
    let [s0, s1, s2, s3, _, _, _, _, iv @ ..] = *header;
    let spi = u32::from_be_bytes([s0, s1, s2, s3]);
    let aad = AdditionalData::new(spi, sequence, extended);
    if !cipher.open(iv, aad.bytes(), sealed) {
        return None;
    }
    let &[.., padding, next_header] = &datagram[HEADER..icv_at] else {
        return None;
    };
    let end = icv_at.checked_sub(TRAILER + usize::from(padding))?;
    (end >= HEADER).then_some((HEADER..end, next_header))
}

/// SPI and sequence number; with extended sequence numbers all 64 bits (RFC 4106 section 5,
/// RFC 7634 section 2.1).
struct AdditionalData {
    octets: [u8; 12],
    length: usize,
}

impl AdditionalData {
    fn new(spi: u32, sequence: u64, extended: bool) -> Self {
        let mut octets = [0; 12];
        octets[..4].copy_from_slice(&spi.to_be_bytes());
        let length = if extended {
            octets[4..].copy_from_slice(&sequence.to_be_bytes());
            12
        } else {
            octets[4..8].copy_from_slice(&(sequence as u32).to_be_bytes());
            8
        };
        Self { octets, length }
    }

    fn bytes(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

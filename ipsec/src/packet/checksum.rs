//! The Internet checksum (RFC 1071), on whole packets: fast enough not to show beside the cipher.
//!
//! Sums are kept in the machine's byte order. That is sound because the one's complement sum of
//! swapped words is the swapped sum (RFC 1071 section 2 B).

/// An unfinished sum. Pieces must begin at even offsets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum(u64);

impl Sum {
    /// Adds a piece; an odd last octet is padded with zero.
    #[must_use]
    pub(crate) fn add(self, bytes: &[u8]) -> Self {
        // 32-bit words into 64-bit lanes: no carries to look after, and compilers vectorise it.
        // 2^32 words fit, a packet has 2^14.
        let words = bytes.chunks_exact(4);
        let mut tail = [0; 4];
        let rest = words.remainder();
        tail[..rest.len()].copy_from_slice(rest);
        let sum: u64 = words
            .map(|word| u64::from(u32::from_ne_bytes([word[0], word[1], word[2], word[3]])))
            .sum();
        Self(self.0 + sum + u64::from(u32::from_ne_bytes(tail)))
    }

    /// Adds a value that stands in the packet in network byte order.
    #[must_use]
    pub(crate) fn add_u16(self, value: u16) -> Self {
        Self(self.0 + u64::from(value.to_be()))
    }

    /// The sum itself as it stands in a packet.
    pub(crate) fn partial(self) -> [u8; 2] {
        self.fold().to_ne_bytes()
    }

    /// The checksum as it stands in a packet.
    pub(crate) fn checksum(self) -> [u8; 2] {
        (!self.fold()).to_ne_bytes()
    }

    /// Whether data that contains its checksum is intact.
    pub(crate) fn is_valid(self) -> bool {
        self.fold() == u16::MAX
    }

    fn fold(self) -> u16 {
        let mut sum = self.0;
        while sum > u64::from(u16::MAX) {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }
}

/// Sum over the pseudo header of TCP and UDP (RFC 9293 section 3.1, RFC 8200 section 8.1).
/// `addresses` are both addresses as they stand in the IP header.
pub(crate) fn pseudo_header(addresses: &[u8], protocol: u8, length: usize) -> Sum {
    Sum::default()
        .add(addresses)
        .add_u16(u16::from(protocol))
        .add_u16((length >> 16) as u16)
        .add_u16(length as u16)
}

/// Writes the checksum of an IPv4 header into it.
pub(crate) fn set_ipv4_checksum(header: &mut [u8]) {
    header[10..12].fill(0);
    let checksum = Sum::default().add(header).checksum();
    header[10..12].copy_from_slice(&checksum);
}

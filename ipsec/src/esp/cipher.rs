//! The cipher of one direction of an ESP SA and what it does to the size of packets.

use holdfast_ike::{
    EspKey, EspSuite,
    crypto::{AssociatedData, CipherError, PacketCipher, UnsupportedAlgorithm},
};

use crate::plane::InstallError;

/// Octets of SPI and sequence number.
pub(super) const PREFIX: usize = 8;

/// Octets of pad length and next header.
pub(super) const TRAILER: usize = 2;

/// Pad length and next header must end on a multiple of this (RFC 4303 section 2.4).
const ALIGNMENT: usize = 4;

/// A key of one direction, ready for use: setting it up costs more than a small packet.
pub(crate) struct Cipher {
    keys: PacketCipher,
    header: usize,
    alignment: usize,
    icv: usize,
}

impl Cipher {
    /// The most that ESP adds to a packet: an IV of 16 octets, padding to blocks of 16, an ICV of
    /// 32.
    pub(crate) const MOST_OVERHEAD: usize = PREFIX + 16 + 15 + TRAILER + 32;

    /// Sets up the key for the suite's algorithms.
    pub(crate) fn new(suite: &EspSuite, key: &EspKey) -> Result<Self, InstallError> {
        let keys = PacketCipher::for_esp(suite, key).map_err(refusal)?;
        let layout = keys.layout();
        Ok(Self {
            header: PREFIX + layout.iv_len,
            alignment: layout.block_len.max(ALIGNMENT),
            icv: layout.icv_len,
            keys,
        })
    }

    /// Octets before the encrypted part: SPI, sequence number and IV.
    pub(crate) fn header(&self) -> usize {
        self.header
    }

    /// Octets of the integrity check value.
    pub(crate) fn icv(&self) -> usize {
        self.icv
    }

    /// Length of the ESP packet for an inner packet of this length.
    pub(crate) fn sealed_len(&self, inner: usize) -> usize {
        self.header + (inner + TRAILER).next_multiple_of(self.alignment) + self.icv
    }

    /// Encrypts in place what lies between IV and ICV of `body` and fills both in. The same sequence
    /// number must never be used twice with one key.
    pub(super) fn seal(&self, spi: u32, sequence: u64, extended: bool, body: &mut [u8]) {
        let data = Authenticated::new(spi, sequence, extended, self.keys.is_aead());
        self.keys.seal(sequence, data.associated(), body);
    }

    /// Checks `body`, IV and ICV included, and decrypts it in place; `false` when it is not
    /// authentic.
    pub(super) fn open(&self, spi: u32, sequence: u64, extended: bool, body: &mut [u8]) -> bool {
        let data = Authenticated::new(spi, sequence, extended, self.keys.is_aead());
        self.keys.open(data.associated(), body).is_ok()
    }
}

fn refusal(error: CipherError) -> InstallError {
    let lacks = |cipher| InstallError::UnsupportedCipher {
        plane: "userspace",
        cipher,
    };
    match error {
        CipherError::KeyLength { needed, actual } => InstallError::KeyLength { needed, actual },
        CipherError::Unsupported(UnsupportedAlgorithm::Encryption { id, key_bits: 0 }) => {
            lacks(id.to_string())
        }
        CipherError::Unsupported(UnsupportedAlgorithm::Encryption { id, key_bits }) => {
            lacks(format!("{id}_{key_bits}"))
        }
        CipherError::Unsupported(UnsupportedAlgorithm::Integrity(id)) => lacks(id.to_string()),
        CipherError::Unsupported(other) => lacks(other.to_string()),
    }
}

/// SPI and sequence number. With extended sequence numbers AEAD ciphers authenticate all 64 bits in
/// their order (RFC 4106 section 5, RFC 7634 section 2.1); separate integrity algorithms take the
/// high half, which is not sent, after the packet (RFC 4303 section 2.2.1).
struct Authenticated {
    octets: [u8; 12],
    before: usize,
    length: usize,
}

impl Authenticated {
    #[inline]
    fn new(spi: u32, sequence: u64, extended: bool, aead: bool) -> Self {
        let mut octets = [0; 12];
        octets[..4].copy_from_slice(&spi.to_be_bytes());
        let (high, low) = ((sequence >> 32) as u32, sequence as u32);
        let (first, second) = if extended && aead {
            (high, low)
        } else {
            (low, high)
        };
        octets[4..8].copy_from_slice(&first.to_be_bytes());
        octets[8..].copy_from_slice(&second.to_be_bytes());
        let length = if extended { 12 } else { 8 };
        Self {
            octets,
            before: if aead { length } else { 8 },
            length,
        }
    }

    #[inline]
    fn associated(&self) -> AssociatedData<'_> {
        let (before, after) = self.octets[..self.length].split_at(self.before);
        AssociatedData { before, after }
    }
}

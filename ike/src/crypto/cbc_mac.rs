//! AES-128 as a MAC: AES-XCBC-MAC (RFC 3566) and AES-CMAC (RFC 4493).
//!
//! Both chain blocks as CBC does and differ from it in the last one, into which a secret mask goes:
//! one mask for a whole block, another one for a block that had to be padded. Where the masks come
//! from is all in which the two differ.

use zeroize::Zeroizing;

use super::provider::block::{Aes, BLOCK, BlockCipher};

/// Octets of the key.
pub(super) const KEY_LEN: usize = 16;

/// Octets of the whole MAC.
pub(super) const MAC_LEN: usize = BLOCK;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CbcMacAlgorithm {
    Xcbc,
    Cmac,
}

/// One of them with its keys.
pub(super) struct CbcMac {
    cipher: BlockCipher,
    whole: Zeroizing<[u8; BLOCK]>,
    padded: Zeroizing<[u8; BLOCK]>,
}

impl CbcMac {
    pub(super) fn new(algorithm: CbcMacAlgorithm, key: &[u8; KEY_LEN]) -> Self {
        let cipher = BlockCipher::new(Aes::Aes128, key);
        let derive = |octet| {
            let mut block = Zeroizing::new([octet; BLOCK]);
            cipher.encrypt(&mut block);
            block
        };
        match algorithm {
            // RFC 3566 section 4: K1, K2 and K3 are 0x01..., 0x02... and 0x03..., encrypted.
            CbcMacAlgorithm::Xcbc => Self {
                cipher: BlockCipher::new(Aes::Aes128, &derive(1)[..]),
                whole: derive(2),
                padded: derive(3),
            },
            // RFC 4493 section 2.3: L = AES-128(K, const_Zero), K1 = double(L), K2 = double(K1).
            CbcMacAlgorithm::Cmac => {
                let whole = double(&derive(0));
                let padded = double(&whole);
                Self {
                    cipher,
                    whole,
                    padded,
                }
            }
        }
    }

    /// The MAC of the concatenated parts.
    pub(super) fn sign<'a>(
        &self,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> Zeroizing<[u8; MAC_LEN]> {
        let mut state = Zeroizing::new([0; BLOCK]);
        // Octets of the present block that have gone into the state. A full block waits: only what
        // follows tells whether it is the last one.
        let mut filled = 0;
        for mut part in parts {
            while !part.is_empty() {
                if filled == BLOCK {
                    self.cipher.encrypt(&mut state);
                    filled = 0;
                }
                let (now, rest) = part.split_at(part.len().min(BLOCK - filled));
                xor(&mut state[filled..], now);
                filled += now.len();
                part = rest;
            }
        }
        if filled == BLOCK {
            xor(&mut state[..], &self.whole[..]);
        } else {
            state[filled] ^= 0x80;
            xor(&mut state[..], &self.padded[..]);
        }
        self.cipher.encrypt(&mut state);
        state
    }
}

/// XORs `from` into the octets of `into` that it covers.
fn xor(into: &mut [u8], from: &[u8]) {
    for (octet, value) in into.iter_mut().zip(from) {
        *octet ^= value;
    }
}

/// Multiplication by x in GF(2^128), without a branch on the secret.
fn double(block: &[u8; BLOCK]) -> Zeroizing<[u8; BLOCK]> {
    let value = u128::from_be_bytes(*block);
    let reduction = (value >> 127) * 0x87;
    Zeroizing::new((value << 1 ^ reduction).to_be_bytes())
}

#[cfg(test)]
mod tests;

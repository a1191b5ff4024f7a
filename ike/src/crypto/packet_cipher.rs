//! The protection of IKE messages and ESP packets: encryption and integrity of one direction.
//!
//! Both look alike (RFC 7296 section 3.14, RFC 4303 section 2): a body of IV, ciphertext and
//! integrity check value, after octets that are authenticated but not encrypted. Everything happens
//! in place.

use super::{
    IntegrityError, UnsupportedAlgorithm, algorithm,
    integrity::{IntegrityAlgorithm, IntegrityKey},
    provider::{
        aead::{Aead, AeadCipher, NONCE_LEN},
        block::{Aes, BLOCK, Cbc, Ctr},
        triple_des::{self, TripleDesCbc},
    },
};
use crate::{EspKey, EspSuite};

/// Octets of the longest salt or nonce that follows the key in the keying material.
const SALT_LEN: usize = 4;

/// Octets of the explicit IV of ciphers that count (RFC 4106 section 3.1, RFC 4309 section 3.1, RFC
/// 7634 section 2, RFC 3686 section 3.1).
const COUNTER_LEN: usize = 8;

/// A cipher that protects integrity itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AeadAlgorithm {
    pub(super) cipher: AeadCipher,
    /// Octets of the tag that are sent: fewer than all only with AES-GCM and AES-CCM.
    pub(super) tag_len: u8,
}

/// A cipher that needs a separate integrity algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CipherAlgorithm {
    /// RFC 2410.
    Null,
    /// RFC 3602.
    Cbc(Aes),
    /// RFC 3686 and RFC 5930.
    Ctr(Aes),
    /// RFC 2451.
    TripleDes,
}

/// How packets are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    /// By one cipher (RFC 5282, RFC 4106, RFC 4309, RFC 7634).
    Aead(AeadAlgorithm),
    /// By a cipher, and a MAC over its output.
    EncryptThenMac(CipherAlgorithm, IntegrityAlgorithm),
}

impl Protection {
    /// Octets that the cipher takes from the keying material, salt included.
    pub(super) fn encryption_key_len(self) -> usize {
        match self {
            Self::Aead(AeadAlgorithm { cipher, .. }) => cipher.key_len() + cipher.salt_len(),
            Self::EncryptThenMac(CipherAlgorithm::Null, _) => 0,
            Self::EncryptThenMac(CipherAlgorithm::Cbc(aes), _) => aes.key_len(),
            Self::EncryptThenMac(CipherAlgorithm::TripleDes, _) => triple_des::KEY_LEN,
            // RFC 3686 section 5.1: the nonce.
            Self::EncryptThenMac(CipherAlgorithm::Ctr(aes), _) => aes.key_len() + SALT_LEN,
        }
    }

    /// Octets that the integrity algorithm takes from the keying material.
    pub(super) fn integrity_key_len(self) -> usize {
        match self {
            Self::Aead(_) => 0,
            Self::EncryptThenMac(_, integrity) => integrity.key_len(),
        }
    }

    pub(super) fn layout(self) -> Layout {
        let (iv_len, block_len) = match self {
            Self::EncryptThenMac(CipherAlgorithm::Null, _) => (0, 1),
            Self::EncryptThenMac(CipherAlgorithm::Cbc(_), _) => (BLOCK, BLOCK),
            Self::EncryptThenMac(CipherAlgorithm::TripleDes, _) => {
                (triple_des::BLOCK, triple_des::BLOCK)
            }
            Self::EncryptThenMac(CipherAlgorithm::Ctr(_), _) | Self::Aead(_) => (COUNTER_LEN, 1),
        };
        let icv_len = match self {
            Self::Aead(AeadAlgorithm { tag_len, .. }) => tag_len.into(),
            Self::EncryptThenMac(_, integrity) => integrity.icv_len(),
        };
        Layout {
            iv_len,
            block_len,
            icv_len,
        }
    }
}

/// The sizes of what surrounds the text, in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The IV in front of it.
    pub iv_len: usize,
    /// What its length must be a multiple of.
    pub block_len: usize,
    /// The integrity check value behind it.
    pub icv_len: usize,
}

/// What is authenticated beside IV and ciphertext.
#[derive(Clone, Copy, Debug)]
pub struct AssociatedData<'a> {
    /// In front of them; the associated data of AEAD ciphers, which authenticate the IV by using it.
    pub before: &'a [u8],
    /// Behind them; empty with AEAD ciphers.
    pub after: &'a [u8],
}

/// The keys of one direction, expanded.
pub struct PacketCipher {
    layout: Layout,
    keys: Keys,
}

enum Keys {
    Aead { aead: Aead, salt: [u8; SALT_LEN] },
    EncryptThenMac(Cipher, IntegrityKey),
}

enum Cipher {
    Null,
    Cbc(Cbc),
    Ctr { ctr: Ctr, nonce: [u8; SALT_LEN] },
    TripleDes(TripleDesCbc),
}

/// Why there is no cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// This build lacks an algorithm of the suite.
    #[error(transparent)]
    Unsupported(#[from] UnsupportedAlgorithm),
    /// The keys are not those of the suite.
    #[error("the keys have {actual} octets, not {needed}")]
    KeyLength {
        /// What the suite needs for cipher and integrity algorithm together.
        needed: usize,
        /// What there is.
        actual: usize,
    },
}

impl PacketCipher {
    /// The cipher of one direction of an ESP SA.
    pub fn for_esp(suite: &EspSuite, key: &EspKey) -> Result<Self, CipherError> {
        let protection = algorithm::protection(suite.encryption, suite.key_bits, suite.integrity)?;
        let (encryption, integrity) = (key.encryption.expose(), key.integrity.expose());
        let needed = (
            protection.encryption_key_len(),
            protection.integrity_key_len(),
        );
        if (encryption.len(), integrity.len()) != needed {
            return Err(CipherError::KeyLength {
                needed: needed.0 + needed.1,
                actual: encryption.len() + integrity.len(),
            });
        }
        Ok(Self::new(protection, encryption, integrity))
    }

    /// The keys have the lengths that `protection` says.
    pub(super) fn new(protection: Protection, encryption: &[u8], integrity: &[u8]) -> Self {
        let keys = match protection {
            Protection::Aead(AeadAlgorithm { cipher, tag_len }) => {
                let (key, salt) = split_salt(encryption, cipher.salt_len());
                Keys::Aead {
                    aead: Aead::new(cipher, tag_len, key),
                    salt,
                }
            }
            Protection::EncryptThenMac(cipher, algorithm) => {
                let cipher = match cipher {
                    CipherAlgorithm::Null => Cipher::Null,
                    CipherAlgorithm::Cbc(aes) => Cipher::Cbc(Cbc::new(aes, encryption)),
                    CipherAlgorithm::Ctr(aes) => {
                        let (key, nonce) = split_salt(encryption, SALT_LEN);
                        let ctr = Ctr::new(aes, key);
                        Cipher::Ctr { ctr, nonce }
                    }
                    CipherAlgorithm::TripleDes => Cipher::TripleDes(TripleDesCbc::new(encryption)),
                };
                let integrity = IntegrityKey::new(algorithm, integrity);
                Keys::EncryptThenMac(cipher, integrity)
            }
        };
        Self {
            layout: protection.layout(),
            keys,
        }
    }

    /// The sizes of what surrounds the text.
    #[inline]
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether the cipher protects integrity itself, so that all associated data goes before.
    #[inline]
    pub fn is_aead(&self) -> bool {
        matches!(self.keys, Keys::Aead { .. })
    }

    /// Encrypts the text in the middle of `body` and writes the IV in front of it and the integrity
    /// check value behind it. `counter` must never be used twice with one key.
    ///
    /// # Panics
    /// When `body` is shorter than IV and integrity check value, or the text is not whole blocks.
    #[inline]
    pub fn seal(&self, counter: u64, data: AssociatedData<'_>, body: &mut [u8]) {
        let text_end = body.len() - self.layout.icv_len;
        let (iv_and_text, icv) = body.split_at_mut(text_end);
        match &self.keys {
            Keys::Aead { aead, salt } => {
                debug_assert!(data.after.is_empty(), "nothing follows with AEAD ciphers");
                let (iv, text) = split_counter(iv_and_text);
                *iv = counter.to_be_bytes();
                let tag = aead.seal(nonce(*salt, *iv), data.before, text);
                icv.copy_from_slice(&tag[..icv.len()]);
            }
            Keys::EncryptThenMac(cipher, integrity) => {
                cipher.encrypt(counter, iv_and_text);
                integrity.sign([data.before, iv_and_text, data.after], icv);
            }
        }
    }

    /// Checks the integrity of `body` (IV, ciphertext and integrity check value) and then decrypts
    /// it in place: the text lies between IV and integrity check value.
    #[inline]
    pub fn open(&self, data: AssociatedData<'_>, body: &mut [u8]) -> Result<(), IntegrityError> {
        let Layout {
            iv_len,
            block_len,
            icv_len,
        } = self.layout;
        let text_end = body.len().checked_sub(icv_len).ok_or(IntegrityError)?;
        let text_len = text_end.checked_sub(iv_len).ok_or(IntegrityError)?;
        match &self.keys {
            Keys::Aead { aead, salt } => {
                let (iv, text_and_tag) = split_counter(body);
                aead.open(nonce(*salt, *iv), data.before, text_and_tag, icv_len)
            }
            Keys::EncryptThenMac(cipher, integrity) => {
                let (iv_and_text, icv) = body.split_at_mut(text_end);
                integrity.verify([data.before, iv_and_text, data.after], icv)?;
                if !text_len.is_multiple_of(block_len) {
                    return Err(IntegrityError);
                }
                cipher.decrypt(iv_and_text);
                Ok(())
            }
        }
    }
}

impl Cipher {
    /// Writes the IV and encrypts what follows it.
    fn encrypt(&self, counter: u64, iv_and_text: &mut [u8]) {
        match self {
            Self::Null => {}
            Self::Cbc(cbc) => {
                // RFC 3602 section 3: the IV must be unpredictable. NIST SP 800-38A appendix C makes
                // it by encrypting a nonce under the same key. The counter, as a first block of
                // plaintext chained to nothing, becomes exactly that.
                let (iv, _) = iv_and_text.split_at_mut(BLOCK);
                iv.fill(0);
                iv[BLOCK - COUNTER_LEN..].copy_from_slice(&counter.to_be_bytes());
                cbc.encrypt([0; BLOCK], iv_and_text);
            }
            Self::Ctr { ctr, nonce } => {
                let (iv, text) = split_counter(iv_and_text);
                *iv = counter.to_be_bytes();
                ctr.apply(counter_block(*nonce, *iv), text);
            }
            Self::TripleDes(cbc) => {
                // As with AES; the counter fills the block.
                let (iv, _) = split_counter(iv_and_text);
                *iv = counter.to_be_bytes();
                cbc.encrypt([0; triple_des::BLOCK], iv_and_text);
            }
        }
    }

    /// Decrypts what follows the IV.
    fn decrypt(&self, iv_and_text: &mut [u8]) {
        match self {
            Self::Null => {}
            Self::Cbc(cbc) => {
                let (iv, text) = iv_and_text
                    .split_first_chunk_mut::<BLOCK>()
                    .expect("the length was checked");
                cbc.decrypt(*iv, text);
            }
            Self::Ctr { ctr, nonce } => {
                let (iv, text) = split_counter(iv_and_text);
                ctr.apply(counter_block(*nonce, *iv), text);
            }
            Self::TripleDes(cbc) => {
                let (iv, text) = split_counter(iv_and_text);
                cbc.decrypt(*iv, text);
            }
        }
    }
}

/// The key and its salt, right-aligned.
fn split_salt(keying: &[u8], salt_len: usize) -> (&[u8], [u8; SALT_LEN]) {
    let (key, end) = keying.split_at(keying.len() - salt_len);
    let mut salt = [0; SALT_LEN];
    salt[SALT_LEN - salt_len..].copy_from_slice(end);
    (key, salt)
}

fn split_counter(iv_and_text: &mut [u8]) -> (&mut [u8; COUNTER_LEN], &mut [u8]) {
    iv_and_text
        .split_first_chunk_mut()
        .expect("the length was checked")
}

/// RFC 4106 section 4, RFC 4309 section 4, RFC 5282 section 4 and RFC 7634 section 2: salt | IV.
fn nonce(salt: [u8; SALT_LEN], iv: [u8; COUNTER_LEN]) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce[..SALT_LEN].copy_from_slice(&salt);
    nonce[SALT_LEN..].copy_from_slice(&iv);
    nonce
}

/// RFC 3686 section 4: nonce | IV | block counter, which begins with one.
fn counter_block(nonce: [u8; SALT_LEN], iv: [u8; COUNTER_LEN]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..SALT_LEN].copy_from_slice(&nonce);
    block[SALT_LEN..SALT_LEN + COUNTER_LEN].copy_from_slice(&iv);
    block[BLOCK - 1] = 1;
    block
}

#[cfg(test)]
mod tests;

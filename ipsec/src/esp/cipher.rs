//! The AEAD ciphers of ESP. The only place of this crate that names a cryptographic library.

use holdfast_ike::{EspKey, EspSuite, proposal::EncryptionId};
use ring::aead::{
    AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};

use crate::plane::InstallError;

/// Octets of the salt at the end of the key material (RFC 4106 section 8.1, RFC 7634 section 2).
const SALT: usize = 4;

/// A key of one direction, ready for use: setting it up costs more than a small packet.
///
/// The library does not wipe its expanded key on drop.
pub(crate) struct Cipher {
    key: LessSafeKey,
    salt: [u8; SALT],
}

impl Cipher {
    /// Octets of the integrity check value.
    pub(crate) const ICV: usize = 16;

    /// Sets up the key for the suite's cipher.
    pub(crate) fn new(suite: &EspSuite, key: &EspKey) -> Result<Self, InstallError> {
        let algorithm = algorithm(suite).ok_or_else(|| InstallError::UnsupportedCipher {
            plane: "userspace",
            cipher: match suite.key_bits {
                0 => suite.encryption.to_string(),
                bits => format!("{}_{bits}", suite.encryption),
            },
        })?;
        let material = key.encryption.expose();
        let wrong_length = || InstallError::KeyLength {
            needed: algorithm.key_len() + SALT,
            actual: material.len(),
        };
        let (key, salt) = material.split_last_chunk().ok_or_else(wrong_length)?;
        let key = UnboundKey::new(algorithm, key).map_err(|_| wrong_length())?;
        Ok(Self {
            key: LessSafeKey::new(key),
            salt: *salt,
        })
    }

    /// Encrypts in place and returns the ICV. An IV must never be used twice with one key.
    pub(crate) fn seal(&self, iv: [u8; 8], aad: &[u8], text: &mut [u8]) -> [u8; Self::ICV] {
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(iv), Aad::from(aad), text)
            .expect("a datagram is far below the ciphers' limit of 64 GiB");
        let mut icv = [0; Self::ICV];
        icv.copy_from_slice(tag.as_ref());
        icv
    }

    /// Decrypts in place what the ICV follows; `false` when it is not authentic.
    pub(crate) fn open(&self, iv: [u8; 8], aad: &[u8], text_and_icv: &mut [u8]) -> bool {
        self.key
            .open_in_place(self.nonce(iv), Aad::from(aad), text_and_icv)
            .is_ok()
    }

    /// Salt and IV make the nonce (RFC 4106 section 4, RFC 7634 section 2).
    fn nonce(&self, iv: [u8; 8]) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..SALT].copy_from_slice(&self.salt);
        nonce[SALT..].copy_from_slice(&iv);
        Nonce::assume_unique_for_key(nonce)
    }
}

fn algorithm(suite: &EspSuite) -> Option<&'static Algorithm> {
    match (suite.encryption, suite.key_bits) {
        (EncryptionId::AES_GCM_16, 128) => Some(&AES_128_GCM),
        (EncryptionId::AES_GCM_16, 256) => Some(&AES_256_GCM),
        (EncryptionId::CHACHA20_POLY1305, 0 | 256) => Some(&CHACHA20_POLY1305),
        _ => None,
    }
}

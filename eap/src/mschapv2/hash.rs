//! The arithmetic of MS-CHAPv2 (RFC 2759 section 8, RFC 3079 section 3).

use std::fmt;

use des::{
    Des,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use md4::{Digest, Md4};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use zeroize::Zeroizing;

use crate::Msk;

/// The hash of a password, which is as good as the password itself.
#[derive(Clone)]
pub struct NtHash(Zeroizing<[u8; 16]>);

impl NtHash {
    /// NtPasswordHash (RFC 2759 section 8.3): MD4 of the password in UTF-16.
    pub fn of(password: &str) -> Self {
        let wide = password.encode_utf16().flat_map(u16::to_le_bytes);
        let wide = Zeroizing::new(wide.collect::<Vec<u8>>());
        Self(Zeroizing::new(Md4::digest(wide.as_slice()).into()))
    }

    /// A hash that is kept instead of the password.
    pub fn from_octets(octets: [u8; 16]) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// HashNtPasswordHash (RFC 2759 section 8.4).
    fn again(&self) -> Zeroizing<[u8; 16]> {
        Zeroizing::new(Md4::digest(self.0.as_slice()).into())
    }
}

impl fmt::Debug for NtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NtHash(..)")
    }
}

/// What one exchange is about.
pub(super) struct Transcript<'a> {
    pub(super) authenticator_challenge: &'a [u8; 16],
    pub(super) peer_challenge: &'a [u8; 16],
    /// As the peer presents it.
    pub(super) username: &'a [u8],
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    let digest = context.finish();
    digest.as_ref().try_into().expect("SHA-1 has 20 octets")
}

/// The user's name without the domain before it, which is not part of any hash (RFC 2759 section
/// 8.2).
pub(super) fn without_domain(username: &[u8]) -> &[u8] {
    match username.iter().position(|octet| *octet == b'\\') {
        Some(at) => &username[at + 1..],
        None => username,
    }
}

impl Transcript<'_> {
    /// ChallengeHash (RFC 2759 section 8.2).
    fn challenge_hash(&self) -> [u8; 8] {
        let digest = sha1(&[
            self.peer_challenge,
            self.authenticator_challenge,
            without_domain(self.username),
        ]);
        digest[..8].try_into().expect("eight of 20 octets")
    }

    /// GenerateNTResponse (RFC 2759 section 8.1).
    pub(super) fn nt_response(&self, hash: &NtHash) -> [u8; 24] {
        let challenge = self.challenge_hash();
        // ChallengeResponse (section 8.5): the hash, padded to 21 octets, is three keys.
        let mut padded = Zeroizing::new([0; 21]);
        padded[..16].copy_from_slice(hash.0.as_slice());
        let mut response = [0; 24];
        for (key, block) in padded.chunks_exact(7).zip(response.chunks_exact_mut(8)) {
            block.copy_from_slice(&des_encrypt(key, challenge));
        }
        response
    }

    /// GenerateAuthenticatorResponse (RFC 2759 section 8.7), before it is written in hexadecimal.
    pub(super) fn authenticator_response(&self, hash: &NtHash, nt_response: &[u8; 24]) -> [u8; 20] {
        const MAGIC1: &[u8] = b"Magic server to client signing constant";
        const MAGIC2: &[u8] = b"Pad to make it do more than one iteration";
        let digest = sha1(&[hash.again().as_slice(), nt_response, MAGIC1]);
        sha1(&[&digest, &self.challenge_hash(), MAGIC2])
    }
}

/// DES with a key of seven octets: between every seven bits there is one of parity, which does not
/// matter (RFC 2759 section 8.6).
fn des_encrypt(key: &[u8], clear: [u8; 8]) -> [u8; 8] {
    let bits = key
        .iter()
        .fold(0_u64, |bits, octet| bits << 8 | u64::from(*octet));
    let mut expanded = Zeroizing::new([0_u8; 8]);
    for (index, octet) in expanded.iter_mut().enumerate() {
        *octet = ((bits >> (49 - 7 * index)) as u8 & 0x7f) << 1;
    }
    let mut block = clear.into();
    Des::new(&(*expanded).into()).encrypt_block(&mut block);
    block.into()
}

/// The keys of both directions (RFC 3079 section 3.4), in the order of EAP-MSCHAPv2: what the peer
/// sends with, then what it receives with.
pub(super) fn msk(hash: &NtHash, nt_response: &[u8; 24]) -> Msk {
    const MASTER: &[u8] = b"This is the MPPE Master Key";
    const PEER_SENDS: &[u8] = b"On the client side, this is the send key; \
        on the server side, it is the receive key.";
    const PEER_RECEIVES: &[u8] = b"On the client side, this is the receive key; \
        on the server side, it is the send key.";
    let master = Zeroizing::new(sha1(&[hash.again().as_slice(), nt_response, MASTER]));
    let mut octets = Zeroizing::new([0; 32]);
    for (magic, key) in [PEER_SENDS, PEER_RECEIVES]
        .iter()
        .zip(octets.chunks_exact_mut(16))
    {
        let derived = Zeroizing::new(sha1(&[&master[..16], &[0; 40], magic, &[0xf2; 40]]));
        key.copy_from_slice(&derived[..16]);
    }
    Msk::new(octets.as_slice())
}

#[cfg(test)]
mod tests;

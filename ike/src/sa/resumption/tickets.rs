//! Sealing tickets and opening them again: with keys that nobody else has and nothing outlives, so
//! that after a restart of the agent no ticket is good any more.
//!
//! ```text
//! version, 1 octet | key ID, 8 octets | IV with the serial number, ciphertext and tag (RFC 5282)
//! ```

use std::time::{Duration, Instant};

use super::content::TicketContent;
use crate::{
    Secret,
    crypto::{IkeSuite, MessageCipher},
    proposal::{AdditionalKeyExchanges, EncryptionId, KeyExchangeMethod, PrfId},
};

/// How long a key seals tickets; it opens them for as long again. No ticket lives longer.
pub(in crate::sa) const KEY_LIFE: Duration = Duration::from_secs(12 * 3600);

/// Tickets that one key seals. Whether each has been used takes a bit.
const MOST_TICKETS: u64 = 1 << 20;

/// Of this form of tickets.
const VERSION: u8 = 1;

const KEY_ID_LEN: usize = 8;

/// AES-256 and the salt of AES-GCM (RFC 5282 section 7.1).
const KEY_LEN: usize = 36;

/// A key and what it has sealed.
struct Key {
    id: [u8; KEY_ID_LEN],
    cipher: MessageCipher,
    made: Instant,
    issued: u64,
    /// A bit for each ticket.
    used: Vec<u64>,
}

/// Seals and opens the tickets of one agent.
#[derive(Default)]
pub struct Tickets {
    current: Option<Key>,
    former: Option<Key>,
}

/// Which ticket it was, to be given to [`Tickets::spend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketId {
    key: [u8; KEY_ID_LEN],
    serial: u64,
}

/// A ticket that we have made, is in time, and has not been used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Which one.
    pub id: TicketId,
    /// What it says.
    pub content: TicketContent,
}

impl Tickets {
    /// A ticket that is good for `lifetime`, but no longer than its key.
    pub fn seal(
        &mut self,
        content: &TicketContent,
        lifetime: Duration,
        now: Instant,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Option<Vec<u8>> {
        let stale = |key: &Key| {
            now.saturating_duration_since(key.made) >= KEY_LIFE || key.issued >= MOST_TICKETS
        };
        if self.current.as_ref().is_none_or(stale) {
            self.former = self.current.replace(Key::new(now, random)?);
        }
        let key = self.current.as_mut()?;
        let expires = now.saturating_duration_since(key.made) + lifetime.min(KEY_LIFE);
        let serial = key.issued;
        key.issued += 1;
        let octets = content.write();
        let text = [&expires.as_secs().to_be_bytes()[..], &octets].concat();
        let text = zeroize::Zeroizing::new(text);
        let mut prefix = vec![VERSION];
        prefix.extend_from_slice(&key.id);
        Some(key.cipher.seal(prefix, serial, &text))
    }

    /// What a ticket of ours says.
    pub fn open(&self, ticket: &[u8], now: Instant) -> Option<Opened> {
        let (before, body) = ticket.split_at_checked(1 + KEY_ID_LEN)?;
        let (&version, id) = before.split_first()?;
        let key = self.key(id).filter(|_| version == VERSION)?;
        let serial = u64::from_be_bytes(*body.first_chunk()?);
        let text = key.cipher.open(before, body).ok()?;
        let (expires, octets) = text.split_first_chunk()?;
        let age = now.saturating_duration_since(key.made);
        let in_time = age < Duration::from_secs(u64::from_be_bytes(*expires));
        if !in_time || key.is_used(serial) {
            return None;
        }
        let id = TicketId {
            key: key.id,
            serial,
        };
        let content = TicketContent::read(octets).ok()?;
        Some(Opened { id, content })
    }

    /// The client has proved that the ticket is its own: nobody may use it again. `false` if
    /// somebody has.
    pub fn spend(&mut self, ticket: TicketId) -> bool {
        let mut keys = self.current.iter_mut().chain(&mut self.former);
        let key = keys.find(|key| key.id == ticket.key);
        key.is_some_and(|key| key.spend(ticket.serial))
    }

    fn key(&self, id: &[u8]) -> Option<&Key> {
        let mut keys = self.current.iter().chain(&self.former);
        keys.find(|key| key.id == id)
    }
}

impl Key {
    fn new(now: Instant, random: &mut dyn FnMut(&mut [u8])) -> Option<Self> {
        let (mut id, mut key) = ([0; KEY_ID_LEN], zeroize::Zeroizing::new([0; KEY_LEN]));
        random(&mut id);
        random(&mut *key);
        let suite = IkeSuite {
            encryption: EncryptionId::AES_GCM_16,
            key_bits: 256,
            integrity: None,
            prf: PrfId::HMAC_SHA2_256,
            key_exchange: KeyExchangeMethod::NONE,
            additional: AdditionalKeyExchanges::NONE,
        };
        let cipher = MessageCipher::new(&suite, &Secret::new(*key), &Secret::new([])).ok()?;
        Some(Self {
            id,
            cipher,
            made: now,
            issued: 0,
            used: Vec::new(),
        })
    }

    fn is_used(&self, serial: u64) -> bool {
        let (word, bit) = place(serial);
        self.used.get(word).is_some_and(|word| word & bit != 0)
    }

    fn spend(&mut self, serial: u64) -> bool {
        if serial >= self.issued || self.is_used(serial) {
            return false;
        }
        let (word, bit) = place(serial);
        if self.used.len() <= word {
            self.used.resize(word + 1, 0);
        }
        self.used[word] |= bit;
        true
    }
}

/// Where the bit of a ticket is. No serial number reaches [`MOST_TICKETS`].
fn place(serial: u64) -> (usize, u64) {
    ((serial / 64) as usize, 1 << (serial % 64))
}

#[cfg(test)]
mod tests;

//! Putting the fragments of one message together (RFC 7383 section 2.6).
//!
//! Knows no keys: whoever uses it adds nothing but authentic fragments. It is public for tests and
//! the fuzzer.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::{
    MessageId,
    wire::{ExchangeType, Fragment, Header},
};

/// Fragments of one message that are kept at most.
pub const MOST_FRAGMENTS: u16 = 512;

/// Octets of plaintext that are kept at most: more than any message of ours or of others has.
pub const MOST_OCTETS: usize = 64 * 1024;

/// The fragments of one message of the peer that have come so far. There is one of these for
/// requests and one for responses, because the window is one in each direction.
#[derive(Default)]
pub struct Reassembly(Option<Box<Pending>>);

struct Pending {
    exchange: ExchangeType,
    message_id: MessageId,
    total: u16,
    /// Said by the first fragment only.
    first_payload: u8,
    octets: usize,
    largest_datagram: usize,
    fragments: BTreeMap<u16, Zeroizing<Vec<u8>>>,
}

/// A message that is complete.
pub struct Reassembled {
    /// Type of the first payload, 0 for none.
    pub first_payload: u8,
    /// The plaintext of the whole message.
    pub octets: Zeroizing<Vec<u8>>,
    /// Octets in the largest datagram it came in: what the path takes.
    pub largest_datagram: usize,
}

impl Pending {
    fn is_of(&self, header: &Header) -> bool {
        (self.message_id, self.exchange) == (header.message_id, header.exchange)
    }
}

impl Reassembly {
    /// Whether a fragment brings anything new; those that do not need not be decrypted.
    ///
    /// A sender that finds the path narrower than it thought begins anew with more fragments, and
    /// never with fewer: those with fewer are late ones of its former attempt
    /// (RFC 7383 section 2.6).
    pub fn wants(&self, header: &Header, fragment: &Fragment<'_>) -> bool {
        if fragment.total > MOST_FRAGMENTS {
            return false;
        }
        match &self.0 {
            Some(pending) if pending.is_of(header) => {
                fragment.total > pending.total
                    || fragment.total == pending.total
                        && !pending.fragments.contains_key(&fragment.number)
            }
            _ => true,
        }
    }

    /// Keeps an authentic fragment that was wanted. Returns the message once nothing is missing.
    /// A message that is too large is forgotten as a whole: that is `Err`.
    pub fn add(
        &mut self,
        header: &Header,
        fragment: &Fragment<'_>,
        plaintext: Zeroizing<Vec<u8>>,
    ) -> Result<Option<Reassembled>, TooLarge> {
        let continues =
            |pending: &Pending| pending.is_of(header) && pending.total == fragment.total;
        if !self.0.as_deref().is_some_and(continues) {
            self.0 = None;
        }
        let pending = self.0.get_or_insert_with(|| {
            Box::new(Pending {
                exchange: header.exchange,
                message_id: header.message_id,
                total: fragment.total,
                first_payload: 0,
                octets: 0,
                largest_datagram: 0,
                fragments: BTreeMap::new(),
            })
        });
        pending.octets += plaintext.len();
        if pending.octets > MOST_OCTETS {
            self.0 = None;
            return Err(TooLarge);
        }
        if fragment.number == 1 {
            pending.first_payload = fragment.first_payload;
        }
        let datagram_len = fragment.aad.len() + fragment.body.len();
        pending.largest_datagram = pending.largest_datagram.max(datagram_len);
        pending.fragments.insert(fragment.number, plaintext);
        if pending.fragments.len() < usize::from(pending.total) {
            return Ok(None);
        }
        Ok(self.0.take().map(|pending| pending.join()))
    }

    /// Forgets what has come so far: nothing more came for too long.
    pub fn forget(&mut self) {
        self.0 = None;
    }

    /// Octets of plaintext that are kept now.
    pub fn octets(&self) -> usize {
        self.0.as_ref().map_or(0, |pending| pending.octets)
    }
}

/// The peer sends more than anybody needs.
#[derive(Debug)]
pub struct TooLarge;

impl Pending {
    fn join(self) -> Reassembled {
        let mut octets = Zeroizing::new(Vec::with_capacity(self.octets));
        for part in self.fragments.values() {
            octets.extend_from_slice(part);
        }
        Reassembled {
            first_payload: self.first_payload,
            octets,
            largest_datagram: self.largest_datagram,
        }
    }
}

#[cfg(test)]
mod tests;

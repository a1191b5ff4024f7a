//! A protected message, whole and as it travels.
//!
//! Payloads become octets in one place, [`Content::of`], and octets become payloads in one place,
//! [`Content::payloads`]. Between the two a message is one string of plaintext, whether it travels
//! in one Encrypted payload or in several Encrypted Fragment payloads (RFC 7383):
//!
//! ```text
//! payloads -> Content -> Secured::seal -> Message -> one datagram, or one for each fragment
//! payloads <- Content <- Secured::open <- Reassembly <- Encrypted, or Encrypted Fragments
//! ```
//!
//! Whatever needs the plaintext of a whole message finds it in the [`Content`]. IntAuth of
//! RFC 9242 section 3.3.2 is such a thing: its P is [`Content::octets`], and its A, the header
//! chain with the lengths of an unencrypted message, is what
//! [`crate::wire::write_encrypted_prefix`] writes for a body as long as P.

use zeroize::Zeroizing;

use super::payloads::Payloads;
use crate::wire::{Payload, WireError, parse_payloads, write_payloads};

/// What is encrypted: the chain of payloads, without padding.
pub(super) struct Content {
    /// Type of the first payload, 0 for none.
    pub(super) first_payload: u8,
    pub(super) octets: Zeroizing<Vec<u8>>,
}

impl Content {
    pub(super) fn of(payloads: &[Payload]) -> Self {
        let mut octets = Zeroizing::new(Vec::with_capacity(256));
        let first_payload = write_payloads(payloads, &mut octets);
        Self {
            first_payload,
            octets,
        }
    }

    pub(super) fn payloads(&self) -> Result<Payloads, WireError> {
        parse_payloads(self.first_payload, &self.octets).map(Payloads)
    }
}

/// A message of ours as it is sent and sent again: one datagram, or several fragments.
///
/// All but the last fragment are equally long, so one buffer holds them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    octets: Vec<u8>,
    datagram_len: usize,
}

impl Message {
    /// One datagram.
    pub(super) fn whole(octets: Vec<u8>) -> Self {
        Self {
            datagram_len: octets.len(),
            octets,
        }
    }

    /// Fragments of this length each, but for the last one, which may be shorter.
    pub(super) fn fragments(octets: Vec<u8>, datagram_len: usize) -> Self {
        Self {
            octets,
            datagram_len,
        }
    }

    pub(super) fn datagrams(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.octets.chunks(self.datagram_len.max(1))
    }

    /// Octets in the longest datagram.
    pub(super) fn datagram_len(&self) -> usize {
        self.datagram_len
    }

    /// The datagram of an IKE_SA_INIT message, which is never fragmented.
    pub(super) fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}

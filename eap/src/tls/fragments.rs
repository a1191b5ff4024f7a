//! TLS messages in pieces that fit into packets (RFC 5216 section 2.1.5).

use crate::Discard;

/// The most octets of a message in one direction: a chain of certificates is far shorter.
pub(crate) const MAX_MESSAGE: usize = 64 * 1024;

const LENGTH_INCLUDED: u8 = 0x80;
const MORE_FRAGMENTS: u8 = 0x40;
const START: u8 = 0x20;

/// What a packet brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// The authenticator begins.
    Start,
    /// A piece; the rest comes once this has been acknowledged.
    Piece,
    /// The last piece of a message.
    Message(Vec<u8>),
    /// Nothing: the other side has what we sent.
    Acknowledgement,
}

/// Both directions.
#[derive(Default)]
pub(super) struct Fragments {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    sent: usize,
}

impl Fragments {
    /// The first request.
    pub(super) fn start() -> Vec<u8> {
        vec![START]
    }

    /// Reads the data of a packet.
    pub(super) fn receive(&mut self, data: &[u8]) -> Result<Received, Discard> {
        let (flags, mut rest) = data.split_first().ok_or(Discard::Malformed)?;
        if flags & START != 0 {
            return Ok(Received::Start);
        }
        if flags & LENGTH_INCLUDED != 0 {
            let (length, after) = rest.split_first_chunk().ok_or(Discard::Malformed)?;
            // A promise that is not needed; only its size is believed.
            if u32::from_be_bytes(*length) as usize > MAX_MESSAGE {
                return Err(Discard::Malformed);
            }
            rest = after;
        }
        if self.incoming.len() + rest.len() > MAX_MESSAGE {
            return Err(Discard::Malformed);
        }
        let more = flags & MORE_FRAGMENTS != 0;
        if rest.is_empty() && !more && self.incoming.is_empty() {
            return Ok(Received::Acknowledgement);
        }
        self.incoming.extend_from_slice(rest);
        if more {
            return Ok(Received::Piece);
        }
        Ok(Received::Message(std::mem::take(&mut self.incoming)))
    }

    /// Takes a message to be sent. What it replaces has been sent.
    pub(super) fn queue(&mut self, message: Vec<u8>) {
        self.outgoing = message;
        self.sent = 0;
    }

    /// Whether there is still something to be sent.
    pub(super) fn pending(&self) -> bool {
        self.sent < self.outgoing.len()
    }

    /// The data of the next packet: the next piece, or an acknowledgement.
    pub(super) fn next(&mut self, most: usize) -> Vec<u8> {
        let rest = &self.outgoing[self.sent..];
        let piece = &rest[..rest.len().min(most.max(1))];
        let mut flags = 0;
        if piece.len() < rest.len() {
            flags |= MORE_FRAGMENTS;
        }
        let first = self.sent == 0 && !piece.is_empty();
        if first {
            flags |= LENGTH_INCLUDED;
        }
        let mut data = vec![flags];
        if first {
            data.extend_from_slice(&(self.outgoing.len() as u32).to_be_bytes());
        }
        data.extend_from_slice(piece);
        self.sent += piece.len();
        data
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_more_is_kept_than_a_message_may_have() {
        let mut fragments = Fragments::default();
        let promise = [LENGTH_INCLUDED, 0, 1, 0, 1, 0];
        assert_eq!(fragments.receive(&promise), Err(Discard::Malformed));
        let mut piece = vec![MORE_FRAGMENTS];
        piece.extend([0; 1000]);
        let received = (0..100).find_map(|_| fragments.receive(&piece).err());
        assert_eq!(received, Some(Discard::Malformed));
        assert!(fragments.incoming.len() <= MAX_MESSAGE);
    }

    proptest! {
        #[test]
        fn pieces_make_up_the_message(
            message in proptest::collection::vec(any::<u8>(), 1..5000),
            most in 1_usize..2000,
        ) {
            let (mut ours, mut theirs) = (Fragments::default(), Fragments::default());
            ours.queue(message.clone());
            let received = loop {
                match theirs.receive(&ours.next(most)).unwrap() {
                    Received::Message(message) => break message,
                    other => prop_assert_eq!(other, Received::Piece),
                }
                prop_assert_eq!(ours.receive(&theirs.next(most)), Ok(Received::Acknowledgement));
            };
            prop_assert_eq!(received, message);
            prop_assert!(!ours.pending());
        }
    }
}

//! An IKE_SA lives through generations of keys: each rekeying makes a new one, with SPIs and message
//! IDs of its own, and the one before lingers until both ends have closed it
//! (RFC 7296 section 2.8).

use std::time::{Duration, Instant};

use super::{
    io::Role,
    message::{Content, Message},
    responses::Responses,
    secured::Secured,
};
use crate::{
    IkeSpi, IkeSpis, MessageId, Path,
    wire::{ExchangeType, Flags, Header, Payload},
};

/// How long a generation that the peer should delete is kept, and one whose deletion was answered:
/// the peer may not have the answer. That is as long as a peer repeats its requests.
const WAIT_FOR_DELETION: Duration = Duration::from_secs(180);
const LINGER: Duration = Duration::from_secs(30);

/// Generations that are kept at most. More pile up only where both ends rekey all the time.
pub(super) const MOST_FORMERS: usize = 16;

/// Keys with the SPIs that name them.
pub(super) struct Generation {
    /// Who asked for it.
    pub(super) role: Role,
    pub(super) spis: IkeSpis,
    pub(super) secured: Secured,
}

/// A generation that may take the place of the present one.
pub(super) struct Successor {
    pub(super) generation: Generation,
    /// Of the exchange that made it.
    pub(super) lowest_nonce: Box<[u8]>,
}

/// A generation whose time is over.
pub(super) struct Former {
    pub(super) generation: Generation,
    pub(super) responses: Responses,
    /// Our request to delete it, as long as it is not answered.
    pub(super) deletion: Option<Deletion>,
    /// When the deletion is repeated, or the generation forgotten.
    pub(super) at: Instant,
}

/// A DELETE that is in flight.
pub(super) struct Deletion {
    pub(super) message_id: MessageId,
    pub(super) path: Path,
    pub(super) message: Message,
    pub(super) retransmissions: u32,
}

impl Generation {
    /// The SPI that we chose.
    pub(super) fn local_spi(&self) -> IkeSpi {
        match self.role {
            Role::Initiator => self.spis.initiator,
            Role::Responder => self.spis.responder,
        }
    }
}

impl Former {
    /// One that the peer deletes.
    pub(super) fn passive(generation: Generation, responses: Responses, now: Instant) -> Self {
        Self {
            generation,
            responses,
            deletion: None,
            at: now + WAIT_FOR_DELETION,
        }
    }

    /// One that we delete: returns the request for it too.
    pub(super) fn active(
        generation: Generation,
        responses: Responses,
        (message_id, path): (MessageId, Path),
        payloads: &[Payload],
        now: Instant,
    ) -> (Self, Message) {
        let mut former = Self::passive(generation, responses, now);
        let message = former.seal(ExchangeType::Informational, message_id, false, payloads);
        former.deletion = Some(Deletion {
            message_id,
            path,
            message: message.clone(),
            retransmissions: 0,
        });
        (former, message)
    }

    /// The peer has deleted it; it may ask for our answer again.
    pub(super) fn deleted(&mut self, now: Instant) {
        self.deletion = None;
        self.at = now + LINGER;
    }

    pub(super) fn seal(
        &mut self,
        exchange: ExchangeType,
        message_id: MessageId,
        response: bool,
        payloads: &[Payload],
    ) -> Message {
        let Generation { role, spis, .. } = self.generation;
        let header = header(role, spis, exchange, message_id, response);
        // Nothing that is said here is large.
        let content = Content::of(payloads);
        self.generation.secured.seal(&header, &content, None)
    }
}

/// The header of a message of ours.
pub(super) fn header(
    role: Role,
    spis: IkeSpis,
    exchange: ExchangeType,
    message_id: MessageId,
    response: bool,
) -> Header {
    Header {
        spis,
        next_payload: 0,
        major: 2,
        minor: 0,
        exchange,
        flags: Flags {
            initiator: role == Role::Initiator,
            version: false,
            response,
        },
        message_id,
        length: 0,
    }
}

//! The peer's requests: the expected message ID and the cached response (RFC 7296 section 2.1).

use super::message::Message;
use crate::{EspSpi, MessageId, Path, wire::ExchangeType, wire::Payload};

/// How a request relates to those before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sequence {
    /// The one that comes next.
    Expected,
    /// The last one once more.
    Repeated,
    /// Neither: outside the window.
    OutOfWindow,
}

/// A response that waits for the data plane.
pub(super) struct Parked {
    pub(super) message_id: MessageId,
    pub(super) exchange_type: ExchangeType,
    pub(super) path: Path,
    /// The CHILD_SA it waits for.
    pub(super) inbound_spi: EspSpi,
    /// What is said in any case.
    pub(super) common: Vec<Payload>,
    /// What is said when the CHILD_SA is installed.
    pub(super) success: Vec<Payload>,
}

/// The peer's side of the message ID space.
#[derive(Default)]
pub(super) struct Responses {
    expected: MessageId,
    cached: Option<Message>,
    pub(super) parked: Option<Box<Parked>>,
}

impl Responses {
    pub(super) fn classify(&self, message_id: MessageId) -> Sequence {
        if message_id == self.expected {
            Sequence::Expected
        } else if message_id.next() == self.expected {
            Sequence::Repeated
        } else {
            Sequence::OutOfWindow
        }
    }

    /// The expected request is being handled; no cached response stands for it yet.
    pub(super) fn begin(&mut self) {
        self.expected = self.expected.next();
        self.cached = None;
    }

    /// Keeps the response for as long as the peer may repeat its request. One that waited for the
    /// data plane may be late: a peer that broke the window has asked for something else since.
    pub(super) fn answered(&mut self, message_id: MessageId, response: Message) {
        if message_id.next() == self.expected {
            self.cached = Some(response);
        }
    }

    /// The response to the last request, unless it is still being made.
    pub(super) fn cached(&self) -> Option<&Message> {
        self.cached.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_of_one() {
        let message = |octet| Message::whole(vec![octet]);
        let mut responses = Responses::default();
        assert_eq!(responses.classify(MessageId(0)), Sequence::Expected);
        assert_eq!(responses.classify(MessageId(1)), Sequence::OutOfWindow);
        assert_eq!(
            responses.classify(MessageId(u32::MAX)),
            Sequence::Repeated,
            "harmless: nothing is cached"
        );
        assert!(responses.cached().is_none());
        responses.begin();
        assert!(responses.cached().is_none(), "still being made");
        responses.answered(MessageId(0), message(1));
        assert_eq!(responses.classify(MessageId(0)), Sequence::Repeated);
        assert_eq!(responses.cached(), Some(&message(1)));
        assert_eq!(responses.classify(MessageId(1)), Sequence::Expected);
        responses.begin();
        responses.answered(MessageId(0), message(2));
        assert!(responses.cached().is_none(), "too late for the cache");
    }
}

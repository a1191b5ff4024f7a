//! Requests for IKE_SAs that do not exist (RFC 7296 sections 1.5 and 2.21.4): their senders are told,
//! without protection, for there are no keys. That is a hint to a peer which still believes in an
//! IKE_SA that a crash of ours ended.
//!
//! Nothing is said to responses, nothing larger than what came, and not often: neither a forger nor two
//! confused ends make us talk.

use std::{
    collections::HashSet,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::payloads::notify;
use crate::wire::{ExchangeType, Flags, Header, NotifyType, write_message};

/// Each address is told once in this time,
const WINDOW: Duration = Duration::from_secs(1);
/// and no more addresses than these.
const TOLD_AT_MOST: usize = 50;

/// Whom we have told lately.
#[derive(Debug, Default)]
pub(super) struct UnknownSpis {
    since: Option<Instant>,
    // Keys are chosen by strangers: the standard hasher resists collisions.
    told: HashSet<IpAddr>,
}

impl UnknownSpis {
    /// What to say to a datagram of this length for no IKE_SA of ours, if anything.
    pub(super) fn answer(
        &mut self,
        header: &Header,
        length: usize,
        from: IpAddr,
        now: Instant,
    ) -> Option<Vec<u8>> {
        let asks = !header.flags.response
            && header.exchange != ExchangeType::IkeSaInit
            && !header.spis.initiator.is_zero()
            && !header.spis.responder.is_zero();
        if !asks {
            return None;
        }
        let answer = invalid_ike_spi(header);
        (answer.len() <= length && self.may_tell(from, now)).then_some(answer)
    }

    fn may_tell(&mut self, from: IpAddr, now: Instant) -> bool {
        let over = |since| now.saturating_duration_since(since) >= WINDOW;
        if self.since.is_none_or(over) {
            self.since = Some(now);
            self.told.clear();
        }
        self.told.len() < TOLD_AT_MOST && self.told.insert(from)
    }
}

/// A response with the SPIs, the message ID and the exchange type of the request.
fn invalid_ike_spi(request: &Header) -> Vec<u8> {
    let header = Header {
        next_payload: 0,
        major: 2,
        minor: 0,
        flags: Flags {
            initiator: !request.flags.initiator,
            version: false,
            response: true,
        },
        length: 0,
        ..*request
    };
    write_message(&header, &[notify(NotifyType::INVALID_IKE_SPI, Vec::new())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [203, 0, 113, last].into()
    }

    #[test]
    fn an_address_is_told_once_in_a_while() {
        let mut spis = UnknownSpis::default();
        let now = Instant::now();
        assert!(spis.may_tell(address(1), now));
        assert!(!spis.may_tell(address(1), now + WINDOW / 2));
        assert!(spis.may_tell(address(2), now + WINDOW / 2));
        assert!(spis.may_tell(address(1), now + WINDOW));
    }

    #[test]
    fn a_flood_is_not_answered() {
        let mut spis = UnknownSpis::default();
        let now = Instant::now();
        let told = (0..=255).filter(|last| spis.may_tell(address(*last), now));
        assert_eq!(told.count(), TOLD_AT_MOST);
        assert!(spis.may_tell(address(1), now + WINDOW));
    }
}

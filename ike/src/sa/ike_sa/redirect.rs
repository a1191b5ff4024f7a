//! Redirects of an established IKE_SA (RFC 5685 section 5).

use std::time::Instant;

use super::IkeSa;
use crate::sa::{
    event::Event,
    exchange::Work,
    payloads::Payloads,
    redirect::{Gateway, Part, read_redirect},
    timers::Timer,
};

impl IkeSa {
    /// Gateway: the client is to go elsewhere.
    pub(super) fn redirect(&mut self, to: Gateway) {
        if self.is_established() && self.part == Part::Gateway {
            let accepted = self.requests.enqueue(Work::Redirect(to));
            debug_assert!(accepted, "there is always room for it");
        }
    }

    /// Gateway: the client knows. It closes this IKE_SA once it is there; one that does not is
    /// closed by us.
    pub(super) fn on_redirect_answered(&mut self, now: Instant) {
        let time = self.connection.half_open_timeout;
        let Some(at) = now.checked_add(time) else {
            return;
        };
        if self.is_established() && self.timers.get(Timer::Expire).is_none_or(|due| at < due) {
            self.timers.set(Timer::Expire, at);
        }
    }

    /// Client: the gateway sends us elsewhere. This IKE_SA stays as it is until somebody closes it.
    pub(super) fn on_redirect(&mut self, payloads: &Payloads) {
        if self.is_established()
            && self.part == Part::Client
            && let Some(to) = read_redirect(payloads, &[])
        {
            self.emit(Event::Redirected(to));
        }
    }

    /// Whether a client at the other end said that it follows redirects.
    pub fn may_redirect(&self) -> bool {
        self.part == Part::Gateway
    }
}

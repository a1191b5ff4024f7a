//! Redirects in IKE_AUTH and of an established IKE_SA (RFC 5685 sections 5 and 6).

use std::time::Instant;

use super::{IkeSa, State};
use crate::{
    Environment, Path,
    sa::{
        event::{CloseCause, Event},
        exchange::{Work, informational},
        negotiation::ChildOffer,
        payloads::Payloads,
        redirect::{Gateway, Part, RedirectAt, read_redirect, redirect_notify},
        secured::Secured,
        timers::Timer,
    },
    wire::{Header, Payload},
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

    /// Gateway: where clients of this connection are sent once they are authenticated.
    pub(super) fn redirects_clients(&self) -> Option<Gateway> {
        let redirect = self.connection.redirect.as_ref()?;
        let redirects = self.part == Part::Gateway && redirect.at == RedirectAt::IkeAuth;
        redirects.then(|| redirect.to.clone())
    }

    /// Gateway: the initiator is authenticated, and sent elsewhere instead of served. What is left
    /// of this IKE_SA repeats the answer, and waits until the client closes it.
    pub(super) fn redirect_initiator(
        &mut self,
        secured: Secured,
        to: &Gateway,
        (header, path): (&Header, Path),
        mut answer: Vec<Payload>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        self.state = State::Deleting(Box::new(secured), CloseCause::Redirected);
        answer.push(redirect_notify(to, &[]));
        self.respond_with(header, &answer, path, env);
        let patience = self.connection.half_open_timeout;
        self.timers.set_after(Timer::HalfOpen, now, patience);
    }

    /// Client: the gateway is authenticated, and sends us elsewhere instead of serving us.
    pub(super) fn redirected(
        &mut self,
        to: Gateway,
        offer: Option<ChildOffer>,
        env: &mut dyn Environment,
    ) {
        if let Some(offer) = offer {
            offer.cancel(env);
        }
        self.send_once(&informational::delete_ike_sa(), env);
        self.emit(Event::Redirected(to));
        self.close(CloseCause::Redirected, env);
    }
}

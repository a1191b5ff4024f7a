//! The peer's responses to our protected requests.

use std::time::Instant;

use super::{IkeSa, State};
use crate::{
    Environment,
    proposal::KeyExchangeMethod,
    sa::{
        event::{ChildDownCause, Event, Failure},
        exchange::{Exchange, Work, create_child::CreateChild, informational},
        negotiation::{Answer, ChildOffer, Unaccepted},
        payloads::Payloads,
        timers::Timer,
    },
    wire::{ExchangeType, Header, NotifyType},
};

impl IkeSa {
    /// A response under the protection of the IKE_SA.
    pub(super) fn on_protected_response(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let fatal = payloads.notify(NotifyType::INVALID_SYNTAX).is_some();
        let half_open = matches!(
            header.exchange,
            ExchangeType::IkeIntermediate | ExchangeType::IkeAuth
        );
        if fatal && !half_open {
            // The peer has closed it, or should have (RFC 7296 section 2.21.3).
            self.send_once(&informational::delete_ike_sa(), env);
            return self.fail(Failure::InvalidSyntax, env);
        }
        let Some(request) = self.requests.answered(header.message_id, header.exchange) else {
            return;
        };
        self.timers.stop(Timer::Retransmit);
        self.heard(now);
        if request.retransmissions > 0 {
            self.emit(Event::PeerAnswers);
        }
        match request.exchange {
            Exchange::IkeIntermediate(intermediate) => {
                self.on_intermediate_response(*intermediate, payloads, now, env);
            }
            Exchange::IkeAuth(auth) => self.on_auth_response(auth, payloads, now, env),
            Exchange::CreateChild(create) => {
                self.on_create_response(*create, payloads, now, env);
            }
            Exchange::RekeyIke(rekey) => self.on_rekey_ike_response(*rekey, payloads, now, env),
            Exchange::DeleteChild(spi) => {
                self.drop_child(spi, ChildDownCause::Terminated, now, env);
            }
            Exchange::DeleteIke => {
                if let State::Deleting(_, cause) = self.state {
                    self.close(cause, env);
                }
            }
            Exchange::Redirect => self.on_redirect_answered(now),
            Exchange::Liveness => self.on_liveness_response(payloads),
            Exchange::UpdateAddresses(path) => self.on_update_response(path, payloads, now, env),
            Exchange::CheckRoute(cookie) => self.on_route_check_response(&cookie, payloads),
            Exchange::TellAddresses | Exchange::IkeSaInit(_) | Exchange::IkeSessionResume(_) => {}
        }
    }

    fn on_create_response(
        &mut self,
        mut create: CreateChild,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if let Some(pending) = create.pending.take() {
            return self.on_child_follow_up(create, pending, payloads, now, env);
        }
        let refused = |failure, granted| Unaccepted { failure, granted };
        let unaccepted = match create.offer.answer(payloads) {
            Ok(Answer::OtherKeyExchange(_)) if create.again => {
                refused(Failure::InvalidKeyExchange, false)
            }
            Ok(Answer::OtherKeyExchange(method)) => {
                return self.create_again(create, method, env);
            }
            Ok(Answer::Agreed(agreed)) if create.is_deleted(agreed.outbound_spi) => {
                refused(Failure::TemporaryFailure, false)
            }
            Ok(Answer::Agreed(agreed)) => match payloads.nonce() {
                Ok(nonce_r) => {
                    return self.child_agreed(create, *agreed, nonce_r.into(), payloads, now, env);
                }
                Err(failure) => refused(failure, true),
            },
            Err(unaccepted) => unaccepted,
        };
        self.create_refused(create, &unaccepted, now, env);
    }

    /// Our offer of a CHILD_SA has led to none.
    pub(super) fn create_refused(
        &mut self,
        create: CreateChild,
        unaccepted: &Unaccepted,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        match &create.rekeys {
            Some(rekeys) => {
                self.rekey_child_failed(rekeys, create.offer, unaccepted, now, env);
            }
            None => self.offer_failed(create.offer, unaccepted, env),
        }
    }

    /// The same request with the key exchange that the peer asks for (RFC 7296 section 1.3.1).
    fn create_again(
        &mut self,
        create: CreateChild,
        method: KeyExchangeMethod,
        env: &mut dyn Environment,
    ) {
        let config = create.offer.config.clone();
        create.offer.cancel(env);
        match create.rekeys {
            Some(rekeys) => self.rekey_child(rekeys.old, Some(method)),
            None => self.enqueue_child(config, Some(method)),
        }
    }

    pub(super) fn offer_failed(
        &mut self,
        offer: ChildOffer,
        unaccepted: &Unaccepted,
        env: &mut dyn Environment,
    ) {
        count_failure(unaccepted.failure, env);
        let name = offer.config.name.clone();
        if unaccepted.granted {
            let accepted = self.requests.enqueue(Work::Disown(offer.inbound_spi()));
            debug_assert!(accepted, "there is always room for it");
        }
        offer.cancel(env);
        // The peer may have brought the same child up meanwhile.
        if !self.has_child(&name) {
            self.emit(Event::ChildFailed {
                name,
                failure: unaccepted.failure,
            });
        }
    }
}

/// Counts what operators look for.
pub(super) fn count_failure(failure: Failure, env: &dyn Environment) {
    let counters = env.counters();
    match failure {
        Failure::NoProposalChosen | Failure::InvalidKeyExchange => {
            counters.no_proposal.increment();
        }
        Failure::TsUnacceptable => counters.ts_unacceptable.increment(),
        Failure::AuthenticationRefused
        | Failure::AuthenticationFailed
        | Failure::NoPpk
        | Failure::PpkRefused
        | Failure::NoSecret
        | Failure::IdentityMismatch
        | Failure::NoPrivateKey
        | Failure::NoCommonSignature
        | Failure::UntrustedCertificate
        | Failure::UnconfirmedIdentity
        | Failure::NoConnection => counters.auth_failed.increment(),
        _ => {}
    }
}

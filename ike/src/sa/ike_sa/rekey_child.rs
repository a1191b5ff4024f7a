//! Rekeying CHILD_SAs (RFC 7296 sections 1.3.3, 2.8, 2.8.1 and 2.25.1).

use std::time::Instant;

use super::{IkeSa, establish::Purpose, response::count_failure};
use crate::{
    Environment, EspSpi, Path,
    proposal::KeyExchangeMethod,
    sa::{
        child::{CONCESSION, ChildState, Standing, retry_after},
        event::{ChildDownCause, Event, Failure},
        exchange::{
            Exchange, Work,
            create_child::{self, Collision, CreateChild, Rekeys, lowest_nonce},
            ike_followup_ke::Subject,
        },
        negotiation::{ChildOffer, Unaccepted},
        payloads::{Payloads, error_notify},
    },
    wire::{Header, NotifyType},
};

impl IkeSa {
    /// Has a CHILD_SA rekeyed, unless that is under way or it is on its way out.
    pub(super) fn rekey_child(&mut self, inbound_spi: EspSpi, method: Option<KeyExchangeMethod>) {
        let closing = self.requests.will_delete(inbound_spi);
        if let Some(child) = self.child_mut(inbound_spi)
            && child.is_rekeyable()
            && !closing
        {
            child.rekey_at = None;
            let accepted = self.requests.enqueue(Work::RekeyChild(inbound_spi, method));
            debug_assert!(accepted, "there is always room for it");
            self.arm_children();
        }
    }

    /// Sends the request.
    pub(super) fn start_rekey_child(
        &mut self,
        inbound_spi: EspSpi,
        method: Option<KeyExchangeMethod>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if self.requests.will_delete(inbound_spi) {
            return;
        }
        if self.is_half_rekeyed(inbound_spi) {
            // Whatever becomes of that: this one is looked at again.
            let again = now.checked_add(retry_after(env));
            if let Some(child) = self.child_mut(inbound_spi) {
                child.rekey_at = again;
            }
            return self.arm_children();
        }
        let path = self.path;
        let Some(child) = self
            .child_mut(inbound_spi)
            .filter(|child| child.is_rekeyable())
        else {
            return;
        };
        match CreateChild::rekeying(child, method, path, env) {
            Ok(create) => {
                let payloads = create.build_request();
                self.send_request(Exchange::CreateChild(Box::new(create)), &payloads, now, env);
            }
            Err(failure) => self.retry_rekey_child(inbound_spi, failure, now, env),
        }
    }

    /// Answers a request about a CHILD_SA that comes at a bad moment.
    pub(super) fn refuse_for_now(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        self.leave_rekeying_to_peer(payloads, now);
        self.respond_with(
            header,
            &[error_notify(Failure::TemporaryFailure)],
            path,
            env,
        );
    }

    /// The peer's request to rekey a CHILD_SA was refused for now, and the peer will try again. A request
    /// of ours for the same one could overtake that answer. To the peer the two would have collided; there
    /// are gateways that lose track of which SA has taken over when theirs is then refused.
    pub(super) fn leave_rekeying_to_peer(&mut self, payloads: &Payloads, now: Instant) {
        let Some(spi) = payloads
            .notify(NotifyType::REKEY_SA)
            .and_then(|rekey| create_child::rekeyed_spi(rekey).ok())
        else {
            return;
        };
        if let Some(child) = self.children.iter_mut().find(|child| child.is_peers(spi)) {
            let queued = self.requests.forget_rekeying(child.inbound_spi);
            if queued || child.rekey_at.is_some() {
                child.rekey_at = child.rekey_at.max(now.checked_add(CONCESSION));
                self.arm_children();
            }
        }
    }

    /// What is to become of the CHILD_SA that the peer has granted.
    pub(super) fn purpose_of(&mut self, create: &CreateChild, nonce_r: &[u8]) -> Purpose {
        let Some(rekeys) = &create.rekeys else {
            return Purpose::Create;
        };
        if rekeys.unwanted {
            return Purpose::Discard;
        }
        if let Some(collision) = &rekeys.collision {
            // The one with the lowest of the four nonces is closed by whoever created it.
            if lowest_nonce(&create.nonce, nonce_r) < &*collision.lowest_nonce {
                return Purpose::Discard;
            }
            if let Some(theirs) = self.child_mut(collision.theirs) {
                theirs.standing = Standing::BeatenBy(create.offer.inbound_spi());
                theirs.rekey_at = None;
            } else if let Some(half_done) = &mut self.half_done
                && let Subject::Child(theirs) = &mut half_done.subject
                && theirs.agreed.inbound_spi == collision.theirs
            {
                theirs.beaten_by = Some(create.offer.inbound_spi());
            }
            return Purpose::Replace(rekeys.old);
        }
        let replaces = |state| matches!(state, ChildState::Installed | ChildState::Deleting);
        match self.child_mut(rekeys.old) {
            Some(old) if replaces(old.state) => Purpose::Replace(rekeys.old),
            // The peer has closed it meanwhile, and agreed to this one before.
            _ => Purpose::Create,
        }
    }

    /// From now on `new` stands for `old`.
    pub(super) fn replace_child(&mut self, old: EspSpi, new: EspSpi) {
        if let Some(old) = self.child_mut(old) {
            old.replaced_by = Some(new);
            old.rekey_at = None;
        }
    }

    /// Whether a CHILD_SA that replaces another one waits for the peer: as long as the peer has not deleted
    /// the old one it may not have our answer, and asks again under the keys of now.
    pub(super) fn is_child_being_rekeyed(&self) -> bool {
        self.children.iter().any(|child| {
            let is_there = matches!(child.state, ChildState::Installing | ChildState::Installed);
            child.deferred && is_there
        })
    }

    /// The peer has rekeyed `old`, and perhaps so have we.
    pub(super) fn note_collision(&mut self, old: EspSpi, theirs: EspSpi, nonces: [&[u8]; 2]) {
        if let Some(create) = self.requests.creating()
            && let Some(rekeys) = &mut create.rekeys
            && rekeys.old == old
        {
            let [a, b] = nonces;
            rekeys.collision = Some(Collision {
                theirs,
                lowest_nonce: lowest_nonce(a, b).into(),
            });
        }
    }

    /// The peer did not rekey a CHILD_SA for us, or not as we asked.
    pub(super) fn rekey_child_failed(
        &mut self,
        rekeys: &Rekeys,
        offer: ChildOffer,
        unaccepted: &Unaccepted,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let failure = unaccepted.failure;
        count_failure(failure, env);
        if unaccepted.granted {
            let accepted = self.requests.enqueue(Work::Disown(offer.inbound_spi()));
            debug_assert!(accepted, "there is always room for it");
        }
        offer.cancel(env);
        let Some(old) = self
            .child_mut(rekeys.old)
            .filter(|child| child.is_rekeyable())
        else {
            // It is closed, or the peer was faster: nothing is missing (section 2.8.1).
            return;
        };
        if failure == Failure::ChildSaNotFound {
            // The two ends have lost each other: begin anew (section 2.25). The peer may yet learn of
            // it from a response of ours that is late, so it is told all the same.
            let config = old.config.clone();
            self.lose_child(rekeys.old, ChildDownCause::PeerDeleted, now, env);
            if !rekeys.unwanted {
                self.enqueue_child(config, None);
            }
        } else {
            self.retry_rekey_child(rekeys.old, failure, now, env);
        }
    }

    fn retry_rekey_child(
        &mut self,
        inbound_spi: EspSpi,
        failure: Failure,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(child) = self.child_mut(inbound_spi) else {
            return;
        };
        child.rekey_at = now.checked_add(retry_after(env));
        let child = Some(child.config.name.clone());
        self.emit(Event::RekeyFailed { child, failure });
        if failure == Failure::NoAdditionalSas {
            self.emit(Event::ChildNeedsReplacement { inbound_spi });
        }
        self.arm_children();
    }

    /// Closes a CHILD_SA together with whatever has taken, or is about to take, its place.
    pub(super) fn terminate_lineage(&mut self, inbound_spi: EspSpi) {
        // One that has not taken over yet stands for what it is to replace.
        let mut first = inbound_spi;
        while let Some(older) = self
            .children
            .iter()
            .find(|child| child.replaced_by == Some(first) && child.exists_at_peer())
        {
            first = older.inbound_spi;
        }
        let mut next = Some(first);
        // A CHILD_SA and what the two ends made of it: each link leads to a newer one.
        while let Some(spi) = next {
            if let Some(create) = self.requests.creating()
                && let Some(rekeys) = &mut create.rekeys
                && rekeys.old == spi
            {
                rekeys.unwanted = true;
            }
            if let Some(half_done) = &mut self.half_done
                && half_done.rekeys(spi)
            {
                half_done.discard();
            }
            next = self.child_mut(spi).and_then(|child| child.replaced_by);
            self.terminate_child(spi);
        }
    }
}

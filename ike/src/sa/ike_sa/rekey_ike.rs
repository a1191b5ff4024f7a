//! Rekeying the IKE_SA itself (RFC 7296 sections 1.3.2, 2.8.2, 2.18 and 2.25.2).

use std::time::{Duration, Instant};

use super::{IkeSa, follow_up::lowest_of, response::count_failure};
use crate::{
    Environment, IkeSpis, Path,
    crypto::Nonces,
    proposal::KeyExchangeMethod,
    sa::{
        child::retry_after,
        event::{ChildDownCause, Event, Failure, Rekeyed},
        exchange::{
            Exchange, Work,
            create_child::{CreateRefusal, lowest_nonce},
            informational,
            rekey_ike::{self, RekeyAnswer, RekeyDone, RekeyIke, RekeyResponse},
        },
        generation::{Former, Generation, Successor},
        io::Role,
        payloads::Payloads,
        responses::Responses,
        timers::Timer,
    },
    wire::Header,
};

/// How long requests wait for a sign that the peer knows the IKE_SA that it asked for. Without one
/// they are sent all the same, and repeated like any other.
const HOLD: Duration = Duration::from_secs(2);

/// When so little of the lifetime is left, a peer that is always busy will not rekey in time.
const LAST_CALL: Duration = Duration::from_secs(60);

/// How the generation that has been replaced ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OldGeneration {
    /// We rekeyed it, so we delete it.
    OursToDelete,
    /// The peer rekeyed it, so the peer deletes it.
    TheirsToDelete,
    /// The peer has deleted it.
    Deleted,
}

impl IkeSa {
    /// Has the IKE_SA rekeyed, unless that is under way.
    pub(super) fn rekey_ike(&mut self, method: Option<KeyExchangeMethod>) {
        let accepted = self.requests.enqueue(Work::RekeyIke(method));
        debug_assert!(accepted, "there is always room for it");
    }

    /// Sends the request.
    pub(super) fn start_rekey_ike(
        &mut self,
        method: Option<KeyExchangeMethod>,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let creates = self.responses.parked.is_some() || self.half_done.is_some();
        if creates || self.is_child_being_rekeyed() {
            // The peer would refuse (RFC 7296 section 2.25.2), or should.
            return self.retry_rekey_ike(now, env);
        }
        let connection = self.connection.clone();
        match RekeyIke::new(&connection, method, env) {
            Ok(rekey) => {
                let payloads = rekey.build_request();
                self.send_request(Exchange::RekeyIke(Box::new(rekey)), &payloads, now, env);
            }
            Err(failure) => self.rekey_ike_failed(failure, now, env),
        }
    }

    /// The peer wants to rekey the IKE_SA.
    pub(super) fn on_rekey_ike_request(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let collided = |rekey: &mut RekeyIke| rekey.collision.is_some();
        let busy =
            self.requests.concern_a_child() || self.requests.rekeying().is_some_and(collided);
        let connection = self.connection.clone();
        let answer = if busy {
            Err(CreateRefusal::Failure(Failure::TemporaryFailure))
        } else {
            rekey_ike::handle_request(payloads, &connection, env)
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(refusal) => return self.refuse_creation(header, refusal, path, env),
        };
        if answer.done.suite.additional.is_empty() {
            self.grant_rekey_ike(header, &answer, path, now, env);
        } else {
            self.begin_half_ike(header, answer, path, now, env);
        }
    }

    /// Agrees to the IKE_SA that takes the place of this one: all key exchanges are done.
    pub(super) fn grant_rekey_ike(
        &mut self,
        header: &Header,
        answer: &RekeyResponse,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let spis = IkeSpis {
            initiator: answer.done.spi,
            responder: answer.spi,
        };
        let nonces = Nonces {
            initiator: &answer.done.nonce,
            responder: &answer.nonce,
        };
        let successor = match self.derive_successor(Role::Responder, spis, &answer.done, nonces) {
            Ok(successor) => Box::new(successor),
            Err(failure) => {
                env.release_ike_spi(answer.spi);
                return self.refuse_creation(header, failure.into(), path, env);
            }
        };
        self.respond_with(header, &answer.payloads, path, env);
        if let Some(rekey) = self.requests.rekeying() {
            rekey.collision = Some(successor);
        } else {
            self.succeed(*successor, OldGeneration::TheirsToDelete, now, env);
        }
    }

    /// The peer's answer to our request.
    pub(super) fn on_rekey_ike_response(
        &mut self,
        mut rekey: RekeyIke,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let answer = rekey.handle_response(payloads, env);
        if let (Ok(RekeyAnswer::More), Some(pending)) = (&answer, &rekey.pending) {
            let payloads = pending.follow_ups.build_request();
            return self.send_request(Exchange::RekeyIke(Box::new(rekey)), &payloads, now, env);
        }
        let theirs = rekey.collision.take();
        let ours = match answer {
            Ok(RekeyAnswer::Done(done)) => self.derive_ours(&rekey, &done),
            Ok(RekeyAnswer::More) => Err(Failure::InvalidSyntax),
            Ok(RekeyAnswer::OtherKeyExchange(method)) if !rekey.again && theirs.is_none() => {
                env.release_ike_spi(rekey.spi);
                return self.rekey_ike(Some(method));
            }
            Ok(RekeyAnswer::OtherKeyExchange(_)) => Err(Failure::InvalidKeyExchange),
            Err(failure) => Err(failure),
        };
        match (ours, theirs) {
            (Ok(ours), None) if self.loses_to_half_ike(&ours) => {
                // The peer is about to finish the one that stays.
                self.delete_generation(ours.generation, now, env);
            }
            (Ok(ours), None) => self.succeed(ours, OldGeneration::OursToDelete, now, env),
            (Ok(ours), Some(theirs)) if ours.lowest_nonce < theirs.lowest_nonce => {
                // The one with the lowest nonce goes; whoever made it deletes it.
                self.succeed(*theirs, OldGeneration::TheirsToDelete, now, env);
                self.delete_generation(ours.generation, now, env);
            }
            (Ok(ours), Some(theirs)) => {
                self.succeed(ours, OldGeneration::OursToDelete, now, env);
                let loser = Former::passive(theirs.generation, Responses::default(), now);
                self.add_former(loser, env);
            }
            (Err(_), Some(theirs)) => {
                // The peer was through before it heard of ours.
                env.release_ike_spi(rekey.spi);
                self.succeed(*theirs, OldGeneration::TheirsToDelete, now, env);
            }
            (Err(_), None) if self.is_half_replaced() => env.release_ike_spi(rekey.spi),
            (Err(failure), None) => {
                env.release_ike_spi(rekey.spi);
                self.rekey_ike_failed(failure, now, env);
            }
        }
    }

    /// Both ends rekey, the peer has further key exchanges before it, and its IKE_SA is the one that
    /// stays (RFC 7296 section 2.8.2).
    fn loses_to_half_ike(&self, ours: &Successor) -> bool {
        self.half_ike()
            .is_some_and(|theirs| *ours.lowest_nonce < *lowest_of(theirs))
    }

    fn derive_ours(&mut self, rekey: &RekeyIke, done: &RekeyDone) -> Result<Successor, Failure> {
        let spis = IkeSpis {
            initiator: rekey.spi,
            responder: done.spi,
        };
        let nonces = Nonces {
            initiator: &rekey.nonce,
            responder: &done.nonce,
        };
        self.derive_successor(Role::Initiator, spis, done, nonces)
    }

    fn derive_successor(
        &mut self,
        role: Role,
        spis: IkeSpis,
        done: &RekeyDone,
        nonces: Nonces<'_>,
    ) -> Result<Successor, Failure> {
        let log = self.logs_keys();
        let Some(secured) = self.secured() else {
            return Err(Failure::TemporaryFailure);
        };
        let derived = secured.derive_successor(
            role,
            spis,
            done.suite,
            (&done.shared, &done.further),
            nonces,
            log,
        )?;
        self.log_keys(derived.key_log);
        Ok(Successor {
            generation: Generation {
                role,
                spis,
                secured: derived.secured,
            },
            lowest_nonce: lowest_nonce(nonces.initiator, nonces.responder).into(),
        })
    }

    /// The new generation takes over: the children are its own, message IDs begin anew.
    pub(super) fn succeed(
        &mut self,
        new: Successor,
        old: OldGeneration,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        if let Some(parked) = &self.responses.parked {
            // A peer that rekeys while we still owe it an answer breaks the window.
            let inbound_spi = parked.inbound_spi;
            self.remove_child(inbound_spi, ChildDownCause::Terminated, env);
        }
        // What the peer has not finished belongs to the old keys.
        self.drop_half_done(now, env);
        let Generation {
            role,
            spis,
            secured,
        } = new.generation;
        let suite = secured.suite;
        let Some(current) = self.secured() else {
            return;
        };
        let former = Generation {
            secured: std::mem::replace(current, secured),
            role: std::mem::replace(&mut self.role, role),
            spis: std::mem::replace(&mut self.spis, spis),
        };
        let next_id = self.requests.next_id();
        self.requests.renew();
        self.timers.stop(Timer::Retransmit);
        let responses = std::mem::take(&mut self.responses);
        match old {
            OldGeneration::OursToDelete => {
                let payloads = informational::delete_ike_sa();
                let first = (next_id, self.path);
                let (former, message) = Former::active(former, responses, first, &payloads, now);
                self.send_deletion(former, &message, now, env);
            }
            OldGeneration::TheirsToDelete | OldGeneration::Deleted => {
                let mut former = Former::passive(former, responses, now);
                if old == OldGeneration::Deleted {
                    former.deleted(now);
                } else {
                    self.requests.held = true;
                    self.timers.set_after(Timer::Hold, now, HOLD);
                }
                self.add_former(former, env);
            }
        }
        if self.is_established() {
            self.arm_rekeying(now, env);
        }
        self.emit(Event::IkeRekeyed(Rekeyed {
            role,
            spis,
            suite,
            at: now,
        }));
    }

    /// The peer uses the present generation, or has deleted the one before.
    pub(super) fn peer_knows_generation(&mut self) {
        self.requests.held = false;
        self.timers.stop(Timer::Hold);
    }

    /// Takes what the peer made of the IKE_SA while we rekey it too; our own attempt is forgotten.
    pub(super) fn take_collision(&mut self, env: &mut dyn Environment) -> Option<Box<Successor>> {
        let theirs = self.requests.rekeying()?.collision.take()?;
        if let Some(request) = self.requests.in_flight.take()
            && let Exchange::RekeyIke(rekey) = request.exchange
        {
            Self::cancel_rekey(*rekey, env);
        }
        Some(theirs)
    }

    /// Nothing comes of our request.
    pub(super) fn cancel_rekey(rekey: RekeyIke, env: &mut dyn Environment) {
        env.release_ike_spi(rekey.spi);
        if let Some(theirs) = rekey.collision {
            env.release_ike_spi(theirs.generation.local_spi());
        }
    }

    fn rekey_ike_failed(&mut self, failure: Failure, now: Instant, env: &mut dyn Environment) {
        count_failure(failure, env);
        if !self.is_established() {
            return;
        }
        self.retry_rekey_ike(now, env);
        self.emit(Event::RekeyFailed {
            child: None,
            failure,
        });
        let ends = self.timers.get(Timer::Expire);
        let late = ends.is_some_and(|end| end.saturating_duration_since(now) < LAST_CALL);
        if failure != Failure::TemporaryFailure || late {
            self.emit(Event::NeedsReplacement);
        }
    }

    pub(super) fn retry_rekey_ike(&mut self, now: Instant, env: &mut dyn Environment) {
        let wait = retry_after(env);
        self.timers.set_after(Timer::Rekey, now, wait);
    }
}

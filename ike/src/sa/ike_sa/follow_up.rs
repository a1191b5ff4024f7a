//! Additional key exchanges of SAs that are created or rekeyed (RFC 9370 section 2.2.4).
//!
//! As the requester we keep one exchange in flight from CREATE_CHILD_SA to the last IKE_FOLLOWUP_KE,
//! so everything that is true of a rekeying in flight is true all along. As the replier we keep what
//! is half done: one at a time, for a limited time.

use std::time::{Duration, Instant};

use super::{IkeSa, establish::Purpose};
use crate::{
    Environment, EspSpi, Path, Secret,
    crypto::Nonces,
    sa::{
        child::{ChildState, ExchangeRole, retry_after},
        event::Failure,
        exchange::{
            Exchange,
            create_child::{
                CreateChild, CreateRefusal, CreateResponse, PendingChild, lowest_nonce,
            },
            ike_followup_ke::{FollowUps, HalfChild, HalfDone, HalfIke, Progress, Step, Subject},
            rekey_ike::RekeyResponse,
        },
        negotiation::{Agreed, Unaccepted},
        payloads::{Payloads, notify},
        responses::Parked,
        timers::Timer,
    },
    wire::{Header, NotifyType, Payload},
};

/// How long the peer has for its next request: as long as it repeats one that we do not get.
const PATIENCE: Duration = Duration::from_secs(60);

impl IkeSa {
    /// The peer has agreed to a CHILD_SA of ours.
    pub(super) fn child_agreed(
        &mut self,
        mut create: CreateChild,
        agreed: Agreed,
        nonce_r: Box<[u8]>,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        match FollowUps::begin(agreed.suite.additional, payloads, env) {
            Ok(None) => self.install_ours(&create, agreed, &nonce_r, now, env),
            Ok(Some(follow_ups)) => {
                create.pending = Some(Box::new(PendingChild {
                    agreed,
                    nonce_r,
                    follow_ups,
                }));
                self.send_child_follow_up(create, now, env);
            }
            Err(failure) => {
                let granted = false;
                self.create_refused(create, &Unaccepted { failure, granted }, now, env);
            }
        }
    }

    fn send_child_follow_up(
        &mut self,
        create: CreateChild,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(pending) = &create.pending else {
            return;
        };
        let payloads = pending.follow_ups.build_request();
        self.send_request(Exchange::CreateChild(Box::new(create)), &payloads, now, env);
    }

    /// The peer's answer to one of our further key exchanges for a CHILD_SA.
    pub(super) fn on_child_follow_up(
        &mut self,
        mut create: CreateChild,
        mut pending: Box<PendingChild>,
        payloads: &Payloads,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let granted = pending.follow_ups.is_last() && payloads.error().is_none();
        let refused = match pending.follow_ups.handle_response(payloads, env) {
            Ok(Progress::More) => {
                create.pending = Some(pending);
                return self.send_child_follow_up(create, now, env);
            }
            Ok(Progress::Done(_)) if create.is_deleted(pending.agreed.outbound_spi) => Unaccepted {
                failure: Failure::TemporaryFailure,
                granted: false,
            },
            Ok(Progress::Done(secrets)) => {
                let PendingChild {
                    mut agreed,
                    nonce_r,
                    ..
                } = *pending;
                agreed.shared.extend(secrets);
                return self.install_ours(&create, agreed, &nonce_r, now, env);
            }
            Err(failure) => Unaccepted { failure, granted },
        };
        self.create_refused(create, &refused, now, env);
    }

    fn install_ours(
        &mut self,
        create: &CreateChild,
        agreed: Agreed,
        nonce_r: &[u8],
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let nonces = Nonces {
            initiator: &create.nonce,
            responder: nonce_r,
        };
        let purpose = self.purpose_of(create, nonce_r);
        let role = ExchangeRole::Requester;
        self.install(agreed, nonces, role, purpose, now, env);
    }

    /// We have agreed to a CHILD_SA, but for its further key exchanges.
    pub(super) fn begin_half_child(
        &mut self,
        header: &Header,
        mut response: CreateResponse,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let mut payloads = response.payloads();
        let agreed = response.granted.agreed;
        if let Some(old) = response.rekeys {
            let all = [&*response.nonce_i, &*response.nonce_r];
            self.note_collision(old, agreed.inbound_spi, all);
        }
        let methods = agreed.suite.additional;
        let subject = Subject::Child(HalfChild {
            agreed,
            nonce_i: response.nonce_i,
            nonce_r: response.nonce_r,
            rekeys: response.rekeys,
            beaten_by: None,
            unwanted: false,
        });
        let half_done = HalfDone::begin(subject, methods, env);
        payloads.push(half_done.link());
        self.keep_half_done(half_done, now, env);
        self.respond_with(header, &payloads, path, env);
    }

    /// We have agreed to the rekeying of the IKE_SA, but for its further key exchanges.
    pub(super) fn begin_half_ike(
        &mut self,
        header: &Header,
        answer: RekeyResponse,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let mut payloads = answer.payloads;
        let methods = answer.done.suite.additional;
        let subject = Subject::Ike(HalfIke {
            done: answer.done,
            spi: answer.spi,
            nonce: answer.nonce,
        });
        let half_done = HalfDone::begin(subject, methods, env);
        payloads.push(half_done.link());
        self.keep_half_done(half_done, now, env);
        self.respond_with(header, &payloads, path, env);
    }

    fn keep_half_done(&mut self, half_done: HalfDone, now: Instant, env: &mut dyn Environment) {
        // The peer has begun something else: it has given up what it did not finish.
        self.drop_half_done(now, env);
        self.half_done = Some(Box::new(half_done));
        self.timers.set_after(Timer::FollowUp, now, PATIENCE);
    }

    /// Forgets what the peer has not finished. What it was to replace stays, and is rekeyed later.
    pub(super) fn drop_half_done(&mut self, now: Instant, env: &mut dyn Environment) {
        self.timers.stop(Timer::FollowUp);
        let Some(half_done) = self.half_done.take() else {
            return;
        };
        match &half_done.subject {
            Subject::Child(half) => self.forget_half_child(half, now, env),
            Subject::Ike(_) if self.is_established() => self.retry_rekey_ike(now, env),
            Subject::Ike(_) => {}
        }
        half_done.cancel(env);
    }

    fn forget_half_child(&mut self, half: &HalfChild, now: Instant, env: &mut dyn Environment) {
        if let Some(create) = self.requests.creating() {
            create.forget_collision(half.agreed.inbound_spi);
        }
        let again = now.checked_add(retry_after(env));
        if let Some(old) = half.rekeys.and_then(|old| self.child_mut(old))
            && old.is_rekeyable()
            && old.config.rekey_time > Duration::ZERO
        {
            old.rekey_at = old.rekey_at.min(again).or(again);
            self.arm_children();
        }
    }

    /// Whether the peer is about to rekey this CHILD_SA.
    pub(super) fn is_half_rekeyed(&self, inbound_spi: EspSpi) -> bool {
        let half_done = self.half_done.as_deref();
        half_done.is_some_and(|half_done| half_done.rekeys(inbound_spi))
    }

    /// Whether the peer is about to rekey the IKE_SA.
    pub(super) fn is_half_replaced(&self) -> bool {
        self.half_ike().is_some()
    }

    pub(super) fn half_ike(&self) -> Option<&HalfIke> {
        self.half_done.as_deref().and_then(HalfDone::ike)
    }

    /// One of the peer's further key exchanges.
    pub(super) fn on_follow_up_request(
        &mut self,
        header: &Header,
        payloads: &Payloads,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let Some(mut half_done) = self
            .half_done
            .take_if(|half_done| half_done.is_continued_by(payloads))
        else {
            let unknown = [state_not_found()];
            return self.respond_with(header, &unknown, path, env);
        };
        match half_done.handle_request(payloads, env) {
            Ok(Step {
                payloads: answer,
                progress: Progress::More,
            }) => {
                self.half_done = Some(half_done);
                self.timers.set_after(Timer::FollowUp, now, PATIENCE);
                self.respond_with(header, &answer, path, env);
            }
            Ok(Step {
                payloads: answer,
                progress: Progress::Done(secrets),
            }) => {
                self.timers.stop(Timer::FollowUp);
                match half_done.subject {
                    Subject::Child(half) => {
                        self.finish_half_child(header, half, secrets, answer, path, now, env);
                    }
                    Subject::Ike(half) => {
                        self.finish_half_ike(header, half, secrets, answer, path, now, env);
                    }
                }
            }
            Err(failure) => {
                self.half_done = Some(half_done);
                self.drop_half_done(now, env);
                self.refuse_creation(header, failure.into(), path, env);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that makes a CHILD_SA")]
    fn finish_half_child(
        &mut self,
        header: &Header,
        half: HalfChild,
        secrets: Vec<Secret>,
        answer: Vec<Payload>,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        let purpose = self.purpose_of_half(&half);
        let ours_wins = half.rekeys.is_none()
            && self.child_that_wins().as_ref() == Some(&half.agreed.config.name);
        let HalfChild {
            mut agreed,
            nonce_i,
            nonce_r,
            ..
        } = half;
        if ours_wins || self.responses.parked.is_some() || self.requests.rekeying().is_some() {
            // A peer that broke the window, or has begun what does not go with this, or both
            // ends ask for the same child, we since the peer has begun.
            env.release_spi(agreed.inbound_spi);
            let failure = CreateRefusal::Failure(Failure::TemporaryFailure);
            return self.refuse_creation(header, failure, path, env);
        }
        agreed.shared.extend(secrets);
        let parked = Parked {
            message_id: header.message_id,
            exchange_type: header.exchange,
            path,
            inbound_spi: agreed.inbound_spi,
            common: Vec::new(),
            success: answer,
        };
        let nonces = Nonces {
            initiator: &nonce_i,
            responder: &nonce_r,
        };
        // A second one of the same kind is nobody's, so the older goes.
        let identical = match purpose {
            Purpose::Create => self.identical_children(&agreed),
            _ => Vec::new(),
        };
        self.grant_child(agreed, nonces, purpose, parked, now, env);
        for spi in identical {
            self.terminate_lineage(spi);
        }
    }

    fn purpose_of_half(&mut self, half: &HalfChild) -> Purpose {
        if half.unwanted {
            return Purpose::Discard;
        }
        let Some(old) = half.rekeys else {
            return Purpose::Create;
        };
        if let Some(ours) = half
            .beaten_by
            .filter(|ours| self.child_mut(*ours).is_some())
        {
            return Purpose::Beaten(ours);
        }
        let replaces = |state| matches!(state, ChildState::Installed | ChildState::Deleting);
        match self.child_mut(old) {
            Some(old_child) if replaces(old_child.state) => Purpose::Replace(old),
            _ => Purpose::Create,
        }
    }

    #[expect(clippy::too_many_arguments, reason = "all that makes an IKE_SA")]
    fn finish_half_ike(
        &mut self,
        header: &Header,
        mut half: HalfIke,
        secrets: Vec<Secret>,
        answer: Vec<Payload>,
        path: Path,
        now: Instant,
        env: &mut dyn Environment,
    ) {
        half.done.further = secrets;
        let response = RekeyResponse {
            done: half.done,
            spi: half.spi,
            nonce: half.nonce,
            payloads: answer,
        };
        self.grant_rekey_ike(header, &response, path, now, env);
    }
}

/// The lower of the nonces of an IKE_SA to be.
pub(super) fn lowest_of(half: &HalfIke) -> &[u8] {
    lowest_nonce(&half.done.nonce, &half.nonce)
}

/// RFC 9370 section 2.2.4: the series of key exchanges is not known, or not any more.
pub(super) fn state_not_found() -> Payload {
    notify(NotifyType::STATE_NOT_FOUND, Vec::new())
}

//! Who answers the questions of an end's IKE_SAs, and takes its time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use holdfast_ike::{
    IkeSpi,
    sa::{CredentialAnswer, CredentialId, CredentialRequest},
};

use crate::{answers::answer, rng::Rng};

/// Questions that wait for their answers.
pub(crate) struct Desk {
    /// The longest that an answer takes.
    pub(crate) delay: Duration,
    waiting: BTreeMap<(Instant, u64), (IkeSpi, CredentialRequest)>,
    sequence: u64,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            delay: Duration::from_millis(1),
            waiting: BTreeMap::new(),
            sequence: 0,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn ask(
        &mut self,
        owner: IkeSpi,
        request: CredentialRequest,
        now: Instant,
        rng: &mut Rng,
    ) {
        let wait = 1 + rng.below(self.delay.as_millis() as u64);
        self.sequence += 1;
        let at = now + Duration::from_millis(wait);
        self.waiting.insert((at, self.sequence), (owner, request));
    }

    pub(crate) fn next_done(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn take_done(
        &mut self,
        now: Instant,
    ) -> Option<(IkeSpi, CredentialId, CredentialAnswer)> {
        let entry = self.waiting.first_entry()?;
        let (owner, request) = (entry.key().0 <= now).then(|| entry.remove())?;
        Some((owner, request.id, answer(request.question)))
    }
}

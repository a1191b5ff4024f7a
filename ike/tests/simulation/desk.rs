//! Who answers the questions of an end's IKE_SAs, and takes its time: a signature is what it signs,
//! and EAP a number that both ends count up until it is enough.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use holdfast_ike::{
    IkeSpi, Secret,
    sa::{
        CredentialAnswer, CredentialId, CredentialRequest, Failure,
        credential::{Answer, Eap, Question},
    },
};

use crate::rng::Rng;

/// RFC 7427's authentication method.
const DIGITAL_SIGNATURE: u8 = 14;
/// The authenticator is content with this number.
const ENOUGH: u8 = 3;
const SUCCESS: u8 = 0xff;

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

fn answer(question: Question) -> CredentialAnswer {
    match question {
        Question::Sign(sign) => Ok(Answer::Signed {
            method: DIGITAL_SIGNATURE,
            auth: sign.octets,
            certificates: Vec::new(),
        }),
        Question::Verify(verify) if verify.octets.contains(&verify.auth) => {
            Ok(Answer::Verified { connection: 0 })
        }
        Question::Verify(_) => Err(Failure::AuthenticationFailed),
        Question::Eap(eap) => Ok(converse(&eap)),
    }
}

/// An authenticator asks with even numbers, its peer answers with the next.
fn converse(eap: &Eap) -> Answer {
    let success = |message| Answer::EapSuccess {
        message,
        msk: Some(Secret::new(*b"what both have made of their words")),
        mutual: false,
        identity: None,
    };
    match eap.message.as_deref() {
        None => Answer::EapMessage(vec![0]),
        Some([SUCCESS]) => success(None),
        Some([number]) if number % 2 == 0 => Answer::EapMessage(vec![number + 1]),
        Some([number]) if *number < ENOUGH => Answer::EapMessage(vec![number + 1]),
        Some([_]) => success(Some(vec![SUCCESS])),
        Some(_) => Answer::EapFailure {
            message: None,
            failure: Failure::Eap("not a number"),
        },
    }
}

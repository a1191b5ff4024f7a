//! Tickets for the next IKE_SA (RFC 5723): one for each connection.

use std::sync::Arc;

use holdfast_ike::sa::{CloseCause, resumption::Session};

use super::Supervised;
use crate::supervisor::policy::EndCause;

/// What the next IKE_SA may begin with.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    session: Option<Arc<Session>>,
    /// The last attempt with it brought no answer at all.
    unanswered: bool,
}

impl Kept {
    /// There is none any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// An attempt has failed. Silence says nothing about the ticket: only the next attempt does
    /// without, in case that the peer has become one that does not know what to do with it.
    pub(super) fn attempt_failed(&mut self, cause: EndCause) {
        if cause == EndCause::Closed(CloseCause::PeerUnresponsive) {
            self.unanswered = !self.unanswered;
        } else if matches!(cause, EndCause::Closed(_)) {
            self.forget();
        }
    }
}

impl Supervised {
    /// The gateway has given us a ticket. An earlier one is not needed any more.
    pub(crate) fn keep_session(&mut self, session: Session) {
        self.kept = Kept {
            session: Some(Arc::new(session)),
            unanswered: false,
        };
    }

    /// The session that an attempt may begin with. One that is to replace an IKE_SA begins from
    /// scratch: it is made for new keys, or for new proofs.
    pub(crate) fn session(&self) -> Option<Arc<Session>> {
        let resumes = self.replacing.is_none() && !self.kept.unanswered;
        self.kept.session.clone().filter(|_| resumes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_has_the_next_attempt_do_without_and_a_refusal_all() {
        let silence = EndCause::Closed(CloseCause::PeerUnresponsive);
        let mut kept = Kept::default();
        kept.attempt_failed(silence);
        assert!(kept.unanswered);
        kept.attempt_failed(silence);
        assert!(!kept.unanswered);
        kept.attempt_failed(silence);
        let failure = holdfast_ike::sa::Failure::TemporaryFailure;
        kept.attempt_failed(EndCause::Closed(CloseCause::Failed(failure)));
        assert!(!kept.unanswered && kept.session.is_none());
    }
}

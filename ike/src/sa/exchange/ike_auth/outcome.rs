//! What the two sides of IKE_AUTH come to.

use super::extras::{Answered, Asked, Given};
use crate::{
    Identification,
    sa::{
        Candidate,
        credential::Question,
        event::Failure,
        negotiation::{Agreed, Granted, Unaccepted},
    },
    wire::Payload,
};

/// What is to be done next.
pub(in crate::sa) enum InitiatorStep {
    /// Send a request with these payloads.
    Send(Vec<Payload>),
    /// Ask this.
    Ask(Question),
    /// Both ends are authenticated.
    Done(Box<Authenticated>),
}

impl InitiatorStep {
    /// With further payloads, if it is a request.
    pub(super) fn with(mut self, further: Vec<Payload>) -> Self {
        if let Self::Send(payloads) = &mut self {
            payloads.extend(further);
        }
        self
    }
}

/// What the initiator learns.
pub(in crate::sa) struct Authenticated {
    pub(in crate::sa) local_id: Identification,
    pub(in crate::sa) remote_id: Identification,
    pub(in crate::sa) answered: Answered,
    /// The outcome of the CHILD_SA, if one was asked for.
    pub(in crate::sa) child: Option<Result<Agreed, Unaccepted>>,
}

/// Who of the two ends the other did not accept, and why.
#[derive(Clone, Copy)]
pub(in crate::sa) enum AuthRefusal {
    /// The responder refused us.
    Theirs(Failure),
    /// We refuse the responder, which may believe that all is well.
    Ours(Failure),
}

impl From<Failure> for AuthRefusal {
    fn from(failure: Failure) -> Self {
        Self::Ours(failure)
    }
}

/// What is to be done next.
pub(in crate::sa) enum ResponderStep {
    /// Send this response; another request follows.
    Respond(Vec<Payload>),
    /// Ask this.
    Ask(Question),
    /// Both ends are authenticated.
    Done(Box<AuthResponse>),
}

/// What came of it.
pub(in crate::sa) struct AuthResponse {
    /// The connection that the initiator means.
    pub(in crate::sa) candidate: Candidate,
    pub(in crate::sa) local_id: Identification,
    pub(in crate::sa) remote_id: Identification,
    pub(in crate::sa) asked: Asked,
    pub(in crate::sa) given: Given,
    /// The final response, less what concerns the CHILD_SA.
    pub(in crate::sa) payloads: Vec<Payload>,
    /// The outcome of the CHILD_SA, if one was asked for.
    pub(in crate::sa) child: Option<Result<Granted, Failure>>,
}

/// The initiator is refused: it is told, and the IKE_SA is over.
pub(in crate::sa) struct Rejection {
    pub(in crate::sa) failure: Failure,
    /// To be sent beside the notification.
    pub(in crate::sa) payloads: Vec<Payload>,
}

impl From<Failure> for Rejection {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            payloads: Vec::new(),
        }
    }
}

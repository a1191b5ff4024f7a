//! What happens after an IKE_SA, or an attempt at one, has ended. The whole policy is here.

use holdfast_ike::sa::{CloseCause, Failure};

/// Why it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndCause {
    /// The core said so.
    Closed(CloseCause),
    /// It panicked.
    Panicked,
    /// Its arbiter dropped it.
    Dropped,
    /// There is no route to the peer.
    NoRoute,
    /// None of our sockets can send from the local address.
    NoSocket,
    /// The peer's name does not resolve.
    Unresolved,
}

impl EndCause {
    /// One sentence for operators.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Closed(cause) => cause.to_string(),
            Self::Panicked => {
                "an internal error ended it, please report the log around it".to_owned()
            }
            Self::Dropped => "the agent is shutting down".to_owned(),
            Self::NoRoute => "no route to the peer".to_owned(),
            Self::NoSocket => {
                "no socket for the local address: compare `local_addrs` with `agent.listen`"
                    .to_owned()
            }
            Self::Unresolved => "the peer's name does not resolve".to_owned(),
        }
    }

    /// Whether another address of the same peer may do better.
    pub(crate) fn concerns_address(self) -> bool {
        matches!(
            self,
            Self::Closed(CloseCause::PeerUnresponsive) | Self::NoRoute | Self::NoSocket
        )
    }
}

/// The circumstances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Situation {
    /// Somebody still wants it: the configuration, or an operator.
    pub(crate) wanted: bool,
    /// The connection is persistent.
    pub(crate) persistent: bool,
    /// It was established when it ended.
    pub(crate) established: bool,
    /// It had been up for as long as it takes to be trusted.
    pub(crate) stable: bool,
    /// `keyingtries` leaves another try.
    pub(crate) tries_left: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Try again at once.
    RetryNow,
    /// Wait, a little longer each time.
    BackOff,
    /// Wait long: it will likely fail again until somebody changes a configuration.
    BackOffSlowly,
    /// Leave it.
    Stop,
}

/// The policy.
pub(crate) fn decide(cause: EndCause, situation: Situation) -> Decision {
    if !situation.wanted || cause == EndCause::Dropped {
        return Decision::Stop;
    }
    if situation.persistent {
        keep_up(cause, situation)
    } else {
        try_for_operator(cause, situation)
    }
}

/// A persistent connection is up or on its way up.
fn keep_up(cause: EndCause, situation: Situation) -> Decision {
    // What ends soon after it was established would otherwise flap at full speed.
    let now_if_stable = if situation.stable {
        Decision::RetryNow
    } else {
        Decision::BackOff
    };
    match cause {
        EndCause::Closed(cause) => match cause {
            CloseCause::PeerUnresponsive if situation.established => Decision::RetryNow,
            CloseCause::PeerDeleted | CloseCause::Empty | CloseCause::Expired => now_if_stable,
            CloseCause::Failed(failure) => after_failure(failure),
            CloseCause::PeerUnresponsive
            | CloseCause::HalfOpenTimeout
            | CloseCause::Terminated
            | CloseCause::Redirected
            | CloseCause::Replaced => Decision::BackOff,
        },
        EndCause::Panicked | EndCause::NoRoute | EndCause::NoSocket | EndCause::Unresolved => {
            Decision::BackOff
        }
        EndCause::Dropped => Decision::Stop,
    }
}

/// Failures of authentication and configuration repeat until somebody acts.
fn after_failure(failure: Failure) -> Decision {
    match failure {
        Failure::NoProposalChosen
        | Failure::AuthenticationRefused
        | Failure::AuthenticationFailed
        | Failure::NoPpk | Failure::PpkRefused
        | Failure::Eap(_)
        | Failure::NoSecret
        | Failure::IdentityMismatch
        | Failure::NoPrivateKey
        | Failure::NoCommonSignature
        | Failure::UntrustedCertificate
        | Failure::UnconfirmedIdentity
        | Failure::NoConnection
        | Failure::TsUnacceptable
        | Failure::FailedCpRequired
        | Failure::Childless
        | Failure::InvalidKeyExchange
        | Failure::UnsupportedCriticalPayload => Decision::BackOffSlowly,
        Failure::NoAdditionalSas
        // Addresses come back when others leave.
        | Failure::InternalAddressFailure
        | Failure::TemporaryFailure
        | Failure::ChildSaNotFound
        | Failure::InvalidSyntax
        | Failure::Protocol(_)
        | Failure::Refused(_)
        | Failure::NotInstalled
        | Failure::NoSpi => Decision::BackOff,
    }
}

/// An attempt that an operator (or `start_action`) asked for: `keyingtries` counts rounds without
/// an answer; an answer that refuses ends it. Once established, only `dpd_action` and
/// `close_action` bring anything back, and they show as `wanted`.
fn try_for_operator(cause: EndCause, situation: Situation) -> Decision {
    match cause {
        EndCause::Closed(CloseCause::PeerUnresponsive) if situation.established => {
            Decision::RetryNow
        }
        EndCause::Closed(CloseCause::PeerDeleted) if situation.established => {
            if situation.stable {
                Decision::RetryNow
            } else {
                Decision::BackOff
            }
        }
        EndCause::Closed(CloseCause::PeerUnresponsive)
        | EndCause::NoRoute
        | EndCause::Unresolved
            if situation.tries_left =>
        {
            Decision::BackOff
        }
        _ => Decision::Stop,
    }
}

/// How a child that failed or fell while its IKE_SA lives is tried again.
pub(crate) fn decide_child(failure: Failure) -> Decision {
    after_failure(failure)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;

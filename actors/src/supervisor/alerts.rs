//! Alerts for control clients: what an operator would want to be woken for, by charon's names.

use holdfast_ike::sa::{CloseCause, Failure};

use super::{Supervisor, policy::EndCause, registry::Record};
use crate::{bus::ControlEvent, handle::IkeSaId};

/// A request is sent again because the peer does not answer.
pub(super) const RETRANSMITTING: &str = "retransmit-send";
/// The peer answers again.
pub(super) const ANSWERED: &str = "retransmit-send-cleared";
/// Another IKE_SA with the peer makes this one go.
pub(super) const REPLACED: &str = "unique-replace";
/// The IKE_SA with the peer that was there first stays, this one goes.
pub(super) const KEPT: &str = "unique-keep";
/// The peer has no address that can be reached from here.
pub(super) const NO_ADDRESS: &str = "peer-addr-failed";
/// What should outlive a restart cannot be written.
pub(crate) const STATE_NOT_KEPT: &str = "state-not-kept";
/// A peer asks for something in an IKE_SA that does not exist.
pub(crate) const UNKNOWN_SPI: &str = "invalid-ike-spi";
/// The agent was told to end.
pub(super) const SHUTDOWN: &str = "shutdown-signal";

impl Supervisor {
    /// Tells listeners of something about an IKE_SA that is on record.
    pub(super) fn alert(&self, kind: Option<&'static str>, id: IkeSaId) {
        if let Some(kind) = kind {
            self.shared.bus.publish_if(|| {
                let listing = self.registry.get(id).map(|record| self.listing(record));
                Some(ControlEvent::Alert { kind, listing })
            });
        }
    }

    /// Tells listeners why an IKE_SA is over.
    pub(super) fn alert_end(&self, record: &Record, cause: EndCause) {
        for kind in of_end(cause, record.established.is_some()) {
            self.shared.bus.publish(|| {
                let listing = Some(self.listing(record));
                ControlEvent::Alert { kind, listing }
            });
        }
    }

    /// Tells listeners of something that concerns no IKE_SA.
    pub(super) fn alert_all(&self, kind: &'static str) {
        let listing = None;
        self.shared
            .bus
            .publish(|| ControlEvent::Alert { kind, listing });
    }
}

/// What the end of an IKE_SA, or of an attempt at one, is worth.
fn of_end(cause: EndCause, established: bool) -> Vec<&'static str> {
    let EndCause::Closed(cause) = cause else {
        return Vec::new();
    };
    match cause {
        CloseCause::PeerUnresponsive if established => vec!["retransmit-send-timeout"],
        CloseCause::PeerUnresponsive => vec!["retransmit-send-timeout", "peer-init-unreachable"],
        CloseCause::HalfOpenTimeout => vec!["half-open-timeout"],
        CloseCause::Expired => vec!["ike-sa-expired"],
        CloseCause::Failed(failure) => of_ike_failure(failure).into_iter().collect(),
        CloseCause::PeerDeleted
        | CloseCause::Terminated
        | CloseCause::Replaced
        | CloseCause::Redirected
        | CloseCause::Empty => Vec::new(),
    }
}

/// What it is worth that an IKE_SA did not come up.
pub(super) fn of_ike_failure(failure: Failure) -> Option<&'static str> {
    match failure {
        Failure::NoProposalChosen | Failure::InvalidKeyExchange => Some("proposal-mismatch-ike"),
        Failure::AuthenticationRefused | Failure::NoSecret => Some("local-auth-failed"),
        Failure::AuthenticationFailed
        | Failure::NoPpk
        | Failure::PpkRefused
        | Failure::IdentityMismatch
        | Failure::UntrustedCertificate
        | Failure::UnconfirmedIdentity
        | Failure::NoConnection => Some("peer-auth-failed"),
        Failure::InvalidSyntax | Failure::UnsupportedCriticalPayload => Some("parse-error-body"),
        _ => None,
    }
}

/// What it is worth that a CHILD_SA did not come up.
pub(super) fn of_child_failure(failure: Failure) -> Option<&'static str> {
    match failure {
        Failure::NoProposalChosen | Failure::InvalidKeyExchange => Some("proposal-mismatch-child"),
        Failure::TsUnacceptable => Some("ts-mismatch"),
        Failure::NotInstalled | Failure::NoSpi => Some("install-child-sa-failed"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_that_an_operator_ordered_alert_nobody() {
        for cause in [CloseCause::Terminated, CloseCause::Replaced] {
            assert!(of_end(EndCause::Closed(cause), true).is_empty());
        }
    }

    #[test]
    fn a_peer_that_never_answered_is_told_from_one_that_stopped() {
        let silent = EndCause::Closed(CloseCause::PeerUnresponsive);
        assert_eq!(of_end(silent, true), ["retransmit-send-timeout"]);
        assert!(of_end(silent, false).contains(&"peer-init-unreachable"));
    }

    #[test]
    fn the_same_failure_means_different_things_to_an_ike_sa_and_a_child() {
        let failure = Failure::NoProposalChosen;
        assert_eq!(of_ike_failure(failure), Some("proposal-mismatch-ike"));
        assert_eq!(of_child_failure(failure), Some("proposal-mismatch-child"));
    }
}

//! IKE_SAs without a CHILD_SA (RFC 6023), as far as either end likes them.

use std::time::Duration;

use holdfast_ike::{
    config::Childless,
    sa::{CloseCause, Failure},
};

use crate::pair::Pair;

const ALL: [Childless; 4] = [
    Childless::Allow,
    Childless::Prefer,
    Childless::Force,
    Childless::Never,
];

fn pair(initiator: Childless, responder: Childless) -> Pair {
    let mut pair = Pair::new();
    pair.initiator.connection.childless = initiator;
    pair.responder.connection.childless = responder;
    pair
}

/// Whether the CHILD_SA comes in an exchange of its own, or there can be no IKE_SA.
fn comes_later(initiator: Childless, responder: Childless) -> Result<bool, (Failure, bool)> {
    match (initiator, responder) {
        // IKE_SA_INIT tells.
        (Childless::Force, Childless::Never) => Err((Failure::Childless, false)),
        // IKE_AUTH is refused.
        (Childless::Allow | Childless::Never, Childless::Force) => {
            Err((Failure::InvalidSyntax, true))
        }
        (Childless::Force, _) => Ok(true),
        (Childless::Prefer, responder) => Ok(responder != Childless::Never),
        (Childless::Allow | Childless::Never, _) => Ok(false),
    }
}

#[test]
fn every_policy_with_every_other() {
    for initiator in ALL {
        for responder in ALL {
            let mut pair = pair(initiator, responder);
            pair.start();
            pair.settle();
            match comes_later(initiator, responder) {
                Ok(later) => {
                    for end in [&pair.initiator, &pair.responder] {
                        assert_eq!(end.installed.len(), 1, "{initiator:?}, {responder:?}");
                    }
                    let created = pair.responder.env.counters.create_child_in_req.get();
                    assert_eq!(created, u64::from(later), "{initiator:?}, {responder:?}");
                }
                Err((failure, told)) => {
                    pair.pass(Duration::from_secs(1));
                    let failed = CloseCause::Failed(failure);
                    assert_eq!(pair.initiator.closed(), Some(failed));
                    let cause = CloseCause::Failed(Failure::Childless);
                    assert_eq!(pair.responder.closed(), told.then_some(cause));
                    assert!(pair.responder.installed.is_empty());
                }
            }
        }
    }
}

/// Without a child to ask for, the IKE_SA is childless whatever the initiator likes.
#[test]
fn no_child_is_asked_for() {
    for initiator in ALL {
        for responder in ALL {
            let mut pair = pair(initiator, responder);
            pair.start_with(None);
            pair.settle();
            pair.pass(Duration::from_secs(1));
            let up = responder != Childless::Never;
            assert_eq!(
                pair.initiator.is_established(),
                up,
                "{initiator:?}, {responder:?}"
            );
            assert!(pair.initiator.installed.is_empty());
        }
    }
}

use Decision::{BackOff, BackOffSlowly, RetryNow, Stop};

use super::*;

const PERSISTENT_ESTABLISHED: Situation = Situation {
    wanted: true,
    persistent: true,
    established: true,
    stable: true,
    tries_left: false,
};
const PERSISTENT_CONNECTING: Situation = Situation {
    established: false,
    stable: false,
    ..PERSISTENT_ESTABLISHED
};
const FLAPPING: Situation = Situation {
    stable: false,
    ..PERSISTENT_ESTABLISHED
};
const ASKED: Situation = Situation {
    wanted: true,
    persistent: false,
    established: false,
    stable: false,
    tries_left: true,
};
const ASKED_LAST: Situation = Situation {
    tries_left: false,
    ..ASKED
};
const ASKED_ESTABLISHED: Situation = Situation {
    established: true,
    stable: true,
    ..ASKED
};

const CAUSES: [EndCause; 16] = [
    EndCause::Closed(CloseCause::PeerDeleted),
    EndCause::Closed(CloseCause::PeerUnresponsive),
    EndCause::Closed(CloseCause::HalfOpenTimeout),
    EndCause::Closed(CloseCause::Terminated),
    EndCause::Closed(CloseCause::Replaced),
    EndCause::Closed(CloseCause::Expired),
    EndCause::Closed(CloseCause::Empty),
    EndCause::Closed(CloseCause::Failed(Failure::AuthenticationFailed)),
    EndCause::Closed(CloseCause::Failed(Failure::NoProposalChosen)),
    EndCause::Closed(CloseCause::Failed(Failure::TemporaryFailure)),
    EndCause::Closed(CloseCause::Failed(Failure::NotInstalled)),
    EndCause::Panicked,
    EndCause::NoRoute,
    EndCause::NoSocket,
    EndCause::Unresolved,
    EndCause::Dropped,
];

/// One column of the table for each situation, one row for each of [`CAUSES`].
#[test]
fn the_table() {
    let columns = [
        (
            "persistent, established and stable",
            PERSISTENT_ESTABLISHED,
            [
                RetryNow,
                RetryNow,
                BackOff,
                BackOff,
                BackOff,
                RetryNow,
                RetryNow,
                BackOffSlowly,
                BackOffSlowly,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                Stop,
            ],
        ),
        (
            "persistent, connecting",
            PERSISTENT_CONNECTING,
            [
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOffSlowly,
                BackOffSlowly,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                Stop,
            ],
        ),
        (
            "persistent, flapping",
            FLAPPING,
            [
                BackOff,
                RetryNow,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOffSlowly,
                BackOffSlowly,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                BackOff,
                Stop,
            ],
        ),
        (
            "asked for, tries left",
            ASKED,
            [
                Stop, BackOff, Stop, Stop, Stop, Stop, Stop, Stop, Stop, Stop, Stop, Stop, BackOff,
                Stop, BackOff, Stop,
            ],
        ),
        ("asked for, last try", ASKED_LAST, [Stop; 16]),
        (
            "asked for, established, to be restarted",
            ASKED_ESTABLISHED,
            [
                RetryNow, RetryNow, Stop, Stop, Stop, Stop, Stop, Stop, Stop, Stop, Stop, Stop,
                BackOff, Stop, BackOff, Stop, Stop,
            ],
        ),
    ];
    for (name, situation, expected) in columns {
        for (cause, expected) in CAUSES.into_iter().zip(expected) {
            assert_eq!(decide(cause, situation), expected, "{name}: {cause:?}");
        }
    }
}

#[test]
fn what_nobody_wants_is_left() {
    for cause in CAUSES {
        let unwanted = Situation {
            wanted: false,
            ..PERSISTENT_ESTABLISHED
        };
        assert_eq!(decide(cause, unwanted), Stop, "{cause:?}");
    }
}

/// `persistent` means: while wanted, never given up, whatever the peer says.
#[test]
fn a_persistent_connection_is_never_left_but_at_shutdown() {
    for cause in CAUSES {
        for situation in [PERSISTENT_ESTABLISHED, PERSISTENT_CONNECTING, FLAPPING] {
            let stopped = decide(cause, situation) == Stop;
            assert_eq!(stopped, cause == EndCause::Dropped, "{cause:?}");
        }
    }
}

#[test]
fn authentication_and_configuration_failures_never_hammer() {
    for failure in [
        Failure::NoProposalChosen,
        Failure::AuthenticationRefused,
        Failure::AuthenticationFailed,
        Failure::NoSecret,
        Failure::IdentityMismatch,
        Failure::NoConnection,
        Failure::TsUnacceptable,
        Failure::InvalidKeyExchange,
    ] {
        let cause = EndCause::Closed(CloseCause::Failed(failure));
        assert_eq!(decide(cause, PERSISTENT_CONNECTING), BackOffSlowly);
        assert_eq!(decide(cause, ASKED), Stop);
        assert_eq!(decide_child(failure), BackOffSlowly);
    }
}

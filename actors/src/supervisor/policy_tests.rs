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

/// What is done about each cause, by situation: persistent and established for long, persistent and
/// connecting, persistent and flapping; asked for with tries left, asked for without, and asked for,
/// established and to be restarted.
#[rustfmt::skip]
const TABLE: [(EndCause, [Decision; 6]); 19] = [
    (EndCause::Closed(CloseCause::PeerDeleted),      [RetryNow, BackOff, BackOff, Stop, Stop, RetryNow]),
    (EndCause::Closed(CloseCause::PeerUnresponsive), [RetryNow, BackOff, RetryNow, BackOff, Stop, RetryNow]),
    (EndCause::Closed(CloseCause::HalfOpenTimeout),  [BackOff, BackOff, BackOff, Stop, Stop, Stop]),
    (EndCause::Closed(CloseCause::Terminated),       [BackOff, BackOff, BackOff, Stop, Stop, Stop]),
    (EndCause::Closed(CloseCause::Replaced),         [BackOff, BackOff, BackOff, Stop, Stop, Stop]),
    // One that is not followed.
    (EndCause::Closed(CloseCause::Redirected),       [BackOff, BackOff, BackOff, Stop, Stop, Stop]),
    (EndCause::Closed(CloseCause::Expired),          [RetryNow, BackOff, BackOff, Stop, Stop, Stop]),
    (EndCause::Closed(CloseCause::Empty),            [RetryNow, BackOff, BackOff, Stop, Stop, Stop]),
    (failed(Failure::AuthenticationFailed), [BackOffSlowly, BackOffSlowly, BackOffSlowly, Stop, Stop, Stop]),
    (failed(Failure::NoProposalChosen),     [BackOffSlowly, BackOffSlowly, BackOffSlowly, Stop, Stop, Stop]),
    (failed(Failure::TemporaryFailure),     [BackOff, BackOff, BackOff, Stop, Stop, Stop]),
    (failed(Failure::KeptDown),             [BackOff, BackOff, BackOff, Stop, Stop, Stop]),
    (failed(Failure::ChildSaNotFound),      [BackOff, BackOff, BackOff, Stop, Stop, Stop]),
    (failed(Failure::NotInstalled),         [BackOff, BackOff, BackOff, Stop, Stop, Stop]),
    (EndCause::Panicked,   [BackOff, BackOff, BackOff, Stop, Stop, Stop]),
    (EndCause::NoRoute,    [BackOff, BackOff, BackOff, BackOff, Stop, BackOff]),
    (EndCause::NoSocket,   [BackOff, BackOff, BackOff, Stop, Stop, Stop]),
    (EndCause::Unresolved, [BackOff, BackOff, BackOff, BackOff, Stop, BackOff]),
    (EndCause::Dropped,    [Stop; 6]),
];

const fn failed(failure: Failure) -> EndCause {
    EndCause::Closed(CloseCause::Failed(failure))
}

#[test]
fn the_table() {
    let situations = [
        PERSISTENT_ESTABLISHED,
        PERSISTENT_CONNECTING,
        FLAPPING,
        ASKED,
        ASKED_LAST,
        ASKED_ESTABLISHED,
    ];
    for (cause, expected) in TABLE {
        for (situation, expected) in situations.into_iter().zip(expected) {
            assert_eq!(
                decide(cause, situation),
                expected,
                "{cause:?} {situation:?}"
            );
        }
    }
}

#[test]
fn what_nobody_wants_is_left() {
    for (cause, _) in TABLE {
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
    for (cause, _) in TABLE {
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

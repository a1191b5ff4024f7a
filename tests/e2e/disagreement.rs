//! Two configurations that do not fit: each side of the error gets one clear message that names
//! the remedy, and nothing is left behind.

use std::time::Duration;

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{Holdfast, Settings},
    sas::{Daemon, IkeSa},
    topology::{CHILD, Family, Pair, Tunnel},
    wait,
};

/// What charon has that holdfast has not, and what holdfast must say.
struct Mismatch {
    charon: Tunnel,
    charon_settings: charon::Settings,
    words: &'static [&'static str],
}

#[test]
fn wrong_psk_with_holdfast_as_initiator() {
    initiator_says(&Mismatch {
        charon: Tunnel {
            psk: "something else",
            ..Tunnel::default()
        },
        charon_settings: charon::Settings::default(),
        words: &["authentication", "compare the secret"],
    });
}

#[test]
fn no_common_ike_proposal_with_holdfast_as_initiator() {
    initiator_says(&Mismatch {
        charon: Tunnel {
            proposals: "aes128gcm16-prfsha256-ecp256",
            ..Tunnel::default()
        },
        charon_settings: charon::Settings::default(),
        words: &["no common proposal", "`proposals`"],
    });
}

#[test]
fn no_common_esp_proposal_with_holdfast_as_initiator() {
    initiator_says(&Mismatch {
        charon: Tunnel {
            esp_proposals: "aes128gcm16",
            ..Tunnel::default()
        },
        charon_settings: charon::Settings::default(),
        words: &["no common proposal", "`esp_proposals`"],
    });
}

#[test]
fn no_common_selectors_with_holdfast_as_initiator() {
    initiator_says(&Mismatch {
        charon: Tunnel {
            inner: Family::V6,
            ..Tunnel::default()
        },
        charon_settings: charon::Settings::default(),
        words: &["no common traffic selectors", "`local_ts`"],
    });
}

fn initiator_says(mismatch: &Mismatch) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let charon = Charon::with_tunnel(
        &lab,
        &pair.sun,
        &pair.moon,
        &mismatch.charon,
        &mismatch.charon_settings,
    );
    let holdfast = Holdfast::with_tunnel(
        &lab,
        &pair.moon,
        &pair.sun,
        &Tunnel::default(),
        &Settings::default(),
    );

    let error = holdfast
        .initiate(CHILD, Duration::from_secs(10))
        .expect_err("it cannot work");
    assert!(error.contains(CHILD), "charon's own sentence: {error}");
    holdfast.wait_for_log(mismatch.words);
    wait::until("nothing is left", Duration::from_secs(5), || {
        let children = |sas: Vec<IkeSa>| sas.iter().map(|sa| sa.children.len()).sum::<usize>();
        (children(holdfast.sas()) == 0 && children(charon.sas()) == 0).then_some(())
    });
}

#[test]
fn wrong_psk_with_holdfast_as_responder() {
    responder_says(
        &Tunnel {
            psk: "something else",
            ..Tunnel::default()
        },
        "AUTH_FAILED",
        &["failed to authenticate", "compare the secret"],
    );
}

#[test]
fn no_common_ike_proposal_with_holdfast_as_responder() {
    responder_says(
        &Tunnel {
            proposals: "aes128gcm16-prfsha256-ecp256",
            ..Tunnel::default()
        },
        "NO_PROP",
        &["no common proposal", "`proposals`"],
    );
}

#[test]
fn no_common_esp_proposal_with_holdfast_as_responder() {
    responder_says(
        &Tunnel {
            esp_proposals: "aes128gcm16",
            ..Tunnel::default()
        },
        "NO_PROP",
        &["no common proposal", "`esp_proposals`"],
    );
}

#[test]
fn no_common_selectors_with_holdfast_as_responder() {
    responder_says(
        &Tunnel {
            inner: Family::V6,
            ..Tunnel::default()
        },
        "TS_UNACCEPT",
        &["no common traffic selectors", "`local_ts`"],
    );
}

/// charon asks with a tunnel that does not fit: holdfast refuses with the notification that charon
/// logs, and its own log says why.
fn responder_says(charons: &Tunnel, notification: &str, words: &[&str]) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let mut charon = Charon::with_tunnel(
        &lab,
        &pair.sun,
        &pair.moon,
        charons,
        &charon::Settings::default(),
    );
    let holdfast = Holdfast::with_tunnel(
        &lab,
        &pair.moon,
        &pair.sun,
        &Tunnel::default(),
        &Settings::default(),
    );

    let error = charon
        .initiate(CHILD, Duration::from_secs(10))
        .expect_err("it cannot work");
    let charons_log = charon.process().log();
    assert!(
        charons_log.contains(notification),
        "{error}: {notification} is missing:\n{charons_log}"
    );
    holdfast.wait_for_log(words);
    wait::until("no child is left", Duration::from_secs(5), || {
        holdfast
            .sas()
            .iter()
            .all(|sa| sa.children.is_empty())
            .then_some(())
    });
}

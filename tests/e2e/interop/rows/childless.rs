//! IKE_SAs that begin without a CHILD_SA, as far as either end likes them.

use super::super::{
    proofs,
    row::{Lines, PLAIN, Row, Starter, row},
};

pub(super) fn all() -> Vec<Row> {
    vec![asked_for(), preferred(), forced(), never()]
}

const ALWAYS_CHILDLESS: &str = "Libreswan as responder takes every IKE_SA without a CHILD_SA";
const ALWAYS_A_CHILD: &str = "Libreswan begins no IKE_SA without a CHILD_SA";
const NO_PREFERENCE: &str = "charon prefers them from 6.0 on";

/// A key exchange that the CHILD_SA of IKE_AUTH could not have.
const WITH_KEY_EXCHANGE: &str = "aes256gcm16-ecp384";

const THEIRS: [&[&str]; 2] = [
    &["isakmp.exchangetype == 36 && ip.src == {moon}"],
    &["isakmp.exchangetype == 36 && ip.src == {sun}"],
];

fn policy(
    feature: &'static str,
    [initiators, responders]: [(&'static str, &'static str); 2],
) -> Row {
    let ours = |connection| Lines {
        connection,
        esp_proposals: WITH_KEY_EXCHANGE,
        ..PLAIN
    };
    row(feature, "RFC 6023")
        .when_starting(Starter::Holdfast)
        .holdfast(ours(initiators.0))
        .charon(ours(responders.1))
        .libreswan(Lines {
            esp_proposals: "aes_gcm256;dh20",
            connection: "pfs=yes",
            ..PLAIN
        })
        .when_starting(Starter::Peer)
        .holdfast(ours(responders.0))
        .charon(ours(initiators.1))
        .libreswan_lacks(ALWAYS_A_CHILD)
        .when_both_start()
}

const ALLOW: (&str, &str) = ("childless = \"allow\"\n", "childless = allow");
const PREFER: (&str, &str) = ("childless = \"prefer\"\n", "childless = prefer");
const FORCE: (&str, &str) = ("childless = \"force\"\n", "childless = force");
const NEVER: (&str, &str) = ("childless = \"never\"\n", "childless = never");

/// An operator asks for the IKE_SA, and for the child later.
fn asked_for() -> Row {
    policy("an IKE_SA without a CHILD_SA", [ALLOW, ALLOW])
        .start(proofs::begins_childless)
        .when_starting(Starter::Holdfast)
        .wire(THEIRS[0])
        .when_starting(Starter::Peer)
        .wire(THEIRS[1])
}

fn preferred() -> Row {
    let feature = "an IKE_SA begins without a CHILD_SA where the peer takes it";
    policy(feature, [PREFER, ALLOW])
        .when_starting(Starter::Holdfast)
        .wire(THEIRS[0])
        .when_starting(Starter::Peer)
        .charon_5_lacks(NO_PREFERENCE)
        .wire(THEIRS[1])
}

fn forced() -> Row {
    let feature = "every IKE_SA begins without a CHILD_SA";
    policy(feature, [FORCE, FORCE])
        .when_starting(Starter::Holdfast)
        .wire(THEIRS[0])
        .when_starting(Starter::Peer)
        .wire(THEIRS[1])
}

/// The child comes with the IKE_SA then.
fn never() -> Row {
    let feature = "an IKE_SA without a CHILD_SA is refused";
    policy(feature, [ALLOW, NEVER])
        .start(proofs::is_refused_childless)
        .when_starting(Starter::Holdfast)
        .libreswan_lacks(ALWAYS_CHILDLESS)
}

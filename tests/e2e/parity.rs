//! What a VICI client gets from holdfast, key by key, beside what charon says in its place.
//!
//! The same tunnel comes up three times: between two charons, and with holdfast in the place of each
//! of them. Whatever differs must be a row of the table in `docs/vici.md`, which says why; and every
//! row of that table must still differ.

mod difference;
mod events;
mod forms;
mod table;

use std::{collections::BTreeSet, time::Duration};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::Holdfast,
    pretty::Packet,
    sas::{Daemon, agreed_tunnel},
    stock,
    swanctl::Swanctl,
    topology::{CHILD, CONNECTION, Family, Gateway, Pair},
    traffic,
    userland::Release,
    wait,
};
use difference::{Difference, differences};
use events::Listener;

/// What is compared: swanctl's arguments, the first of which names the command in the table.
const QUESTIONS: [&[&str]; 9] = [
    &["--list-sas"],
    &["--list-conns"],
    &["--list-pols"],
    &["--list-pools", "--leases"],
    &["--list-certs"],
    &["--list-authorities"],
    &["--list-algs"],
    &["--counters"],
    &["--stats"],
];

#[test]
fn clients_of_5_9_8_are_told_what_charon_tells_them() {
    compare(Release::Bookworm);
}

#[test]
fn clients_of_6_0_1_are_told_what_charon_tells_them() {
    compare(Release::Trixie);
}

fn compare(release: Release) {
    let (charon_moon, charon_sun) = tunnel_of(release, [Kind::Charon, Kind::Charon]);
    let (holdfast_moon, _) = tunnel_of(release, [Kind::Holdfast, Kind::Charon]);
    let (_, holdfast_sun) = tunnel_of(release, [Kind::Charon, Kind::Holdfast]);
    let mut found = BTreeSet::new();
    for (charon, holdfast) in [(charon_moon, holdfast_moon), (charon_sun, holdfast_sun)] {
        for ((command, ours), (_, theirs)) in holdfast.iter().zip(&charon) {
            found.extend(differences(command, theirs, ours));
        }
    }
    let expected = table::rows(release);
    let is_expected = |difference: &Difference| expected.iter().any(|row| row.covers(difference));
    let surprises: Vec<String> = found
        .iter()
        .filter(|difference| !is_expected(difference))
        .map(ToString::to_string)
        .collect();
    let stale: Vec<String> = expected
        .iter()
        .filter(|row| !found.iter().any(|difference| row.covers(difference)))
        .map(ToString::to_string)
        .collect();
    assert!(
        surprises.is_empty() && stale.is_empty(),
        "beside charon {}:\ndifferent, and not in docs/vici.md:\n{}\n\
         in docs/vici.md, and not different:\n{}",
        release.version(),
        surprises.join("\n"),
        stale.join("\n"),
    );
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Charon,
    Holdfast,
}

/// The answers to all questions, each with the name of its command.
type Answers = Vec<(&'static str, Vec<Packet>)>;

/// Brings up the tunnel between two daemons, which have their configuration from the same files, and
/// asks both of them everything.
fn tunnel_of(release: Release, kinds: [Kind; 2]) -> (Answers, Answers) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let sun = start(&lab, release, kinds[1], &pair.sun, &pair.moon);
    let moon = start(&lab, release, kinds[0], &pair.moon, &pair.sun);
    let listeners = [&moon, &sun].map(|end| Listener::start(&*end.0));
    moon.1
        .ok(&["--initiate", "--child", CHILD, "--timeout", "10"]);
    wait::until("both agree", Duration::from_secs(5), || {
        agreed_tunnel(&*moon.0, &*sun.0, CHILD)
    });
    let (from, to) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    assert_eq!(traffic::ping(&pair.moon.namespace, from, to, 5), 5);
    let mut both = [&moon, &sun].map(|end| answers(&end.1));
    moon.1.ok(&["--terminate", "--ike", CONNECTION]);
    for (answers, listener) in both.iter_mut().zip(listeners) {
        answers.push(("monitor-sa", listener.finish()));
    }
    both.into()
}

fn start(
    lab: &Lab,
    release: Release,
    kind: Kind,
    here: &Gateway,
    there: &Gateway,
) -> (Box<dyn Daemon>, Swanctl) {
    let directory = lab.subdirectory(&format!("{}-swanctl", here.namespace.name()));
    stock::write(&directory, here, there);
    let daemon: Box<dyn Daemon> = match kind {
        Kind::Charon => {
            let settings = charon::Settings {
                release,
                ..charon::Settings::default()
            };
            Box::new(Charon::start(lab, &here.namespace, &settings))
        }
        Kind::Holdfast => Box::new(Holdfast::start(
            lab,
            &here.namespace,
            "dataplane = \"userspace\"",
            "",
        )),
    };
    let swanctl = Swanctl::new(release, &directory, &*daemon);
    swanctl.load_all();
    (daemon, swanctl)
}

fn answers(swanctl: &Swanctl) -> Answers {
    QUESTIONS
        .iter()
        .map(|arguments| {
            let command = arguments[0].trim_start_matches('-');
            (command, swanctl.packets(arguments))
        })
        .collect()
}

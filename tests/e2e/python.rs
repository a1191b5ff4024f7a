//! strongSwan's own client library for Python sets up a whole tunnel, with nothing in the agent's
//! files; and does the same with charon, which proves the program.

use std::process::Command;

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::Holdfast,
    run,
    sas::Daemon,
    topology::{Family, PSK, Pair, Tunnel},
    userland::python,
};

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/python/tunnel.py");

#[test]
fn python_drives_holdfast() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let settings = "dataplane = \"userspace\"";
    let holdfast = Holdfast::start(&lab, &pair.moon.namespace, settings, "");
    drive(&lab, &pair, &holdfast, "holdfast");
}

#[test]
fn python_drives_charon() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let settings = charon::Settings::default();
    let charon = Charon::start(&lab, &pair.moon.namespace, &settings);
    drive(&lab, &pair, &charon, "charon-systemd");
}

fn drive(lab: &Lab, pair: &Pair, daemon: &dyn Daemon, name: &str) {
    let peer = Charon::with_tunnel(
        lab,
        &pair.sun,
        &pair.moon,
        &Tunnel::default(),
        &charon::Settings::default(),
    );
    let mut command = Command::new(python());
    command
        .args(["-I", PROGRAM])
        .arg(daemon.control_socket())
        .arg(name)
        .arg(pair.moon.outer(Family::V4).to_string())
        .arg(pair.sun.outer(Family::V4).to_string())
        .arg(PSK);
    let printed = run(&mut command);
    assert_eq!(printed.trim(), "done");
    assert!(peer.sas().is_empty(), "the peer knows that it is over");
}

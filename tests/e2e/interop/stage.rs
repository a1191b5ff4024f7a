//! What surrounds the two daemons of a cell: servers, routers, further addresses.

use std::fs;

use super::{
    keys::{Keys, Kind},
    row::Starter,
};
use crate::lab::{
    Lab, Namespace,
    freeradius::FreeRadius,
    register::{Register, Told},
    run,
    topology::Pair,
};

/// Where a cell is tried, before any daemon is there.
pub(super) struct Stage<'a> {
    pub(super) lab: &'a Lab,
    pub(super) pair: &'a Pair,
    pub(super) starter: Starter,
    pub(super) keys: &'a Keys,
}

/// What goes when the cell is over.
#[derive(Default)]
pub(super) struct Props {
    _radius: Option<FreeRadius>,
    /// About the peer's certificate.
    pub(super) register: Option<Register>,
}

/// FreeRADIUS on the gateway, which is whoever does not start.
pub(super) fn radius(stage: &Stage<'_>) -> Props {
    let gateway = match stage.starter {
        Starter::Holdfast => &stage.pair.sun,
        Starter::Peer => &stage.pair.moon,
    };
    let users = "carol Cleartext-Password := \"Ar3etTnp\"\n";
    Props {
        _radius: Some(FreeRadius::start(stage.lab, &gateway.namespace, users)),
        ..Props::default()
    }
}

/// A list of what was revoked, on a web server.
pub(super) fn list(stage: &Stage<'_>) -> Props {
    register(stage, Kind::Listed, Some(Told::ByList))
}

/// An OCSP responder.
pub(super) fn responder(stage: &Stage<'_>) -> Props {
    register(stage, Kind::Answered, Some(Told::ByResponder))
}

/// The list is where nobody can have it.
pub(super) fn hidden_list(stage: &Stage<'_>) -> Props {
    register(stage, Kind::Listed, None)
}

fn register(stage: &Stage<'_>, kind: Kind, told: Option<Told>) -> Props {
    let directory = stage.lab.subdirectory("register");
    // That of another cell may be there.
    fs::remove_dir_all(&directory).expect("its folder");
    fs::create_dir(&directory).expect("a folder");
    let mut register = stage.keys.register(kind, &directory);
    if let Some(told) = told {
        register.serve(&stage.pair.moon.namespace, told);
    }
    Props {
        register: Some(register),
        ..Props::default()
    }
}

/// What is between the ends translates the address of whoever starts.
pub(super) fn translator(stage: &Stage<'_>) -> Props {
    translate(&stage.pair.moon.namespace, stage.starter, "20000-29999");
    Props::default()
}

/// Has moon's end of the cable translate the ports of whoever starts to these.
pub(super) fn translate(moon: &Namespace, starter: Starter, ports: &str) {
    let chain = match starter {
        Starter::Holdfast => format!(
            "type nat hook postrouting priority 100; oifname \"eth0\" ip protocol udp \
             masquerade to :{ports}"
        ),
        Starter::Peer => format!(
            "type nat hook input priority 100; iifname \"eth0\" ip protocol udp \
             snat to 192.0.2.2:{ports}"
        ),
    };
    let rules = format!("flush ruleset\ntable ip nat {{\nchain one {{\n{chain}\n}}\n}}\n");
    run(moon.command("nft").arg(rules));
    // Fails where there is nothing to forget.
    moon.command("conntrack").arg("-F").output().ok();
}

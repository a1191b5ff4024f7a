//! What surrounds the two daemons of a cell: servers, routers, further addresses.

use super::row::Starter;
use crate::lab::{Lab, Namespace, freeradius::FreeRadius, run, topology::Pair};

/// Where a cell is tried, before any daemon is there.
pub(super) struct Stage<'a> {
    pub(super) lab: &'a Lab,
    pub(super) pair: &'a Pair,
    pub(super) starter: Starter,
}

/// What goes when the cell is over.
pub(super) type Props = Option<FreeRadius>;

/// FreeRADIUS on the gateway, which is whoever does not start.
pub(super) fn radius(stage: &Stage<'_>) -> Props {
    let gateway = match stage.starter {
        Starter::Holdfast => &stage.pair.sun,
        Starter::Peer => &stage.pair.moon,
    };
    let users = "carol Cleartext-Password := \"Ar3etTnp\"\n";
    Some(FreeRadius::start(stage.lab, &gateway.namespace, users))
}

/// What is between the ends translates the address of whoever starts.
pub(super) fn translator(stage: &Stage<'_>) -> Props {
    translate(&stage.pair.moon.namespace, stage.starter, "20000-29999");
    None
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

//! CHILD_SAs and what they carry.

use super::super::{
    proofs,
    row::{Ends, Lines, PLAIN, Row, row},
};
use crate::lab::topology::Family;

pub(super) fn all() -> Vec<Row> {
    vec![later_child(), protocol(), narrowing(), mixed_families()]
}

fn later_child() -> Row {
    row("another CHILD_SA of the same IKE_SA", "RFC 7296 1.3.1")
        .proof(proofs::creates_a_child_later)
}

fn protocol() -> Row {
    row("selectors with a protocol", "RFC 7296 3.13.1")
        .holdfast(Lines {
            child: "local_ts = [\"10.1.0.0/16[icmp]\"]\nremote_ts = [\"10.2.0.0/16[icmp]\"]\n",
            ..PLAIN
        })
        .charon(Lines {
            child: "local_ts = 10.2.0.0/16[icmp]\nremote_ts = 10.1.0.0/16[icmp]",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "leftprotoport=icmp\nrightprotoport=icmp",
            ..PLAIN
        })
}

fn narrowing() -> Row {
    row("narrowing of selectors", "RFC 7296 2.9")
        .holdfast(Lines {
            child: "local_ts = [\"10.1.0.0/24\"]\nremote_ts = [\"10.2.0.0/16\"]\n",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "narrowing=yes",
            ..PLAIN
        })
}

fn mixed_families() -> Row {
    row("IPv6 inside IPv4", "RFC 7296 2.9")
        .holdfast(Lines {
            child: "local_ts = [\"fd00:1::/64\"]\nremote_ts = [\"fd00:2::/64\"]\n",
            ..PLAIN
        })
        .charon(Lines {
            child: "local_ts = fd00:2::/64\nremote_ts = fd00:1::/64",
            ..PLAIN
        })
        .libreswan(Lines {
            child: "leftsubnet=fd00:2::/64\nrightsubnet=fd00:1::/64",
            ..PLAIN
        })
        .ends(Ends::Inner(Family::V6))
}

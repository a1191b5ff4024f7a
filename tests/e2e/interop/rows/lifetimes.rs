//! How SAs age, are replaced, and end.

use super::super::{
    proofs,
    row::{Lines, PLAIN, Row, row},
};

pub(super) fn all() -> Vec<Row> {
    vec![
        row("rekeying the CHILD_SA", "RFC 7296 1.3.3, 2.8").proof(proofs::rekeys_child),
        row("rekeying the IKE_SA", "RFC 7296 1.3.2, 2.8").proof(proofs::rekeys_ike),
        forward_secrecy(),
        liveness(),
        initial_contact(),
    ]
}

fn forward_secrecy() -> Row {
    let lines = Lines {
        esp_proposals: "aes256gcm16-ecp384",
        ..PLAIN
    };
    row("a fresh key exchange for each CHILD_SA", "RFC 7296 1.3.1")
        .holdfast(lines)
        .charon(lines)
        .libreswan(Lines {
            esp_proposals: "aes_gcm256;dh20",
            connection: "pfs=yes",
            ..PLAIN
        })
        .proof(proofs::rekeys_child)
}

fn liveness() -> Row {
    row(
        "a silent peer is noticed, and the tunnel comes back",
        "RFC 7296 2.4",
    )
    .holdfast(Lines {
        child: "dpd_action = \"restart\"\n",
        connection: "dpd_delay = \"1s\"\n\
                         retransmit = { timeout = \"1s\", base = 1.8, tries = 2 }\n\
                         reconnect = { initial = \"100ms\", max = \"1s\" }\n",
        ..PLAIN
    })
    .proof(proofs::survives_a_cut)
}

fn initial_contact() -> Row {
    row("after a crash the peer keeps no old SA", "RFC 7296 2.4").proof(proofs::survives_a_crash)
}

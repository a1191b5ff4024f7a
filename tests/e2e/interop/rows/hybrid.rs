//! Several key exchanges.

use super::super::{
    proofs,
    row::{Lines, PLAIN, Row, row},
};

pub(super) fn all() -> Vec<Row> {
    let mut rows = vec![hybrid(
        "additional key exchange, ECP-384",
        "aes256gcm16-prfsha384-x25519-ke1_ecp384",
    )];
    for (name, proposal) in ML_KEM {
        rows.push(hybrid(name, proposal).built(BUILT));
    }
    rows
}

const BUILT: &str = "Debian builds charon without ML-KEM; `make interop` tries this with charon's \
                     plugin built from its sources, `make test` does not";

const ML_KEM: &[(&str, &str)] = &[
    (
        "ML-KEM-512 beside X25519",
        "aes256gcm16-prfsha256-x25519-ke1_mlkem512",
    ),
    (
        "ML-KEM-768 beside X25519",
        "aes256gcm16-prfsha384-x25519-ke1_mlkem768",
    ),
    (
        "ML-KEM-1024 beside ECP-384",
        "aes256gcm16-prfsha384-ecp384-ke1_mlkem1024",
    ),
];

/// IKE_INTERMEDIATE carries the second exchange, and so does IKE_FOLLOWUP_KE when keys are renewed.
fn hybrid(name: &'static str, proposals: &'static str) -> Row {
    let lines = Lines { proposals, ..PLAIN };
    row(name, "RFC 9370, RFC 9242")
        .holdfast(lines)
        .charon(lines)
        .charon_5_lacks("charon has additional key exchanges from 6.0 on")
        .libreswan_lacks("Libreswan 5.2 has no additional key exchanges")
        .proof(proofs::is_hybrid)
}

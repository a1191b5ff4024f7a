//! Several key exchanges with charon 6.0.1 (RFC 9370, RFC 9242), whoever starts and whoever rekeys.
//!
//! ML-KEM-1024 has 1,568 octets of public key, so these messages travel in fragments.

use crate::{
    algorithms::{Suite, rekey_all, same, start, table_with},
    lab::userland::Release,
};

/// Classic methods in several exchanges: what every charon 6 can do.
const CLASSIC: &[Suite] = &[
    same("aes256gcm16-prfsha384-x25519-ke1_ecp384", "aes256gcm16"),
    same(
        "aes128-sha256-modp2048-ke1_ecp256-ke2_x25519-ke4_ecp521",
        "aes128-sha256",
    ),
];

/// One end can do without.
const OPTIONAL: &[Suite] = &[
    (
        [
            "aes256gcm16-prfsha384-x25519-ke1_ecp384-ke1_none",
            "aes256gcm16",
        ],
        ["aes256gcm16-prfsha384-x25519", "aes256gcm16"],
    ),
    (
        ["aes256gcm16-prfsha384-x25519", "aes256gcm16"],
        [
            "aes256gcm16-prfsha384-x25519-ke1_ecp384-ke1_none",
            "aes256gcm16",
        ],
    ),
];

/// ML-KEM beside a classic method.
const ML_KEM: &[Suite] = &[
    same("aes256gcm16-prfsha256-x25519-ke1_mlkem512", "aes256gcm16"),
    same("aes256gcm16-prfsha384-x25519-ke1_mlkem768", "aes256gcm16"),
    same("aes256gcm16-prfsha384-ecp384-ke1_mlkem1024", "aes256gcm16"),
    same(
        "aes256-sha256-x25519-ke1_mlkem768-ke2_ecp384",
        "aes256-sha256",
    ),
    same("aes256gcm16-prfsha384-mlkem768-ke1_x25519", "aes256gcm16"),
];

/// With further key exchanges for CHILD_SAs and rekeying, too.
const REKEYED: &[Suite] = &[
    same(
        "aes256gcm16-prfsha384-x25519-ke1_mlkem768",
        "aes256gcm16-x25519-ke1_mlkem768",
    ),
    same(
        "aes256-sha256-ecp384-ke1_mlkem1024-ke2_x25519",
        "aes256-sha256-x25519-ke1_mlkem512-ke2_ecp256",
    ),
];

#[test]
fn classic_methods() {
    table_with(CLASSIC, Release::Trixie);
}

#[test]
fn peers_that_do_without() {
    // One at a time: a responder with several connections chooses among all of them before it knows
    // who asks.
    for suite in OPTIONAL {
        table_with(&[*suite], Release::Trixie);
    }
}

#[test]
#[ignore = "needs charon's ml plugin, which Debian leaves out: make interop builds it from sources"]
fn ml_kem() {
    table_with(ML_KEM, Release::TrixieMlKem);
}

#[test]
#[ignore = "needs charon's ml plugin, which Debian leaves out: make interop builds it from sources"]
fn charon_rekeys() {
    let (_lab, pair, holdfast, charon) = start(REKEYED, Release::TrixieMlKem);
    rekey_all((&pair, &holdfast, &charon), &charon, REKEYED);
}

#[test]
#[ignore = "needs charon's ml plugin, which Debian leaves out: make interop builds it from sources"]
fn holdfast_rekeys() {
    let (_lab, pair, holdfast, charon) = start(REKEYED, Release::TrixieMlKem);
    rekey_all((&pair, &holdfast, &charon), &holdfast, REKEYED);
}

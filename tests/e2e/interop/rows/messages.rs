//! What is between the two ends: datagrams, NATs, addresses.

use super::super::row::{Lines, PLAIN, Row, row};

pub(super) fn all() -> Vec<Row> {
    vec![encapsulation()]
}

fn encapsulation() -> Row {
    row("UDP encapsulation without a NAT", "RFC 7296 2.23, RFC 3948")
        .holdfast(Lines {
            connection: "encap = true\n",
            ..PLAIN
        })
        .charon(Lines {
            connection: "encap = yes",
            ..PLAIN
        })
        .libreswan(Lines {
            connection: "encapsulation=yes",
            ..PLAIN
        })
}

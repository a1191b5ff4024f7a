//! Sessions that are resumed.

use super::super::row::{Row, row};

/// Without NAT detection nobody says that ESP may be in UDP.
pub(super) fn all() -> Vec<Row> {
    vec![
        row("a session is resumed with a ticket", "RFC 5723")
            .charon_lacks("charon has no session resumption")
            .libreswan_lacks(
                "Libreswan resumes without NAT detection, and holdfast's ESP in user space is \
                 always in UDP; tried between two holdfasts: `resumption` in testing.md",
            ),
    ]
}

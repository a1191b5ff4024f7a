//! The rows of the table, by topic.

mod authentication;
mod children;
mod eap;
mod lifetimes;
mod messages;
mod suites;

use super::row::Row;

pub(super) fn all() -> Vec<Row> {
    [
        authentication::all(),
        eap::all(),
        suites::all(),
        messages::all(),
        lifetimes::all(),
        children::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

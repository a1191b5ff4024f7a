//! The rows of the table, by topic.

mod authentication;
mod children;
mod configuration;
mod eap;
mod hybrid;
mod lifetimes;
mod messages;
mod suites;

use super::row::Row;

pub(super) fn all() -> Vec<Row> {
    [
        authentication::all(),
        eap::all(),
        suites::all(),
        hybrid::all(),
        messages::all(),
        lifetimes::all(),
        children::all(),
        configuration::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

//! The rows of the table, by topic.

mod authentication;
mod childless;
mod children;
mod configuration;
mod eap;
mod hybrid;
mod lifetimes;
mod messages;
mod post_quantum;
mod resumption;
mod revocation;
mod suites;

use super::row::Row;

pub(super) fn all() -> Vec<Row> {
    [
        authentication::all(),
        revocation::all(),
        eap::all(),
        post_quantum::all(),
        suites::all(),
        hybrid::all(),
        messages::all(),
        resumption::all(),
        lifetimes::all(),
        childless::all(),
        children::all(),
        configuration::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

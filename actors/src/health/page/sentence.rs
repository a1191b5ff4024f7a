//! How a connection does, in a sentence or two.

use super::{
    Now,
    html::{Text, since, until},
};
use crate::{
    supervisor::connection::status::{ConnectionStatus, State},
    text,
};

/// What is so, why, and what happens next.
pub(super) fn sentence(status: &ConnectionStatus, now: Now) -> String {
    let reason = match &*status.reason {
        "" => String::new(),
        reason => format!(": {}", Text(reason)),
    };
    let failures = match status.failures {
        0 => String::new(),
        count => {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            format!(" ({} failed)", text::count(count, "attempt", "attempts"))
        }
    };
    let next = status.next_retry.map_or_else(String::new, |at| {
        format!(" The next try is {}.", until(at, now))
    });
    let since = since(status.since, now);
    let peer = peer(status);
    let to = status
        .peer
        .map_or_else(String::new, |address| format!(" to {address}"));
    match status.state {
        State::Up => format!("Up for {since}{peer}."),
        State::Connecting => format!("Connecting{to}{reason}{failures}.{next}"),
        State::Waiting => format!("Down for {since}{reason}{failures}.{next}"),
        State::Down => {
            format!("Down for {since}{reason}{failures}. It is up to the peer to begin.{next}")
        }
        State::Idle => format!("Not up{reason}."),
        State::Trapped => "Comes up when there is traffic for it.".to_owned(),
        State::Disabled => format!(
            "Taken down by an operator; <code>holdfast initiate {}</code> brings it up.",
            Text(&status.name)
        ),
    }
}

fn peer(status: &ConnectionStatus) -> String {
    match (&status.remote_id, status.peer) {
        (Some(id), Some(address)) => format!(" with <b>{}</b> at {address}", Text(id)),
        (None, Some(address)) => format!(" with {address}"),
        (Some(id), None) => format!(" with <b>{}</b>", Text(id)),
        (None, None) => String::new(),
    }
}

//! `get-counters`, `reset-counters`: messages and rekeyings, of the agent and of each connection.

use std::sync::Arc;

use holdfast_ike::Counters;
use holdfast_vici::Message;

use crate::environment::Shared;

/// Whose counters a request means: charon's `""` is everybody's.
enum Whose<'a> {
    All,
    Everybody,
    Connection(&'a str),
}

impl<'a> Whose<'a> {
    fn of(request: &'a Message) -> Self {
        if request.get_bool("all").unwrap_or(false) {
            return Self::All;
        }
        match request.get_str("name") {
            None | Some("") => Self::Everybody,
            Some(name) => Self::Connection(name),
        }
    }
}

pub(super) fn get(shared: &Arc<Shared>, request: &Message) -> Message {
    let mut counters = Message::new();
    match Whose::of(request) {
        Whose::All => {
            counters.push("", render(&shared.counters));
            for (name, counted) in shared.tallies.all() {
                counters.push(&*name, render(&counted));
            }
        }
        Whose::Everybody => counters.push("", render(&shared.counters)),
        Whose::Connection(name) => match shared.tallies.get(name) {
            Some(counted) => counters.push(name, render(&counted)),
            None => return not_found(name),
        },
    }
    Message::new()
        .with("counters", counters)
        .with("success", true)
}

pub(super) fn reset(shared: &Arc<Shared>, request: &Message) -> Message {
    match Whose::of(request) {
        Whose::All => {
            shared.counters.reset();
            for (_, counted) in shared.tallies.all() {
                counted.reset();
            }
        }
        Whose::Everybody => shared.counters.reset(),
        Whose::Connection(name) => match shared.tallies.get(name) {
            Some(counted) => counted.reset(),
            None => return not_found(name),
        },
    }
    Message::success()
}

fn not_found(name: &str) -> Message {
    Message::failure(format!("no counters found for '{name}'"))
}

/// Those that charon has come first, in its order; ours follow.
fn render(counters: &Counters) -> Message {
    let mut message = Message::new();
    for (name, counter) in counters.iter() {
        message.push_display(name, counter.get());
    }
    message
}

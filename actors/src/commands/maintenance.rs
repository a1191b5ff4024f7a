//! `down` and `up`: an operator keeps a connection down over restarts, and ends that. charon has no
//! such commands; `terminate` keeps the meaning it has there.

use holdfast_vici::Message;

use crate::{
    environment::Shared,
    supervisor::messages::{Down, Up},
};

/// What an operator may say about it.
const LONGEST_REASON: usize = 256;

pub(super) async fn down(shared: &Shared, request: &Message) -> Message {
    let Some(name) = request.get_str("name").map(ToOwned::to_owned) else {
        return Message::failure("missing connection name");
    };
    let reason = request.get_str("reason").filter(|text| !text.is_empty());
    if reason.is_some_and(|text| text.chars().count() > LONGEST_REASON) {
        return Message::failure(format!(
            "the reason is longer than {LONGEST_REASON} characters"
        ));
    }
    let reason = reason.map(ToOwned::to_owned);
    match shared.supervisor.send(Down { name, reason }).await {
        Ok(Ok(terminated)) => Message::success().with("terminated", terminated.to_string()),
        Ok(Err(refusal)) => Message::failure(refusal),
        Err(error) => super::unavailable(error),
    }
}

pub(super) async fn up(shared: &Shared, request: &Message) -> Message {
    let Some(name) = request.get_str("name").map(ToOwned::to_owned) else {
        return Message::failure("missing connection name");
    };
    match shared.supervisor.send(Up(name)).await {
        Ok(Ok(())) => Message::success(),
        Ok(Err(refusal)) => Message::failure(refusal),
        Err(error) => super::unavailable(error),
    }
}

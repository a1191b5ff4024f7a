//! `load-conn`, `unload-conn`, `get-conns`: connections of control clients.

use std::sync::Arc;

use holdfast_vici::{Message, Value};

use crate::{
    environment::Shared,
    supervisor::messages::{LoadedConnections, UnloadConnection},
};

pub(super) async fn unload(shared: &Arc<Shared>, request: &Message) -> Message {
    let Some(name) = request.get_str("name") else {
        return Message::failure("missing connection name");
    };
    match shared
        .supervisor
        .send(UnloadConnection(name.to_owned()))
        .await
    {
        Ok(Ok(())) => Message::success(),
        Ok(Err(reason)) => Message::failure(reason),
        Err(error) => super::unavailable(error),
    }
}

pub(super) async fn names(shared: &Arc<Shared>) -> Message {
    match shared.supervisor.send(LoadedConnections).await {
        Ok(names) => Message::new().with("conns", Value::list(names)),
        Err(error) => super::unavailable(error),
    }
}

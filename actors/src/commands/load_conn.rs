//! `load-conn`, `unload-conn`, `get-conns`: connections of control clients.

use std::sync::Arc;

use holdfast_config::{Connection, Settings, swanctl};
use holdfast_vici::{Message, Value};

use crate::{
    environment::Shared,
    mistakes::in_one_line,
    supervisor::messages::{LoadConnections, LoadedConnections, UnloadConnection},
};

/// Takes over every connection of the message, or none of them.
pub(super) async fn load(shared: &Arc<Shared>, request: &Message) -> Message {
    let mut connections = Vec::new();
    for (name, section) in request.sections() {
        match swanctl::connection(name, &settings(section), &shared.agent) {
            Ok((connection, warnings)) => {
                for warning in &warnings {
                    tracing::warn!("{warning}");
                }
                if let Some(refused) = commands(&connection) {
                    tracing::error!("connection '{name}' not loaded: {refused}");
                    return Message::failure(refused);
                }
                connections.push(Arc::new(connection));
            }
            Err(error) => {
                tracing::error!("connection '{name}' not loaded:\n{error}");
                return Message::failure(in_one_line(&error));
            }
        }
    }
    if connections.is_empty() {
        return Message::failure("no connection in the request");
    }
    match shared.supervisor.send(LoadConnections(connections)).await {
        Ok(Ok(())) => Message::success(),
        Ok(Err(reason)) => Message::failure(reason),
        Err(error) => super::unavailable(error),
    }
}

/// Whoever reaches the control socket must not run commands by it.
fn commands(connection: &Connection) -> Option<String> {
    let mut children = connection.children.iter();
    let (child, _) = children.find(|(_, child)| child.updown.is_some())?;
    Some(format!(
        "connections.{}.children.{child}.updown: commands are run for connections in the agent's \
         own files only (put the connection there, or leave the key out)",
        connection.name
    ))
}

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

fn settings(message: &Message) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in message.iter() {
        match value {
            Value::Bytes(bytes) => settings.push_value(name, bytes.clone()),
            Value::List(items) => settings.push_list(name, items.iter().cloned()),
            Value::Section(section) => settings.push_section(name, self::settings(section)),
        }
    }
    settings
}

//! `install`, `uninstall`, `list-policies`: traps and shunts. This version has neither, and says
//! so; what a CHILD_SA protects is listed with the CHILD_SA.

use std::sync::Arc;

use holdfast_vici::Message;

use crate::{environment::Shared, supervisor::messages::ListConnections};

const NO_TRAPS: &str = "trap and shunt policies are not supported by this version: \
    set `start_action = start`, or `persistent = yes`";

pub(super) async fn install(shared: &Arc<Shared>, request: &Message) -> Message {
    let Some(child) = request.get_str("child") else {
        return Message::failure("missing configuration name");
    };
    match is_configured(shared, request.get_str("ike"), child).await {
        Ok(true) => Message::failure(NO_TRAPS),
        Ok(false) => Message::failure(format!("CHILD_SA config '{child}' not found")),
        Err(unavailable) => unavailable,
    }
}

pub(super) fn uninstall(request: &Message) -> Message {
    match request.get_str("child") {
        None => Message::failure("missing configuration name"),
        Some(child) => Message::failure(format!("no policy '{child}' is installed")),
    }
}

async fn is_configured(
    shared: &Arc<Shared>,
    ike: Option<&str>,
    child: &str,
) -> Result<bool, Message> {
    let page = ListConnections {
        name: ike.map(ToOwned::to_owned),
        cursor: None,
        limit: usize::MAX,
    };
    let connections = shared
        .supervisor
        .send(page)
        .await
        .map_err(super::unavailable)?;
    Ok(connections
        .iter()
        .any(|connection| connection.children.contains_key(child)))
}

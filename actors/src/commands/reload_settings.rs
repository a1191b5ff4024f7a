//! `reload-settings`: the configuration files are read again. charon answers with the verdict alone;
//! what changed, or with `dry-run` would change, is told beside it.

use std::sync::Arc;

use holdfast_vici::{Message, Value};

use crate::{environment::Shared, reload::reload};

pub(super) async fn run(shared: &Arc<Shared>, request: &Message) -> Message {
    let dry_run = request.get_bool("dry-run").unwrap_or(false);
    match reload(shared, dry_run).await {
        Err(reason) => Message::failure(reason),
        Ok(reloaded) => {
            let applied = reloaded.applied;
            Message::success()
                .with("added", Value::list(applied.added))
                .with("changed", Value::list(applied.changed))
                .with("removed", Value::list(applied.removed))
                .with("unchanged", applied.unchanged.to_string())
                .with("restart-needed", reloaded.restart)
        }
    }
}

//! Reading the configuration files again while the agent runs. A mistake in them changes nothing;
//! what they do not change is left alone.

use std::{sync::Arc, time::Duration};

use holdfast_config::{ConfigError, Loaded};
use tokio::signal::unix::Signal;

use crate::{
    bus::{ControlEvent, Group, LogLine},
    environment::Shared,
    mistakes::in_one_line,
    supervisor::messages::{Applied, ApplyFiles},
};

/// Files that take longer to read are on a file system that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What reading the files again has changed, or would change.
#[derive(Debug)]
pub(crate) struct Reloaded {
    pub(crate) applied: Applied,
    /// `[agent]` has changed too, which takes effect at the next start.
    pub(crate) restart: bool,
}

/// Reads the files and applies what they say, unless it is a `dry_run`. The error is a sentence for
/// operators.
pub(crate) async fn reload(shared: &Arc<Shared>, dry_run: bool) -> Result<Reloaded, String> {
    let path = shared.config_path.clone();
    let reading = tokio::task::spawn_blocking(move || holdfast_config::load(&path));
    let loaded = match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Ok(Ok(loaded))) => loaded,
        Ok(Ok(Err(error))) => return Err(refused(&error)),
        Ok(Err(_)) => return Err("reading the configuration failed: see the log".to_owned()),
        Err(_) => return Err("the configuration files cannot be read in time".to_owned()),
    };
    let Loaded {
        config, warnings, ..
    } = loaded;
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let restart = shared.agent != config.agent;
    if !dry_run {
        // Before the connections: what they begin uses the new secrets and pools.
        shared.credentials.replace_files(&config.secrets);
        shared.pools.apply(&config.pools);
        shared.radius.replace(&config.radius);
    }
    let applied = shared
        .supervisor
        .send(ApplyFiles {
            connections: config.connections,
            dry_run,
        })
        .await
        .map_err(|_| "the agent is shutting down".to_owned())?;
    let reloaded = Reloaded { applied, restart };
    if !dry_run {
        tell(shared, &reloaded);
    }
    Ok(reloaded)
}

fn tell(shared: &Shared, reloaded: &Reloaded) {
    let mut text = format!("configuration reloaded: {}", summary(&reloaded.applied));
    if reloaded.restart {
        text.push_str("; [agent] has changed, which takes effect at the next start");
    }
    tracing::info!("{text}");
    let applied = &reloaded.applied;
    shared
        .bus
        .publish(|| ControlEvent::Reloaded(applied.clone()));
    shared.bus.publish(|| {
        ControlEvent::Log(LogLine {
            group: Group::Daemon,
            connection: None,
            ike_sa: None,
            text,
        })
    });
}

/// Reloads at each SIGHUP, as long as the agent runs. What went wrong is in the log.
pub(crate) async fn at_each(mut hangup: Signal, shared: Arc<Shared>) {
    while hangup.recv().await.is_some() {
        let _ = reload(&shared, false).await;
    }
}

fn refused(error: &ConfigError) -> String {
    tracing::error!("configuration not reloaded, nothing changed:\n{error}");
    format!(
        "nothing changed, the configuration has mistakes: {}",
        in_one_line(error)
    )
}

fn summary(applied: &Applied) -> String {
    let named = |what: &str, names: &[Arc<str>]| match names {
        [] => None,
        names => Some(format!("{what} {}", names.join(", "))),
    };
    let parts: Vec<String> = [
        named("added", &applied.added),
        named("changed", &applied.changed),
        named("removed", &applied.removed),
        Some(format!("{} unchanged", applied.unchanged)),
    ]
    .into_iter()
    .flatten()
    .collect();
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_what_happened_only() {
        let mut applied = Applied {
            unchanged: 3,
            ..Applied::default()
        };
        assert_eq!(summary(&applied), "3 unchanged");
        applied.added = vec!["paris".into(), "rome".into()];
        applied.removed = vec!["oslo".into()];
        assert_eq!(
            summary(&applied),
            "added paris, rome; removed oslo; 3 unchanged"
        );
    }
}

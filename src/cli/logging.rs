//! The agent's log: with its fields in the journal where standard error leads there, else on
//! standard error as it is configured.

use holdfast_config::{Log, LogFormat};
use nix::sys::stat::fstat;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging. `RUST_LOG` wins over the configured level; when it cannot be understood, the
/// configured level holds and the log says so.
pub(super) fn start(log: Log, colour: bool) {
    let wanted = std::env::var("RUST_LOG").ok();
    let (filter, complaint) = filter(log, wanted.as_deref());
    if log.format == LogFormat::Text
        && let Some(journal) = journal()
    {
        let _ = tracing_subscriber::registry()
            .with(filter)
            .with(journal)
            .try_init();
        if let Some(complaint) = complaint {
            tracing::warn!("{complaint}");
        }
        return;
    }
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A subscriber that is there already stays: it is a test's.
    let _ = match log.format {
        LogFormat::Text => builder.with_ansi(colour).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    if let Some(complaint) = complaint {
        tracing::warn!("{complaint}");
    }
}

/// The journal, if standard error is connected to it (systemd.exec(5), `$JOURNAL_STREAM`).
fn journal() -> Option<tracing_journald::Layer> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let (device, inode) = stream.split_once(':')?;
    let stderr = fstat(std::io::stderr()).ok()?;
    let is_journal = device.parse() == Ok(stderr.st_dev) && inode.parse() == Ok(stderr.st_ino);
    let layer = tracing_journald::layer().ok().filter(|_| is_journal)?;
    Some(layer.with_syslog_identifier("holdfast".to_owned()))
}

fn filter(log: Log, wanted: Option<&str>) -> (EnvFilter, Option<String>) {
    let configured = || EnvFilter::new(log.level.as_str());
    match wanted.filter(|wanted| !wanted.is_empty()) {
        None => (configured(), None),
        Some(wanted) => match EnvFilter::try_new(wanted) {
            Ok(filter) => (filter, None),
            Err(error) => (
                configured(),
                Some(format!(
                    "RUST_LOG is ignored: {error}; `agent.log.level` holds"
                )),
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use holdfast_config::LogLevel;

    use super::*;

    #[test]
    fn the_environment_wins_if_it_makes_sense() {
        let log = Log {
            level: LogLevel::Warn,
            format: LogFormat::Text,
        };
        for (wanted, text, complains) in [
            (None, "warn", false),
            (Some(""), "warn", false),
            (Some("holdfast_ike=trace"), "holdfast_ike=trace", false),
            (Some("a=b=c"), "warn", true),
        ] {
            let (filter, complaint) = filter(log, wanted);
            assert_eq!(filter.to_string(), text);
            assert_eq!(complaint.is_some(), complains, "{wanted:?}");
        }
    }
}

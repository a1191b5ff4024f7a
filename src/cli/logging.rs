//! The agent's log, on standard error.

use holdfast_config::{Log, LogFormat};
use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

/// Starts logging. `RUST_LOG` wins over the configured level; when it cannot be understood, the
/// configured level holds and the log says so.
pub(super) fn start(log: Log, colour: bool) {
    let wanted = std::env::var("RUST_LOG").ok();
    let (filter, complaint) = filter(log, wanted.as_deref());
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

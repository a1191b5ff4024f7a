//! Mistakes in a configuration as control clients are told of them.

use holdfast_config::{ConfigError, Severity};

/// Mistakes told to a client; all are in the log.
const MOST: usize = 10;

/// The first mistakes, in one line: clients take no other text for printable.
pub(crate) fn in_one_line(error: &ConfigError) -> String {
    let told: Vec<String> = error
        .diagnostics()
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .take(MOST)
        .map(|diagnostic| diagnostic.to_string().replace('\n', " "))
        .collect();
    told.join("; ")
}

//! `holdfast check`: whether the configuration can be used.

use holdfast_config::{ConfigError, Diagnostic, Loaded, Severity, render};

use super::{
    DONE, Outcome,
    arguments::ConfigFile,
    exit::{Code, Failure},
    output::Output,
    text,
};

/// Loads the configuration and prints everything that is wrong with it.
pub(super) fn check(options: &ConfigFile, output: &mut Output<'_>) -> Outcome {
    match holdfast_config::load(&options.config) {
        Ok(loaded) => {
            explain(&loaded.warnings, output);
            output.line(summary(options, &loaded))?;
            DONE
        }
        Err(error) => {
            explain(error.diagnostics(), output);
            Err(Failure::new(Code::Failed, verdict(options, &error)))
        }
    }
}

/// Draws diagnostics among the complaints.
pub(super) fn explain(diagnostics: &[Diagnostic], output: &mut Output<'_>) {
    if !diagnostics.is_empty() {
        let text = render(diagnostics, output.complaints_style.colour);
        output.complain_raw(&text);
    }
}

/// How many errors there are, and where.
pub(super) fn verdict(options: &ConfigFile, error: &ConfigError) -> String {
    let count = |severity| {
        let diagnostics = error.diagnostics().iter();
        diagnostics
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    };
    let mut text = format!(
        "{} cannot be used: {}",
        options.config.display(),
        text::count(count(Severity::Error), "error", "errors")
    );
    let warnings = count(Severity::Warning);
    if warnings > 0 {
        text.push_str(", ");
        text.push_str(&text::count(warnings, "warning", "warnings"));
    }
    text
}

fn summary(options: &ConfigFile, loaded: &Loaded) -> String {
    let connections = &loaded.config.connections;
    let children = connections
        .values()
        .map(|connection| connection.children.len())
        .sum();
    let warnings = match loaded.warnings.len() {
        0 => String::new(),
        number => format!("; {}", text::count(number, "warning", "warnings")),
    };
    format!(
        "{} is valid: {}, {}, {} read{warnings}",
        options.config.display(),
        text::count(connections.len(), "connection", "connections"),
        text::count(children, "child", "children"),
        text::count(loaded.files.len(), "file", "files"),
    )
}

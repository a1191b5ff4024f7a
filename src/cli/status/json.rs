//! The report for programs.

use super::report::Report;

/// Renders the report as JSON, indented, with a line's end.
pub(super) fn render(report: &Report) -> String {
    let mut text =
        serde_json::to_string_pretty(report).expect("text, numbers and lists always serialise");
    text.push('\n');
    text
}

//! `holdfast schema`: what editors want to know about the configuration.

use super::{DONE, Outcome, output::Output};

/// Prints the JSON Schema.
pub(super) fn schema(output: &mut Output<'_>) -> Outcome {
    let schema = holdfast_config::json_schema();
    let text =
        serde_json::to_string_pretty(&schema).expect("text, numbers and lists always serialise");
    output.line(text)?;
    DONE
}

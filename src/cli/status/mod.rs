//! `holdfast status`: how every connection does.

mod json;
mod report;
mod table;
#[cfg(test)]
mod tests;

use holdfast_vici::Message;

use super::{
    DONE, Outcome,
    arguments::StatusOptions,
    control::Control,
    exit::{Code, Failure},
    output::Output,
};
pub(super) use report::{Child, Connection, Report, Tone};

/// Asks the agent and prints what it says.
pub(super) async fn status(options: &StatusOptions, output: &mut Output<'_>) -> Outcome {
    let mut control = Control::connect(&options.agent).await?;
    let request = Message::new().with_some("name", options.name.as_deref());
    let (events, response) = control.collect("health", "health", request).await?;
    let refused = |reason: String| Failure::new(Code::Failed, reason);
    response.verdict().map_err(refused)?;
    let report = Report::read(&events, &response);
    if let (Some(name), true) = (&options.name, report.connections.is_empty()) {
        return Err(refused(format!(
            "no connection is called `{name}`; `holdfast status` shows those that are configured"
        )));
    }
    let text = if options.json {
        json::render(&report)
    } else if options.name.is_some() {
        table::render_details(&report, output.style)
    } else {
        table::render(&report, output.style)
    };
    output.print(&text)?;
    DONE
}

//! `holdfast reload`.

use std::time::Duration;

use holdfast_vici::Message;

use super::{
    DONE, Outcome,
    arguments::ReloadOptions,
    control::Control,
    exit::{Code, Failure},
    output::Output,
    text,
};

/// How long the agent may take to read its files.
const PATIENCE: Duration = Duration::from_secs(40);

/// Makes the agent read its files again, and tells what that changed.
pub(super) async fn reload(options: &ReloadOptions, output: &mut Output<'_>) -> Outcome {
    let mut control = Control::connect(&options.agent).await?;
    let request = Message::new().with_some("dry-run", options.dry_run.then_some(true));
    let response = control
        .request("reload-settings", request, Some(PATIENCE))
        .await?;
    response
        .verdict()
        .map_err(|reason| Failure::new(Code::Failed, reason))?;
    let verbs = if options.dry_run {
        ["would add", "would change", "would remove"]
    } else {
        ["added", "changed", "removed"]
    };
    for (key, verb) in ["added", "changed", "removed"].into_iter().zip(verbs) {
        for name in response.get_str_list(key) {
            output.line(format_args!("{verb} `{name}`"))?;
        }
    }
    let unchanged = response.get_int("unchanged").unwrap_or(0);
    let unchanged = text::count(
        usize::try_from(unchanged).unwrap_or(0),
        "connection",
        "connections",
    );
    output.line(format_args!("{unchanged} unchanged"))?;
    if response.get_bool("restart-needed").unwrap_or(false) {
        output.complain("[agent] has changed: that takes effect when the agent is started again");
    }
    DONE
}

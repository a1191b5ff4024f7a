//! `holdfast down` and `holdfast up`.

use holdfast_vici::Message;

use super::{
    DONE, Outcome,
    arguments::{DownOptions, UpOptions},
    control::{Control, PATIENCE},
    exit::{Code, Failure},
    output::Output,
};

/// Keeps a connection down until `up`.
pub(super) async fn down(options: &DownOptions, output: &mut Output<'_>) -> Outcome {
    let name = &options.name;
    let request = Message::new()
        .with("name", name)
        .with_some("reason", options.reason.as_deref());
    let mut control = Control::connect(&options.agent).await?;
    let response = control.request("down", request, Some(PATIENCE)).await?;
    response.verdict().map_err(refused)?;
    output.line(format_args!(
        "`{name}` is in maintenance and stays down until `holdfast up {name}`"
    ))?;
    DONE
}

/// Ends maintenance.
pub(super) async fn up(options: &UpOptions, output: &mut Output<'_>) -> Outcome {
    let name = &options.name;
    let mut control = Control::connect(&options.agent).await?;
    let request = Message::new().with("name", name);
    let response = control.request("up", request, Some(PATIENCE)).await?;
    response.verdict().map_err(refused)?;
    output.line(format_args!(
        "maintenance of `{name}` is over; `holdfast status {name}` shows how it does"
    ))?;
    DONE
}

fn refused(reason: String) -> Failure {
    Failure::new(Code::Failed, reason)
}

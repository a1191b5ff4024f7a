//! `holdfast initiate` and `holdfast terminate`.

use std::time::{Duration, Instant};

use holdfast_vici::Message;

use super::{
    Outcome,
    arguments::{InitiateOptions, TerminateOptions},
    control::{Control, PATIENCE},
    exit::{Code, Failure},
    output::Output,
    text,
};

/// Brings up a child, or all children, and tells how that went.
pub(super) async fn initiate(options: &InitiateOptions, output: &mut Output<'_>) -> Outcome {
    let left = format!(
        "interrupted: the agent goes on with `{0}`; `holdfast status {0}` shows how far it is",
        options.name
    );
    unless_interrupted(left, bring_up(options, output)).await
}

/// Takes down a child, or the connection.
pub(super) async fn terminate(options: &TerminateOptions, output: &mut Output<'_>) -> Outcome {
    let left = format!(
        "interrupted: the agent goes on taking `{0}` down; `holdfast status {0}` shows it",
        options.name
    );
    unless_interrupted(left, take_down(options, output)).await
}

/// Ctrl-C leaves at once. The agent finishes what it was asked for: it does not need us.
async fn unless_interrupted(left: String, command: impl Future<Output = Outcome>) -> Outcome {
    tokio::select! {
        outcome = command => outcome,
        Ok(()) = tokio::signal::ctrl_c() => Err(Failure::new(Code::Interrupted, left)),
    }
}

async fn bring_up(options: &InitiateOptions, output: &mut Output<'_>) -> Outcome {
    let mut control = Control::connect(&options.agent).await?;
    let name = &options.name;
    let children = match &options.child {
        Some(child) => vec![child.clone()],
        None => children(&mut control, name).await?,
    };
    // A connection without children is brought up by itself (RFC 6023).
    let goals: Vec<Option<String>> = if children.is_empty() {
        vec![None]
    } else {
        children.into_iter().map(Some).collect()
    };
    let began = Instant::now();
    let mut code = Code::Success;
    for child in goals {
        let goal = child.as_ref().map_or_else(
            || format!("`{name}`"),
            |child| format!("`{child}` of `{name}`"),
        );
        let left = options
            .timeout
            .map(|timeout| timeout.saturating_sub(began.elapsed()));
        let request = Message::new()
            .with_some("child", child)
            .with("ike", name)
            .with_some("timeout", left.map(milliseconds));
        let patience = left.map(|left| left + PATIENCE);
        let response = control.request("initiate", request, patience).await?;
        match response.verdict() {
            Ok(()) => output.line(format_args!("{goal} is up"))?,
            Err(reason) => {
                code = Code::Failed;
                output.complain(format_args!("{goal} is not up: {reason}"));
            }
        }
    }
    Ok(code.into())
}

/// The children of a connection, in its order.
async fn children(control: &mut Control, name: &str) -> Result<Vec<String>, Failure> {
    let request = Message::new().with("ike", name);
    let (events, _) = control.collect("list-conns", "list-conn", request).await?;
    let connection = events
        .iter()
        .find_map(|event| event.child(name))
        .ok_or_else(|| {
            Failure::new(
                Code::Failed,
                format!(
                    "no connection is called `{name}`; `holdfast status` shows those that are \
                     configured"
                ),
            )
        })?;
    let children = connection.child("children").into_iter();
    Ok(children
        .flat_map(Message::sections)
        .map(|(child, _)| child.to_owned())
        .collect())
}

async fn take_down(options: &TerminateOptions, output: &mut Output<'_>) -> Outcome {
    let mut control = Control::connect(&options.agent).await?;
    let name = &options.name;
    let request = Message::new()
        .with_some("child", options.child.as_deref())
        .with("ike", name)
        .with_some("force", options.force.then_some(true))
        .with_some("timeout", options.timeout.map(milliseconds));
    let patience = options.timeout.map(|timeout| timeout + PATIENCE);
    let response = control.request("terminate", request, patience).await?;
    let goal = options.child.as_ref().map_or_else(
        || format!("`{name}`"),
        |child| format!("`{child}` of `{name}`"),
    );
    let number = |key| usize::try_from(response.get_int(key).unwrap_or(0)).unwrap_or(0);
    let (matches, terminated) = (number("matches"), number("terminated"));
    match response.verdict() {
        Ok(()) => {
            let what = text::count(terminated, "SA", "SAs");
            output.line(format_args!("{goal} is down ({what} terminated)"))?;
            Ok(Code::Success.into())
        }
        Err(_) if matches == 0 => Err(Failure::new(
            Code::Failed,
            format!("{goal} is not up; `holdfast status` shows what is"),
        )),
        Err(reason) => Err(Failure::new(
            Code::Failed,
            format!("{goal}: {terminated} of {matches} terminated: {reason}"),
        )),
    }
}

/// The control protocol's unit, rounded up: none at all would mean no limit.
fn milliseconds(duration: Duration) -> u64 {
    let rounded = duration.as_nanos().div_ceil(1_000_000).max(1);
    u64::try_from(rounded).unwrap_or(u64::MAX)
}

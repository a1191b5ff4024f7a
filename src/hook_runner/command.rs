//! One command, with an end.

use std::{
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use holdfast_actors::hooks::Outcome;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    time::timeout,
};

use super::environment::Variables;

/// What is kept of a command's output; the rest is read and dropped.
const MOST_OUTPUT: usize = 4096;

/// How long output is waited for when the command itself has ended: what it left running may hold
/// the pipe.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What became of a command.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) outcome: Outcome,
    pub(super) output: String,
    pub(super) took: Duration,
}

/// Runs it. With the time over, it is killed with all processes of its group.
pub(super) async fn run(
    command: &holdfast_config::Command,
    variables: &Variables,
    limit: Duration,
) -> Ran {
    let began = Instant::now();
    let mut output = Vec::new();
    let outcome = match spawn(command, variables) {
        Ok(mut child) => attend(&mut child, limit, &mut output).await,
        Err(error) => Outcome::NotStarted(format!("{}: {error}", command.program)),
    };
    Ran {
        outcome,
        output: String::from_utf8_lossy(&output).into_owned(),
        took: began.elapsed(),
    }
}

fn spawn(command: &holdfast_config::Command, variables: &Variables) -> std::io::Result<Child> {
    let mut process = Command::new(&command.program);
    process
        .args(&command.arguments)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    process.spawn()
}

async fn attend(child: &mut Child, limit: Duration, output: &mut Vec<u8>) -> Outcome {
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut error_output = Vec::new();
    let ended = {
        let reading = async { tokio::join!(keep(stdout, output), keep(stderr, &mut error_output)) };
        let mut reading = std::pin::pin!(reading);
        let waiting = async {
            tokio::select! {
                _ = &mut reading => child.wait().await,
                status = child.wait() => {
                    let _ = timeout(LAST_WORDS, &mut reading).await;
                    status
                }
            }
        };
        timeout(limit, waiting).await
    };
    output.extend_from_slice(&error_output);
    match ended {
        Ok(Ok(status)) => outcome(status),
        Ok(Err(error)) => Outcome::NotStarted(error.to_string()),
        Err(_) => {
            if let Some(group) = group {
                // Fails only where nothing of the group is left.
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            let _ = child.wait().await;
            Outcome::TimedOut
        }
    }
}

fn outcome(status: ExitStatus) -> Outcome {
    match (status.code(), status.signal()) {
        (Some(code), _) => Outcome::Exited(code),
        (None, signal) => Outcome::Killed(signal.unwrap_or_default()),
    }
}

/// Reads to the end and keeps the beginning.
async fn keep(pipe: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
        let room = MOST_OUTPUT.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..length.min(room)]);
    }
}

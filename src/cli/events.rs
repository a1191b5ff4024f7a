//! `holdfast events`: what happens, as it happens, one JSON object a line.

use std::path::Path;

use holdfast_config::ViciAddress;
use holdfast_vici::Address;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::{
    DONE, Outcome,
    arguments::{DEFAULT_CONFIG, EventsOptions},
    exit::{Code, Failure},
    output::Output,
};

/// Prints events until the agent goes, or Ctrl-C.
pub(super) async fn events(options: &EventsOptions, output: &mut Output<'_>) -> Outcome {
    tokio::select! {
        outcome = follow(options, output) => outcome,
        Ok(()) = tokio::signal::ctrl_c() => DONE,
    }
}

async fn follow(options: &EventsOptions, output: &mut Output<'_>) -> Outcome {
    let address = find(options)?;
    let stream = address.connect().await.map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Code::NotPermitted,
            _ => Code::NotRunning,
        };
        Failure::new(
            code,
            format!("nobody tells events at {address}: {error}; is the agent running?"),
        )
    })?;
    print(stream, output).await
}

async fn print(stream: impl AsyncRead + Unpin, output: &mut Output<'_>) -> Outcome {
    let mut lines = BufReader::new(stream).lines();
    loop {
        match lines.next_line().await {
            Ok(Some(line)) => output.line(line)?,
            Ok(None) => return DONE,
            Err(error) => {
                return Err(Failure::new(
                    Code::NotRunning,
                    format!("the agent went away: {error}"),
                ));
            }
        }
    }
}

fn find(options: &EventsOptions) -> Result<Address, Failure> {
    if let Some(address) = &options.uri {
        return Ok(address.clone());
    }
    let file = options
        .config
        .as_deref()
        .unwrap_or(Path::new(DEFAULT_CONFIG));
    let loaded = holdfast_config::load(file).map_err(|_| {
        Failure::new(
            Code::Configuration,
            format!(
                "{0} does not tell the address of events, because it cannot be used: give --uri, or \
                 see `holdfast check --config {0}`",
                file.display()
            ),
        )
    })?;
    match loaded.config.agent.events {
        Some(ViciAddress::Unix(path)) => Ok(Address::Unix(path)),
        Some(ViciAddress::Tcp(address)) => Ok(Address::Tcp(address.to_string())),
        None => Err(Failure::new(
            Code::Configuration,
            format!(
                "{} asks for no events: add `events = \"unix:///run/holdfast/events\"` to [agent] and \
                 restart the agent",
                file.display()
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::control;

    #[test]
    fn lines_are_passed_on_as_they_are() {
        let mut printed = Vec::new();
        let mut output = Output::to(&mut printed, std::io::sink());
        let said = control::block_on(print(&b"{\"event\":\"draining\"}\n{}\n"[..], &mut output));
        assert_eq!(said, DONE);
        drop(output);
        assert_eq!(printed, b"{\"event\":\"draining\"}\n{}\n");
    }
}

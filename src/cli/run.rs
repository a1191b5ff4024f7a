//! `holdfast run`: the agent in the foreground.

use std::{io, path::Path, time::Duration};

use holdfast_actors::{Hooks, Options, StartError};
use holdfast_config::Loaded;

use super::{
    DONE, Outcome,
    arguments::ConfigFile,
    check,
    exit::{Code, Failure},
    logging,
    output::Output,
    service,
};
use crate::{
    hook_runner::{self, Runner},
    sandbox,
};

/// How long commands for what went at the end may take before the agent is gone without them.
const LAST_HOOKS: Duration = Duration::from_secs(10);

/// Runs the agent until it is told to stop.
pub(super) fn run(options: &ConfigFile, output: &mut Output<'_>) -> Outcome {
    let loaded = holdfast_config::load(&options.config).map_err(|error| {
        check::explain(error.diagnostics(), output);
        Failure::new(Code::Configuration, check::verdict(options, &error))
    })?;
    logging::start(loaded.config.agent.log, output.complaints_style.colour);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let runner = runner(&loaded, &options.config)?;
    let confine = {
        let (loaded, main) = (loaded.clone(), options.config.clone());
        move || sandbox::enter(&loaded, &main)
    };
    let options = Options {
        loaded,
        config_path: options.config.clone(),
        device: None,
    };
    let hooks = Hooks {
        ready: Some(Box::new(service::ready)),
        confine: Some(Box::new(confine)),
        runner: runner
            .as_ref()
            .map(Runner::socket)
            .transpose()
            .map_err(|error| not_started(&error))?,
        watchdog: service::watchdog(),
        stopping: Some(Box::new(service::stopping)),
        ..Hooks::default()
    };
    let exit = holdfast_actors::run_with(options, hooks).map_err(|error| refusal(&error));
    if let Some(runner) = runner {
        runner.finish(LAST_HOOKS);
    }
    let exit = exit?;
    Ok(exit.code())
}

/// The runner of operators' commands, where there are any. It is a process of its own, started
/// while this one may still start one.
fn runner(loaded: &Loaded, config: &Path) -> Result<Option<Runner>, Failure> {
    let connections = &loaded.config.connections;
    if !connections
        .values()
        .any(|connection| connection.runs_commands())
    {
        return Ok(None);
    }
    Runner::start(config)
        .map(Some)
        .map_err(|error| not_started(&error))
}

fn not_started(error: &io::Error) -> Failure {
    let message = format!("the runner of hooks does not start: {error}");
    Failure::new(Code::Unavailable, message)
}

/// The runner itself.
pub(super) fn hook_runner(options: ConfigFile) -> Outcome {
    hook_runner::run(options.config)
        .map_err(|error| Failure::new(Code::Unavailable, format!("hooks are not run: {error}")))?;
    DONE
}

fn refusal(error: &StartError) -> Failure {
    Failure::new(code(error), format!("the agent does not start: {error}"))
}

fn code(error: &StartError) -> Code {
    let not_permitted = |source: &io::Error| source.kind() == io::ErrorKind::PermissionDenied;
    match error {
        StartError::PortNotPermitted(_) => Code::NotPermitted,
        StartError::Socket { source, .. }
        | StartError::Vici { source, .. }
        | StartError::Events { source, .. }
        | StartError::Health { source, .. }
        | StartError::KeyLog { source, .. }
        | StartError::System(source)
        | StartError::DataPlane(
            holdfast_ipsec::StartError::Device { source, .. }
            | holdfast_ipsec::StartError::Socket { source, .. },
        ) if not_permitted(source) => Code::NotPermitted,
        StartError::ViciExposed(_) | StartError::NoSuchGroup(_) | StartError::NoKernelPlane => {
            Code::Configuration
        }
        _ => Code::Unavailable,
    }
}

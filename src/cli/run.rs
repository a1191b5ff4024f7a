//! `holdfast run`: the agent in the foreground.

use std::io;

use holdfast_actors::{Hooks, Options, StartError};

use super::{
    Outcome,
    arguments::ConfigFile,
    check,
    exit::{Code, Failure},
    logging,
    output::Output,
    service,
};
use crate::sandbox;

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
        watchdog: service::watchdog(),
        stopping: Some(Box::new(service::stopping)),
        ..Hooks::default()
    };
    let exit = holdfast_actors::run_with(options, hooks).map_err(|error| refusal(&error))?;
    Ok(exit.code())
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

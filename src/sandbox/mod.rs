//! The sandbox: what the process gives up once it holds its sockets.
//!
//! Entered on the main thread before there is any other, so that every thread is born in it:
//! capabilities but those for the TUN device and routes, then files (Landlock), then system calls
//! (seccomp), each of which also rules out new privileges. What needs more than is left must be
//! there before: bound sockets are, and so is the process that runs programs on our behalf.

mod capabilities;
mod denial;
mod files;
mod system_calls;
#[cfg(test)]
mod tests;

use holdfast_actors::Sandbox;
use holdfast_config::{Loaded, LogFormat};
use std::path::Path;

/// Confines the process as far as the kernel can, or only says what it may do.
pub(crate) fn enter(loaded: &Loaded, main: &Path) -> Sandbox {
    let agent = &loaded.config.agent;
    if !agent.sandbox {
        return off();
    }
    // Capabilities first: the other two need none. System calls last: they forbid the others.
    if let Err(error) = capabilities::keep_only(agent.dataplane) {
        tracing::warn!("capabilities are not given up: {error}");
    }
    let files = files::restrict(loaded, main);
    let system_calls = system_calls::restrict(agent.log.format == LogFormat::Json);
    let sandbox = Sandbox {
        enabled: true,
        capabilities: capabilities::left(),
        no_new_privileges: no_new_privileges(),
        system_calls: told("system calls", system_calls),
        files: told("files", files),
    };
    tracing::info!(
        capabilities = sandbox.capabilities.join(" "),
        no_new_privileges = sandbox.no_new_privileges,
        system_calls = sandbox.system_calls,
        files = sandbox.files,
        "confined"
    );
    files::warn_of_lost(loaded);
    sandbox
}

fn off() -> Sandbox {
    tracing::warn!("agent.sandbox is off: the agent keeps every right that it was started with");
    Sandbox {
        enabled: false,
        capabilities: capabilities::left(),
        no_new_privileges: no_new_privileges(),
        system_calls: "all".to_owned(),
        files: "all".to_owned(),
    }
}

/// What is in force; what could not be is warned about.
fn told(what: &str, outcome: Result<String, String>) -> String {
    outcome.unwrap_or_else(|error| {
        tracing::warn!("{what} are not restricted: {error}");
        format!("all: {error}")
    })
}

fn no_new_privileges() -> bool {
    nix::sys::prctl::get_no_new_privs().unwrap_or(false)
}

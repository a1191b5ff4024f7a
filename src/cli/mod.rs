//! The command line.
//!
//! `run` is the agent itself; the other commands are clients of its control socket, or, as `check`,
//! need no agent. `docs/cli.md` describes commands, output and exit codes.

mod arguments;
mod check;
mod completions;
mod control;
mod events;
mod exit;
mod import;
mod logging;
mod maintenance;
mod manual;
mod operate;
mod output;
mod reload;
mod run;
mod schema;
mod service;
mod status;
#[cfg(test)]
mod tests;
mod top;

use std::process::ExitCode;

use clap::Parser;
use holdfast_actors::text;

use arguments::{Arguments, Command};
use exit::{Code, Failure};
use output::Output;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    // Errors of the arguments, help and version are printed by clap; errors exit with 2.
    let arguments = Arguments::parse();
    let mut output = Output::of_process();
    ExitCode::from(execute(arguments, &mut output))
}

fn execute(arguments: Arguments, output: &mut Output<'_>) -> u8 {
    let outcome = match arguments.command {
        Command::Run(options) => run::run(&options, output),
        Command::HookRunner(options) => run::hook_runner(options),
        Command::Check(options) => check::check(&options, output),
        Command::Schema => schema::schema(output),
        Command::Completions(options) => completions::completions(&options, output),
        Command::Manual(options) => manual::manual(&options, output),
        Command::Import(options) => import::import(&options, output),
        Command::Status(options) => control::block_on(status::status(&options, output)),
        Command::Top(options) => control::block_on(top::top(&options)),
        Command::Initiate(options) => control::block_on(operate::initiate(&options, output)),
        Command::Terminate(options) => control::block_on(operate::terminate(&options, output)),
        Command::Down(options) => control::block_on(maintenance::down(&options, output)),
        Command::Up(options) => control::block_on(maintenance::up(&options, output)),
        Command::Events(options) => control::block_on(events::events(&options, output)),
        Command::Reload(options) => control::block_on(reload::reload(&options, output)),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            output.complain(&failure);
            failure.code.into()
        }
    }
}

/// What a command ends with: the process's exit code, or what went wrong.
type Outcome = Result<u8, Failure>;

/// A command that did what it was asked for.
const DONE: Outcome = Ok(Code::Success as u8);

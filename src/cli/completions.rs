//! `holdfast completions`: what a shell wants to know about the command line.

use clap::CommandFactory;

use super::{
    DONE, Outcome,
    arguments::{Arguments, CompletionsOptions},
    output::Output,
};

/// Prints the shell's script.
pub(super) fn completions(options: &CompletionsOptions, output: &mut Output<'_>) -> Outcome {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(options.shell, &mut command, "holdfast", &mut script);
    output.print(&String::from_utf8_lossy(&script))?;
    DONE
}

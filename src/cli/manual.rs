//! `holdfast manual`: the manual pages, for packages.

use clap::CommandFactory;

use super::{
    DONE, Outcome,
    arguments::{Arguments, ManualOptions},
    exit::{Code, Failure},
    output::Output,
};

/// Writes one page for the program and one for each command.
pub(super) fn manual(options: &ManualOptions, output: &mut Output<'_>) -> Outcome {
    let folder = &options.folder;
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder))
        .map_err(|error| {
            let message = format!(
                "the pages cannot be written to {}: {error}",
                folder.display()
            );
            Failure::new(Code::Unavailable, message)
        })?;
    output.line(format!("{} has the manual pages", folder.display()))?;
    DONE
}

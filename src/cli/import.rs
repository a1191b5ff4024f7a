//! `holdfast import`: a swanctl.conf as a configuration for us.

use holdfast_config::swanctl;

use super::{
    Outcome,
    arguments::ImportOptions,
    check::explain,
    exit::{Code, Failure},
    output::Output,
};

/// Prints the TOML, and names among the complaints what it lacks.
pub(super) fn import(options: &ImportOptions, output: &mut Output<'_>) -> Outcome {
    let shown = options.file.display();
    let import = swanctl::import(&options.file, options.with_secrets).map_err(|error| {
        explain(error.diagnostics(), output);
        Failure::new(
            Code::Failed,
            format!("{shown} cannot be read as a swanctl.conf"),
        )
    })?;
    for warning in &import.warnings {
        output.complain(format_args!("warning: {warning}"));
    }
    for omission in &import.omitted {
        output.complain(format_args!("left out: {omission}"));
    }
    for secret in &import.secret_files {
        output.complain(format_args!(
            "to do: write the secret at {} into {}, beside the configuration, with mode 0600",
            secret.origin, secret.file
        ));
    }
    output.print(&import.toml)?;
    Ok(if import.omitted.is_empty() {
        Code::Success
    } else {
        Code::Incomplete
    }
    .into())
}

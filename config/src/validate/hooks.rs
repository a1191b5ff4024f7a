//! Commands that are run when something happens.

use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

use super::time;
use crate::{
    model::{Command, Hooks},
    quantity::TextList,
    raw::RawHooks,
    report::Scope,
};

/// Longer than anything that somebody waits for.
const LONGEST: Duration = Duration::from_secs(600);

pub(super) fn hooks(raw: &RawHooks, scope: &Scope<'_>) -> Hooks {
    let command = |key: &str, list: Option<&TextList>| command(list?, &scope.key(key));
    let default = Hooks::default();
    let timeout = time::positive(raw.timeout, default.timeout, &scope.key("timeout"));
    if timeout > LONGEST {
        let remedy = "use 10m at most, and start a service for what takes longer";
        let message = "the next command of the connection would wait for so long";
        scope.key("timeout").error(message, remedy);
    }
    Hooks {
        on_up: command("on_up", raw.on_up.as_ref()),
        on_down: command("on_down", raw.on_down.as_ref()),
        on_alert: command("on_alert", raw.on_alert.as_ref()),
        timeout,
    }
}

fn command(list: &TextList, scope: &Scope<'_>) -> Option<Command> {
    let Some((program, arguments)) = list.0.split_first() else {
        let remedy = "write a program and its arguments, or leave the key out";
        scope.error("there is nothing to run", remedy);
        return None;
    };
    if list.0.iter().any(|word| word.contains('\0')) {
        scope.error("a NUL cannot be in a command", "leave it out");
        return None;
    }
    check_program(program, scope);
    Some(Command {
        program: program.clone(),
        arguments: arguments.to_vec(),
    })
}

/// Whoever may write the program is who runs as the agent's user.
fn check_program(program: &str, scope: &Scope<'_>) {
    let path = Path::new(program);
    if !path.is_absolute() {
        let message = format!("\"{program}\" is not the whole path of a program");
        let remedy =
            "write it from the root, such as [\"/usr/local/sbin/tunnel-up\", \"argument\"]";
        scope.error(message, remedy);
        return;
    }
    match std::fs::metadata(path) {
        Err(error) => scope.error(
            format!("{program} cannot be run: {error}"),
            "correct the path, or install the program",
        ),
        Ok(file) if !file.is_file() || file.permissions().mode() & 0o111 == 0 => scope.error(
            format!("{program} is not a program"),
            format!("chmod 0755 {program}, or name another file"),
        ),
        Ok(file) if file.permissions().mode() & 0o002 != 0 => scope.warning(
            format!("every user of this machine may change {program}, which the agent runs"),
            format!("chmod go-w {program}"),
        ),
        Ok(_) => {}
    }
}

/// charon's `updown`: a line for the shell.
pub(super) fn updown(line: Option<&str>, scope: &Scope<'_>) -> Option<Command> {
    let line = line?;
    if line.trim().is_empty() || line.contains('\0') {
        let remedy = "write a command such as \"/usr/local/sbin/updown\", or leave the key out";
        scope.error("there is nothing to run", remedy);
        return None;
    }
    Some(Command {
        program: "/bin/sh".to_owned(),
        arguments: vec!["-c".to_owned(), line.to_owned()],
    })
}

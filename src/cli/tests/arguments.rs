use std::time::Duration;

use clap::{CommandFactory, Parser, error::ErrorKind};

use crate::cli::arguments::{Arguments, Command, DEFAULT_CONFIG};

fn parse(words: &[&str]) -> Result<Command, clap::Error> {
    Arguments::try_parse_from(std::iter::once(&"holdfast").chain(words))
        .map(|arguments| arguments.command)
}

#[test]
fn the_definition_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn defaults() {
    let Ok(Command::Run(run)) = parse(&["run"]) else {
        panic!("run");
    };
    assert_eq!(run.config.to_str(), Some(DEFAULT_CONFIG));
    let Ok(Command::Initiate(initiate)) = parse(&["initiate", "paris"]) else {
        panic!("initiate");
    };
    assert_eq!(initiate.timeout, None);
    assert_eq!(initiate.child, None);
}

#[test]
fn timeouts() {
    for (text, timeout) in [
        ("10", Duration::from_secs(10)),
        ("10s", Duration::from_secs(10)),
        ("1m30s", Duration::from_secs(90)),
        ("250ms", Duration::from_millis(250)),
    ] {
        let Ok(Command::Initiate(initiate)) = parse(&["initiate", "paris", "--timeout", text])
        else {
            panic!("{text}");
        };
        assert_eq!(initiate.timeout, Some(timeout), "{text}");
    }
    for text in ["0", "1us", "-1", "soon", "25d", "99999999999999999999"] {
        let error = parse(&["terminate", "paris", &format!("--timeout={text}")]);
        let error = error.expect_err(text);
        assert_eq!(error.kind(), ErrorKind::ValueValidation, "{text}");
    }
}

#[test]
fn what_is_refused() {
    for (words, kind) in [
        (&["initiate"][..], ErrorKind::MissingRequiredArgument),
        (&["terminate"], ErrorKind::MissingRequiredArgument),
        (&["statsu"], ErrorKind::InvalidSubcommand),
        (
            &["status", "--uri", "/run/x.vici"],
            ErrorKind::ValueValidation,
        ),
        (
            &["terminate", "paris", "--child", "net", "--force"],
            ErrorKind::ArgumentConflict,
        ),
        (&[], ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        (&["--version"], ErrorKind::DisplayVersion),
    ] {
        let error = parse(words).expect_err("refused");
        assert_eq!(error.kind(), kind, "{words:?}");
        let code = i32::from(!matches!(kind, ErrorKind::DisplayVersion)) * 2;
        assert_eq!(error.exit_code(), code, "{words:?}");
    }
}

#[test]
fn the_address_has_two_names() {
    for name in ["--uri", "--socket", "-u"] {
        let Ok(Command::Status(status)) = parse(&["status", name, "unix:///x"]) else {
            panic!("{name}");
        };
        assert_eq!(
            status.agent.uri.map(|uri| uri.to_string()).as_deref(),
            Some("unix:///x")
        );
    }
}

//! Commands as they are typed, against an agent whose answers are written down.

mod agent;
mod arguments;
mod check;
mod import;
mod operate;
mod reaching;
mod status;

use clap::Parser;

use super::{arguments::Arguments, execute, output::Output};

/// What a command printed, and its exit code.
#[derive(Debug)]
struct Ran {
    code: u8,
    results: String,
    complaints: String,
}

/// Runs a command line, without the program's name.
fn holdfast<S: AsRef<str>>(words: &[S]) -> Ran {
    let words = words.iter().map(AsRef::as_ref);
    let arguments =
        Arguments::try_parse_from(std::iter::once("holdfast").chain(words)).expect("a command");
    let (mut results, mut complaints) = (Vec::new(), Vec::new());
    let code = execute(arguments, &mut Output::to(&mut results, &mut complaints));
    let text = |octets| String::from_utf8(octets).expect("text");
    Ran {
        code,
        results: text(results),
        complaints: text(complaints),
    }
}

#[test]
fn the_schema_is_json() {
    let ran = holdfast(&["schema"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let schema: serde_json::Value = serde_json::from_str(&ran.results).unwrap();
    assert_eq!(schema["title"], "Holdfast configuration");
    assert!(schema["properties"]["connections"].is_object());
}

#[test]
fn every_shell_gets_its_completions() {
    for (shell, word) in [
        ("bash", "complete"),
        ("zsh", "#compdef"),
        ("fish", "complete -c"),
    ] {
        let ran = holdfast(&["completions", shell]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(
            ran.results.contains(word) && ran.results.contains("terminate"),
            "{shell}"
        );
    }
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    assert_eq!(holdfast(&["manual", pages.to_str().unwrap()]).code, 0);
    let page = std::fs::read_to_string(pages.join("holdfast.1")).unwrap();
    assert!(page.contains("gateway agent"), "{page}");
    let page = std::fs::read_to_string(pages.join("holdfast-reload.1")).unwrap();
    assert!(page.contains("dry\\-run"), "{page}");
}

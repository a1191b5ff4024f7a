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

//! Where results and complaints go.

use std::{
    ffi::OsStr,
    fmt,
    io::{self, IsTerminal, Write},
};

use super::exit::{Code, Failure};

/// How a stream wants its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Colours are understood and wanted.
    pub(crate) colour: bool,
    /// Columns of the terminal; `None` where lines may have any length.
    pub(crate) width: Option<u16>,
}

impl Style {
    fn of(stream: &impl IsTerminal, width: Option<u16>) -> Self {
        if !stream.is_terminal() {
            return Self::default();
        }
        Self {
            colour: wants_colour(
                std::env::var_os("NO_COLOR").as_deref(),
                std::env::var_os("TERM").as_deref(),
            ),
            width,
        }
    }
}

/// <https://no-color.org>: any value but the empty one turns colours off.
fn wants_colour(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

/// The two streams of a process.
pub(crate) struct Output<'a> {
    results: Box<dyn Write + 'a>,
    complaints: Box<dyn Write + 'a>,
    pub(crate) style: Style,
    pub(crate) complaints_style: Style,
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("style", &self.style)
            .finish_non_exhaustive()
    }
}

impl Output<'static> {
    /// Standard output and standard error.
    pub(crate) fn of_process() -> Self {
        let width = terminal_size::terminal_size().map(|(width, _)| width.0);
        Self {
            style: Style::of(&io::stdout(), width),
            complaints_style: Style::of(&io::stderr(), width),
            results: Box::new(io::stdout()),
            complaints: Box::new(io::stderr()),
        }
    }
}

#[cfg(test)]
impl<'a> Output<'a> {
    /// Streams of one's own, without colours.
    pub(crate) fn to(results: impl Write + 'a, complaints: impl Write + 'a) -> Self {
        Self {
            results: Box::new(results),
            complaints: Box::new(complaints),
            style: Style::default(),
            complaints_style: Style::default(),
        }
    }
}

impl Output<'_> {
    /// Prints a result. A reader that has left, as `head` does, is no failure.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), Failure> {
        let written = self
            .results
            .write_all(text.as_bytes())
            .and_then(|()| self.results.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
                Code::Failed,
                format!("the output cannot be written: {error}"),
            )),
            _ => Ok(()),
        }
    }

    /// Prints a line of result.
    pub(crate) fn line(&mut self, text: impl fmt::Display) -> Result<(), Failure> {
        self.print(&format!("{text}\n"))
    }

    /// Tells what went wrong.
    pub(crate) fn complain(&mut self, message: impl fmt::Display) {
        self.complain_raw(&format!("holdfast: {message}\n"));
    }

    /// Prints text among the complaints as it is.
    pub(crate) fn complain_raw(&mut self, text: &str) {
        // Nobody is left who could be told.
        let _ = self.complaints.write_all(text.as_bytes());
        let _ = self.complaints.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_can_be_turned_off() {
        for (no_color, term, wanted) in [
            (None, None, true),
            (None, Some("xterm-256color"), true),
            (Some(""), Some("xterm"), true),
            (Some("1"), Some("xterm"), false),
            (Some("0"), None, false),
            (None, Some("dumb"), false),
        ] {
            assert_eq!(
                wants_colour(no_color.map(OsStr::new), term.map(OsStr::new)),
                wanted,
                "NO_COLOR={no_color:?} TERM={term:?}"
            );
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        struct Gone(io::ErrorKind);
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let print = |kind| Output::to(Gone(kind), io::sink()).line("x");
        assert_eq!(print(io::ErrorKind::BrokenPipe), Ok(()));
        assert!(print(io::ErrorKind::StorageFull).is_err());
    }
}

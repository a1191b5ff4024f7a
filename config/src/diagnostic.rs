//! What is wrong with a configuration, where, and what to do about it.

use std::{
    cmp::Ordering,
    fmt,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

/// Whether the configuration can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but it may not do what its author expects.
    Warning,
}

/// Where a problem comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A place in a file.
    Place(Box<Place>),
    /// A file as a whole, because it could not be read.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A request over the control protocol.
    Request,
}

/// A place in a file.
#[derive(Clone)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// The bytes concerned.
    pub span: Range<usize>,
    /// The file's text, secrets masked.
    source: Arc<Source>,
}

/// A file as diagnostics show it: whole lines, secrets masked.
pub(crate) struct Source {
    name: String,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Place {
    pub(crate) fn new(file: &Path, source: &Arc<Source>, mut span: Range<usize>) -> Self {
        let text = source.text.as_str();
        span.start = floor_char_boundary(text, span.start);
        span.end = floor_char_boundary(text, span.end).max(span.start);
        let line = source.lines.partition_point(|start| *start <= span.start);
        let line_start = source.lines[line - 1];
        Self {
            file: file.to_path_buf(),
            line,
            column: text[line_start..span.start].chars().count() + 1,
            span,
            source: Arc::clone(source),
        }
    }
}

impl Source {
    pub(crate) fn new(file: &Path, text: String) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            name: file.display().to_string(),
            lines: std::iter::once(0).chain(breaks).collect(),
            text,
        }
    }
}

/// miette would show the span alone, or whole lines around it: the lines of the span say enough.
impl SourceCode for Source {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        _lines_before: usize,
        _lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let (Some(before), Some(after)) = (self.text.get(..start), self.text.get(end..)) else {
            return Err(MietteError::OutOfBounds);
        };
        let first = before.rfind('\n').map_or(0, |newline| newline + 1);
        let last = end + after.find('\n').unwrap_or(after.len());
        let shown = &self.text[first..last];
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            shown.as_bytes(),
            SourceSpan::from(first..last),
            before.matches('\n').count(),
            start - first,
            shown.lines().count(),
        )))
    }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// One problem.
///
/// `Display` is one line, `file:line:column: key: message (remedy)`; as a [`miette::Diagnostic`] it
/// shows the line itself with the place underlined. Neither shows a secret.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it comes from.
    pub origin: Origin,
    /// The key concerned, dotted; empty when no key is.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Diagnostic {
    /// The file concerned.
    pub fn file(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Place(place) => Some(&place.file),
            Origin::File(file) => Some(file),
            Origin::Variable(_) | Origin::Request => None,
        }
    }

    /// The line concerned, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.place().map(|place| place.line)
    }

    /// The column concerned, counted from 1.
    pub fn column(&self) -> Option<usize> {
        self.place().map(|place| place.column)
    }

    fn place(&self) -> Option<&Place> {
        match &self.origin {
            Origin::Place(place) => Some(place),
            Origin::File(_) | Origin::Variable(_) | Origin::Request => None,
        }
    }

    /// Variables by name, then files by name, lines in order; the same for equal problems however
    /// they were found.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let variable = |diagnostic: &Self| match &diagnostic.origin {
            Origin::Variable(name) => Some(name.clone()),
            Origin::Place(_) | Origin::File(_) | Origin::Request => None,
        };
        let place = |diagnostic: &Self| (diagnostic.line(), diagnostic.column());
        self.file()
            .cmp(&other.file())
            .then_with(|| variable(self).cmp(&variable(other)))
            .then_with(|| place(self).cmp(&place(other)))
            .then_with(|| self.severity.cmp(&other.severity))
            .then_with(|| (&self.key, &self.message).cmp(&(&other.key, &other.message)))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => write!(f, "{place:?}"),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Request => f.write_str("request"),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self.origin, Origin::Request) {
            write!(f, "{}: ", self.origin)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{} ({})", self.message, self.remedy)
    }
}

/// A diagnostic as miette draws it: the place is drawn, so the title need not name it.
#[derive(Debug)]
struct Drawn<'a>(&'a Diagnostic);

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let diagnostic = self.0;
        if diagnostic.place().is_none() && !matches!(diagnostic.origin, Origin::Request) {
            write!(f, "{}: ", diagnostic.origin)?;
        }
        if !diagnostic.key.is_empty() {
            write!(f, "{}: ", diagnostic.key)?;
        }
        f.write_str(&diagnostic.message)
    }
}

impl std::error::Error for Diagnostic {}
impl std::error::Error for Drawn<'_> {}

impl miette::Diagnostic for Diagnostic {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.remedy))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place().map(|place| &*place.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::underline(self.place()?.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

impl miette::Diagnostic for Drawn<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        miette::Diagnostic::severity(self.0)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}

/// Draws diagnostics for a person: each with its source line and the place underlined.
pub fn render(diagnostics: &[Diagnostic], colour: bool) -> String {
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_context_lines(0);
    let mut out = String::new();
    for diagnostic in diagnostics {
        // Only writing can fail, and a String takes everything.
        let _ = handler.render_report(&mut out, &Drawn(diagnostic));
        out.push('\n');
    }
    out
}

/// Why a configuration cannot be used: everything that is wrong with it, errors and warnings.
#[derive(Clone, Debug)]
pub struct ConfigError {
    diagnostics: Vec<Diagnostic>,
}

impl ConfigError {
    pub(crate) fn new(diagnostics: Vec<Diagnostic>) -> Self {
        Self { diagnostics }
    }

    /// All of them, in the order of the files.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }
}

/// One line for each problem.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, diagnostic) in self.diagnostics.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            if diagnostic.severity == Severity::Warning {
                f.write_str("warning: ")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

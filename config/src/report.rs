//! Problems found so far, and the part of the configuration that a check is looking at.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::{
    diagnostic::{Diagnostic, Origin, Severity},
    key_path::KeyPath,
};

/// More problems than anyone reads at once.
const MOST: usize = 200;

/// Knows where values were written.
pub(crate) trait Places {
    /// Where a value comes from, and the key it has there.
    fn origin(&self, path: &KeyPath) -> (Origin, KeyPath);

    /// Why there is a value that nobody wrote.
    fn implied(&self, _path: &KeyPath) -> Option<&'static str> {
        None
    }
}

/// Collects problems.
pub(crate) struct Report<'a> {
    places: &'a dyn Places,
    found: RefCell<Vec<Diagnostic>>,
    broken: RefCell<BTreeSet<KeyPath>>,
    files: RefCell<Vec<PathBuf>>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(places: &'a dyn Places) -> Self {
        Self {
            places,
            found: RefCell::default(),
            broken: RefCell::default(),
            files: RefCell::default(),
        }
    }

    /// The part at a path.
    pub(crate) fn at(&self, path: KeyPath) -> Scope<'_> {
        Scope { report: self, path }
    }

    /// Takes a problem whose place is known. The same problem of the same place, as a mistake in
    /// `[defaults]` makes in every connection, is told once.
    pub(crate) fn push(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        let same = |other: &Diagnostic| {
            other.message == diagnostic.message
                && other.key == diagnostic.key
                && other.origin.to_string() == diagnostic.origin.to_string()
        };
        if found.len() < MOST && !found.iter().any(same) {
            found.push(diagnostic);
        }
    }

    /// Marks a value as reported and removed: that it is missing is no further problem.
    pub(crate) fn mark_broken(&self, path: KeyPath) {
        self.broken.borrow_mut().insert(path);
    }

    pub(crate) fn has_errors(&self) -> bool {
        let is_error = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Error;
        self.found.borrow().iter().any(is_error)
    }

    /// The files that were read or should have been, each once, in the order of reading.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.files.take()
    }

    /// Everything found, in the order of the files.
    pub(crate) fn finish(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by(Diagnostic::order);
        found
    }
}

/// A part of the configuration that is being checked.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    report: &'a Report<'a>,
    path: KeyPath,
}

impl Scope<'_> {
    /// The value under a key of this part.
    pub(crate) fn key(&self, key: &str) -> Self {
        Self {
            report: self.report,
            path: self.path.key(key),
        }
    }

    /// An element of this list.
    pub(crate) fn index(&self, index: usize) -> Self {
        Self {
            report: self.report,
            path: self.path.index(index),
        }
    }

    /// Notes that this part is, or should be, in that file.
    pub(crate) fn reads(&self, file: &Path) {
        let mut files = self.report.files.borrow_mut();
        if !files.iter().any(|known| known == file) {
            files.push(file.to_path_buf());
        }
    }

    /// The file or variable that this part comes from.
    pub(crate) fn origin(&self) -> Origin {
        self.report.places.origin(&self.path).0
    }

    pub(crate) fn error(&self, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Error, message.into(), remedy.into());
    }

    pub(crate) fn warning(&self, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Warning, message.into(), remedy.into());
    }

    /// That something is missing here, unless what was here has been reported already.
    pub(crate) fn missing(&self, message: impl Into<String>, remedy: impl Into<String>) {
        if !self.is_broken() {
            self.error(message, remedy);
        }
    }

    /// Whether this, a part of it or what it is a part of has been reported and removed.
    pub(crate) fn is_broken(&self) -> bool {
        let broken = self.report.broken.borrow();
        let path = &self.path;
        broken
            .iter()
            .any(|other| path.starts_with(other) || other.starts_with(path))
    }

    fn push(&self, severity: Severity, message: String, remedy: String) {
        let (origin, key) = self.report.places.origin(&self.path);
        let message = match self.report.places.implied(&self.path) {
            Some(implied) => format!("{message}: {implied}"),
            None => message,
        };
        self.report.push(Diagnostic {
            severity,
            origin,
            key: key.to_string(),
            message,
            remedy,
        });
    }
}

//! Files in the syntax of strongswan.conf(5), which swanctl.conf shares: sections, keys, comments,
//! `include`, references.
//!
//! What the manual leaves open was observed on swanctl 5.9.8: a value ends at the end of its line,
//! at `#` or at `}`; words and quoted strings in it are joined by single spaces; keys are seen
//! before sections, a section's own before inherited ones.

mod files;
mod references;
mod sections;
mod statement;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use files::Files;

use crate::{ConfigError, Diagnostic, Settings, Severity};
use sections::{Reader, Sections};

/// Sections in sections.
const MOST_SECTIONS_DEEP: usize = 16;

/// A swanctl.conf that could be read.
#[derive(Clone, Debug)]
pub struct Conf {
    /// What it says about connections, secrets, authorities and pools, references followed.
    pub settings: Settings,
    /// What may not be meant.
    pub warnings: Vec<Diagnostic>,
    /// Every file that was read, in order.
    pub files: Vec<PathBuf>,
}

/// Reads a file in the syntax of swanctl.conf and all files that it includes.
///
/// # Errors
/// With every file that cannot be read or has a mistake in its syntax: its first mistake.
pub fn read(file: &Path) -> Result<Conf, ConfigError> {
    read_from(&Files::Disk, file)
}

/// Like [`read`], from these files.
pub fn read_from(files: &Files, file: &Path) -> Result<Conf, ConfigError> {
    let mut reader = Reader::new(files);
    reader.file(file, Sections::ROOT, 0);
    let Reader {
        sections,
        mut problems,
        files,
        ..
    } = reader;
    let (settings, more) = references::resolve(&sections);
    problems.extend(more);
    problems.sort_by(Diagnostic::order);
    let is_error = |problem: &Diagnostic| problem.severity == Severity::Error;
    if problems.iter().any(is_error) {
        return Err(ConfigError::new(problems));
    }
    Ok(Conf {
        settings,
        warnings: problems,
        files,
    })
}

//! Where files come from.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
};

use glob::MatchOptions;
use zeroize::Zeroizing;

/// Where the files of a configuration come from.
#[derive(Clone, Debug)]
pub enum Files {
    /// The file system.
    Disk,
    /// These and no others, for tests.
    Fixed(BTreeMap<PathBuf, String>),
}

/// What an `include` statement stands for.
pub(super) enum Pattern {
    /// These files, in the order of their names; with wildcards, maybe none.
    Matches(Vec<PathBuf>),
    /// One file, which does not exist.
    Missing(PathBuf),
}

/// As a shell: `*` matches no hidden file and no `/`.
const AS_A_SHELL: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Files {
    /// The files that a pattern stands for in a file.
    pub(super) fn expand(&self, from: &Path, pattern: &str) -> Result<Pattern, String> {
        let folder = from.parent().unwrap_or_else(|| Path::new(""));
        if !pattern.contains(['*', '?', '[']) {
            let file = folder.join(pattern);
            return Ok(if self.exists(&file) {
                Pattern::Matches(vec![file])
            } else {
                Pattern::Missing(file)
            });
        }
        let folder = folder
            .to_str()
            .ok_or("the name of the folder is not UTF-8: no pattern can be searched in it")?;
        let folder = Path::new(&glob::Pattern::escape(folder)).join(pattern);
        let pattern = folder.to_str().unwrap_or_default();
        let wrong =
            |error: glob::PatternError| format!("the pattern cannot be read: {}", error.msg);
        let mut matches: Vec<PathBuf> = match self {
            // Folders that may not be listed hold nothing for us.
            Self::Disk => glob::glob_with(pattern, AS_A_SHELL)
                .map_err(wrong)?
                .flatten()
                .filter(|path| !path.is_dir())
                .collect(),
            Self::Fixed(files) => {
                let pattern = glob::Pattern::new(pattern).map_err(wrong)?;
                let matches = |path: &&PathBuf| pattern.matches_path_with(path, AS_A_SHELL);
                files.keys().filter(matches).cloned().collect()
            }
        };
        matches.sort();
        Ok(Pattern::Matches(matches))
    }

    fn exists(&self, file: &Path) -> bool {
        match self {
            Self::Disk => file.exists(),
            Self::Fixed(files) => files.contains_key(file),
        }
    }

    /// What tells whether two names are those of one file.
    pub(super) fn identity(&self, file: &Path) -> PathBuf {
        match self {
            Self::Disk => file.canonicalize().unwrap_or_else(|_| file.to_path_buf()),
            Self::Fixed(_) => file.to_path_buf(),
        }
    }

    /// Reads a file of at most this many octets; else says what is wrong, and the remedy.
    pub(super) fn read(
        &self,
        file: &Path,
        most: usize,
    ) -> Result<Zeroizing<String>, (String, &'static str)> {
        let bytes = self.octets(file, most)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Zeroizing::new(text.to_owned())),
            Err(error) => {
                let before = &bytes[..error.valid_up_to()];
                let line = before.split(|byte| *byte == b'\n').count();
                Err((
                    format!("line {line} is not UTF-8"),
                    "save the file as UTF-8",
                ))
            }
        }
    }

    /// Reads a file of any kind; else says what is wrong, and the remedy.
    pub(in super::super) fn octets(
        &self,
        file: &Path,
        most: usize,
    ) -> Result<Zeroizing<Vec<u8>>, (String, &'static str)> {
        let bytes = match self {
            Self::Disk => read_disk(file, most)?,
            Self::Fixed(files) => Zeroizing::new(
                files
                    .get(file)
                    .ok_or_else(|| ("there is no such file".to_owned(), "create it"))?
                    .clone()
                    .into_bytes(),
            ),
        };
        if bytes.len() > most {
            return Err((
                "the files are larger than 64 MiB together".to_owned(),
                "include fewer files",
            ));
        }
        Ok(bytes)
    }

    /// The files of a folder beside this file, in the order of their names.
    pub(in super::super) fn folder(&self, beside: &Path, folder: &str) -> Vec<PathBuf> {
        match self.expand(beside, &format!("{folder}/*")) {
            Ok(Pattern::Matches(files)) => files,
            Ok(Pattern::Missing(_)) | Err(_) => Vec::new(),
        }
    }
}

fn read_disk(file: &Path, most: usize) -> Result<Zeroizing<Vec<u8>>, (String, &'static str)> {
    let failed = |error: std::io::Error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::NotFound => "name a file that exists",
            std::io::ErrorKind::PermissionDenied => "run the command as a user who may read it",
            _ => "make it a readable file",
        };
        (format!("cannot read the file: {error}"), remedy)
    };
    // Asked before it is opened: opening a FIFO would wait for a writer.
    let metadata = std::fs::metadata(file).map_err(failed)?;
    if !metadata.is_file() {
        return Err((
            "this is not a regular file".to_owned(),
            "name a file in the syntax of swanctl.conf",
        ));
    }
    let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.min(most) + 1));
    std::fs::File::open(file)
        .and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    Ok(bytes)
}

//! The sections of all files as they are written, before references are followed.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

use super::{
    MOST_SECTIONS_DEEP,
    files::{Files, Pattern},
    statement::{self, Kind, Statement},
};
use crate::{
    diagnostic::{Diagnostic, Origin, Severity, Source},
    layers::{mask, mask_suspects},
    settings::{Mark, MarkedFile},
};

/// Files that include files that include files.
const MOST_INCLUSIONS_DEEP: usize = 10;
const MOST_FILES: usize = 10_000;
/// Octets of all files together.
const MOST_OCTETS: usize = 64 << 20;

/// Where a section is in [`Sections`].
pub(super) type Id = usize;

/// One section.
#[derive(Default)]
pub(super) struct Section {
    pub(super) keys: Vec<Key>,
    key_index: HashMap<String, usize>,
    pub(super) children: Vec<(String, Id)>,
    child_index: HashMap<String, Id>,
    /// Absolute names of the sections that it inherits from.
    pub(super) references: Vec<(String, Mark)>,
    pub(super) mark: Option<Mark>,
    pub(super) comments: Vec<String>,
}

/// One key of a section.
pub(super) struct Key {
    pub(super) name: String,
    /// `None` clears what would be inherited.
    pub(super) value: Option<Zeroizing<String>>,
    pub(super) mark: Mark,
    pub(super) comments: Vec<String>,
}

impl Section {
    pub(super) fn child(&self, name: &str) -> Option<Id> {
        self.child_index.get(name).copied()
    }

    /// A later assignment replaces an earlier one, in its place.
    fn assign(&mut self, key: Key) {
        if let Some(&position) = self.key_index.get(&key.name) {
            self.keys[position] = key;
        } else {
            self.key_index.insert(key.name.clone(), self.keys.len());
            self.keys.push(key);
        }
    }
}

/// All sections; the first is the root.
pub(super) struct Sections {
    all: Vec<Section>,
}

impl Sections {
    pub(super) const ROOT: Id = 0;

    pub(super) fn get(&self, id: Id) -> &Section {
        &self.all[id]
    }

    /// The section of this absolute name.
    pub(super) fn find(&self, path: &str) -> Option<Id> {
        path.split('.')
            .try_fold(Self::ROOT, |id, name| self.get(id).child(name))
    }

    /// The child of this name, which is made when there is none.
    fn open(&mut self, parent: Id, name: String, mark: &Mark) -> Id {
        if let Some(id) = self.all[parent].child(&name) {
            return id;
        }
        let id = self.all.len();
        self.all.push(Section {
            mark: Some(mark.clone()),
            ..Section::default()
        });
        let parent = &mut self.all[parent];
        parent.child_index.insert(name.clone(), id);
        parent.children.push((name, id));
        id
    }
}

/// Reads files into sections.
pub(super) struct Reader<'a> {
    source: &'a Files,
    pub(super) sections: Sections,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) files: Vec<PathBuf>,
    octets: usize,
    /// The files that are being read: each includes the next.
    open_files: Vec<PathBuf>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Files) -> Self {
        Self {
            source,
            sections: Sections {
                all: vec![Section::default()],
            },
            problems: Vec::new(),
            files: Vec::new(),
            octets: 0,
            open_files: Vec::new(),
        }
    }

    /// Adds a file to a section. `depth` is how many sections are around it.
    pub(super) fn file(&mut self, path: &Path, into: Id, depth: usize) {
        if let Err(problem) = self.try_file(path, into, depth) {
            self.problems.push(problem);
        }
    }

    fn try_file(&mut self, path: &Path, into: Id, depth: usize) -> Result<(), Diagnostic> {
        let text = self.read(path)?;
        let statements = statement::statements(&text).map_err(|error| {
            let mark = Mark {
                file: marked(path, mask_suspects(&text)),
                span: error.span,
            };
            problem(mark.origin(), error.message, error.remedy)
        })?;
        self.files.push(path.to_path_buf());
        self.open_files.push(self.source.identity(path));
        let file = marked(path, masked(&text, &statements));
        let read = self.apply(statements, path, &file, into, depth);
        self.open_files.pop();
        read
    }

    fn read(&mut self, path: &Path) -> Result<Zeroizing<String>, Diagnostic> {
        let failed = |message: String, remedy: &str| {
            problem(Origin::File(path.to_path_buf()), message, remedy)
        };
        if self.files.len() >= MOST_FILES {
            let message = format!("more than {MOST_FILES} files are included");
            return Err(failed(message, "include fewer files"));
        }
        let text = self
            .source
            .read(path, MOST_OCTETS - self.octets)
            .map_err(|(message, remedy)| failed(message, remedy))?;
        self.octets += text.len();
        Ok(text)
    }

    /// Executes the statements of one file.
    fn apply(
        &mut self,
        statements: Vec<Statement>,
        path: &Path,
        file: &Arc<MarkedFile>,
        into: Id,
        depth: usize,
    ) -> Result<(), Diagnostic> {
        let mut open = vec![into];
        let marked = |span| Mark {
            file: Arc::clone(file),
            span,
        };
        for statement in statements {
            let mark = marked(statement.span);
            let current = *open.last().expect("the outermost section is never closed");
            match statement.kind {
                Kind::Close if open.len() == 1 => {
                    let message = "this } closes no section of this file";
                    return Err(problem(mark.origin(), message, "remove it"));
                }
                Kind::Close => {
                    open.pop();
                }
                Kind::Open { name, references } => {
                    if depth + open.len() > MOST_SECTIONS_DEEP {
                        return Err(too_deep(&mark));
                    }
                    let id = self.sections.open(current, name, &mark);
                    let section = &mut self.sections.all[id];
                    section.comments.extend(statement.comments);
                    let references = references
                        .into_iter()
                        .map(|(path, span)| (path, marked(span)));
                    section.references.extend(references);
                    open.push(id);
                }
                Kind::Assign { key, value, .. } => self.sections.all[current].assign(Key {
                    name: key,
                    value,
                    mark,
                    comments: statement.comments,
                }),
                Kind::Include(pattern) => {
                    let depth = depth + open.len() - 1;
                    self.include(&pattern, path, &mark, current, depth);
                }
            }
        }
        if open.len() > 1 {
            let last = open
                .last()
                .and_then(|id| self.sections.get(*id).mark.clone());
            let origin =
                last.map_or_else(|| Origin::File(path.to_path_buf()), |mark| mark.origin());
            let message = "this section is not closed in the file that opens it";
            return Err(problem(origin, message, "add } where it ends"));
        }
        Ok(())
    }

    fn include(&mut self, pattern: &str, from: &Path, mark: &Mark, into: Id, depth: usize) {
        let found = match self.source.expand(from, pattern) {
            Ok(found) => found,
            Err(message) => {
                let remedy = "write a file or a pattern such as conf.d/*.conf";
                self.problems.push(problem(mark.origin(), message, remedy));
                return;
            }
        };
        match found {
            Pattern::Missing(file) => self.problems.push(Diagnostic {
                severity: Severity::Warning,
                ..problem(
                    mark.origin(),
                    format!("{} does not exist", file.display()),
                    "create it, or remove the line",
                )
            }),
            Pattern::Matches(files) => {
                for file in files {
                    if self.open_files.contains(&self.source.identity(&file)) {
                        let message = format!("{} includes itself", file.display());
                        let remedy = "remove one of the include lines";
                        self.problems.push(problem(mark.origin(), message, remedy));
                    } else if self.open_files.len() >= MOST_INCLUSIONS_DEEP {
                        let message =
                            format!("files include files more than {MOST_INCLUSIONS_DEEP} deep");
                        let remedy = "include them from fewer files";
                        self.problems.push(problem(mark.origin(), message, remedy));
                    } else {
                        self.file(&file, into, depth);
                    }
                }
            }
        }
    }
}

pub(super) fn too_deep(mark: &Mark) -> Diagnostic {
    let message = format!("sections are nested more than {MOST_SECTIONS_DEEP} deep");
    problem(mark.origin(), message, "write it flatter")
}

fn problem(origin: Origin, message: impl Into<String>, remedy: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        origin,
        key: String::new(),
        message: message.into(),
        remedy: remedy.to_owned(),
    }
}

fn marked(path: &Path, text: String) -> Arc<MarkedFile> {
    Arc::new(MarkedFile {
        path: path.to_path_buf(),
        source: Arc::new(Source::new(path, text)),
    })
}

/// The text with the values of secrets starred.
fn masked(text: &str, statements: &[Statement]) -> String {
    let mut text = text.to_owned();
    for statement in statements {
        if let Kind::Assign {
            key, value_span, ..
        } = &statement.kind
            && (key.starts_with("secret") || key == "pin")
        {
            mask(&mut text, value_span.clone());
        }
    }
    text
}

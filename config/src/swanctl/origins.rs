//! Where the values of a translated connection were written.

use std::collections::BTreeMap;

use crate::{
    diagnostic::Origin,
    key_path::{KeyPath, Segment},
    report::Places,
    settings::Mark,
};

/// Where values come from, by their place in the translation.
#[derive(Default)]
pub(super) struct Origins {
    written: BTreeMap<KeyPath, Written>,
}

struct Written {
    path: KeyPath,
    mark: Option<Mark>,
    /// Said with every problem of a value that nobody wrote.
    implied: Option<&'static str>,
}

impl Origins {
    /// A value of the translation was written under this path.
    pub(super) fn insert(&mut self, translated: KeyPath, path: KeyPath, mark: Option<Mark>) {
        let implied = None;
        let written = Written {
            path,
            mark,
            implied,
        };
        self.written.insert(translated, written);
    }

    /// A value of the translation was not written, but follows from its absence.
    pub(super) fn insert_implied(&mut self, translated: KeyPath, implied: &'static str) {
        let (written, path) = self.nearest(&translated);
        let written = Written {
            path,
            mark: written.and_then(|written| written.mark.clone()),
            implied: Some(implied),
        };
        self.written.insert(translated, written);
    }

    /// The nearest known place around a path, and the path as its author would write it.
    fn nearest(&self, path: &KeyPath) -> (Option<&Written>, KeyPath) {
        let mut around = path.clone();
        let mut below = Vec::new();
        loop {
            if let Some(written) = self.written.get(&around) {
                let steps = below.iter().rev();
                let as_written = steps.fold(written.path.clone(), |path, next| step(&path, next));
                return (Some(written), as_written);
            }
            match around.pop() {
                Some(segment) => below.push(segment),
                None => return (None, path.clone()),
            }
        }
    }
}

fn step(path: &KeyPath, segment: &Segment) -> KeyPath {
    match segment {
        Segment::Key(key) => path.key(key),
        Segment::Index(index) => path.index(*index),
    }
}

/// The origin of what was written at a mark, or came in a request.
pub(super) fn origin(mark: Option<&Mark>) -> Origin {
    mark.map_or(Origin::Request, Mark::origin)
}

impl Places for Origins {
    fn origin(&self, path: &KeyPath) -> (Origin, KeyPath) {
        let (written, path) = self.nearest(path);
        (
            origin(written.and_then(|written| written.mark.as_ref())),
            path,
        )
    }

    fn implied(&self, path: &KeyPath) -> Option<&'static str> {
        self.written.get(path).and_then(|written| written.implied)
    }
}

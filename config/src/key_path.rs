//! Where a value stands in the merged configuration.

use std::fmt;

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    Key(String),
    Index(usize),
}

/// The steps from the root to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyPath(Vec<Segment>);

impl KeyPath {
    pub(crate) fn of<const N: usize>(keys: [&str; N]) -> Self {
        Self(
            keys.into_iter()
                .map(|key| Segment::Key(key.to_owned()))
                .collect(),
        )
    }

    pub(crate) fn key(&self, key: &str) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Key(key.to_owned()));
        path
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        path.0.push(Segment::Index(index));
        path
    }

    /// Takes the last step off.
    pub(crate) fn pop(&mut self) -> Option<Segment> {
        self.0.pop()
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.0
    }

    pub(crate) fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The path without the steps from the first list element on.
    pub(crate) fn without_elements(mut self) -> Self {
        let first = |segment: &Segment| matches!(segment, Segment::Index(_));
        let end = self.0.iter().position(first).unwrap_or(self.0.len());
        self.0.truncate(end);
        self
    }

    /// The key in `[defaults]` that a connection's key falls back to.
    pub(crate) fn in_defaults(&self) -> Option<Self> {
        let is = |at: usize, name: &str| matches!(&self.0.get(at), Some(Segment::Key(key)) if key == name);
        if !is(0, "connections") || self.0.len() < 3 {
            return None;
        }
        let (defaults, rest) = if is(2, "children") {
            (Self::of(["defaults", "child"]), self.0.get(4..)?)
        } else {
            (Self::of(["defaults"]), self.0.get(2..)?)
        };
        let mut segments = defaults.0;
        segments.extend_from_slice(rest);
        Some(Self(segments))
    }
}

impl From<&serde_path_to_error::Path> for KeyPath {
    fn from(path: &serde_path_to_error::Path) -> Self {
        use serde_path_to_error::Segment as Step;
        let step = |step: &Step| match step {
            Step::Map { key } => Some(Segment::Key(key.clone())),
            Step::Seq { index } => Some(Segment::Index(*index)),
            Step::Enum { .. } | Step::Unknown => None,
        };
        Self(path.iter().filter_map(step).collect())
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                    if !key.is_empty() && key.chars().all(bare) {
                        f.write_str(key)?;
                    } else {
                        write!(f, "{key:?}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

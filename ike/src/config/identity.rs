//! Who the peer may be.

use crate::Identification;

/// What the peer may call itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdMatch {
    /// Anything that authenticates.
    Any,
    /// Exactly this identity.
    Exact(Identification),
    /// Anything of this form: `*` stands for the beginning of a name, as in `*.example`, or for any
    /// value of an attribute of a distinguished name.
    Pattern(Identification),
}

impl IdMatch {
    /// Whether the peer may call itself `id`.
    pub fn matches(&self, id: &Identification) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(wanted) => wanted.is_same(id),
            Self::Pattern(pattern) => pattern.covers(id),
        }
    }

    /// The one identity that matches, if there is one only.
    pub fn exact(&self) -> Option<&Identification> {
        match self {
            Self::Any | Self::Pattern(_) => None,
            Self::Exact(id) => Some(id),
        }
    }

    /// As it is configured.
    pub fn notation(&self) -> Option<String> {
        match self {
            Self::Any => None,
            Self::Exact(id) | Self::Pattern(id) => Some(id.to_string()),
        }
    }
}

//! Secret bytes: wiped when dropped, never printed.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Key material or a shared secret.
///
/// Comparison takes the same time whatever the content; `Debug` prints the length only.
#[derive(Clone)]
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Takes ownership of the bytes.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<Box<[u8]>>> for Secret {
    fn from(bytes: Zeroizing<Box<[u8]>>) -> Self {
        Self(bytes)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_length_only() {
        let secret = Secret::new(*b"correct horse");
        assert_eq!(format!("{secret:?}"), "Secret(13 bytes)");
        assert_eq!(
            format!("{:#?}", Some(&secret)),
            "Some(\n    Secret(13 bytes),\n)"
        );
    }

    #[test]
    fn equality() {
        let secret = Secret::new(*b"same");
        assert!(secret == Secret::new(b"same".to_vec()));
        assert!(secret == secret.clone());
        assert!(secret != Secret::new(*b"Same"));
        assert!(secret != Secret::new(*b"same\0"));
        assert!(secret != Secret::new([]));
        assert_eq!(secret.expose(), b"same");
    }
}

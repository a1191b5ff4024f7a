//! Why a credential is not taken. Clients get these as they are.

use holdfast_pki::{KeyError, ParseError};

/// Why a credential is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialError {
    /// The certificate, list or public key cannot be read.
    #[error("parsing {kind} certificate failed: {error}")]
    Certificate {
        /// The type, as the client named it.
        kind: &'static str,
        /// Why.
        error: ParseError,
    },
    /// The private key cannot be read or used.
    #[error("parsing {kind} private key failed: {error}")]
    Key {
        /// The type, as the client named it.
        kind: &'static str,
        /// Why.
        error: KeyError,
    },
    /// It was announced as a CA's.
    #[error("ca certificate lacks CA basic constraint, rejected")]
    NotCa,
    /// The agent holds no more of these.
    #[error("the agent holds at most {0}")]
    TooMany(&'static str),
}

//! Why input is not what it should be.

use crate::{KeyKind, MAX_INPUT};

/// Why something is not the certificate, list or public key that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// More than [`MAX_INPUT`] octets.
    #[error("more than {MAX_INPUT} octets")]
    TooLong,
    /// Neither DER nor PEM of the right kind.
    #[error("neither DER nor a PEM block \"{0}\"")]
    NoPem(&'static str),
    /// The PEM block is damaged.
    #[error("the PEM block is not closed, or its Base64 is wrong")]
    Pem,
    /// The DER is not of this type.
    #[error("not the DER encoding of {0}")]
    Der(&'static str),
    /// An extension is there twice or cannot be read.
    #[error("the extension {0} is malformed")]
    Extension(&'static str),
    /// The same extension is there twice (RFC 5280 section 4.2).
    #[error("the extension {0} is there twice")]
    Duplicate(String),
    /// What is signed names another algorithm than the signature (RFC 5280 section 4.1.1.2).
    #[error("it says two different things about the algorithm of its signature")]
    AlgorithmMismatch,
    /// An OCSP responder does not answer.
    #[error("the OCSP responder refused: {0}")]
    OcspRefused(&'static str),
    /// The public key is not one of its algorithm.
    #[error("the public key is malformed")]
    PublicKey,
}

/// Why something is no private key that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private key at all.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// It has to be decrypted first.
    #[error("the private key is encrypted: it is to be decrypted before it is loaded")]
    Encrypted,
    /// It is not encrypted with this passphrase, or damaged.
    #[error("the passphrase is wrong, or the private key is damaged")]
    Passphrase,
    /// It is encrypted in another way than PBES2.
    #[error("the private key is encrypted in a way that is not supported: PBES2 of PKCS#8 is")]
    Encryption,
    /// A key of another algorithm was announced.
    #[error("it is {found} key, not {wanted} key")]
    OtherKind {
        /// What it is.
        found: KeyKind,
        /// What it should be.
        wanted: KeyKind,
    },
    /// No provider of this build has the algorithm.
    #[error("keys of the algorithm {0} are not supported")]
    Unsupported(String),
    /// The numbers are not a key of the algorithm, or have a size that is not supported.
    #[error("{0} key is damaged or has a size that is not supported (RSA: 2048 to 8192 bits)")]
    Rejected(KeyKind),
}

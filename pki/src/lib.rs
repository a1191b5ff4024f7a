//! Certificates, revocation lists, public and private keys as parsed values (RFC 5280).
//!
//! Input is DER or PEM from anybody; it is checked here once, and what comes out can be asked
//! without failing. Nothing here knows files, sockets, clocks or who trusts whom. What has to be
//! decided about several of these values together (paths, revocation) is to be built on them.
//!
//! Parsing never panics, and takes memory in proportion to the input only, of which there is at
//! most [`MAX_INPUT`].

mod certificate;
mod der;
mod error;
pub mod fuzz;
mod name;
mod pem;
mod private_key;
mod public_key;
mod revocation_list;

pub use certificate::{AlternativeName, Certificate, Validity};
pub use error::{KeyError, ParseError};
pub use name::{Name, NamePattern};
pub use private_key::{KeyPair, PrivateKey};
pub use public_key::{Curve, KeyAlgorithm, KeyId, KeyKind, PublicKey};
pub use revocation_list::RevocationList;

/// Octets of the largest certificate, list or key that is read.
pub const MAX_INPUT: usize = 64 * 1024;

#[cfg(test)]
mod tests;

//! Certificates, revocation lists, public and private keys as parsed values (RFC 5280), and what is
//! decided about several of them together: [`path`]s and
//! [`revocation`].
//!
//! Input is DER or PEM from anybody; it is checked here once, and what comes out can be asked
//! without failing. Nothing here knows files, sockets, clocks or who trusts whom: times, anchors and
//! what was fetched are arguments.
//!
//! Parsing never panics, and takes memory in proportion to the input only, of which there is at
//! most [`MAX_INPUT`], of a revocation list [`MAX_LIST`].

mod authentication;
mod certificate;
mod der;
mod error;
pub mod fuzz;
mod general_name;
mod identity;
mod name;
mod ocsp;
pub mod path;
mod pem;
mod private_key;
mod public_key;
pub mod revocation;
mod revocation_list;
mod signature;

pub use certificate::{AlternativeName, Certificate, Validity};
pub use error::{KeyError, ParseError};
pub use identity::Identity;
pub use name::{Name, NamePattern};
pub use ocsp::{OcspRequest, OcspResponse};
pub use path::{PathError, PathPolicy, Refusal, Usage, ValidPath, Validator};
pub use private_key::{KeyPair, PrivateKey};
pub use public_key::{Curve, KeyAlgorithm, KeyId, KeyKind, PublicKey};
pub use revocation::{Evidence, Requirement, Status};
pub use revocation_list::{Reason, RevocationList};
pub use signature::{Hash, SignatureAlgorithm, SignatureError, Strength};

/// Octets of the largest certificate, list or key that is read.
pub const MAX_INPUT: usize = 64 * 1024;

/// Octets of the largest revocation list that is read.
pub const MAX_LIST: usize = 8 * 1024 * 1024;

/// An encoded object identifier as people read it.
fn dotted(encoded: &[u8]) -> String {
    x509_parser::asn1_rs::Oid::new(encoded.into()).to_id_string()
}

#[cfg(test)]
mod tests;

//! EAP-TLS with TLS 1.2 (RFC 5216) and TLS 1.3 (RFC 9190), both sides proven by certificates.
//!
//! Which certificates are trusted is the caller's judgement ([`Verifier`]), and where private keys
//! are kept is its business ([`PrivateKey`]). Sessions are not resumed: every conversation proves
//! everything anew.

mod certificates;
mod fragments;
mod session;

use std::{fmt, sync::Arc};

pub use rustls::SignatureScheme;
use rustls::{crypto::CryptoProvider, sign::SigningKey};

use crate::Failure;
pub(crate) use session::{Progress, Session};

/// Octets of TLS in one packet, as RFC 5216 section 2.1.5 expects of links that cut at 1500 octets.
pub const FRAGMENT: usize = 1024;

/// Judges certificate chains. May take long: whoever calls from an event loop does so elsewhere.
pub trait Verifier: fmt::Debug + Send + Sync {
    /// Whether the other side may be whoever its certificates say. The first is its own, the
    /// others are those it sent along. The identity is the one that a peer told the authenticator,
    /// which must be one of the certificate's; an authenticator tells none. That it has the
    /// private key is checked already, or will be.
    fn verify(&self, identity: Option<&[u8]>, chain: &[&[u8]]) -> Result<(), String>;

    /// The DER-encoded names of the authorities that are trusted, as a hint to the peer.
    fn authorities(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

/// A private key that is kept elsewhere.
pub trait PrivateKey: fmt::Debug + Send + Sync {
    /// What it can sign with, the best first; never empty.
    fn schemes(&self) -> &[SignatureScheme];

    /// Signs a message with one of these.
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>>;
}

/// Our certificates and the private key of the first.
#[derive(Clone, Debug)]
pub struct Identity {
    chain: Vec<Vec<u8>>,
    key: Arc<dyn SigningKey>,
}

impl Identity {
    /// With a key that is kept elsewhere.
    pub fn new(chain: Vec<Vec<u8>>, key: Arc<dyn PrivateKey>) -> Self {
        let key = Arc::new(certificates::KeptElsewhere(key));
        Self { chain, key }
    }

    /// With a key in DER: PKCS#8, PKCS#1 or SEC1.
    pub fn from_der(chain: Vec<Vec<u8>>, key: &[u8]) -> Result<Self, Failure> {
        let wrong = || Failure::Tls("the private key is of no known kind".to_owned());
        let key = key.to_vec().try_into().map_err(|_| wrong())?;
        let key = provider().key_provider.load_private_key(key);
        key.map(|key| Self { chain, key }).map_err(|_| wrong())
    }
}

/// The versions of TLS that are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.2 and TLS 1.3.
    #[default]
    Both,
    /// TLS 1.2 only.
    Tls12,
    /// TLS 1.3 only.
    Tls13,
}

/// One side of EAP-TLS.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Who we are.
    pub identity: Identity,
    /// Whom we trust.
    pub verifier: Arc<dyn Verifier>,
    /// How we speak.
    pub versions: Versions,
    /// Octets of TLS in one packet, at least 1.
    pub fragment: usize,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

#[cfg(test)]
mod tests;

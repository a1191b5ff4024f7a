//! Certification authorities and where to ask about what they issued.

use std::sync::Arc;

use holdfast_pki::Certificate;

/// A certification authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    /// Its own certificate, an anchor of trust.
    pub(crate) certificate: Arc<Certificate>,
    /// Where its revocation lists are.
    pub(crate) crl_uris: Vec<String>,
    /// Where its OCSP responders are.
    pub(crate) ocsp_uris: Vec<String>,
    /// Where certificates are found by their hash (RFC 7296 section 3.6).
    pub(crate) cert_uri_base: Option<String>,
}

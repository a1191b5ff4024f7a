//! Certification authorities that are trusted for every connection.

use std::sync::Arc;

use super::{authentication::certificates, elements};
use crate::{AuthorityEntry, quantity::TextList, raw::RawAuthority, report::Scope};

/// URIs of one kind that an authority may have.
const MOST_URIS: usize = 32;

/// Octets of a URI.
const LONGEST_URI: usize = 2048;

pub(super) fn authority(
    name: &str,
    raw: &RawAuthority,
    scope: &Scope<'_>,
) -> Option<AuthorityEntry> {
    let crl_uris = uris(raw.crl_uris.as_ref(), &scope.key("crl_uris"));
    let ocsp_uris = uris(raw.ocsp_uris.as_ref(), &scope.key("ocsp_uris"));
    let scope = scope.key("cacert");
    let Some(file) = &raw.cacert else {
        scope.missing(
            "the certificate of the authority is missing",
            "add cacert = \"ca.pem\"",
        );
        return None;
    };
    let certificate = certificates(Some(&TextList(vec![file.clone()])), &scope).pop()?;
    if !certificate.is_ca() {
        scope.error(
            "the certificate is not that of a CA",
            "name the certificate of the CA itself",
        );
        return None;
    }
    Some(AuthorityEntry {
        name: name.to_owned(),
        certificate: Arc::new(certificate),
        crl_uris,
        ocsp_uris,
    })
}

fn uris(list: Option<&TextList>, scope: &Scope<'_>) -> Vec<String> {
    let Some(list) = list else { return Vec::new() };
    if list.0.len() > MOST_URIS {
        let message = format!("there are {} of them", list.0.len());
        scope.error(message, format!("give at most {MOST_URIS}"));
    }
    let remedy = "write a URI such as \"http://ca.example/ca.crl\"";
    elements(list, scope, remedy, |text| {
        // A URI has only printable ASCII (RFC 3986 section 2).
        let fits = !text.is_empty() && text.len() <= LONGEST_URI;
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(text.to_owned())
        } else {
            Err(format!("\"{text}\" is no URI"))
        }
    })
}

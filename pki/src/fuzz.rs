//! Entry points for fuzzing: each parser of this crate, and the search for a path.
//!
//! # Panics
//! Each of them, when something that was read is not the same after being written and read again, or
//! when a limit does not hold; which would be a defect of this crate.

use std::sync::Arc;

use crate::{
    Certificate, Evidence, NamePattern, OcspResponse, PathPolicy, PrivateKey, PublicKey,
    RevocationList, Status, Validator, path::MOST_CAS,
};

/// When what the tests have is valid.
const NOW: i64 = 1_800_000_000;

/// Reads arbitrary octets as everything that a control client may load.
pub fn read_anything(octets: &[u8]) {
    read_certificate(octets);
    read_revocation_list(octets);
    if let Ok(key) = PublicKey::parse(octets) {
        assert_eq!(PublicKey::parse(key.spki()).as_ref(), Ok(&key));
    }
    if let Ok(key) = PrivateKey::parse(octets, None) {
        assert_eq!(
            PublicKey::parse(key.public().spki()).as_ref(),
            Ok(key.public())
        );
    }
    if let Ok(text) = str::from_utf8(octets)
        && let Some(pattern) = NamePattern::parse(text)
    {
        assert_eq!(pattern, pattern.clone());
    }
}

/// A certificate.
pub fn read_certificate(octets: &[u8]) {
    let Ok(certificate) = Certificate::parse(octets) else {
        return;
    };
    let again = Certificate::parse(certificate.der());
    assert_eq!(again.as_ref(), Ok(&certificate));
    let key = certificate.public_key();
    assert_eq!(PublicKey::parse(key.spki()).as_ref(), Ok(key));
    assert!(certificate.alternative_names().len() <= octets.len());
    assert!(certificate.subject().is_same(certificate.subject()));
    let shown = certificate.subject().to_string();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

/// A revocation list.
pub fn read_revocation_list(octets: &[u8]) {
    let Ok(list) = RevocationList::parse(octets) else {
        return;
    };
    let again = RevocationList::parse(list.der());
    assert_eq!(again.as_ref(), Ok(&list));
    assert!(list.replaces(&list));
    assert!(list.revoked() <= octets.len());
}

/// An OCSP response about a certificate that nobody here signed.
pub fn read_ocsp_response(octets: &[u8]) {
    let Ok(response) = OcspResponse::parse(octets) else {
        return;
    };
    let again = OcspResponse::parse(response.der());
    assert_eq!(again.as_ref(), Ok(&response));
    for certificate in response.certificates() {
        let evidence = Evidence {
            responses: vec![Arc::new(response.clone())],
            ..Evidence::default()
        };
        // It has no issuer here, so that nobody may have answered for it but itself.
        if evidence.status(certificate, certificate, NOW) != Status::Unknown {
            assert!(response.is_by(certificate));
        }
    }
}

/// Certificates, each behind its length in two octets. The first is the end entity, the last one the
/// anchor.
pub fn find_path(mut octets: &[u8]) {
    let mut certificates = Vec::new();
    while let Some((length, rest)) = octets.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (one, rest) = rest.split_at(length);
        certificates.extend(Certificate::parse(one).map(Arc::new));
        octets = rest;
    }
    let [end_entity, extra @ .., anchor] = &certificates[..] else {
        return;
    };
    let policy = PathPolicy::default();
    let validator = Validator {
        anchors: std::slice::from_ref(anchor),
        intermediates: &[],
        pinned: &[],
        policy: &policy,
    };
    match validator.validate(end_entity, extra, NOW) {
        Ok(path) => {
            assert_eq!((path.end_entity(), path.anchor()), (end_entity, anchor));
            assert!(path.certificates().len() <= MOST_CAS + 1);
            for (certificate, issuer) in path.links() {
                assert!(issuer.is_ca() && certificate.issuer().is_same(issuer.subject()));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

//! What is checked of each certificate by itself.

use std::sync::Arc;

use super::{Refusal, Usage};
use crate::{Certificate, certificate::Purpose, general_name::GeneralName};

/// Holds for every certificate.
pub(super) fn any(certificate: &Certificate, now: i64) -> Result<(), Refusal> {
    let validity = certificate.validity();
    if now > validity.not_after {
        return Err(Refusal::Expired(validity.not_after));
    }
    if now < validity.not_before {
        return Err(Refusal::NotYetValid(validity.not_before));
    }
    match &certificate.extensions().unknown_critical {
        Some(oid) => Err(Refusal::UnknownCritical(oid.clone())),
        None => Ok(()),
    }
}

/// Holds for the certificate of a peer.
pub(super) fn end_entity(certificate: &Certificate, usage: Usage) -> Result<(), Refusal> {
    let extensions = certificate.extensions();
    if certificate.subject().is_empty() && extensions.alternative_names.is_empty() {
        return Err(Refusal::Nameless);
    }
    if extensions.key_usage.is_some_and(|usage| !usage.signs()) {
        return Err(Refusal::KeyUsage);
    }
    let (allowed, what): (&[Purpose], _) = match usage {
        Usage::Ike => (
            &[
                Purpose::Any,
                Purpose::Ike,
                Purpose::ServerAuth,
                Purpose::ClientAuth,
            ],
            "IKE",
        ),
        Usage::TlsServer => (&[Purpose::Any, Purpose::ServerAuth], "TLS servers"),
        Usage::TlsClient => (&[Purpose::Any, Purpose::ClientAuth], "TLS clients"),
    };
    match &extensions.extended_key_usage {
        Some(purposes) if !purposes.iter().any(|purpose| allowed.contains(purpose)) => {
            Err(Refusal::ExtendedKeyUsage(what))
        }
        _ => Ok(()),
    }
}

/// Holds for the certificate of a CA with `cas_below` CAs below it that are not self-issued.
pub(super) fn ca(certificate: &Certificate, cas_below: u32) -> Result<(), Refusal> {
    let extensions = certificate.extensions();
    let constraints = extensions.basic_constraints;
    if !constraints.is_ca {
        return Err(Refusal::NotCa);
    }
    if extensions
        .key_usage
        .is_some_and(|usage| !usage.signs_certificates())
    {
        return Err(Refusal::NoKeyCertSign);
    }
    match constraints.path_len {
        Some(limit) if cas_below > limit => Err(Refusal::PathLength(limit)),
        _ => Ok(()),
    }
}

/// Whether a CA allows the names of the certificates below it. Takes what it costs from `budget`;
/// `Ok(false)` is that there is not enough of it.
pub(super) fn names(
    ca: &Certificate,
    below: &[Arc<Certificate>],
    budget: &mut usize,
) -> Result<bool, Refusal> {
    let Some(constraints) = &ca.extensions().name_constraints else {
        return Ok(true);
    };
    for (at, certificate) in below.iter().enumerate() {
        // Self-issued certificates of CAs are free, that of the end entity is not (RFC 5280 section
        // 6.1.3 (b)).
        if at > 0 && certificate.is_self_issued() {
            continue;
        }
        let names = &certificate.extensions().alternative_names;
        let cost = constraints.len().saturating_mul(names.len() + 2);
        let Some(left) = budget.checked_sub(cost) else {
            return Ok(false);
        };
        *budget = left;
        let refused = |name: String| Refusal::NameConstraints(name);
        if !constraints.allow_subject(certificate.subject()) {
            return Err(refused(certificate.subject().to_string()));
        }
        let denied = names.iter().find(|name| !constraints.allow(name));
        if let Some(name) = denied {
            return Err(refused(name.to_string()));
        }
        // Mail addresses in the subject count where there are none beside it.
        if !names
            .iter()
            .any(|name| matches!(name, GeneralName::Rfc822(_)))
        {
            for address in certificate.subject().mail_addresses() {
                if !constraints.allow(&GeneralName::Rfc822(address.clone())) {
                    return Err(refused(address));
                }
            }
        }
    }
    Ok(true)
}

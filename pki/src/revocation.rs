//! Whether a certificate was revoked (RFC 5280 section 6.3, RFC 6960 section 3.2).
//!
//! Who wants to know fetches from [`Certificate::ocsp_uris`] and [`Certificate::crl_uris`], and from
//! where an operator says, puts what comes back into an [`Evidence`] and asks it about each link of a
//! path; [`Requirement`] tells whether the answer is good enough.
//!
//! - A list counts when the issuer of the certificate signed it: not for others (indirect), not in
//!   addition to another one (delta), and only for what its issuingDistributionPoint says.
//! - A response counts when the issuer signed it, or somebody with a certificate of that issuer for
//!   OCSP signing, or one whom the operator named. The latter two are not asked about in turn.
//! - Whoever says "revoked" is believed, even if that was long ago. Who says "good" is believed for as
//!   long as it says so; a response that does not say so, for [`MOST_AGE`].

use std::sync::Arc;

use crate::{
    Certificate, OcspResponse, Reason, RevocationList, Strength, certificate::KeyUsage,
    general_name::GeneralName, ocsp::AnswerStatus,
};

/// Seconds for which a response without an end is good: it says that there is always a newer one.
pub const MOST_AGE: i64 = 3600;

/// Seconds that clocks may differ.
const SKEW: i64 = 300;

/// What is known about who was revoked.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Lists, in any order.
    pub lists: Vec<Arc<RevocationList>>,
    /// Responses, in any order.
    pub responses: Vec<Arc<OcspResponse>>,
    /// Whom the operator trusts to answer for any CA.
    pub responders: Vec<Arc<Certificate>>,
    /// Which signatures are good enough.
    pub strength: Strength,
}

/// What is known about one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was not revoked.
    Good,
    /// It was revoked.
    Revoked(Option<Reason>),
    /// Nothing says anything about it any more; it was good when something last did.
    Stale,
    /// Nothing says anything about it.
    Unknown,
}

/// What an operator wants to know about each certificate in a path but the anchor (swanctl's
/// `revocation`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Requirement {
    /// That it is not known to be revoked.
    #[default]
    Relaxed,
    /// The same, and that it is good if there is a URI to learn that from.
    IfUri,
    /// That it is good.
    Strict,
}

impl Requirement {
    /// Whether a certificate may be trusted. `has_uri` is whether somebody could be asked about it.
    pub fn is_met(self, status: Status, has_uri: bool) -> bool {
        match status {
            Status::Good => true,
            Status::Revoked(_) => false,
            Status::Stale => self == Self::Relaxed,
            Status::Unknown => match self {
                Self::Relaxed => true,
                Self::IfUri => !has_uri,
                Self::Strict => false,
            },
        }
    }
}

impl Evidence {
    /// What is known about a certificate of this issuer, who is the next in a valid path.
    pub fn status(&self, certificate: &Certificate, issuer: &Certificate, now: i64) -> Status {
        let responses = self.responses.iter();
        let by_response = responses.filter_map(|it| self.by_response(it, certificate, issuer, now));
        let lists = self.lists.iter();
        let by_list = lists.filter_map(|list| self.by_list(list, certificate, issuer, now));
        let mut best = Status::Unknown;
        for status in by_response.chain(by_list) {
            match (status, best) {
                (Status::Revoked(_), _) => return status,
                (Status::Good, _) | (Status::Stale, Status::Unknown) => best = status,
                _ => {}
            }
        }
        best
    }

    /// Whether a list is one of this issuer's, to be kept for later.
    pub fn trusts_list(&self, list: &RevocationList, issuer: &Certificate) -> bool {
        let may_sign = issuer
            .extensions()
            .key_usage
            .is_none_or(KeyUsage::signs_lists);
        may_sign
            && list.issuer().is_same(issuer.subject())
            && list
                .verify_signature(issuer.public_key(), self.strength)
                .is_ok()
    }

    /// Whether a response tells something about the certificate, to be kept for later.
    pub fn trusts_response(
        &self,
        response: &OcspResponse,
        certificate: &Certificate,
        issuer: &Certificate,
        now: i64,
    ) -> bool {
        self.by_response(response, certificate, issuer, now)
            .is_some()
    }

    /// `None` if the list says nothing about the certificate that one can rely on.
    fn by_list(
        &self,
        list: &RevocationList,
        certificate: &Certificate,
        issuer: &Certificate,
        now: i64,
    ) -> Option<Status> {
        let scope = list.scope();
        let is_ca = certificate.is_ca();
        let other_key = match (list.authority_key_id(), &issuer.extensions().subject_key_id) {
            (Some(named), Some(id)) => *named != **id,
            _ => false,
        };
        if other_key
            || list.is_delta()
            || scope.indirect
            || scope.only_attributes
            || scope.only_users && is_ca
            || scope.only_cas && !is_ca
            || list.this_update() > now + SKEW
        {
            return None;
        }
        if !self.trusts_list(list, issuer) {
            return None;
        }
        if let Some(entry) = list.find(certificate.serial()) {
            return Some(Status::Revoked(entry.reason));
        }
        // RFC 5280 section 6.3.3 (b) (2) (i): one of several lists, of which ours is the one.
        let is_ours = scope.points.as_ref().is_none_or(|points| {
            GeneralName::uris(points).any(|uri| certificate.crl_uris().iter().any(|own| own == uri))
        });
        if scope.partial || !is_ours {
            return None;
        }
        let current = list.next_update().is_some_and(|next| now <= next);
        Some(if current { Status::Good } else { Status::Stale })
    }

    fn by_response(
        &self,
        response: &OcspResponse,
        certificate: &Certificate,
        issuer: &Certificate,
        now: i64,
    ) -> Option<Status> {
        let answer = response.answer(certificate, issuer)?;
        if answer.this_update > now + SKEW || !self.is_authorized(response, issuer, now) {
            return None;
        }
        let until = answer.next_update.unwrap_or(answer.this_update + MOST_AGE);
        Some(match answer.status {
            AnswerStatus::Revoked(reason) => Status::Revoked(reason),
            AnswerStatus::Unknown => return None,
            AnswerStatus::Good if now <= until => Status::Good,
            AnswerStatus::Good => Status::Stale,
        })
    }

    /// Whether a response was signed by somebody who may (RFC 6960 section 4.2.2.2).
    fn is_authorized(&self, response: &OcspResponse, issuer: &Certificate, now: i64) -> bool {
        let signed_by = |signer: &Certificate| {
            response.is_by(signer)
                && response
                    .verify_signature(signer.public_key(), self.strength)
                    .is_ok()
        };
        let named = self.responders.iter().map(|responder| &**responder);
        let mut signers = std::iter::once(issuer)
            .chain(named.filter(|named| is_current(named, now)))
            .chain(response.certificates().iter().filter(|it| {
                response.is_by(it) && is_delegate(it, issuer, now) && {
                    let signature = it.verify_signature(issuer.public_key(), self.strength);
                    signature.is_ok()
                }
            }));
        signers.any(signed_by)
    }
}

fn is_current(certificate: &Certificate, now: i64) -> bool {
    let validity = certificate.validity();
    (validity.not_before..=validity.not_after).contains(&now)
}

/// Whether a certificate of the issuer, if it is one, allows to sign responses.
fn is_delegate(certificate: &Certificate, issuer: &Certificate, now: i64) -> bool {
    let extensions = certificate.extensions();
    certificate.issuer().is_same(issuer.subject())
        && certificate.signs_ocsp()
        && extensions.unknown_critical.is_none()
        && extensions.key_usage.is_none_or(KeyUsage::signs)
        && is_current(certificate, now)
}

#[cfg(test)]
mod tests;

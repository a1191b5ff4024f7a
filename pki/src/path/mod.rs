//! Certification paths: from the certificate of a peer to an anchor of trust (RFC 5280 section 6, as
//! RFC 4945 wants it for IKE).
//!
//! ```text
//! let validator = Validator { anchors, intermediates, pinned, policy };
//! let path: ValidPath = validator.validate(&end_entity, &extra, now)?;
//! path.end_entity().confirms(&Identity::Dns("moon.example"))
//! ```
//!
//! `anchors` are the CA certificates that the operator loaded, `intermediates` what else we hold,
//! `extra` the other certificates that the peer sent, in any order and as many as it likes: only the
//! first [`MOST_EXTRA`] are looked at. `pinned` are end entities that the operator named one by one
//! (`certs`), which need no CA. Whether anything in a path is revoked is another question.
//!
//! What is decided here where the standards leave a choice:
//!
//! - *Search.* Depth first, candidates with the right key identifier first. A certificate of the same
//!   name and key is in a path once. There are [`MOST_CAS`] CAs in a path at most, and each call
//!   computes at most [`MOST_SIGNATURES`] signatures and [`MOST_COMPARISONS`] comparisons of names with constraints.
//! - *Anchors* are self-issued. Other CA certificates that an operator loaded lead to one, as with
//!   charon: what is above them may have revoked them. Anchors are held to everything that their
//!   certificate says, their validity included, but for its signature.
//! - *extendedKeyUsage* of an end entity: absent, or with anyExtendedKeyUsage, id-kp-ipsecIKE or one
//!   of those for IPsec that came before it (RFC 4945 section 5.1.3.12), iKEIntermediate, serverAuth
//!   or clientAuth. The last three are beyond that section, but in nearly every VPN certificate that
//!   is around, because other clients ask for them. That of a CA is not looked at (section 4.2.1.12
//!   of RFC 5280 speaks of the certified key only).
//! - *keyUsage* of an end entity: absent, or with digitalSignature or nonRepudiation (RFC 4945
//!   section 5.1.3.2). That of a CA: absent, or with keyCertSign.
//! - *Policies* (`cert_policy`) are counted in the domain of the end entity, after mapping. Each of
//!   those wanted has to be there.
//! - rustls-webpki, which was looked at for this, refuses constraints on directory names and URIs as
//!   such, does not know policies and keyUsage, takes no path of more than six CAs and no end entity
//!   that is a CA, and has errors without a certificate in them. The parts of it that would be left
//!   are the signatures.

mod checks;
mod error;
mod policies;
mod search;

use std::sync::Arc;

pub use error::{PathError, Refusal};

use crate::{Certificate, Strength};
use search::Search;

/// CAs in a path at most, the anchor included.
pub const MOST_CAS: usize = 10;

/// Other certificates of a peer that are looked at.
pub const MOST_EXTRA: usize = 32;

/// Signatures that one search checks.
pub const MOST_SIGNATURES: usize = 64;

/// Comparisons of a name with a constraint in one search.
pub const MOST_COMPARISONS: usize = 100_000;

/// Steps of one search, whatever they are.
const MOST_STEPS: usize = 1_000_000;

/// Whom we trust, what else we know, and what we want.
#[derive(Clone, Copy, Debug)]
pub struct Validator<'a> {
    /// CA certificates that the operator loaded; those that are self-issued are anchors of trust.
    pub anchors: &'a [Arc<Certificate>],
    /// CA certificates that are not trusted by themselves.
    pub intermediates: &'a [Arc<Certificate>],
    /// End entities that are trusted without a CA.
    pub pinned: &'a [Arc<Certificate>],
    /// What is wanted.
    pub policy: &'a PathPolicy,
}

/// What is wanted of a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathPolicy {
    /// What the end entity's key is for.
    pub usage: Usage,
    /// Which signatures are good enough.
    pub strength: Strength,
    /// Certificate policies that it has to have, as dotted object identifiers.
    pub certificate_policies: Vec<String>,
}

/// What the key of an end entity is to be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    /// To sign in IKE_AUTH.
    #[default]
    Ike,
    /// To authenticate a server in EAP-TLS and the like.
    TlsServer,
    /// To authenticate a client in EAP-TLS and the like.
    TlsClient,
}

/// A path that holds: end entity first, anchor last. One that is pinned is alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidPath {
    certificates: Vec<Arc<Certificate>>,
}

impl ValidPath {
    /// The certificates, end entity first.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        &self.certificates
    }

    /// The certificate of the peer.
    pub fn end_entity(&self) -> &Arc<Certificate> {
        &self.certificates[0]
    }

    /// What it is trusted for.
    pub fn anchor(&self) -> &Arc<Certificate> {
        self.certificates.last().unwrap_or(&self.certificates[0])
    }

    /// Each certificate below the anchor with its issuer.
    pub fn links(&self) -> impl Iterator<Item = (&Arc<Certificate>, &Arc<Certificate>)> {
        self.certificates
            .windows(2)
            .map(|pair| (&pair[0], &pair[1]))
    }
}

impl Validator<'_> {
    /// Finds a path for a certificate. `now` is in seconds since 1970.
    pub fn validate(
        &self,
        end_entity: &Arc<Certificate>,
        extra: &[Arc<Certificate>],
        now: i64,
    ) -> Result<ValidPath, PathError> {
        let refused = |refusal| PathError::refused(end_entity, refusal);
        checks::any(end_entity, now).map_err(refused)?;
        checks::end_entity(end_entity, self.policy.usage).map_err(refused)?;
        if self
            .pinned
            .iter()
            .any(|pinned| pinned.der() == end_entity.der())
        {
            policies::check(&[end_entity], &self.policy.certificate_policies).map_err(refused)?;
            let certificates = vec![Arc::clone(end_entity)];
            return Ok(ValidPath { certificates });
        }
        let extra = &extra[..extra.len().min(MOST_EXTRA)];
        let certificates = Search::new(self, extra, now).find(end_entity)?;
        Ok(ValidPath { certificates })
    }
}

#[cfg(test)]
mod tests;

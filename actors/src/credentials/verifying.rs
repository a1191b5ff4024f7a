//! The peer's proof in IKE_AUTH: is the certificate good, is it the peer's, did its key sign?
//!
//! What is wrong is told to the operator here, once for each connection that the peer may mean; the
//! peer itself learns no more than that it is not authenticated.

use std::sync::Arc;

use holdfast_ike::{
    Identification,
    config::{RemoteAuth, RemotePublicKey, Revocation, SignatureHash, SignatureKey},
    sa::{Failure, credential::Verify},
};
use holdfast_pki::{
    Certificate, Hash, KeyAlgorithm, OcspResponse, PathPolicy, PublicKey, Requirement,
    RevocationList, SignatureAlgorithm, Strength, ValidPath, Validator,
};

use super::{
    FromPeer, Store,
    identity::confirms,
    signing::{DIGITAL_SIGNATURE, ECDSA_P256, ECDSA_P384, ECDSA_P521, RAW_PUBLIC_KEY, X509},
};

const CRL: u8 = 7;
const OCSP_CONTENT: u8 = 14;

/// Keys without a certificate that are tried for one proof.
const MOST_KEYS: usize = 16;

/// A connection that accepts the peer, unless something in the path was revoked.
pub(super) struct Accepted {
    /// Its index among those asked about.
    pub(super) connection: usize,
    /// None for a key that is trusted by itself.
    pub(super) path: Option<ValidPath>,
    pub(super) required: Requirement,
}

/// Why a connection does not accept the peer.
struct Doubt {
    failure: Failure,
    reason: String,
}

fn doubt<T>(failure: Failure, reason: impl Into<String>) -> Result<T, Doubt> {
    let reason = reason.into();
    Err(Doubt { failure, reason })
}

/// What the peer sent.
pub(super) struct Presented {
    certificates: Vec<Arc<Certificate>>,
    raw: Option<PublicKey>,
    pub(super) evidence: FromPeer,
}

impl Presented {
    /// What cannot be read, or is of an encoding that is not known, is as if it had not been sent;
    /// what hash and URL name is not fetched.
    pub(super) fn read(asked: &Verify) -> Self {
        let mut presented = Self {
            certificates: Vec::new(),
            raw: None,
            evidence: FromPeer::default(),
        };
        for payload in &asked.certificates {
            let data = &payload.data;
            match payload.encoding {
                X509 => match Certificate::parse(data) {
                    Ok(certificate) => presented.certificates.push(Arc::new(certificate)),
                    Err(error) => {
                        tracing::warn!(peer = %asked.remote_id, %error, "unreadable certificate");
                    }
                },
                RAW_PUBLIC_KEY => presented.raw = PublicKey::parse(data).ok(),
                CRL => {
                    let list = RevocationList::parse(data).ok().map(Arc::new);
                    presented.evidence.lists.extend(list);
                }
                OCSP_CONTENT => {
                    let response = OcspResponse::parse(data).ok().map(Arc::new);
                    presented.evidence.responses.extend(response);
                }
                encoding => {
                    tracing::debug!(peer = %asked.remote_id, encoding, "ignored a certificate");
                }
            }
        }
        presented
    }
}

/// The connections that accept the proof, in their order; never none.
pub(super) fn verify(
    store: &Store,
    asked: &Verify,
    presented: &Presented,
    now: i64,
) -> Result<Vec<Accepted>, Failure> {
    let mut accepted = Vec::new();
    let mut first = None;
    for (index, connection) in asked.connections.iter().enumerate() {
        let round = connection.remote.get(asked.round);
        let Some(RemoteAuth::PublicKey(wanted) | RemoteAuth::Any(wanted)) =
            round.map(|round| &round.auth)
        else {
            continue;
        };
        let case = Case {
            store,
            asked,
            presented,
            wanted,
            now,
        };
        match case.judge() {
            Ok(path) => accepted.push(Accepted {
                connection: index,
                path,
                required: match wanted.revocation {
                    Revocation::Relaxed => Requirement::Relaxed,
                    Revocation::IfUri => Requirement::IfUri,
                    Revocation::Strict => Requirement::Strict,
                },
            }),
            Err(Doubt { failure, reason }) => {
                tracing::warn!(
                    connection = %connection.name, peer = %asked.remote_id, reason,
                    "the peer's signature is not accepted"
                );
                first.get_or_insert(failure);
            }
        }
    }
    if accepted.is_empty() {
        return Err(first.unwrap_or(Failure::AuthenticationFailed));
    }
    Ok(accepted)
}

/// One connection's view of the proof.
struct Case<'a> {
    store: &'a Store,
    asked: &'a Verify,
    presented: &'a Presented,
    wanted: &'a RemotePublicKey,
    now: i64,
}

impl Case<'_> {
    fn judge(&self) -> Result<Option<ValidPath>, Doubt> {
        let Some(end_entity) = self.presented.certificates.first() else {
            return self.judge_without_certificate();
        };
        match self.judge_certificate(end_entity) {
            Ok(path) => Ok(Some(path)),
            // It may have a certificate, and we its key.
            Err(doubt) if self.wanted.public_keys.is_empty() => Err(doubt),
            Err(doubt) => self.judge_without_certificate().map_err(|_| doubt),
        }
    }

    fn judge_certificate(&self, end_entity: &Arc<Certificate>) -> Result<ValidPath, Doubt> {
        let path = self.path(end_entity)?;
        let id = &self.asked.remote_id;
        if !confirms(end_entity, id) {
            let subject = end_entity.subject();
            let reason = format!("certificate \"{subject}\" does not confirm the identity {id}");
            return doubt(Failure::UnconfirmedIdentity, reason);
        }
        self.proved_by(end_entity.public_key())?;
        Ok(path)
    }

    /// The path of a certificate, as far as this connection trusts it.
    fn path(&self, end_entity: &Arc<Certificate>) -> Result<ValidPath, Doubt> {
        let untrusted = |reason: String| doubt(Failure::UntrustedCertificate, reason);
        let subject = end_entity.subject();
        let pinned = parsed(&self.wanted.certificates);
        let is_end_entity = |other: &Arc<Certificate>| other.der() == end_entity.der();
        if !pinned.is_empty() && !pinned.iter().any(is_end_entity) {
            return untrusted(format!("certificate \"{subject}\" is none of remote.certs"));
        }
        let authorities = parsed(&self.wanted.authorities);
        let stored = self.store.anchors().into_iter().map(Arc::clone);
        let anchors: Vec<_> = stored.chain(authorities.iter().map(Arc::clone)).collect();
        let policy = PathPolicy {
            certificate_policies: self.wanted.policies.clone(),
            ..PathPolicy::default()
        };
        let validator = Validator {
            anchors: &anchors,
            intermediates: &[],
            pinned: &pinned,
            policy: &policy,
        };
        let extra = &self.presented.certificates[1..];
        let path = match validator.validate(end_entity, extra, self.now) {
            Ok(path) => path,
            Err(error) => return untrusted(error.to_string()),
        };
        let mut above = path.certificates().iter().skip(1);
        if !authorities.is_empty() && !above.any(|ca| authorities.contains(ca)) {
            return untrusted(format!(
                "certificate \"{subject}\" comes from none of remote.cacerts"
            ));
        }
        if let Some(wanted) = &self.wanted.authority_id {
            let mut above = path.certificates().iter().skip(1);
            let is_wanted = |ca: &Arc<Certificate>| {
                let name = Identification::DerAsn1Dn(ca.subject().der().to_vec());
                wanted.matches(&name) || wanted.exact().is_some_and(|id| confirms(ca, id))
            };
            if !above.any(is_wanted) {
                return untrusted(format!(
                    "certificate \"{subject}\" does not come from remote.ca_id"
                ));
            }
        }
        Ok(path)
    }

    /// No certificate was sent: a raw key, or a certificate that we have.
    fn judge_without_certificate(&self) -> Result<Option<ValidPath>, Doubt> {
        let configured = self.wanted.public_keys.iter();
        let keys = configured
            .filter_map(|der| PublicKey::parse(der).ok())
            .filter(|key| self.presented.raw.as_ref().is_none_or(|raw| raw == key));
        let mut last = None;
        for key in keys.take(MOST_KEYS) {
            match self.proved_by(&key) {
                Ok(()) => return Ok(None),
                Err(doubt) => last = Some(doubt),
            }
        }
        let pinned = parsed(&self.wanted.certificates);
        let known = pinned.iter().chain(self.store.end_entities());
        let fitting = known.filter(|certificate| confirms(certificate, &self.asked.remote_id));
        for certificate in fitting.take(MOST_KEYS) {
            match self.judge_certificate(certificate) {
                Ok(path) => return Ok(Some(path)),
                Err(doubt) => last = Some(doubt),
            }
        }
        match last {
            Some(doubt) => Err(doubt),
            None => doubt(
                Failure::UntrustedCertificate,
                "it sent no certificate, and none of its keys is known here",
            ),
        }
    }

    /// Whether this key made the signature, in a way that the rules allow.
    fn proved_by(&self, key: &PublicKey) -> Result<(), Doubt> {
        let unproved = |reason: String| doubt(Failure::AuthenticationFailed, reason);
        let proof = match Proof::read(self.asked.method, &self.asked.auth) {
            Ok(proof) => proof,
            Err(reason) => return unproved(reason),
        };
        if !self.allowed(key, &proof) {
            return unproved(format!(
                "remote.auth does not allow a signature with {proof}"
            ));
        }
        let proved = self
            .asked
            .octets
            .iter()
            .any(|octets| proof.verify(key, octets));
        if proved {
            Ok(())
        } else {
            unproved(format!("the signature with {proof} is wrong"))
        }
    }

    fn allowed(&self, key: &PublicKey, proof: &Proof<'_>) -> bool {
        let rules = &self.wanted.rules;
        let (kind, hash) = match (proof, key.algorithm()) {
            (Proof::Tagged(SignatureAlgorithm::RsaPkcs1(hash), _), _) => (SignatureKey::Rsa, *hash),
            (Proof::Tagged(SignatureAlgorithm::RsaPss(hash), _), _) => {
                (SignatureKey::RsaPss, *hash)
            }
            (Proof::Tagged(SignatureAlgorithm::Ecdsa(hash), _), _) => (SignatureKey::Ecdsa, *hash),
            (Proof::Fixed(_), KeyAlgorithm::Ecdsa(curve)) => (SignatureKey::Ecdsa, curve.hash()),
            (Proof::Tagged(SignatureAlgorithm::Ed25519, _), _) => {
                return rules.allow_key(SignatureKey::Ed25519, key.size());
            }
            _ => return false,
        };
        let hash = match hash {
            Hash::Sha1 => return false,
            Hash::Sha256 => SignatureHash::Sha256,
            Hash::Sha384 => SignatureHash::Sha384,
            Hash::Sha512 => SignatureHash::Sha512,
        };
        rules.allow_key(kind, key.size()) && rules.allow_hash(hash)
    }
}

fn parsed(certificates: &[holdfast_ike::config::Der]) -> Vec<Arc<Certificate>> {
    let read = certificates.iter().map(|der| Certificate::parse(der));
    read.flatten().map(Arc::new).collect()
}

/// A signature as IKE writes it.
enum Proof<'a> {
    /// With its algorithm in front (RFC 7427).
    Tagged(SignatureAlgorithm, &'a [u8]),
    /// ECDSA as two numbers (RFC 4754).
    Fixed(&'a [u8]),
}

impl<'a> Proof<'a> {
    fn read(method: u8, auth: &'a [u8]) -> Result<Self, String> {
        match method {
            DIGITAL_SIGNATURE => {
                let tagged = auth.split_first().and_then(|(length, rest)| {
                    let (identifier, signature) = rest.split_at_checked(usize::from(*length))?;
                    Some((SignatureAlgorithm::parse(identifier)?, signature))
                });
                match tagged {
                    Some((algorithm, signature)) => Ok(Self::Tagged(algorithm, signature)),
                    None => Err("the algorithm of its signature cannot be read".to_owned()),
                }
            }
            ECDSA_P256 | ECDSA_P384 | ECDSA_P521 => Ok(Self::Fixed(auth)),
            1 => Err(
                "it signs with RSA and SHA-1 (method 1), which can be forged: it must know RFC 7427"
                    .to_owned(),
            ),
            other => Err(format!("authentication method {other} is not supported")),
        }
    }

    fn verify(&self, key: &PublicKey, octets: &[u8]) -> bool {
        match self {
            Self::Tagged(algorithm, signature) => key
                .verify(algorithm, octets, signature, Strength::Strong)
                .is_ok(),
            Self::Fixed(signature) => key.verify_fixed(octets, signature).is_ok(),
        }
    }
}

impl std::fmt::Display for Proof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tagged(algorithm, _) => write!(f, "{algorithm}"),
            Self::Fixed(_) => f.write_str("ECDSA"),
        }
    }
}

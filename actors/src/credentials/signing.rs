//! Our proof in IKE_AUTH: which key, which signature, which certificates.
//!
//! Never with SHA-1: a peer that knows no RFC 7427 gets ECDSA (RFC 4754), or nothing.

use std::sync::Arc;

use holdfast_ike::{
    Identification,
    config::{
        LocalAuth, LocalPublicKey, SendCertificate, SignatureHash, SignatureKey, SignatureRules,
    },
    sa::{
        CredentialAnswer, Failure,
        credential::{Answer, CertificatePayload, Sign},
    },
};
use holdfast_pki::{
    Certificate, Curve, Hash, KeyAlgorithm, PrivateKey, PublicKey, SignatureAlgorithm,
};

use super::{Store, identity::confirms};

/// Encodings of CERT payloads (RFC 7296 section 3.6, RFC 7670).
pub(super) const X509: u8 = 4;
pub(super) const RAW_PUBLIC_KEY: u8 = 15;

/// Authentication methods (RFC 7296 section 3.8, RFC 4754, RFC 7427).
pub(super) const ECDSA_P256: u8 = 9;
pub(super) const ECDSA_P384: u8 = 10;
pub(super) const ECDSA_P521: u8 = 11;
pub(super) const DIGITAL_SIGNATURE: u8 = 14;

/// CAs between our certificate and the root, at most.
const MOST_INTERMEDIATES: usize = 8;

pub(super) fn sign(store: &Store, asked: &Sign) -> CredentialAnswer {
    let round = asked.connection.local.get(asked.round);
    let Some(LocalAuth::PublicKey(local)) = round.map(|round| &round.auth) else {
        return Err(Failure::NoPrivateKey);
    };
    let own = Own::find(store, local, &asked.local_id).ok_or(Failure::NoPrivateKey)?;
    let hashes = asked.hashes.as_deref();
    let (method, auth) =
        proof(&own.key, &local.rules, hashes, &asked.octets).ok_or(Failure::NoCommonSignature)?;
    Ok(Answer::Signed {
        method,
        auth,
        certificates: own.payloads(store, local, &asked.authorities),
    })
}

/// What we sign with.
struct Own {
    key: Arc<PrivateKey>,
    /// Its certificate, followed by what else is configured with it; none for a raw key.
    certificates: Vec<Arc<Certificate>>,
}

impl Own {
    /// The first of the configured certificates and keys of which we have the private key; where
    /// none is configured, any certificate that confirms our identity.
    fn find(store: &Store, local: &LocalPublicKey, id: &Identification) -> Option<Self> {
        let configured: Vec<Arc<Certificate>> = local
            .certificates
            .iter()
            .filter_map(|der| Certificate::parse(der).ok().map(Arc::new))
            .collect();
        let with_key = |certificate: &Arc<Certificate>| {
            let key = store.private_key(certificate.public_key().id())?;
            let others = configured.iter().filter(|other| *other != certificate);
            Some(Self {
                key: Arc::clone(key),
                certificates: std::iter::once(certificate)
                    .chain(others)
                    .map(Arc::clone)
                    .collect(),
            })
        };
        let raw = || {
            let keys = local.public_keys.iter();
            let key = keys
                .filter_map(|der| PublicKey::parse(der).ok())
                .find_map(|public| store.private_key(public.id()))?;
            Some(Self {
                key: Arc::clone(key),
                certificates: Vec::new(),
            })
        };
        let any = || {
            let none = configured.is_empty() && local.public_keys.is_empty();
            let mut fitting = store
                .end_entities()
                .filter(|certificate| none && confirms(certificate, id));
            fitting.find_map(with_key)
        };
        configured
            .iter()
            .find_map(with_key)
            .or_else(raw)
            .or_else(any)
    }

    /// CERT payloads: ours first, then the CAs between it and the root (RFC 7296 section 3.6).
    fn payloads(
        &self,
        store: &Store,
        local: &LocalPublicKey,
        requests: &[CertificatePayload],
    ) -> Vec<CertificatePayload> {
        let asked = |encoding: u8| requests.iter().any(|request| request.encoding == encoding);
        let wanted = |encoding| match local.send {
            SendCertificate::Always => true,
            SendCertificate::IfAsked => asked(encoding),
            SendCertificate::Never => false,
        };
        let Some((certificate, others)) = self.certificates.split_first() else {
            // Few peers know this encoding: only those that ask for it.
            let send = local.send != SendCertificate::Never && asked(RAW_PUBLIC_KEY);
            let data = self.key.public().spki().to_vec();
            let raw = CertificatePayload {
                encoding: RAW_PUBLIC_KEY,
                data,
            };
            return send.then_some(raw).into_iter().collect();
        };
        if !wanted(X509) {
            return Vec::new();
        }
        let mut chain = vec![certificate];
        while let Some(last) = chain.last()
            && !last.is_self_issued()
            && chain.len() <= MOST_INTERMEDIATES
        {
            let issuer = others.iter().chain(store.anchors()).find(|issuer| {
                issuer.is_ca() && issuer.subject().is_same(last.issuer()) && {
                    let named = last.authority_key_id();
                    named.is_none_or(|named| named == issuer.subject_key_id())
                }
            });
            match issuer.filter(|issuer| !issuer.is_self_issued() && !chain.contains(issuer)) {
                Some(issuer) => chain.push(issuer),
                None => break,
            }
        }
        let payload = |certificate: &Arc<Certificate>| CertificatePayload {
            encoding: X509,
            data: certificate.der().to_vec(),
        };
        chain.into_iter().map(payload).collect()
    }
}

/// The method and the AUTH data.
fn proof(
    key: &PrivateKey,
    rules: &SignatureRules,
    theirs: Option<&[SignatureHash]>,
    octets: &[u8],
) -> Option<(u8, Vec<u8>)> {
    let public = key.public();
    let takes = |hash: SignatureHash| {
        rules.allow_hash(hash) && theirs.is_some_and(|theirs| theirs.contains(&hash))
    };
    let algorithm = match public.algorithm() {
        KeyAlgorithm::Rsa { bits } => {
            let pss = wants_pss(rules, *bits)?;
            let hash = preferred(rules, *bits)
                .into_iter()
                .find(|hash| takes(*hash))?;
            if pss {
                SignatureAlgorithm::RsaPss(pki_hash(hash)?)
            } else {
                SignatureAlgorithm::RsaPkcs1(pki_hash(hash)?)
            }
        }
        KeyAlgorithm::Ecdsa(curve) => {
            let (hash, method) = match curve {
                Curve::P256 => (SignatureHash::Sha256, ECDSA_P256),
                Curve::P384 => (SignatureHash::Sha384, ECDSA_P384),
                Curve::P521 => (SignatureHash::Sha512, ECDSA_P521),
            };
            let right = rules.allow_key(SignatureKey::Ecdsa, curve.bits());
            if !right || !rules.allow_hash(hash) {
                return None;
            }
            if !takes(hash) {
                return Some((method, key.sign_fixed(octets)?));
            }
            SignatureAlgorithm::Ecdsa(curve.hash())
        }
        KeyAlgorithm::Ed25519 => {
            let right = rules.allow_key(SignatureKey::Ed25519, public.size());
            if !right || !takes(SignatureHash::Identity) {
                return None;
            }
            SignatureAlgorithm::Ed25519
        }
        KeyAlgorithm::Other(_) => return None,
    };
    // RFC 7427 section 3: the length of the identifier in one octet, the identifier, the signature.
    let identifier = algorithm.identifier()?;
    let mut auth = vec![u8::try_from(identifier.len()).ok()?];
    auth.extend(identifier);
    auth.extend(key.sign(&algorithm, octets)?);
    Some((DIGITAL_SIGNATURE, auth))
}

/// The first that the rules name; without rules PKCS #1, which every peer takes.
fn wants_pss(rules: &SignatureRules, bits: usize) -> Option<bool> {
    if rules.keys.is_empty() {
        return Some(false);
    }
    rules.keys.iter().find_map(|rule| match rule.key {
        SignatureKey::Rsa if rule.bits <= bits => Some(false),
        SignatureKey::RsaPss if rule.bits <= bits => Some(true),
        _ => None,
    })
}

/// Hashes in the order of preference: of the rules, else what goes with the size of the key
/// (SP 800-57 part 1, table 2).
fn preferred(rules: &SignatureRules, bits: usize) -> Vec<SignatureHash> {
    use SignatureHash::{Sha256, Sha384, Sha512};
    if !rules.hashes.is_empty() {
        return rules.hashes.clone();
    }
    match bits {
        0..=3072 => vec![Sha256, Sha384, Sha512],
        3073..=7680 => vec![Sha384, Sha512, Sha256],
        _ => vec![Sha512, Sha384, Sha256],
    }
}

fn pki_hash(hash: SignatureHash) -> Option<Hash> {
    match hash {
        SignatureHash::Sha256 => Some(Hash::Sha256),
        SignatureHash::Sha384 => Some(Hash::Sha384),
        SignatureHash::Sha512 => Some(Hash::Sha512),
        SignatureHash::Identity => None,
    }
}

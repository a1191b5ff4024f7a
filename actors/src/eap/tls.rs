//! EAP-TLS with the certificates and private keys of the store.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use holdfast_eap::tls::{self, Endpoint, Identity, SignatureScheme, Verifier, Versions};
use holdfast_ike::{Identification, config::Der};
use holdfast_pki::{
    Certificate, Curve, Hash, Identity as Claim, KeyAlgorithm, PathPolicy, PrivateKey,
    SignatureAlgorithm, Usage, Validator,
};

use crate::{credentials::Store, environment::Shared};

/// The peer's side. `own` is who we are, and the certificates that the connection names for it. The
/// server has to be `server`, where that is known.
pub(super) fn peer(
    shared: &Arc<Shared>,
    own: (&[&Identification], &[Der]),
    server: Option<Identification>,
) -> Option<Endpoint> {
    endpoint(shared, own, Usage::TlsServer, server)
}

/// The authenticator's side.
pub(super) fn authenticator(
    shared: &Arc<Shared>,
    (own, given): (&Identification, &[Der]),
) -> Option<Endpoint> {
    endpoint(shared, (&[own], given), Usage::TlsClient, None)
}

fn endpoint(
    shared: &Arc<Shared>,
    (own, given): (&[&Identification], &[Der]),
    usage: Usage,
    other: Option<Identification>,
) -> Option<Endpoint> {
    let store = shared.credentials.store();
    let given = given.iter().filter_map(|der| Certificate::parse(der).ok());
    let given: Vec<_> = given.map(Arc::new).collect();
    let (certificate, key) = own_certificate(&store, own, &given)?;
    let schemes = schemes(&key)?;
    let chain = chain(&store, &certificate, &given);
    let key = Arc::new(StoredKey { key, schemes });
    Some(Endpoint {
        identity: Identity::new(chain, key),
        verifier: Arc::new(Judge {
            store,
            usage,
            other,
        }),
        versions: Versions::Both,
        fragment: tls::FRAGMENT,
    })
}

/// The first of the given certificates that has a private key. Without one, that of the first of
/// these identities that has one; if none has, the only one that there is.
fn own_certificate(
    store: &Store,
    own: &[&Identification],
    given: &[Arc<Certificate>],
) -> Option<(Arc<Certificate>, Arc<PrivateKey>)> {
    let with_key = |certificate: &Arc<Certificate>| {
        let key = store.private_key(certificate.public_key().id())?;
        Some((Arc::clone(certificate), Arc::clone(key)))
    };
    if let Some(given) = given.iter().find_map(with_key) {
        return Some(given);
    }
    let ours: Vec<_> = store.end_entities().filter_map(with_key).collect();
    let named = own.iter().find_map(|id| {
        let claim = claim(id)?;
        ours.iter()
            .find(|(certificate, _)| certificate.confirms(&claim))
    });
    match (named, ours.as_slice()) {
        (Some(found), _) => Some(found.clone()),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}

/// The certificate and those of its issuers that we have, but for the root.
fn chain(
    store: &Store,
    certificate: &Arc<Certificate>,
    given: &[Arc<Certificate>],
) -> Vec<Vec<u8>> {
    const LONGEST: usize = 10;
    let authorities = store.anchors();
    let mut chain = vec![certificate.der().to_vec()];
    let mut last = certificate;
    while chain.len() < LONGEST && !last.is_self_issued() {
        let issuer = authorities
            .iter()
            .copied()
            .chain(given)
            .find(|authority| authority.subject().is_same(last.issuer()));
        match issuer {
            Some(issuer) if !issuer.is_self_issued() => chain.push(issuer.der().to_vec()),
            _ => break,
        }
        last = issuer.expect("it was found");
    }
    chain
}

/// Who somebody claims to be, in the terms of certificates.
fn claim(id: &Identification) -> Option<Claim<'_>> {
    Some(match id {
        Identification::Fqdn(name) => Claim::Dns(name),
        Identification::Rfc822(name) => Claim::Rfc822(name),
        Identification::Ipv4(address) => Claim::Ip((*address).into()),
        Identification::Ipv6(address) => Claim::Ip((*address).into()),
        Identification::DerAsn1Dn(der) => Claim::Name(der),
        Identification::KeyId(octets) => Claim::KeyId(octets),
        Identification::Other { .. } => return None,
    })
}

/// Judges chains by the store as it was when the conversation began.
struct Judge {
    store: Arc<Store>,
    usage: Usage,
    /// Who the other side has to be.
    other: Option<Identification>,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge")
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}

impl Verifier for Judge {
    fn verify(&self, identity: Option<&[u8]>, chain: &[&[u8]]) -> Result<(), String> {
        let mut certificates = Vec::with_capacity(chain.len());
        for der in chain {
            let certificate = Certificate::parse(der).map_err(|error| error.to_string())?;
            certificates.push(Arc::new(certificate));
        }
        let (end_entity, extra) = certificates.split_first().ok_or("no certificate")?;
        let anchors: Vec<_> = self.store.anchors().into_iter().cloned().collect();
        let policy = PathPolicy {
            usage: self.usage,
            ..PathPolicy::default()
        };
        let validator = Validator {
            anchors: &anchors,
            intermediates: &[],
            pinned: &[],
            policy: &policy,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        let path = validator.validate(end_entity, extra, now);
        path.map_err(|error| error.to_string())?;
        let told = identity.and_then(super::identity);
        let Some(wanted) = told.as_ref().or(self.other.as_ref()) else {
            return Ok(());
        };
        if claim(wanted).is_some_and(|claim| end_entity.confirms(&claim)) {
            Ok(())
        } else {
            Err(format!("the certificate is not that of {wanted}"))
        }
    }

    fn authorities(&self) -> Vec<Vec<u8>> {
        let anchors = self.store.anchors().into_iter();
        anchors
            .map(|anchor| anchor.subject().der().to_vec())
            .collect()
    }
}

/// A private key of the store.
#[derive(Debug)]
struct StoredKey {
    key: Arc<PrivateKey>,
    schemes: Vec<SignatureScheme>,
}

impl tls::PrivateKey for StoredKey {
    fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        use SignatureAlgorithm::{Ecdsa, Ed25519, RsaPkcs1, RsaPss};
        let algorithm = match scheme {
            SignatureScheme::RSA_PSS_SHA256 => RsaPss(Hash::Sha256),
            SignatureScheme::RSA_PSS_SHA384 => RsaPss(Hash::Sha384),
            SignatureScheme::RSA_PSS_SHA512 => RsaPss(Hash::Sha512),
            SignatureScheme::RSA_PKCS1_SHA256 => RsaPkcs1(Hash::Sha256),
            SignatureScheme::RSA_PKCS1_SHA384 => RsaPkcs1(Hash::Sha384),
            SignatureScheme::RSA_PKCS1_SHA512 => RsaPkcs1(Hash::Sha512),
            SignatureScheme::ECDSA_NISTP256_SHA256 => Ecdsa(Hash::Sha256),
            SignatureScheme::ECDSA_NISTP384_SHA384 => Ecdsa(Hash::Sha384),
            SignatureScheme::ECDSA_NISTP521_SHA512 => Ecdsa(Hash::Sha512),
            SignatureScheme::ED25519 => Ed25519,
            _ => return None,
        };
        self.key.sign(&algorithm, message)
    }
}

fn schemes(key: &PrivateKey) -> Option<Vec<SignatureScheme>> {
    Some(match key.public().algorithm() {
        KeyAlgorithm::Rsa { .. } => vec![
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
        ],
        KeyAlgorithm::Ecdsa(Curve::P256) => vec![SignatureScheme::ECDSA_NISTP256_SHA256],
        KeyAlgorithm::Ecdsa(Curve::P384) => vec![SignatureScheme::ECDSA_NISTP384_SHA384],
        KeyAlgorithm::Ecdsa(Curve::P521) => vec![SignatureScheme::ECDSA_NISTP521_SHA512],
        KeyAlgorithm::Ed25519 => vec![SignatureScheme::ED25519],
        _ => return None,
    })
}

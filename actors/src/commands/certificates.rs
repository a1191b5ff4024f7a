//! `load-cert`, `flush-certs`, `clear-creds`.

use holdfast_ike::Identification;
use holdfast_pki::{Certificate, Name, PublicKey, RevocationList};
use holdfast_vici::Message;

use crate::{
    credentials::{CertificateUse, CredentialError},
    environment::Shared,
};

/// The types of certificates that clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertificateType {
    X509,
    RevocationList,
    PublicKey,
    /// Known by name, but there are none here.
    Other(&'static str),
}

impl CertificateType {
    /// Responses that were fetched; nobody loads any.
    pub(super) const OCSP_RESPONSE: Self = Self::Other("X509_OCSP_RESPONSE");

    /// The type with this name, whatever its case; `Ok(None)` is any of them.
    pub(super) fn from_name(name: &str) -> Result<Option<Self>, String> {
        const OTHERS: [&str; 6] = [
            "X509_AC",
            "X509_OCSP_REQUEST",
            "X509_OCSP_RESPONSE",
            "PKCS10_REQUEST",
            "GPG",
            "PGP",
        ];
        let upper = name.to_ascii_uppercase();
        Ok(match upper.as_str() {
            "ANY" => None,
            "X509" => Some(Self::X509),
            "X509_CRL" => Some(Self::RevocationList),
            "PUBKEY" => Some(Self::PublicKey),
            other => {
                let known = OTHERS.iter().find(|known| **known == other);
                let known = known.ok_or_else(|| format!("invalid certificate type '{name}'"))?;
                Some(Self::Other(known))
            }
        })
    }
}

pub(super) fn load(shared: &Shared, request: &Message) -> Message {
    let loaded = Announced::read(request).and_then(|announced| {
        let data = request.get_bytes("data").unwrap_or_default();
        if data.is_empty() {
            return Err("certificate data missing".to_owned());
        }
        add(shared, announced, data)
    });
    match loaded {
        Ok(()) => Message::success(),
        Err(reason) => Message::failure(reason),
    }
}

/// Forgets what was fetched: lists and OCSP responses. What clients loaded is not meant.
pub(super) fn flush(shared: &Shared, request: &Message) -> Message {
    let kind = match CertificateType::from_name(request.get_str("type").unwrap_or("ANY")) {
        Ok(kind) => kind,
        Err(reason) => return Message::failure(reason),
    };
    let all = kind.is_none();
    let lists = all || kind == Some(CertificateType::RevocationList);
    let responses = all || kind == Some(CertificateType::OCSP_RESPONSE);
    shared.credentials.revocations.flush(lists, responses);
    Message::success()
}

pub(super) fn clear(shared: &Shared) -> Message {
    shared.credentials.clear();
    tracing::info!("forgot the credentials that clients had loaded");
    Message::success()
}

/// What a client says that it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Announced {
    kind: CertificateType,
    used: CertificateUse,
}

impl Announced {
    fn read(request: &Message) -> Result<Self, String> {
        let name = request.get_str("type").ok_or("certificate type missing")?;
        let of = |kind, used| Ok(Self { kind, used });
        // The names of swanctl's directories say type and flag at once.
        match name.to_ascii_lowercase().as_str() {
            "x509ca" => return of(CertificateType::X509, CertificateUse::Ca),
            "x509aa" => return of(CertificateType::X509, CertificateUse::AttributeAuthority),
            "x509ocsp" => return of(CertificateType::X509, CertificateUse::OcspSigner),
            "x509crl" => return of(CertificateType::RevocationList, CertificateUse::EndEntity),
            "x509ac" => return Err(unsupported("X509_AC")),
            _ => {}
        }
        let kind = CertificateType::from_name(name)?.unwrap_or(CertificateType::X509);
        let flag = request.get_str("flag").unwrap_or("NONE");
        let used = CertificateUse::from_flag(flag)
            .ok_or_else(|| format!("invalid certificate flag '{flag}'"))?;
        match kind {
            CertificateType::Other(kind) => Err(unsupported(kind)),
            kind => of(kind, used),
        }
    }
}

fn unsupported(kind: &str) -> String {
    format!("parsing {kind} certificate failed: certificates of this type are not supported")
}

/// A name as people read it.
pub(super) fn dn(name: &Name) -> Identification {
    Identification::DerAsn1Dn(name.der().to_vec())
}

fn add(shared: &Shared, announced: Announced, data: &[u8]) -> Result<(), String> {
    let failed = |kind| move |error| CredentialError::Certificate { kind, error };
    let credentials = &shared.credentials;
    let added =
        match announced.kind {
            CertificateType::RevocationList => RevocationList::parse(data)
                .map_err(failed("X509_CRL"))
                .and_then(|list| {
                    tracing::info!(issuer = %dn(list.issuer()), "loading a revocation list");
                    credentials.change(|store| store.add_revocation_list(list))
                }),
            CertificateType::PublicKey => PublicKey::parse(data)
                .map_err(failed("PUBKEY"))
                .and_then(|key| {
                    tracing::info!(id = %key.id(), "loading a public key");
                    credentials.change(|store| store.add_public_key(key))
                }),
            CertificateType::X509 | CertificateType::Other(_) => Certificate::parse(data)
                .map_err(failed("X509"))
                .and_then(|certificate| {
                    tracing::info!(subject = %dn(certificate.subject()), "loading a certificate");
                    credentials.change(|store| store.add_certificate(announced.used, certificate))
                }),
        };
    added.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, flag: Option<&str>) -> Result<Announced, String> {
        let request = Message::new().with("type", kind).with_some("flag", flag);
        Announced::read(&request)
    }

    #[test]
    fn types_and_flags() {
        let x509 = |used| {
            Ok(Announced {
                kind: CertificateType::X509,
                used,
            })
        };
        assert_eq!(read("X509", None), x509(CertificateUse::EndEntity));
        assert_eq!(read("x509", Some("ca")), x509(CertificateUse::Ca));
        assert_eq!(read("any", Some("NONE")), x509(CertificateUse::EndEntity));
        assert_eq!(read("x509ca", Some("nonsense")), x509(CertificateUse::Ca));
        assert_eq!(read("x509ocsp", None), x509(CertificateUse::OcspSigner));
        assert_eq!(
            read("x509aa", None),
            x509(CertificateUse::AttributeAuthority)
        );
        let crl = read("x509crl", None).map(|announced| announced.kind);
        assert_eq!(crl, Ok(CertificateType::RevocationList));
        let key = read("pubkey", None).map(|announced| announced.kind);
        assert_eq!(key, Ok(CertificateType::PublicKey));
    }

    #[test]
    fn refusals() {
        let missing = Announced::read(&Message::new());
        assert_eq!(missing, Err("certificate type missing".to_owned()));
        assert_eq!(
            read("foo", None),
            Err("invalid certificate type 'foo'".to_owned())
        );
        let flag = read("X509", Some("foo"));
        assert_eq!(flag, Err("invalid certificate flag 'foo'".to_owned()));
        for name in ["X509_AC", "x509ac", "PGP"] {
            let refusal = read(name, None).expect_err(name);
            assert!(
                refusal.ends_with("certificates of this type are not supported"),
                "{refusal}"
            );
        }
    }
}

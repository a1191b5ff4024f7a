//! How the two ends of a connection authenticate, round by round.

use std::{fs, path::Path, sync::Arc};

use holdfast_ike::{
    Identification,
    config::{
        Der, IdMatch, LocalAuth, LocalPublicKey, LocalRound, RemoteAuth, RemotePublicKey,
        RemoteRound, Revocation, SendCertificate, SignatureRules,
    },
    identification::ParseIdentificationError,
};
use holdfast_pki::{Certificate, PublicKey};

use super::{agent::beside, eap, elements, keyword};
use crate::{
    confinement::{OUTSIDE, RESTART, is_shut_out},
    quantity::TextList,
    raw::{RawAuth, RawConnection, RawRounds},
    report::Scope,
};

/// What `auth` asks for.
enum Method {
    Psk,
    PublicKey(SignatureRules),
    Any,
}

pub(super) fn local(raw: &RawConnection, scope: &Scope<'_>) -> Vec<LocalRound> {
    let send = [
        ("ifasked", SendCertificate::IfAsked),
        ("always", SendCertificate::Always),
        ("never", SendCertificate::Never),
    ];
    let send = keyword(
        raw.send_cert.as_deref(),
        &send,
        &[],
        &scope.key("send_cert"),
    );
    let round = |(raw, scope): (&RawAuth, Scope<'_>)| {
        let id = match id(raw.id.as_deref(), &scope.key("id")) {
            IdMatch::Any => None,
            IdMatch::Exact(id) => Some(id),
            IdMatch::Pattern(_) => {
                scope.key("id").error(
                    "our own identity has a wildcard",
                    "name one identity, or \"%any\"",
                );
                None
            }
        };
        if eap::is_eap(raw.auth.as_deref()) {
            let own = certificates(raw.certs.as_ref(), &scope.key("certs"));
            let auth = LocalAuth::Eap(Arc::new(eap::local(raw, der(&own), &scope)));
            return LocalRound { id, auth };
        }
        let method = method(raw, &scope);
        let own = match method {
            Method::PublicKey(_) => certificates(raw.certs.as_ref(), &scope.key("certs")),
            Method::Psk | Method::Any => Vec::new(),
        };
        let auth = match method {
            Method::Psk => LocalAuth::Psk,
            Method::PublicKey(rules) => LocalAuth::PublicKey(Arc::new(LocalPublicKey {
                certificates: der(&own),
                public_keys: public_keys(raw.pubkeys.as_ref(), &scope.key("pubkeys")),
                rules,
                send: send.unwrap_or_default(),
            })),
            Method::Any => {
                scope.key("auth").error(
                    "we cannot authenticate by any method",
                    "use auth = \"pubkey\" or auth = \"psk\"",
                );
                LocalAuth::Psk
            }
        };
        if !matches!(auth, LocalAuth::Psk) {
            let why = "it is about the peer's certificates";
            warn_idle(
                raw,
                &["cacerts", "ca_id", "cert_policy", "revocation"],
                why,
                &scope,
            );
        }
        LocalRound {
            id: own_id(id, &own),
            auth,
        }
    };
    each(&raw.local, &scope.key("local")).map(round).collect()
}

pub(super) fn remote(raw: &RawConnection, scope: &Scope<'_>) -> Vec<RemoteRound> {
    let no_requests = raw.send_certreq == Some(false);
    let round = |(raw, scope): (&RawAuth, Scope<'_>)| {
        if eap::is_eap(raw.auth.as_deref()) {
            let id = id(raw.id.as_deref(), &scope.key("id"));
            let auth = RemoteAuth::Eap(Arc::new(eap::remote(raw, &scope)));
            return RemoteRound { id, auth };
        }
        let method = method(raw, &scope);
        let wanted = |rules| {
            let authority_id = id(raw.ca_id.as_deref(), &scope.key("ca_id"));
            let revocation = [
                ("relaxed", Revocation::Relaxed),
                ("ifuri", Revocation::IfUri),
                ("strict", Revocation::Strict),
            ];
            let text = raw.revocation.as_deref();
            let pinned = certificates(raw.certs.as_ref(), &scope.key("certs"));
            let authorities = certificates(raw.cacerts.as_ref(), &scope.key("cacerts"));
            for (index, authority) in authorities.iter().enumerate() {
                if !authority.is_ca() {
                    scope.key("cacerts").index(index).error(
                        "the certificate is not that of a CA",
                        "name it in certs, or name the certificate of its CA",
                    );
                }
            }
            Arc::new(RemotePublicKey {
                certificates: der(&pinned),
                public_keys: public_keys(raw.pubkeys.as_ref(), &scope.key("pubkeys")),
                authorities: der(&authorities),
                authority_id: Some(authority_id).filter(|id| *id != IdMatch::Any),
                policies: raw.cert_policy.clone().map_or_else(Vec::new, |list| list.0),
                rules,
                revocation: keyword(text, &revocation, &[], &scope.key("revocation"))
                    .unwrap_or_default(),
                no_requests,
            })
        };
        let auth = match method {
            Method::Psk => RemoteAuth::Psk,
            Method::PublicKey(rules) => RemoteAuth::PublicKey(wanted(rules)),
            Method::Any => RemoteAuth::Any(wanted(SignatureRules::default())),
        };
        RemoteRound {
            id: id(raw.id.as_deref(), &scope.key("id")),
            auth,
        }
    };
    each(&raw.remote, &scope.key("remote")).map(round).collect()
}

/// Each round with its place. One that is not written at all is asked for.
fn each<'r>(
    rounds: &'r RawRounds,
    scope: &Scope<'r>,
) -> impl Iterator<Item = (&'r RawAuth, Scope<'r>)> {
    static NONE: RawAuth = RawAuth::NONE;
    let (rounds, several) = match rounds {
        RawRounds::None => (std::slice::from_ref(&NONE), false),
        RawRounds::One(round) => (std::slice::from_ref(&**round), false),
        RawRounds::Several(rounds) => (rounds.as_slice(), true),
    };
    if several && rounds.is_empty() {
        scope.error("the list of rounds is empty", "add { auth = \"psk\" }");
    }
    let scopes: Vec<_> = (0..rounds.len())
        .map(|index| {
            if several {
                scope.index(index)
            } else {
                scope.clone()
            }
        })
        .collect();
    rounds.iter().zip(scopes)
}

fn method(raw: &RawAuth, end: &Scope<'_>) -> Method {
    let scope = end.key("auth");
    let Some(method) = raw.auth.as_deref() else {
        scope.missing(
            "how this end authenticates is not said",
            "add auth = \"psk\" or auth = \"pubkey\"",
        );
        return Method::Psk;
    };
    eap::warn_idle(raw, method, end);
    match method {
        "psk" => {
            let keys = [
                "certs",
                "cacerts",
                "pubkeys",
                "ca_id",
                "cert_policy",
                "revocation",
            ];
            warn_idle(raw, &keys, "a shared key needs no certificate", end);
            return Method::Psk;
        }
        "any" => return Method::Any,
        _ => {}
    }
    if let Some(rules) = SignatureRules::parse(method) {
        return Method::PublicKey(rules);
    }
    let family = method.split(['-', ':']).next().unwrap_or(method);
    if matches!(family, "xauth" | "bliss" | "ed448" | "null") {
        scope.error(
            format!("authentication by \"{method}\" is not supported by this version"),
            "use auth = \"pubkey\" with certs, or auth = \"psk\" with a table [secrets.NAME]",
        );
    } else {
        scope.error(
            format!("unknown value \"{method}\""),
            "use \"psk\", \"pubkey\", \"any\", or keys and hashes such as \"rsa-3072-sha256\", \
             \"rsa/pss\", \"ecdsa-384\" or \"ed25519\"",
        );
    }
    Method::Psk
}

/// Of these keys, those that are given have no effect.
fn warn_idle(raw: &RawAuth, keys: &[&str], why: &str, scope: &Scope<'_>) {
    for key in keys {
        let given = match *key {
            "certs" => raw.certs.is_some(),
            "cacerts" => raw.cacerts.is_some(),
            "pubkeys" => raw.pubkeys.is_some(),
            "ca_id" => raw.ca_id.is_some(),
            "cert_policy" => raw.cert_policy.is_some(),
            _ => raw.revocation.is_some(),
        };
        if given {
            let message = format!("it has no effect: {why}");
            scope.key(key).warning(message, "leave the key out");
        }
    }
}

/// Who an end is or may be.
pub(super) fn id(text: Option<&str>, scope: &Scope<'_>) -> IdMatch {
    let remedy = "write an identity such as \"gw.example\", \"me@example\", \"192.0.2.1\" or \
                  \"C=CH, O=Example, CN=gw.example\"";
    let Some(text) = text else {
        return IdMatch::Any;
    };
    match Identification::from_config(text.trim()) {
        Ok(id) if id.has_wildcard() => IdMatch::Pattern(id),
        Ok(Identification::Fqdn(name) | Identification::Rfc822(name)) if name.contains('*') => {
            scope.error(
                "a wildcard stands in the middle of a name",
                "let the name begin with it, as in \"*.example\" or \"*@example\"",
            );
            IdMatch::Any
        }
        Ok(id) => IdMatch::Exact(id),
        Err(ParseIdentificationError::Any(_)) => IdMatch::Any,
        Err(error) => {
            scope.error(error.to_string(), remedy);
            IdMatch::Any
        }
    }
}

/// Where nothing is said, we are the subject of our certificate. A distinguished name is sent as it
/// stands there.
fn own_id(id: Option<Identification>, certificates: &[Certificate]) -> Option<Identification> {
    let Some(certificate) = certificates.first() else {
        return id;
    };
    let subject = Identification::DerAsn1Dn(certificate.subject().der().to_vec());
    match id {
        None if certificate.subject().is_empty() => None,
        None => Some(subject),
        Some(id) if id.is_same(&subject) => Some(subject),
        other => other,
    }
}

pub(super) fn der(certificates: &[Certificate]) -> Vec<Der> {
    let octets = certificates.iter().map(Certificate::der);
    octets.map(Der::from).collect()
}

pub(super) fn certificates(list: Option<&TextList>, scope: &Scope<'_>) -> Vec<Certificate> {
    let remedy = "name a file with one certificate in PEM or DER";
    read_each(list, scope, remedy, |octets| {
        Certificate::parse(octets).map_err(|error| error.to_string())
    })
}

fn public_keys(list: Option<&TextList>, scope: &Scope<'_>) -> Vec<Der> {
    let remedy = "name a file with one public key in PEM or DER";
    let keys = read_each(list, scope, remedy, |octets| {
        PublicKey::parse(octets).map_err(|error| error.to_string())
    });
    keys.iter().map(|key| Der::from(key.spki())).collect()
}

/// Reads files, or what stands in the list itself in hexadecimal.
fn read_each<T>(
    list: Option<&TextList>,
    scope: &Scope<'_>,
    remedy: &str,
    parse: impl Fn(&[u8]) -> Result<T, String>,
) -> Vec<T> {
    let Some(list) = list else { return Vec::new() };
    elements(list, scope, remedy, |text| {
        let octets = match text.strip_prefix(INLINE) {
            Some(digits) => from_hex(digits).ok_or("it is not hexadecimal")?,
            None => read_file(&beside(scope, Path::new(text)), scope)?,
        };
        parse(&octets)
    })
}

/// In front of content in hexadecimal, where else a file is named.
pub(crate) const INLINE: &str = "0x";

fn read_file(path: &Path, scope: &Scope<'_>) -> Result<Vec<u8>, String> {
    let shown = path.display();
    scope.reads(path);
    let failed = |error: std::io::Error| {
        if is_shut_out(path, &error) {
            format!("cannot read {shown}: {OUTSIDE}; {RESTART}")
        } else {
            format!("cannot read {shown}: {error}")
        }
    };
    // Asked before it is opened: opening a FIFO would wait for a writer.
    let before = fs::metadata(path).map_err(failed)?;
    if !before.is_file() || before.len() > holdfast_pki::MAX_INPUT as u64 {
        return Err(format!("{shown} is no file of at most 64 KiB"));
    }
    fs::read(path).map_err(failed)
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let value = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8);
    let octet = |[high, low]: &[u8; 2]| Some(value(*high)? << 4 | value(*low)?);
    pairs.iter().map(octet).collect()
}

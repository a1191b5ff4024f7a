//! EAP in `local` and `remote`.

use std::sync::Arc;

use holdfast_ike::config::{Der, LocalEap, RemoteEap};

use super::keyword;
use crate::{raw::RawAuth, report::Scope};

/// Whether this way of authenticating is EAP.
pub(super) fn is_eap(auth: Option<&str>) -> bool {
    auth.is_some_and(|auth| auth == "eap" || auth.starts_with("eap-"))
}

/// Methods of charon that are not there.
const REFUSED: [&str; 14] = [
    "eap-identity",
    "eap-md5",
    "eap-gtc",
    "eap-ttls",
    "eap-peap",
    "eap-sim",
    "eap-aka",
    "eap-aka-prime",
    "eap-aka-3gpp",
    "eap-simaka",
    "eap-dynamic",
    "eap-tnc",
    "eap-pt-tls",
    "eap-pwd",
];

/// Keys of EAP at an end that does not use it.
pub(super) fn warn_idle(raw: &RawAuth, method: &str, scope: &Scope<'_>) {
    for (key, given) in [
        ("eap_id", raw.eap_id.is_some()),
        ("aaa_id", raw.aaa_id.is_some()),
    ] {
        if given {
            let message = format!("{key} has no effect: this end does not use EAP");
            let remedy = format!("leave it out, or use auth = \"eap\" instead of \"{method}\"");
            scope.key(key).warning(message, remedy);
        }
    }
}

/// How we prove ourselves.
pub(super) fn local(raw: &RawAuth, certificates: Vec<Der>, scope: &Scope<'_>) -> LocalEap {
    let known = [
        ("eap", None),
        ("eap-mschapv2", Some("mschapv2")),
        ("eap-tls", Some("tls")),
    ];
    LocalEap {
        method: method(raw, &known, &["eap-radius"], &scope.key("auth")),
        identity: identity(raw.eap_id.as_deref(), &scope.key("eap_id"))
            .filter(|identity| **identity != *ANY),
        aaa: identity(raw.aaa_id.as_deref(), &scope.key("aaa_id"))
            .filter(|identity| **identity != *ANY),
        certificates,
    }
}

/// How the peer has to.
pub(super) fn remote(raw: &RawAuth, scope: &Scope<'_>) -> RemoteEap {
    let known = [
        ("eap", None),
        ("eap-mschapv2", Some("mschapv2")),
        ("eap-tls", Some("tls")),
        ("eap-radius", Some("radius")),
    ];
    if raw.aaa_id.is_some() {
        scope.key("aaa_id").error(
            "aaa_id is who we expect the server to be, and here the peer proves itself to us",
            "move it to local, or leave it out",
        );
    }
    RemoteEap {
        method: method(raw, &known, &[], &scope.key("auth")),
        identity: identity(raw.eap_id.as_deref(), &scope.key("eap_id")),
    }
}

/// What asks the peer who it is.
const ANY: &str = "%any";

fn method(
    raw: &RawAuth,
    known: &[(&str, Option<&'static str>)],
    others: &[&str],
    scope: &Scope<'_>,
) -> Option<Arc<str>> {
    let refused = [&REFUSED, others].concat();
    keyword(raw.auth.as_deref(), known, &refused, scope)
        .flatten()
        .map(Arc::from)
}

fn identity(text: Option<&str>, scope: &Scope<'_>) -> Option<Arc<str>> {
    let text = text?.trim();
    if text.is_empty() || text.len() > 255 {
        scope.error(
            "this cannot be an EAP identity",
            "write what the server knows the user by, such as \"carol\"",
        );
        return None;
    }
    if text != ANY && text.contains('*') {
        scope.error(
            "wildcards in EAP identities are not supported by this version",
            "name one identity, or \"%any\" for whoever proves to be one",
        );
    }
    Some(Arc::from(text))
}

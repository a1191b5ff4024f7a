//! We prove ourselves.

use std::sync::Arc;

use holdfast_eap::{NtHash, Peer, PeerMethod};
use holdfast_ike::{
    Identification,
    config::LocalEap,
    sa::{Failure, credential::Eap},
};

use super::tls;
use crate::{
    credentials::{Credentials, SharedKeyKind},
    environment::Shared,
};

/// Whether the configuration wants this method.
pub(super) fn wants(configured: Option<&str>, method: &str) -> bool {
    configured.is_none_or(|configured| configured == method)
}

pub(super) fn begin(
    shared: &Arc<Shared>,
    question: &Eap,
    local: &LocalEap,
) -> Result<Peer, Failure> {
    let identity = match &local.identity {
        Some(identity) => identity.as_bytes().to_vec(),
        None => super::octets(&question.local_id),
    };
    let own = super::identity(&identity).unwrap_or_else(|| question.local_id.clone());
    let mut methods = Vec::new();
    let method = local.method.as_deref();
    if wants(method, "tls") {
        let server = local
            .aaa
            .as_deref()
            .and_then(|aaa| super::identity(aaa.as_bytes()))
            .or_else(|| question.remote_id.clone());
        let own = [&own, &question.local_id];
        methods.extend(tls::peer(shared, (&own, &local.certificates), server).map(PeerMethod::Tls));
    }
    if wants(method, "mschapv2") {
        let server = question.remote_id.as_ref().unwrap_or(&own);
        let hash = hash(&shared.credentials, &own, server);
        methods.extend(hash.map(|hash| PeerMethod::MsChapV2 {
            username: identity.clone(),
            hash,
        }));
    }
    if methods.is_empty() {
        let identity = super::text(&identity);
        tracing::warn!(%identity, "no password and no certificate for this EAP identity");
        return Err(Failure::NoSecret);
    }
    Ok(Peer::new(identity, methods))
}

/// The hash of a user's password: of the password, or as it is kept instead.
pub(super) fn hash(
    credentials: &Credentials,
    user: &Identification,
    server: &Identification,
) -> Option<NtHash> {
    let password = credentials.shared_key(SharedKeyKind::Eap, user, server);
    if let Some(password) = password {
        return Some(NtHash::of(&String::from_utf8_lossy(password.expose())));
    }
    let kept = credentials.shared_key(SharedKeyKind::Ntlm, user, server)?;
    Some(NtHash::from_octets(kept.expose().try_into().ok()?))
}

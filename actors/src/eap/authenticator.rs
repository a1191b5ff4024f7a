//! The peer proves itself to us.

use std::sync::Arc;

use holdfast_eap::{Authenticator, AuthenticatorMethod};
use holdfast_ike::{
    config::{LocalAuth, RemoteEap},
    sa::{Failure, credential::Eap},
};

use super::{
    peer::{hash, wants},
    tls,
};
use crate::environment::Shared;

pub(super) fn begin(
    shared: &Arc<Shared>,
    question: &Eap,
    configured: &RemoteEap,
    identity: Option<Vec<u8>>,
) -> Result<Authenticator, Failure> {
    let mut methods = Vec::new();
    let method = configured.method.as_deref();
    if wants(method, "mschapv2") {
        let shared = Arc::clone(shared);
        methods.push(AuthenticatorMethod::MsChapV2 {
            name: super::octets(&question.local_id),
            hashes: Box::new(move |user| find(&shared, user)),
        });
    }
    if wants(method, "tls") {
        let rounds = question.connection.local.iter();
        let given = rounds.filter_map(|round| match &round.auth {
            LocalAuth::PublicKey(own) => Some(&own.certificates),
            _ => None,
        });
        let given: Vec<_> = given.flatten().cloned().collect();
        let endpoint = tls::authenticator(shared, (&question.local_id, &given));
        methods.extend(endpoint.map(AuthenticatorMethod::Tls));
    }
    if methods.is_empty() {
        tracing::warn!("no certificate with a private key for EAP-TLS");
        return Err(Failure::NoSecret);
    }
    Ok(Authenticator::new(identity, methods))
}

/// A user's password, kept under the name with the domain or without. What belongs to us and not to
/// a user is not looked at.
fn find(shared: &Shared, user: &[u8]) -> Option<holdfast_eap::NtHash> {
    let bare = user.rsplit(|octet| *octet == b'\\').next();
    [Some(user), bare].into_iter().flatten().find_map(|name| {
        let user = super::identity(name)?;
        hash(&shared.credentials, &user, &user)
    })
}

//! IKE_AUTH: identities, proof of them, and the first CHILD_SA (RFC 7296 sections 1.2 and 2.15).

use std::sync::Arc;

use super::{
    super::{
        event::{Failure, Nat},
        negotiation::{self, Agreed, ChildOffer, Granted, Refusal, Unaccepted},
        payloads::{Payloads, notify},
        secured::Secured,
    },
    ike_sa_init::adds_cookie,
};
use crate::{
    ChildConfig, Connection, Environment, Identification, Path, Secret,
    config::{AuthMethod, IdMatch},
    crypto::{Nonces, psk_auth, verify},
    proposal::KeyExchangeUse,
    wire::{NotifyType, Payload},
};

/// Shared Key Message Integrity Code (RFC 7296 section 3.8).
const SHARED_KEY: u8 = 2;

/// What IKE_SA_INIT leaves behind until both ends are authenticated.
pub(in super::super) struct Handshake {
    pub(in super::super) request: Vec<u8>,
    /// Responder: the same request with a cookie, see [`Handshake::is_request`].
    pub(in super::super) with_cookie: Option<Vec<u8>>,
    pub(in super::super) response: Vec<u8>,
    pub(in super::super) nonce_i: Box<[u8]>,
    pub(in super::super) nonce_r: Box<[u8]>,
    pub(in super::super) sk_pi: Secret,
    pub(in super::super) sk_pr: Secret,
    pub(in super::super) nat: Option<Nat>,
}

impl Handshake {
    pub(in super::super) fn nonces(&self) -> Nonces<'_> {
        Nonces {
            initiator: &self.nonce_i,
            responder: &self.nonce_r,
        }
    }

    pub(in super::super) fn lowest_nonce(&self) -> Box<[u8]> {
        (&self.nonce_i).min(&self.nonce_r).clone()
    }

    /// Whether `datagram` is the request that made this IKE_SA.
    ///
    /// One copy of it may have been challenged with a cookie and another one taken. The initiator
    /// then sends it with the cookie, and its AUTH covers whichever form it sent last: both are
    /// the request. Only the first such form counts, lest forged ones take its place.
    pub(in super::super) fn is_request(&mut self, datagram: &[u8]) -> bool {
        if datagram == self.request || self.with_cookie.as_deref() == Some(datagram) {
            return true;
        }
        let new = self.with_cookie.is_none() && adds_cookie(&self.request, datagram);
        if new {
            self.with_cookie = Some(datagram.to_vec());
        }
        new
    }

    /// Whether `auth` is what the initiator proves its identity with.
    fn proves_initiator(
        &self,
        secured: &Secured,
        psk: &Secret,
        id: &Identification,
        auth: &[u8],
    ) -> bool {
        std::iter::once(&self.request)
            .chain(&self.with_cookie)
            .any(|request| {
                let expected = self.initiator_auth(request, secured, psk, id);
                verify(auth, expected.expose())
            })
    }

    /// AUTH of the initiator: over its first message, the responder's nonce and its own ID.
    fn initiator_auth(
        &self,
        request: &[u8],
        secured: &Secured,
        psk: &Secret,
        id: &Identification,
    ) -> Secret {
        psk_auth(
            &secured.prf,
            psk,
            request,
            &self.nonce_r,
            &self.sk_pi,
            &id.body(),
        )
    }

    /// AUTH of the responder: the same from its side.
    fn responder_auth(&self, secured: &Secured, psk: &Secret, id: &Identification) -> Secret {
        psk_auth(
            &secured.prf,
            psk,
            &self.response,
            &self.nonce_i,
            &self.sk_pr,
            &id.body(),
        )
    }
}

/// The identity of an end that has none configured: its address.
fn address_id(address: std::net::IpAddr) -> Identification {
    match address {
        std::net::IpAddr::V4(address) => Identification::Ipv4(address),
        std::net::IpAddr::V6(address) => Identification::Ipv6(address),
    }
}

fn matches(wanted: &IdMatch, id: &Identification) -> bool {
    match wanted {
        IdMatch::Any => true,
        IdMatch::Exact(wanted) => wanted == id,
    }
}

/// The initiator's side.
pub(in super::super) struct IkeAuth {
    pub(in super::super) handshake: Handshake,
    pub(in super::super) local_id: Identification,
    pub(in super::super) initial_contact: bool,
    pub(in super::super) child: Option<ChildOffer>,
    /// The responder may have answered another form of our first request than the one that AUTH
    /// covers.
    pub(in super::super) ambiguous: bool,
}

/// What the initiator learns.
pub(in super::super) struct Authenticated {
    pub(in super::super) remote_id: Identification,
    /// The outcome of the CHILD_SA, if one was asked for.
    pub(in super::super) child: Option<Result<Agreed, Unaccepted>>,
}

/// Who of the two ends the other did not accept, and why.
pub(in super::super) enum AuthRefusal {
    /// The responder refused us.
    Theirs(Failure),
    /// We refuse the responder, which believes that all is well.
    Ours(Failure),
}

impl IkeAuth {
    pub(in super::super) fn new(
        handshake: Handshake,
        connection: &Connection,
        child: Option<Arc<ChildConfig>>,
        initial_contact: bool,
        path: Path,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let child = child
            .map(|config| ChildOffer::in_ike_auth(config, path, env))
            .transpose()?;
        Ok(Self {
            handshake,
            local_id: connection
                .local_id
                .clone()
                .unwrap_or_else(|| address_id(path.local.ip())),
            initial_contact,
            child,
            ambiguous: false,
        })
    }

    pub(in super::super) fn child_name(&self) -> Option<&Arc<str>> {
        self.child.as_ref().map(|offer| &offer.config.name)
    }

    pub(in super::super) fn build_request(
        &self,
        connection: &Connection,
        secured: &Secured,
        path: Path,
        env: &mut dyn Environment,
    ) -> Result<Vec<Payload>, Failure> {
        let AuthMethod::Psk = connection.local_auth;
        let expected = match &connection.remote_id {
            IdMatch::Exact(id) => id.clone(),
            IdMatch::Any => address_id(path.remote.ip()),
        };
        let psk = env
            .psk(&self.local_id, &expected)
            .ok_or(Failure::NoSecret)?;
        let handshake = &self.handshake;
        let auth = handshake.initiator_auth(&handshake.request, secured, &psk, &self.local_id);
        let mut payloads = vec![Payload::IdInitiator(self.local_id.clone())];
        if self.initial_contact {
            payloads.push(notify(NotifyType::INITIAL_CONTACT, Vec::new()));
        }
        if let IdMatch::Exact(id) = &connection.remote_id {
            payloads.push(Payload::IdResponder(id.clone()));
        }
        payloads.push(Payload::Authentication {
            method: SHARED_KEY,
            data: auth.expose().to_vec(),
        });
        if let Some(offer) = &self.child {
            payloads.extend(offer.payloads(None));
        }
        Ok(payloads)
    }

    pub(in super::super) fn handle_response(
        &self,
        payloads: &Payloads,
        connection: &Connection,
        secured: &Secured,
        env: &mut dyn Environment,
    ) -> Result<Authenticated, AuthRefusal> {
        use AuthRefusal::{Ours, Theirs};
        let (Some(id), Some((method, auth))) = (payloads.id_responder(), payloads.authentication())
        else {
            return Err(match payloads.error() {
                // Our secret need not be wrong, and another attempt may well succeed.
                Some(Failure::AuthenticationRefused) if self.ambiguous => {
                    Theirs(Failure::TemporaryFailure)
                }
                Some(failure) => Theirs(failure),
                None => Ours(Failure::InvalidSyntax),
            });
        };
        if !matches(&connection.remote_id, id) {
            return Err(Ours(Failure::IdentityMismatch));
        }
        let AuthMethod::Psk = connection.remote_auth;
        let psk = env.psk(&self.local_id, id).ok_or(Ours(Failure::NoSecret))?;
        let expected = self.handshake.responder_auth(secured, &psk, id);
        if method != SHARED_KEY || !verify(auth, expected.expose()) {
            return Err(Ours(Failure::AuthenticationFailed));
        }
        Ok(Authenticated {
            remote_id: id.clone(),
            child: self.child.as_ref().map(|offer| offer.accept(payloads)),
        })
    }
}

/// The responder's side: what the request led to.
pub(in super::super) struct AuthResponse {
    /// Index of the connection that the identities chose.
    pub(in super::super) chosen: usize,
    pub(in super::super) local_id: Identification,
    pub(in super::super) remote_id: Identification,
    pub(in super::super) initial_contact: bool,
    /// IDr and AUTH.
    pub(in super::super) payloads: Vec<Payload>,
    /// The outcome of the CHILD_SA, if one was asked for.
    pub(in super::super) child: Option<Result<Granted, Failure>>,
}

/// Answers an IKE_AUTH request. The error is told to the peer, and the IKE_SA is over.
pub(in super::super) fn handle_request(
    payloads: &Payloads,
    handshake: &Handshake,
    connections: &[&Connection],
    secured: &Secured,
    path: Path,
    env: &mut dyn Environment,
) -> Result<AuthResponse, Failure> {
    let remote_id = payloads.id_initiator().ok_or(Failure::InvalidSyntax)?;
    let (method, auth) = payloads.authentication().ok_or(
        // Its absence asks for EAP (RFC 7296 section 2.16), which is not configured here.
        Failure::AuthenticationFailed,
    )?;
    let asked = payloads.id_responder();
    let local_id_of = |connection: &Connection| {
        connection
            .local_id
            .clone()
            .unwrap_or_else(|| address_id(path.local.ip()))
    };
    let (chosen, connection) = connections
        .iter()
        .enumerate()
        .find(|(_, connection)| {
            matches(&connection.remote_id, remote_id)
                && asked.is_none_or(|asked| *asked == local_id_of(connection))
        })
        .ok_or(Failure::NoConnection)?;
    let local_id = local_id_of(connection);
    let (AuthMethod::Psk, AuthMethod::Psk) = (connection.local_auth, connection.remote_auth);
    let psk = env.psk(&local_id, remote_id).ok_or(Failure::NoSecret)?;
    if method != SHARED_KEY || !handshake.proves_initiator(secured, &psk, remote_id, auth) {
        return Err(Failure::AuthenticationFailed);
    }
    let proof = handshake.responder_auth(secured, &psk, &local_id);
    let answer = vec![
        Payload::IdResponder(local_id.clone()),
        Payload::Authentication {
            method: SHARED_KEY,
            data: proof.expose().to_vec(),
        },
    ];
    let child = grant(payloads, &connection.children, path, env);
    if let Some(Err(Failure::InvalidSyntax)) = child {
        // Fatal for the IKE_SA, not only for its child (RFC 7296 section 2.21.2).
        return Err(Failure::InvalidSyntax);
    }
    Ok(AuthResponse {
        chosen,
        remote_id: remote_id.clone(),
        local_id,
        initial_contact: payloads.notify(NotifyType::INITIAL_CONTACT).is_some(),
        payloads: answer,
        child,
    })
}

fn grant(
    payloads: &Payloads,
    children: &[Arc<ChildConfig>],
    path: Path,
    env: &mut dyn Environment,
) -> Option<Result<Granted, Failure>> {
    // Without SA, TSi and TSr it is a childless IKE_SA (RFC 6023).
    payloads.ts_initiator()?;
    let granted = negotiation::grant(payloads, children, KeyExchangeUse::Strip, path, env);
    Some(granted.map_err(|refusal| match refusal {
        Refusal::Failure(failure) => failure,
        Refusal::OtherKeyExchange(_) => Failure::NoProposalChosen,
    }))
}

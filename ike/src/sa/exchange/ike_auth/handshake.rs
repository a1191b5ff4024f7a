//! What IKE_SA_INIT leaves behind until both ends are authenticated, and what they sign.

use super::{
    super::{ike_intermediate::IntAuth, ike_sa_init::adds_cookie},
    announcement::Announced,
    ppk::Mixed,
};
use crate::{
    Identification, Secret,
    crypto::{Nonces, shared_key_auth, signed_octets, verify},
    sa::{event::Nat, io::Role, resumption::tickets::TicketId, secured::Secured},
};

/// What IKE_SA_INIT leaves behind until both ends are authenticated.
pub(in crate::sa) struct Handshake {
    pub(in crate::sa) request: Vec<u8>,
    /// Responder: the same request with a cookie, see [`Handshake::is_request`].
    pub(in crate::sa) with_cookie: Option<Vec<u8>>,
    pub(in crate::sa) response: Vec<u8>,
    pub(in crate::sa) nonce_i: Box<[u8]>,
    pub(in crate::sa) nonce_r: Box<[u8]>,
    pub(in crate::sa) sk_pi: Secret,
    pub(in crate::sa) sk_pr: Secret,
    pub(in crate::sa) nat: Option<Nat>,
    /// What the peer said about authentication.
    pub(in crate::sa) announced: Announced,
    /// What was exchanged between IKE_SA_INIT and IKE_AUTH.
    pub(in crate::sa) int_auth: IntAuth,
    /// The session that is resumed, and who its ends are.
    pub(in crate::sa) resumed: Option<Box<Resumed>>,
    /// What a post-quantum pre-shared key makes of the keys, once it is in use.
    pub(in crate::sa) ppk: Option<Mixed>,
}

/// A session that is being resumed.
pub(in crate::sa) struct Resumed {
    pub(in crate::sa) local_id: Identification,
    pub(in crate::sa) remote_id: Identification,
    /// Responder: who the initiator is for EAP.
    pub(in crate::sa) eap_id: Option<Identification>,
    /// Responder: the ticket that was presented.
    pub(in crate::sa) ticket: Option<TicketId>,
}

impl Handshake {
    pub(in crate::sa) fn nonces(&self) -> Nonces<'_> {
        Nonces {
            initiator: &self.nonce_i,
            responder: &self.nonce_r,
        }
    }

    pub(in crate::sa) fn lowest_nonce(&self) -> Box<[u8]> {
        (&self.nonce_i).min(&self.nonce_r).clone()
    }

    /// Whether `datagram` is the request that made this IKE_SA.
    ///
    /// One copy of it may have been challenged with a cookie and another one taken. The initiator
    /// then sends it with the cookie, and its AUTH covers whichever form it sent last: both are
    /// the request. Only the first such form counts, lest forged ones take its place.
    pub(in crate::sa) fn is_request(&mut self, datagram: &[u8]) -> bool {
        if datagram == self.request || self.with_cookie.as_deref() == Some(datagram) {
            return true;
        }
        let new = self.with_cookie.is_none() && adds_cookie(&self.request, datagram);
        if new {
            self.with_cookie = Some(datagram.to_vec());
        }
        new
    }

    /// What `signer` proves its identity over (RFC 7296 section 2.15): its own first message, the
    /// other end's nonce and its ID.
    pub(super) fn octets(&self, signer: Role, secured: &Secured, id: &Identification) -> Vec<u8> {
        let message = match signer {
            Role::Initiator => &self.request,
            Role::Responder => &self.response,
        };
        self.octets_over(message, signer, secured, id)
    }

    /// The same in every form that the peer may have taken, see [`Handshake::is_request`].
    pub(super) fn acceptable_octets(
        &self,
        signer: Role,
        secured: &Secured,
        id: &Identification,
    ) -> Vec<Vec<u8>> {
        let other = match signer {
            Role::Initiator => self.with_cookie.as_deref(),
            Role::Responder => None,
        };
        let other = other.map(|message| self.octets_over(message, signer, secured, id));
        std::iter::once(self.octets(signer, secured, id))
            .chain(other)
            .collect()
    }

    /// The one place where the signed octets are made.
    fn octets_over(
        &self,
        message: &[u8],
        signer: Role,
        secured: &Secured,
        id: &Identification,
    ) -> Vec<u8> {
        let nonce = match signer {
            Role::Initiator => &self.nonce_r,
            Role::Responder => &self.nonce_i,
        };
        let mut octets = signed_octets(&secured.prf, message, nonce, self.sk_p(signer), &id.body());
        octets.extend(self.int_auth.octets());
        octets
    }

    /// SK_pi or SK_pr.
    fn sk_p(&self, signer: Role) -> &Secret {
        let mixed = self.ppk.as_ref();
        match signer {
            Role::Initiator => mixed.map_or(&self.sk_pi, |mixed| &mixed.sk_pi),
            Role::Responder => mixed.map_or(&self.sk_pr, |mixed| &mixed.sk_pr),
        }
    }

    /// AUTH of `signer` by a key that both ends share. Without one, as after an EAP method that
    /// makes none, it is SK_pi or SK_pr (RFC 7296 section 2.16).
    pub(super) fn shared_key_auth(
        &self,
        signer: Role,
        secured: &Secured,
        key: Option<&Secret>,
        id: &Identification,
    ) -> Vec<u8> {
        let key = key.unwrap_or(self.sk_p(signer));
        let octets = self.octets(signer, secured, id);
        shared_key_auth(&secured.prf, key, &octets)
            .expose()
            .to_vec()
    }

    /// AUTH of `signer` in a session that is resumed: AUTH = prf(SK_px, octets) (RFC 5723 section
    /// 5.1).
    pub(super) fn resumption_auth(
        &self,
        signer: Role,
        secured: &Secured,
        id: &Identification,
    ) -> Vec<u8> {
        let octets = self.octets(signer, secured, id);
        self.prove_resumption(signer, secured, &octets)
            .expose()
            .to_vec()
    }

    /// Whether `auth` is what `signer` proves itself with in a session that is resumed.
    pub(super) fn proves_resumption(
        &self,
        signer: Role,
        secured: &Secured,
        id: &Identification,
        auth: &[u8],
    ) -> bool {
        self.acceptable_octets(signer, secured, id)
            .iter()
            .any(|octets| {
                verify(
                    auth,
                    self.prove_resumption(signer, secured, octets).expose(),
                )
            })
    }

    fn prove_resumption(&self, signer: Role, secured: &Secured, octets: &[u8]) -> Secret {
        secured.prf.compute(self.sk_p(signer).expose(), &[octets])
    }

    /// Whether `auth` is what `signer` proves itself with by such a key.
    pub(super) fn proves_shared_key(
        &self,
        signer: Role,
        secured: &Secured,
        key: Option<&Secret>,
        id: &Identification,
        auth: &[u8],
    ) -> bool {
        let key = key.unwrap_or(self.sk_p(signer));
        self.acceptable_octets(signer, secured, id)
            .iter()
            .any(|octets| verify(auth, shared_key_auth(&secured.prf, key, octets).expose()))
    }
}

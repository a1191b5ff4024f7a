//! Our proof, and what a PPK makes of it (RFC 8784 section 3).

use std::sync::Arc;

use super::{
    Context, Handshake, Initiator, InitiatorStep, Proving, SHARED_KEY, Waiting, authentication, ppk,
};
use crate::{
    Secret,
    sa::{
        credential::{Question, Sign},
        event::Failure,
        io::Role,
    },
    wire::Payload,
};

/// Our proof by a signature.
pub(super) struct Signed {
    pub(super) auth: Payload,
    pub(super) certificates: Vec<Payload>,
}

impl Initiator {
    /// What our proof is over.
    pub(super) fn octets(&self, cx: &Context<'_>) -> Vec<u8> {
        let (signer, id) = (Role::Initiator, &self.local_id);
        self.handshake.octets(signer, cx.secured, id)
    }

    pub(super) fn ask_signature(&self, round: usize, octets: Vec<u8>) -> InitiatorStep {
        InitiatorStep::Ask(Question::Sign(Box::new(Sign {
            local_id: self.local_id.clone(),
            remote_id: self.remote_id.clone(),
            octets,
            hashes: self.handshake.announced.hashes.clone(),
            authorities: self.handshake.announced.authorities.clone(),
            connection: Arc::clone(&self.connection),
            round,
        })))
    }

    /// A responder that may do without our PPK needs a second signature.
    pub(super) fn signed(
        &mut self,
        signed: Signed,
        cx: &mut Context<'_>,
    ) -> Result<InitiatorStep, Failure> {
        let Proving::Round(round) = self.proving else {
            return Err(Failure::AuthenticationFailed);
        };
        if !ppk::is_optional(&self.handshake, &self.connection) {
            return Ok(self.prove_by_signature(signed, None, cx));
        }
        let (signer, id) = (Role::Initiator, &self.local_id);
        let octets = |handshake: &Handshake| handshake.octets(signer, cx.secured, id);
        let octets = self.handshake.without_ppk(octets);
        self.waiting = Some(Waiting::SecondSignature(signed));
        Ok(self.ask_signature(round, octets))
    }

    pub(super) fn prove_by_signature(
        &mut self,
        Signed { auth, certificates }: Signed,
        without: Option<Vec<u8>>,
        cx: &mut Context<'_>,
    ) -> InitiatorStep {
        let ppk = ppk::announce(&self.handshake, &self.connection, without);
        self.prove(certificates, auth, cx).with(ppk)
    }

    /// By a key that both ends share, or one that EAP made.
    pub(super) fn prove_by_key(
        &mut self,
        key: Option<&Secret>,
        cx: &mut Context<'_>,
    ) -> InitiatorStep {
        let (signer, id) = (Role::Initiator, &self.local_id);
        let (handshake, connection) = (&mut self.handshake, &self.connection);
        let auth_by =
            |handshake: &Handshake| handshake.shared_key_auth(signer, cx.secured, key, id);
        ppk::apply(handshake, connection, cx.secured, cx.env);
        let auth = auth_by(handshake);
        let without = ppk::is_optional(handshake, connection);
        let without = without.then(|| handshake.without_ppk(auth_by));
        let ppk = ppk::announce(handshake, connection, without);
        let auth = authentication(SHARED_KEY, auth);
        self.prove(Vec::new(), auth, cx).with(ppk)
    }
}

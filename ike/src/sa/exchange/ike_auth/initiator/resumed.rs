//! A session that is resumed takes one exchange, whatever it took before (RFC 5723 section 4.3.3).

use super::{Context, Initiator, InitiatorStep, Proving, SHARED_KEY, authentication};
use crate::{
    sa::{event::Failure, io::Role, payloads::Payloads},
    wire::Payload,
};

impl Initiator {
    /// The request.
    pub(super) fn resume(&mut self, cx: &mut Context<'_>) -> Result<InitiatorStep, Failure> {
        let resumed = self.handshake.resumed.as_ref();
        let resumed = resumed.ok_or(Failure::InvalidSyntax)?;
        let (local_id, remote_id) = (resumed.local_id.clone(), resumed.remote_id.clone());
        let (signer, secured) = (Role::Initiator, cx.secured);
        let auth = self.handshake.resumption_auth(signer, secured, &local_id);
        let mut payloads = vec![
            Payload::IdInitiator(local_id.clone()),
            Payload::IdResponder(remote_id),
            authentication(SHARED_KEY, auth),
        ];
        payloads.extend(self.asking.payloads(&self.connection, cx));
        if let Some(offer) = &self.child {
            payloads.extend(offer.payloads(None));
        }
        self.local_id = local_id;
        self.proving = Proving::Done;
        Ok(InitiatorStep::Send(payloads))
    }

    /// The response: the gateway is who it was.
    pub(super) fn judge_resumed(
        &mut self,
        payloads: &Payloads,
        cx: &Context<'_>,
    ) -> Result<(), Failure> {
        let resumed = self.handshake.resumed.as_ref();
        let resumed = resumed.ok_or(Failure::InvalidSyntax)?;
        let id = payloads.id_responder().ok_or(Failure::InvalidSyntax)?;
        let (method, auth) = payloads.authentication().ok_or(Failure::InvalidSyntax)?;
        if !id.is_same(&resumed.remote_id) {
            return Err(Failure::IdentityMismatch);
        }
        let (signer, secured) = (Role::Responder, cx.secured);
        let proves = self.handshake.proves_resumption(signer, secured, id, auth);
        if method != SHARED_KEY || !proves {
            return Err(Failure::AuthenticationFailed);
        }
        self.remote_id = Some(id.clone());
        self.remote_rounds = self.connection.remote.len();
        self.remote_goes_on = false;
        Ok(())
    }
}

//! A session that is resumed takes one exchange, whatever it took before (RFC 5723 section 4.3.3),
//! and tickets for the next one.

use super::{Context, Remote, Responder, SHARED_KEY, authentication};
use crate::{
    Connection, Identification,
    sa::{
        event::Failure,
        io::Role,
        payloads::Payloads,
        resumption::{self, Given, TicketContent},
    },
    wire::Payload,
};

impl Responder {
    /// Judges the request, and proves who we are: both ends were known before.
    pub(super) fn judge_resumed(
        &mut self,
        payloads: &Payloads,
        cx: &mut Context<'_>,
    ) -> Result<(), Failure> {
        let resumed = self.handshake.resumed.as_ref();
        let resumed = resumed.ok_or(Failure::InvalidSyntax)?;
        let id = payloads.id_initiator().ok_or(Failure::InvalidSyntax)?;
        let (method, auth) = payloads.authentication().ok_or(Failure::InvalidSyntax)?;
        let asked = payloads.id_responder();
        if !id.is_same(&resumed.remote_id)
            || asked.is_some_and(|asked| !asked.is_same(&resumed.local_id))
        {
            return Err(Failure::IdentityMismatch);
        }
        let (handshake, secured) = (&self.handshake, cx.secured);
        let proves = handshake.proves_resumption(Role::Initiator, secured, id, auth);
        if method != SHARED_KEY || !proves {
            return Err(Failure::AuthenticationFailed);
        }
        let ticket = resumed.ticket.ok_or(Failure::InvalidSyntax)?;
        if !cx.env.spend_ticket(ticket) {
            return Err(Failure::AuthenticationFailed);
        }
        let local_id = resumed.local_id.clone();
        let auth = handshake.resumption_auth(Role::Responder, secured, &local_id);
        self.remote_id = Some(id.clone());
        self.eap_id.clone_from(&resumed.eap_id);
        self.local_rounds = self.connection()?.local.len();
        self.remote = Remote::Done;
        self.answer.push(Payload::IdResponder(local_id.clone()));
        self.answer.push(authentication(SHARED_KEY, auth));
        self.local_id = Some(local_id);
        Ok(())
    }

    /// To be added to the final response if the initiator asks for a ticket.
    pub(super) fn ticket(
        &self,
        connection: &Connection,
        request: &Payloads,
        remote_id: &Identification,
        cx: &mut Context<'_>,
    ) -> Option<Payload> {
        if !resumption::is_requested(request) {
            return None;
        }
        let given = resumption::is_allowed(connection).then(|| {
            let content = TicketContent {
                connection: connection.name.clone(),
                suite: cx.secured.suite,
                sk_d: cx.secured.sk_d.clone(),
                local_id: self.presumed_local_id(cx),
                remote_id: remote_id.clone(),
                eap_id: self.eap_id.clone(),
            };
            let lifetime = resumption::lifetime(connection);
            let ticket = cx.env.seal_ticket(&content, lifetime)?;
            Some(Given { ticket, lifetime })
        });
        Some(resumption::answer(given.flatten()))
    }
}

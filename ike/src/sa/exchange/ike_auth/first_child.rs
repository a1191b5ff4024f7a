//! The CHILD_SA of IKE_AUTH: what it is for depends on the addresses that were assigned
//! (RFC 7296 section 2.19).

use std::sync::Arc;

use super::{
    Context,
    extras::{Answered, Given},
};
use crate::{
    ChildConfig, Connection, Path,
    proposal::KeyExchangeUse,
    sa::{
        configuration::lacks_address,
        ends::Ends,
        event::Failure,
        negotiation::{self, Agreed, ChildOffer, Granted, Refusal, Unaccepted},
        payloads::Payloads,
    },
};

impl Answered {
    /// Initiator: without an address that we need there is none (RFC 7296 section 3.10.1).
    pub(super) fn judge_child(
        &self,
        offer: &ChildOffer,
        payloads: &Payloads,
        connection: &Connection,
        path: Path,
    ) -> Result<Agreed, Unaccepted> {
        if lacks_address(connection, &self.configured) {
            return Err(Unaccepted {
                failure: Failure::InternalAddressFailure,
                granted: payloads.proposals().is_ok(),
            });
        }
        offer.accept_in_ike_auth(payloads, &Ends::new(path, &self.configured))
    }
}

impl Given {
    /// Responder: grants it, if the first request asks for one.
    pub(super) fn grant(
        &self,
        payloads: &Payloads,
        children: &[Arc<ChildConfig>],
        cx: &mut Context<'_>,
    ) -> Option<Result<Granted, Failure>> {
        // Without SA, TSi and TSr it is a childless IKE_SA (RFC 6023).
        payloads.ts_initiator()?;
        if let Some(refusal) = self.refusal {
            return Some(Err(refusal));
        }
        let ends = Ends::new(cx.path, &self.configured());
        let granted = negotiation::grant(payloads, children, KeyExchangeUse::Strip, &ends, cx.env);
        Some(granted.map_err(|refusal| match refusal {
            Refusal::Failure(failure) => failure,
            Refusal::OtherKeyExchange(_) => Failure::NoProposalChosen,
        }))
    }
}

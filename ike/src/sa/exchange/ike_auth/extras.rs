//! What features add to IKE_AUTH: to the initiator's first request, and to the responder's final
//! response. Each of them has a field and a call here, and keeps the rest in a file of its own.

use std::{net::IpAddr, time::Duration};

use super::{Context, auth_lifetime};
use crate::{
    Configured, Connection, Identification,
    configuration::Lease,
    sa::{
        configuration::{self, Asker},
        event::Failure,
        exchange::update_addresses,
        payloads::{Payloads, notify},
        redirect::{Gateway, read_redirect},
        resumption,
    },
    wire::{NotifyType, Payload},
};

/// Initiator: what it asks for beside the CHILD_SA.
pub(in crate::sa) struct Asking {
    /// This is to be our only IKE_SA with the peer (RFC 7296 section 2.4).
    pub(in crate::sa) initial_contact: bool,
}

impl Asking {
    /// To be added to the first request, after AUTH and before the CHILD_SA's payloads.
    pub(super) fn payloads(&self, connection: &Connection, cx: &mut Context<'_>) -> Vec<Payload> {
        let initial_contact = self.initial_contact;
        let initial_contact =
            initial_contact.then(|| notify(NotifyType::INITIAL_CONTACT, Vec::new()));
        let mut payloads: Vec<_> = initial_contact.into_iter().collect();
        payloads.extend(configuration::request(connection));
        payloads.extend(mobike(connection, cx));
        payloads.extend(resumption::request(connection));
        payloads
    }

    /// Reads the final response; the responder is authenticated. On error the IKE_SA is over: we
    /// refuse it.
    #[expect(clippy::unnecessary_wraps, reason = "nothing can be wrong with it yet")]
    pub(super) fn read_answer(
        &self,
        payloads: &Payloads,
        connection: &Connection,
        _cx: &mut Context<'_>,
    ) -> Result<Answered, Failure> {
        Ok(Answered {
            configured: configuration::read_reply(payloads, connection),
            initial_contact: self.initial_contact,
            mobike: update_addresses::read_support(payloads),
            redirect: read_redirect(payloads, &[]),
            auth_lifetime: auth_lifetime::read(payloads),
            ticket: resumption::read_answer(payloads, connection),
        })
    }
}

/// Initiator: what came of it.
pub(in crate::sa) struct Answered {
    /// See [`Asking::initial_contact`].
    pub(in crate::sa) initial_contact: bool,
    /// Virtual addresses and what came with them.
    pub(in crate::sa) configured: Configured,
    /// The responder's further addresses, if it supports MOBIKE.
    pub(in crate::sa) mobike: Option<Vec<IpAddr>>,
    /// The gateway sends us to another one (RFC 5685).
    pub(in crate::sa) redirect: Option<Gateway>,
    /// We are to authenticate anew within this time.
    pub(in crate::sa) auth_lifetime: Option<Duration>,
    /// A ticket, if we asked for one.
    pub(in crate::sa) ticket: Option<resumption::Given>,
}

/// Responder: what the first request asked for beside the CHILD_SA.
pub(in crate::sa) struct Asked {
    /// See [`Asking::initial_contact`].
    pub(in crate::sa) initial_contact: bool,
    /// The initiator's further addresses, if it supports MOBIKE.
    pub(in crate::sa) mobike: Option<Vec<IpAddr>>,
    configuration: configuration::Asked,
}

/// Responder: what it gets.
#[derive(Default)]
pub(in crate::sa) struct Given {
    /// To be added to the final response.
    pub(super) payloads: Vec<Payload>,
    /// Addresses.
    pub(in crate::sa) leases: Vec<Lease>,
    /// Why there can be no CHILD_SA.
    pub(super) refusal: Option<Failure>,
}

impl Given {
    /// What both ends know of it from now on.
    pub(in crate::sa) fn configured(&self) -> Configured {
        Configured {
            remote_vips: self.leases.iter().map(|lease| lease.address).collect(),
            ..Configured::default()
        }
    }
}

impl Asked {
    /// Reads the first request. The peer is not authenticated yet: nothing may be handed out.
    pub(super) fn read(payloads: &Payloads) -> Self {
        Self {
            initial_contact: payloads.notify(NotifyType::INITIAL_CONTACT).is_some(),
            configuration: configuration::Asked::read(payloads),
            mobike: update_addresses::read_support(payloads),
        }
    }

    /// To be added to the final response, after AUTH and before the CHILD_SA's payloads. The
    /// initiator is authenticated. On error the IKE_SA is over.
    #[expect(clippy::unnecessary_wraps, reason = "nothing can be wrong with it yet")]
    pub(super) fn answer(
        &self,
        connection: &Connection,
        remote_id: &Identification,
        cx: &mut Context<'_>,
    ) -> Result<Given, Failure> {
        let asker = Asker {
            identity: remote_id,
            path: cx.path,
            initial_contact: self.initial_contact,
        };
        let assigned = self.configuration.assign(connection, &asker, cx.env);
        let mut payloads: Vec<_> = assigned.reply.into_iter().collect();
        payloads.extend(auth_lifetime::announce(connection));
        if self.mobike.is_some() {
            payloads.extend(mobike(connection, cx));
        }
        Ok(Given {
            payloads,
            leases: assigned.leases,
            refusal: assigned.refusal,
        })
    }
}

/// MOBIKE (RFC 4555 section 3.1), with our further addresses.
fn mobike(connection: &Connection, cx: &Context<'_>) -> Vec<Payload> {
    if !connection.mobike {
        return Vec::new();
    }
    let further = update_addresses::further_addresses(connection, cx.path, cx.env);
    update_addresses::support(&further)
}

//! CREATE_CHILD_SA for further CHILD_SAs, and for the peer's rekeying of one
//! (RFC 7296 sections 1.3.1 and 1.3.3).

use std::sync::Arc;

use super::{
    super::{
        child::{self, Child, ChildOffer, ChildState, Granted, Refusal},
        event::Failure,
        payloads::{Payloads, notify},
    },
    ike_sa_init::make_nonce,
};
use crate::{
    ChildConfig, Environment, EspSpi, Path,
    proposal::{KeyExchangeMethod, KeyExchangeUse},
    wire::{NotifyType, Payload},
};

/// The requester's side.
pub(in super::super) struct CreateChild {
    pub(in super::super) offer: ChildOffer,
    pub(in super::super) nonce: Box<[u8]>,
    /// The peer has already asked for another key exchange once.
    pub(in super::super) again: bool,
    /// What the peer deleted while our request was in flight: its response may have been lost, and
    /// with it what it now deletes.
    deleted: Vec<EspSpi>,
}

/// More deletions than a peer can owe us an answer for.
const DELETED_LIMIT: usize = 16;

impl CreateChild {
    /// The peer deletes a CHILD_SA that we do not know.
    pub(in super::super) fn note_deleted(&mut self, spi: EspSpi) {
        if self.deleted.len() < DELETED_LIMIT {
            self.deleted.push(spi);
        }
    }

    /// Whether what the peer agreed to is gone again already.
    pub(in super::super) fn is_deleted(&self, outbound_spi: EspSpi) -> bool {
        self.deleted.contains(&outbound_spi)
    }

    pub(in super::super) fn new(
        config: Arc<ChildConfig>,
        method: Option<KeyExchangeMethod>,
        path: Path,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        Ok(Self {
            offer: ChildOffer::in_create_child_sa(config, method, path, env)?,
            nonce: make_nonce(env),
            again: method.is_some(),
            deleted: Vec::new(),
        })
    }

    pub(in super::super) fn build_request(&self) -> Vec<Payload> {
        self.offer.payloads(Some(&self.nonce))
    }
}

/// The replier's side: a CHILD_SA that we agree to.
pub(in super::super) struct CreateResponse {
    pub(in super::super) granted: Granted,
    pub(in super::super) nonce_i: Box<[u8]>,
    pub(in super::super) nonce_r: Box<[u8]>,
}

/// A peer may have one for each pair of hosts within our selectors, but not take all our memory.
const MOST_CHILDREN: usize = 1024;

/// What is answered instead.
pub(in super::super) enum CreateRefusal {
    Failure(Failure),
    Notify(Payload),
}

impl From<Failure> for CreateRefusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// Answers a CREATE_CHILD_SA request. `children` are the CHILD_SAs there are, `being_created` is
/// the child that we are asking the peer for at this moment.
pub(in super::super) fn handle_request(
    payloads: &Payloads,
    configured: &[Arc<ChildConfig>],
    children: &[Child],
    being_created: Option<&str>,
    path: Path,
    env: &mut dyn Environment,
) -> Result<CreateResponse, CreateRefusal> {
    if payloads.ts_initiator().is_none() || children.len() >= MOST_CHILDREN {
        // Without selectors it is the rekeying of the IKE_SA: refused here, the supervisor replaces
        // IKE_SAs as a whole. So do peers that are refused like this.
        return Err(Failure::NoAdditionalSas.into());
    }
    let nonce_i: Box<[u8]> = payloads.nonce()?.into();
    let only;
    let configured = if let Some(rekeyed) = payloads.notify(NotifyType::REKEY_SA) {
        let spi = rekeyed
            .spi
            .as_slice()
            .try_into()
            .map(|spi| EspSpi(u32::from_be_bytes(spi)))
            .map_err(|_| Failure::InvalidSyntax)?;
        // RFC 7296 section 2.25.1
        let Some(child) = children.iter().find(|child| child.outbound_spi == spi) else {
            return Err(CreateRefusal::Notify(Payload::Notify(
                crate::wire::Notify {
                    notify_type: NotifyType::CHILD_SA_NOT_FOUND,
                    data: Vec::new(),
                    ..rekeyed.clone()
                },
            )));
        };
        if child.state != ChildState::Installed {
            return Err(Failure::TemporaryFailure.into());
        }
        only = [child.config.clone()];
        &only[..]
    } else {
        configured
    };
    let granted = child::grant(payloads, configured, KeyExchangeUse::Negotiate, path, env)
        .map_err(|refusal| match refusal {
            Refusal::Failure(failure) => CreateRefusal::Failure(failure),
            Refusal::OtherKeyExchange(method) => CreateRefusal::Notify(notify(
                NotifyType::INVALID_KE_PAYLOAD,
                method.0.to_be_bytes().to_vec(),
            )),
        })?;
    if being_created == Some(&*granted.agreed.config.name) {
        env.release_spi(granted.agreed.inbound_spi);
        return Err(Failure::TemporaryFailure.into());
    }
    Ok(CreateResponse {
        granted,
        nonce_i,
        nonce_r: make_nonce(env),
    })
}

impl CreateResponse {
    /// SA, Nr, \[KEr\], TSi, TSr.
    pub(in super::super) fn payloads(&mut self) -> Vec<Payload> {
        let mut payloads = std::mem::take(&mut self.granted.payloads);
        payloads.insert(1, Payload::Nonce(self.nonce_r.to_vec()));
        payloads
    }
}

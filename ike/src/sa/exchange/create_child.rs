//! CREATE_CHILD_SA for further CHILD_SAs and for the rekeying of one
//! (RFC 7296 sections 1.3.1, 1.3.3 and 2.8).

use std::sync::Arc;

use super::{
    super::{
        child::Child,
        ends::Ends,
        event::Failure,
        negotiation::{self, Agreed, ChildOffer, Granted, Refusal},
        payloads::{Payloads, notify},
        requests::Requests,
    },
    ike_followup_ke::FollowUps,
    ike_sa_init::make_nonce,
};
use crate::{
    ChildConfig, Environment, EspSpi, Path,
    proposal::{KeyExchangeMethod, KeyExchangeUse, Protocol},
    wire::{Notify, NotifyType, Payload},
};

/// The requester's side.
pub(in super::super) struct CreateChild {
    pub(in super::super) offer: ChildOffer,
    pub(in super::super) nonce: Box<[u8]>,
    /// The CHILD_SA that is to be replaced.
    pub(in super::super) rekeys: Option<Rekeys>,
    /// The peer has already asked for another key exchange once.
    pub(in super::super) again: bool,
    /// What the peer has agreed to, while further key exchanges are under way.
    pub(in super::super) pending: Option<Box<PendingChild>>,
    /// What the peer deleted while our request was in flight: its response may have been lost, and
    /// with it what it now deletes.
    deleted: Vec<EspSpi>,
}

/// A CHILD_SA that is agreed on but for its further key exchanges.
pub(in super::super) struct PendingChild {
    pub(in super::super) agreed: Agreed,
    pub(in super::super) nonce_r: Box<[u8]>,
    pub(in super::super) follow_ups: FollowUps,
}

/// What a rekeying is about.
pub(in super::super) struct Rekeys {
    /// Its inbound SPI.
    pub(in super::super) old: EspSpi,
    /// What the peer replaced it by meanwhile.
    pub(in super::super) collision: Option<Collision>,
    /// Somebody wants it closed meanwhile.
    pub(in super::super) unwanted: bool,
}

/// The peer rekeyed the same SA while our request was in flight (RFC 7296 section 2.8.1).
pub(in super::super) struct Collision {
    /// Inbound SPI of the CHILD_SA that the peer made.
    pub(in super::super) theirs: EspSpi,
    /// The lower of the two nonces that made it.
    pub(in super::super) lowest_nonce: Box<[u8]>,
}

/// The lower of the two nonces of an exchange, octet by octet; of two that begin alike the shorter.
pub(in super::super) fn lowest_nonce<'a>(a: &'a [u8], b: &'a [u8]) -> &'a [u8] {
    a.min(b)
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

    /// For a new child.
    pub(in super::super) fn new(
        config: Arc<ChildConfig>,
        method: Option<KeyExchangeMethod>,
        ends: &Ends,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let offer = ChildOffer::in_create_child_sa(config, method, ends, env)?;
        Ok(Self::with(offer, method, None, env))
    }

    /// For one that takes the place of `old`.
    pub(in super::super) fn rekeying(
        old: &Child,
        method: Option<KeyExchangeMethod>,
        path: Path,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let offer = ChildOffer::to_rekey(old, method, path, env)?;
        let rekeys = Rekeys {
            old: old.inbound_spi,
            collision: None,
            unwanted: false,
        };
        Ok(Self::with(offer, method, Some(rekeys), env))
    }

    fn with(
        offer: ChildOffer,
        method: Option<KeyExchangeMethod>,
        rekeys: Option<Rekeys>,
        env: &mut dyn Environment,
    ) -> Self {
        Self {
            offer,
            nonce: make_nonce(env),
            rekeys,
            again: method.is_some(),
            pending: None,
            deleted: Vec::new(),
        }
    }

    /// Whether it rekeys this CHILD_SA.
    pub(in super::super) fn is_rekeying(&self, old: EspSpi) -> bool {
        self.rekeys.as_ref().is_some_and(|rekeys| rekeys.old == old)
    }

    /// The CHILD_SA that the peer made of the same one has failed.
    pub(in super::super) fn forget_collision(&mut self, theirs: EspSpi) {
        if let Some(rekeys) = &mut self.rekeys {
            rekeys
                .collision
                .take_if(|collision| collision.theirs == theirs);
        }
    }

    pub(in super::super) fn build_request(&self) -> Vec<Payload> {
        let mut payloads = self.offer.payloads(Some(&self.nonce));
        if let Some(rekeys) = &self.rekeys {
            // The SPI is the one that the requester expects in inbound packets (section 1.3.3).
            let rekey = Notify {
                protocol: Some(Protocol::Esp),
                spi: rekeys.old.0.to_be_bytes().to_vec(),
                notify_type: NotifyType::REKEY_SA,
                data: Vec::new(),
            };
            payloads.insert(0, Payload::Notify(rekey));
        }
        payloads
    }
}

/// The replier's side: a CHILD_SA that we agree to.
pub(in super::super) struct CreateResponse {
    pub(in super::super) granted: Granted,
    pub(in super::super) nonce_i: Box<[u8]>,
    pub(in super::super) nonce_r: Box<[u8]>,
    /// Inbound SPI of the CHILD_SA that it replaces.
    pub(in super::super) rekeys: Option<EspSpi>,
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

/// Answers a CREATE_CHILD_SA request for a CHILD_SA. `children` are those there are, `being_created`
/// is the child that we are asking the peer for at this moment, `requests` are ours.
pub(in super::super) fn handle_request(
    payloads: &Payloads,
    configured: &[Arc<ChildConfig>],
    children: &[Child],
    being_created: Option<&str>,
    requests: &Requests,
    ends: &Ends,
    env: &mut dyn Environment,
) -> Result<CreateResponse, CreateRefusal> {
    if children.len() >= MOST_CHILDREN {
        return Err(Failure::NoAdditionalSas.into());
    }
    let nonce_i: Box<[u8]> = payloads.nonce()?.into();
    let rekeyed = match payloads.notify(NotifyType::REKEY_SA) {
        Some(rekey) => Some(find_rekeyed(rekey, children, requests)?),
        None => None,
    };
    let only = rekeyed.map(|child| [child.config.clone()]);
    let configured = only.as_ref().map_or(configured, |only| &only[..]);
    let granted = negotiation::grant(payloads, configured, KeyExchangeUse::Negotiate, ends, env)
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
        rekeys: rekeyed.map(|child| child.inbound_spi),
    })
}

/// Which of our outbound SPIs a REKEY_SA notification names.
pub(in super::super) fn rekeyed_spi(rekey: &Notify) -> Result<EspSpi, Failure> {
    let spi = rekey.spi.as_slice().try_into();
    spi.map(|spi| EspSpi(u32::from_be_bytes(spi)))
        .map_err(|_| Failure::InvalidSyntax)
}

/// The CHILD_SA that the peer wants to rekey (RFC 7296 section 2.25.1).
fn find_rekeyed<'a>(
    rekey: &Notify,
    children: &'a [Child],
    requests: &Requests,
) -> Result<&'a Child, CreateRefusal> {
    let spi = rekeyed_spi(rekey)?;
    let Some(child) = children.iter().find(|child| child.is_peers(spi)) else {
        if requests.is_creating() {
            // Perhaps the very one that we asked for: the answer to us was lost.
            return Err(Failure::TemporaryFailure.into());
        }
        return Err(CreateRefusal::Notify(Payload::Notify(Notify {
            notify_type: NotifyType::CHILD_SA_NOT_FOUND,
            data: Vec::new(),
            ..rekey.clone()
        })));
    };
    // Our own rekeying that made it is not over before the peer has deleted what it replaced.
    let unfinished = children
        .iter()
        .any(|older| older.replaced_by == Some(child.inbound_spi) && older.exists_at_peer());
    if !child.is_rekeyable() || unfinished || requests.will_delete(child.inbound_spi) {
        return Err(Failure::TemporaryFailure.into());
    }
    Ok(child)
}

impl CreateResponse {
    /// SA, Nr, \[KEr\], TSi, TSr.
    pub(in super::super) fn payloads(&mut self) -> Vec<Payload> {
        let mut payloads = std::mem::take(&mut self.granted.payloads);
        payloads.insert(1, Payload::Nonce(self.nonce_r.to_vec()));
        payloads
    }
}

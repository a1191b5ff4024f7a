//! CREATE_CHILD_SA for the rekeying of the IKE_SA (RFC 7296 sections 1.3.2, 2.8 and 2.18).

use super::{
    super::{event::Failure, generation::Successor, payloads::Payloads, payloads::notify},
    create_child::CreateRefusal,
    ike_followup_ke::{FollowUps, Progress},
    ike_sa_init::{generate, make_nonce, methods},
};
use crate::{
    Connection, Environment, IkeSpi, Secret,
    crypto::{IkeSuite, KeyPair},
    proposal::{KeyExchangeMethod, Proposal, ProposalSpi, accept_ike, select_ike},
    wire::{NotifyType, Payload},
};

/// The requester's side.
pub(in super::super) struct RekeyIke {
    /// Ours in the new IKE_SA.
    pub(in super::super) spi: IkeSpi,
    pub(in super::super) nonce: Box<[u8]>,
    /// The peer has already asked for another key exchange once.
    pub(in super::super) again: bool,
    /// The IKE_SA that the peer made of the same one while our request was in flight. Which of the
    /// two stays is known when our request is answered (RFC 7296 section 2.8.2).
    pub(in super::super) collision: Option<Box<Successor>>,
    /// What the peer has agreed to, while further key exchanges are under way.
    pub(in super::super) pending: Option<Box<PendingIke>>,
    key_pair: KeyPair,
    proposals: Vec<Proposal>,
}

/// What both ends know after the exchange.
pub(in super::super) struct RekeyDone {
    pub(in super::super) suite: IkeSuite,
    pub(in super::super) shared: Secret,
    /// The secrets of the key exchanges that followed.
    pub(in super::super) further: Vec<Secret>,
    /// The other end's nonce.
    pub(in super::super) nonce: Box<[u8]>,
    /// The other end's SPI.
    pub(in super::super) spi: IkeSpi,
}

/// An IKE_SA that is agreed on but for its further key exchanges.
pub(in super::super) struct PendingIke {
    done: RekeyDone,
    pub(in super::super) follow_ups: FollowUps,
}

/// What the peer's answer means.
pub(in super::super) enum RekeyAnswer {
    Done(Box<RekeyDone>),
    /// There are further key exchanges: send the next request.
    More,
    /// Ask again with a key exchange of this method (RFC 7296 section 1.3).
    OtherKeyExchange(KeyExchangeMethod),
}

impl RekeyIke {
    pub(in super::super) fn new(
        connection: &Connection,
        method: Option<KeyExchangeMethod>,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let mut offered = methods(&connection.proposals);
        let chosen = match method {
            Some(asked) => offered.find(|method| *method == asked),
            None => offered.next(),
        };
        let key_pair = generate(chosen.ok_or(Failure::InvalidKeyExchange)?, env)?;
        let nonce = make_nonce(env);
        let spi = env.allocate_ike_spi();
        let mut proposals = connection.proposals.clone();
        for proposal in &mut proposals {
            proposal.spi = ProposalSpi::Ike(spi);
        }
        Ok(Self {
            spi,
            nonce,
            again: method.is_some(),
            collision: None,
            pending: None,
            key_pair,
            proposals,
        })
    }

    /// SA, Ni, KEi
    pub(in super::super) fn build_request(&self) -> Vec<Payload> {
        vec![
            Payload::SecurityAssociation(self.proposals.clone()),
            Payload::Nonce(self.nonce.to_vec()),
            Payload::KeyExchange {
                method: self.key_pair.method(),
                data: self.key_pair.public().to_vec(),
            },
        ]
    }

    pub(in super::super) fn handle_response(
        &mut self,
        payloads: &Payloads,
        env: &mut dyn Environment,
    ) -> Result<RekeyAnswer, Failure> {
        if let Some(pending) = &mut self.pending {
            return match pending.follow_ups.handle_response(payloads, env)? {
                Progress::More => Ok(RekeyAnswer::More),
                Progress::Done(secrets) => {
                    let pending = self.pending.take().ok_or(Failure::InvalidSyntax)?;
                    let mut done = pending.done;
                    done.further = secrets;
                    Ok(RekeyAnswer::Done(Box::new(done)))
                }
            };
        }
        let done = match self.read_answer(payloads)? {
            RekeyAnswer::Done(done) => done,
            other => return Ok(other),
        };
        let Some(follow_ups) = FollowUps::begin(done.suite.additional, payloads, env)? else {
            return Ok(RekeyAnswer::Done(done));
        };
        let done = *done;
        self.pending = Some(Box::new(PendingIke { done, follow_ups }));
        Ok(RekeyAnswer::More)
    }

    fn read_answer(&self, payloads: &Payloads) -> Result<RekeyAnswer, Failure> {
        if let Some(notify) = payloads.notify(NotifyType::INVALID_KE_PAYLOAD) {
            let group = notify.data.as_slice().try_into();
            let method = group.map(|group| KeyExchangeMethod(u16::from_be_bytes(group)));
            return match method {
                Ok(method) if method != self.key_pair.method() => {
                    Ok(RekeyAnswer::OtherKeyExchange(method))
                }
                _ => Err(Failure::InvalidKeyExchange),
            };
        }
        if let Some(failure) = payloads.error() {
            return Err(failure);
        }
        let answered = payloads.proposals()?;
        let suite = accept_ike(&self.proposals, answered).ok_or(Failure::NoProposalChosen)?;
        let spi = peer_spi(answered.first().map(|proposal| proposal.spi))?;
        let (method, public) = payloads.key_exchange().ok_or(Failure::InvalidSyntax)?;
        if method != suite.key_exchange || method != self.key_pair.method() {
            return Err(Failure::InvalidKeyExchange);
        }
        let shared = self
            .key_pair
            .agree(public)
            .map_err(|_| Failure::InvalidKeyExchange)?;
        Ok(RekeyAnswer::Done(Box::new(RekeyDone {
            suite,
            shared,
            further: Vec::new(),
            nonce: payloads.nonce()?.into(),
            spi,
        })))
    }
}

fn peer_spi(spi: Option<ProposalSpi>) -> Result<IkeSpi, Failure> {
    match spi {
        Some(ProposalSpi::Ike(spi)) if !spi.is_zero() => Ok(spi),
        _ => Err(Failure::InvalidSyntax),
    }
}

/// The replier's side: an IKE_SA that we agree to.
pub(in super::super) struct RekeyResponse {
    pub(in super::super) done: RekeyDone,
    /// Ours in the new IKE_SA.
    pub(in super::super) spi: IkeSpi,
    pub(in super::super) nonce: Box<[u8]>,
    /// SA, Nr, KEr
    pub(in super::super) payloads: Vec<Payload>,
}

/// Answers the peer's request.
pub(in super::super) fn handle_request(
    payloads: &Payloads,
    connection: &Connection,
    env: &mut dyn Environment,
) -> Result<RekeyResponse, CreateRefusal> {
    let nonce_i: Box<[u8]> = payloads.nonce()?.into();
    let offered = payloads.proposals()?;
    let (offered_method, public) = payloads.key_exchange().ok_or(Failure::InvalidSyntax)?;
    let selected = select_ike(offered, &connection.proposals).ok_or(Failure::NoProposalChosen)?;
    let suite = selected.suite;
    let theirs = peer_spi(Some(selected.offered_spi))?;
    if suite.key_exchange != offered_method {
        let group = suite.key_exchange.0.to_be_bytes().to_vec();
        let other = notify(NotifyType::INVALID_KE_PAYLOAD, group);
        return Err(CreateRefusal::Notify(other));
    }
    let key_exchange =
        KeyPair::respond(suite.key_exchange, public, &mut |buffer| env.random(buffer))
            .map_err(Failure::from)?;
    let nonce = make_nonce(env);
    let spi = env.allocate_ike_spi();
    let mut proposal = selected.proposal;
    proposal.spi = ProposalSpi::Ike(spi);
    Ok(RekeyResponse {
        payloads: vec![
            Payload::SecurityAssociation(vec![proposal]),
            Payload::Nonce(nonce.to_vec()),
            Payload::KeyExchange {
                method: suite.key_exchange,
                data: key_exchange.public.into(),
            },
        ],
        done: RekeyDone {
            suite,
            shared: key_exchange.shared,
            further: Vec::new(),
            nonce: nonce_i,
            spi: theirs,
        },
        spi,
        nonce,
    })
}

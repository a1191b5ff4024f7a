//! Negotiating a CHILD_SA: the offer, its acceptance, and cutting the keys
//! (RFC 7296 sections 1.2, 1.3.1, 2.9 and 2.17).

mod grant;

use std::sync::Arc;

use super::{
    child::{Child, ExchangeRole},
    ends::{Ends, resolve},
    event::Failure,
    payloads::Payloads,
    transport,
};
use crate::{
    ChildConfig, ChildSa, Environment, EspSpi, EspSuite, Mode, Path, Secret, TfcPadding,
    TrafficSelector,
    child_sa::{Lifetime, Sending},
    crypto::{KeyPair, Nonces, Prf, child_keys},
    proposal::{KeyExchangeMethod, Proposal, ProposalSpi, Transform, accept_esp},
    wire::{NotifyType, Payload},
};

pub(super) use grant::{Granted, Refusal, grant};

/// What both ends agreed on.
pub(super) struct Agreed {
    pub(super) config: Arc<ChildConfig>,
    pub(super) suite: EspSuite,
    pub(super) mode: Mode,
    pub(super) inbound_spi: EspSpi,
    pub(super) outbound_spi: EspSpi,
    pub(super) local_ts: Vec<TrafficSelector>,
    pub(super) remote_ts: Vec<TrafficSelector>,
    /// Of its own key exchanges, in their order.
    pub(super) shared: Vec<Secret>,
    /// How packets for the peer are padded.
    pub(super) tfc_padding: TfcPadding,
}

/// Our own proposal for a CHILD_SA, awaiting the peer's answer.
pub(super) struct ChildOffer {
    pub(super) config: Arc<ChildConfig>,
    inbound_spi: EspSpi,
    mode: Mode,
    path: Path,
    proposals: Vec<Proposal>,
    local_ts: Vec<TrafficSelector>,
    remote_ts: Vec<TrafficSelector>,
    /// Only in CREATE_CHILD_SA, and only if the proposals ask for a fresh key exchange.
    key_pair: Option<KeyPair>,
}

/// Why our offer led to no CHILD_SA.
pub(super) struct Unaccepted {
    pub(super) failure: Failure,
    /// The peer did grant it, but not as we asked: it has a CHILD_SA that we have not.
    pub(super) granted: bool,
}

/// The answer of a responder, or what its peer made of it.
pub(super) enum Answer {
    /// Agreed.
    Agreed(Box<Agreed>),
    /// Offer again with a key exchange of this method (RFC 7296 section 1.3.1).
    OtherKeyExchange(KeyExchangeMethod),
}

/// Our side's traffic and the peer's side's.
pub(super) type Selectors = (Vec<TrafficSelector>, Vec<TrafficSelector>);

fn configured_selectors(config: &ChildConfig, ends: &Ends) -> Selectors {
    (
        resolve(&config.local_ts, &ends.local),
        resolve(&config.remote_ts, &ends.remote),
    )
}

/// The key exchange methods of a proposal, NONE not counted.
fn key_exchange_methods(proposal: &Proposal) -> impl Iterator<Item = KeyExchangeMethod> + '_ {
    proposal
        .transforms
        .iter()
        .filter_map(|transform| match transform {
            Transform::KeyExchange(method) if *method != KeyExchangeMethod::NONE => Some(*method),
            _ => None,
        })
}

/// The proposals without their key exchange methods: the CHILD_SA of IKE_AUTH uses the keys of the
/// IKE_SA itself (RFC 7296 section 1.2).
fn without_key_exchange(proposals: &[Proposal]) -> Vec<Proposal> {
    let mut proposals = proposals.to_vec();
    for proposal in &mut proposals {
        proposal
            .transforms
            .retain(|transform| !transform.is_key_exchange());
    }
    proposals
}

impl ChildOffer {
    /// An offer to be made in IKE_AUTH.
    pub(super) fn in_ike_auth(
        config: Arc<ChildConfig>,
        ends: &Ends,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let proposals = without_key_exchange(&config.proposals);
        let selectors = configured_selectors(&config, ends);
        let mode = (transport::mode(&config, &selectors), ends.path);
        Self::new(config, proposals, None, mode, selectors, env)
    }

    /// An offer to be made in CREATE_CHILD_SA, with a key exchange of `method`, or of the first one
    /// configured.
    pub(super) fn in_create_child_sa(
        config: Arc<ChildConfig>,
        method: Option<KeyExchangeMethod>,
        ends: &Ends,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let selectors = configured_selectors(&config, ends);
        let mode = (transport::mode(&config, &selectors), ends.path);
        Self::with_key_exchange(config, method, mode, selectors, env)
    }

    /// An offer to replace `child`: for the very same traffic (RFC 7296 section 2.9.2).
    pub(super) fn to_rekey(
        child: &Child,
        method: Option<KeyExchangeMethod>,
        path: Path,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let selectors = (child.local_ts.to_vec(), child.remote_ts.to_vec());
        let mode = (child.mode, path);
        Self::with_key_exchange(child.config.clone(), method, mode, selectors, env)
    }

    fn with_key_exchange(
        config: Arc<ChildConfig>,
        method: Option<KeyExchangeMethod>,
        mode: (Mode, Path),
        selectors: Selectors,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let offered = config.proposals.iter().flat_map(key_exchange_methods);
        let method = match method {
            Some(asked) => Some(
                offered
                    .into_iter()
                    .find(|method| *method == asked)
                    .ok_or(Failure::InvalidKeyExchange)?,
            ),
            None => offered.into_iter().next(),
        };
        let key_pair = method
            .map(|method| KeyPair::generate(method, &mut |buffer| env.random(buffer)))
            .transpose()
            .map_err(|_| Failure::InvalidKeyExchange)?;
        let proposals = config.proposals.clone();
        Self::new(config, proposals, key_pair, mode, selectors, env)
    }

    fn new(
        config: Arc<ChildConfig>,
        mut proposals: Vec<Proposal>,
        key_pair: Option<KeyPair>,
        (mode, path): (Mode, Path),
        (local_ts, remote_ts): Selectors,
        env: &mut dyn Environment,
    ) -> Result<Self, Failure> {
        let inbound_spi = env.allocate_spi().ok_or(Failure::NoSpi)?;
        for proposal in &mut proposals {
            proposal.spi = ProposalSpi::Esp(inbound_spi);
        }
        Ok(Self {
            config,
            inbound_spi,
            mode,
            path,
            proposals,
            local_ts,
            remote_ts,
            key_pair,
        })
    }

    /// SA, \[KE\], TSi and TSr; a nonce, where one is needed, goes between SA and KE.
    pub(super) fn payloads(&self, nonce: Option<&[u8]>) -> Vec<Payload> {
        let mut payloads = vec![Payload::SecurityAssociation(self.proposals.clone())];
        payloads.extend(nonce.map(|nonce| Payload::Nonce(nonce.to_vec())));
        payloads.extend(self.key_pair.as_ref().map(|pair| Payload::KeyExchange {
            method: pair.method(),
            data: pair.public().to_vec(),
        }));
        if self.mode == Mode::Transport {
            payloads.push(transport::use_transport_mode());
        }
        payloads.push(Payload::TsInitiator(self.local_ts.clone()));
        payloads.push(Payload::TsResponder(self.remote_ts.clone()));
        payloads
    }

    /// The SPI is not going to be used.
    pub(super) fn cancel(self, env: &mut dyn Environment) {
        env.release_spi(self.inbound_spi);
    }

    /// The SPI that we offered to receive on.
    pub(super) fn inbound_spi(&self) -> EspSpi {
        self.inbound_spi
    }

    /// Checks the peer's answer against the offer.
    ///
    /// Where virtual addresses were asked for, `ends` are what came of it: our traffic comes from
    /// those, whatever else the peer would take.
    pub(super) fn accept_in_ike_auth(
        &self,
        payloads: &Payloads,
        ends: &Ends,
    ) -> Result<Agreed, Unaccepted> {
        let mut agreed = self.accept(payloads)?;
        let assigned = resolve(&self.config.local_ts, &ends.local);
        agreed.local_ts = TrafficSelector::narrow(&agreed.local_ts, &assigned);
        if agreed.local_ts.is_empty() {
            return Err(Unaccepted {
                failure: Failure::TsUnacceptable,
                granted: true,
            });
        }
        Ok(agreed)
    }

    /// Checks the peer's answer against the offer.
    pub(super) fn accept(&self, payloads: &Payloads) -> Result<Agreed, Unaccepted> {
        if let Some(failure) = payloads.error() {
            return Err(Unaccepted {
                failure,
                granted: false,
            });
        }
        self.check(payloads).map_err(|failure| Unaccepted {
            failure,
            granted: payloads.proposals().is_ok(),
        })
    }

    fn check(&self, payloads: &Payloads) -> Result<Agreed, Failure> {
        let answered = payloads.proposals()?;
        let suite = accept_esp(&self.proposals, answered).ok_or(Failure::NoProposalChosen)?;
        let Some(ProposalSpi::Esp(outbound_spi)) = answered.first().map(|proposal| proposal.spi)
        else {
            return Err(Failure::InvalidSyntax);
        };
        let (Some(ts_initiator), Some(ts_responder)) =
            (payloads.ts_initiator(), payloads.ts_responder())
        else {
            return Err(Failure::InvalidSyntax);
        };
        // A peer that does not agree to transport mode has made a tunnel (section 1.3.1).
        let mode = match self.mode {
            Mode::Transport if transport::is_wanted(payloads) => Mode::Transport,
            _ => Mode::Tunnel,
        };
        let (remote_ts, local_ts) = match mode {
            Mode::Transport => transport::translate(ts_responder, ts_initiator, self.path),
            Mode::Tunnel => (ts_responder.to_vec(), ts_initiator.to_vec()),
        };
        // The responder may narrow, never widen (RFC 7296 section 2.9).
        let within = |answered: &[TrafficSelector], offered: &[TrafficSelector]| {
            !answered.is_empty()
                && answered
                    .iter()
                    .all(|selector| offered.iter().any(|offer| selector.is_subset_of(offer)))
        };
        if !within(&local_ts, &self.local_ts) || !within(&remote_ts, &self.remote_ts) {
            return Err(Failure::TsUnacceptable);
        }
        let shared = match (&self.key_pair, suite.key_exchange) {
            (Some(pair), Some(method)) if pair.method() == method => {
                let (_, public) = payloads
                    .key_exchange()
                    .filter(|(answered, _)| *answered == method)
                    .ok_or(Failure::InvalidSyntax)?;
                let shared = pair.agree(public);
                vec![shared.map_err(|_| Failure::InvalidKeyExchange)?]
            }
            (_, None) => Vec::new(),
            _ => return Err(Failure::InvalidKeyExchange),
        };
        Ok(Agreed {
            config: self.config.clone(),
            suite,
            mode,
            inbound_spi: self.inbound_spi,
            outbound_spi,
            local_ts,
            remote_ts,
            shared,
            tfc_padding: transport::padding_for(&self.config, payloads),
        })
    }

    /// What the peer's answer means: agreed, once more, or failed.
    pub(super) fn answer(&self, payloads: &Payloads) -> Result<Answer, Unaccepted> {
        if let Some(notify) = payloads.notify(NotifyType::INVALID_KE_PAYLOAD) {
            let method = notify
                .data
                .as_slice()
                .try_into()
                .map(|group| KeyExchangeMethod(u16::from_be_bytes(group)));
            let tried = self.key_pair.as_ref().map(KeyPair::method);
            return match method {
                Ok(method) if tried != Some(method) => Ok(Answer::OtherKeyExchange(method)),
                _ => Err(Unaccepted {
                    failure: Failure::InvalidKeyExchange,
                    granted: false,
                }),
            };
        }
        self.accept(payloads)
            .map(|agreed| Answer::Agreed(Box::new(agreed)))
    }
}

/// Everything else that goes into an installed CHILD_SA.
pub(super) struct Installation<'a> {
    pub(super) connection: Arc<str>,
    pub(super) prf: &'a Prf,
    pub(super) sk_d: &'a Secret,
    pub(super) nonces: Nonces<'a>,
    pub(super) role: ExchangeRole,
    pub(super) path: Path,
    pub(super) encapsulation: bool,
    pub(super) sending: Sending,
    pub(super) lifetime: Lifetime,
}

impl Agreed {
    /// KEYMAT = prf+(SK_d, [g^ir] | Ni | Nr) (RFC 7296 section 2.17), cut into both directions.
    pub(super) fn into_child_sa(self, with: &Installation<'_>) -> Result<ChildSa, Failure> {
        let keys = child_keys(with.prf, with.sk_d, &self.shared, with.nonces, &self.suite)
            .map_err(|_| Failure::NoProposalChosen)?;
        let (outbound_key, inbound_key) = match with.role {
            ExchangeRole::Requester => (keys.initiator, keys.responder),
            ExchangeRole::Replier => (keys.responder, keys.initiator),
        };
        Ok(ChildSa {
            connection: with.connection.clone(),
            name: self.config.name.clone(),
            inbound_spi: self.inbound_spi,
            outbound_spi: self.outbound_spi,
            inbound_key,
            outbound_key,
            suite: self.suite,
            mode: self.mode,
            local_ts: self.local_ts,
            remote_ts: self.remote_ts,
            path: with.path,
            encapsulation: with.encapsulation,
            replay_window: self.config.replay_window,
            tfc_padding: self.tfc_padding,
            lifetime: with.lifetime,
            sending: with.sending,
        })
    }
}

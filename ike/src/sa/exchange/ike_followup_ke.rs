//! IKE_FOLLOWUP_KE: the additional key exchanges of a CREATE_CHILD_SA exchange, one after another
//! (RFC 9370 section 2.2.4). Only after the last one there is a new SA.

use super::{
    super::{
        event::Failure,
        negotiation::Agreed,
        payloads::{Payloads, notify},
    },
    ike_sa_init::generate,
    rekey_ike::RekeyDone,
};
use crate::{
    Environment, EspSpi, IkeSpi, Secret,
    crypto::KeyPair,
    proposal::AdditionalKeyExchanges,
    wire::{NotifyType, Payload},
};

/// Octets of what ties the exchanges of one series together.
const LINK_LENGTH: usize = 16;

/// What a peer makes us keep and send back is bounded.
const LONGEST_LINK: usize = 256;

/// KE and the link, which the last response has not.
fn payloads(key_exchange: Payload, link: Option<&[u8]>) -> Vec<Payload> {
    let link = link.map(|link| notify(NotifyType::ADDITIONAL_KEY_EXCHANGE, link.to_vec()));
    [Some(key_exchange), link].into_iter().flatten().collect()
}

fn link_of(payloads: &Payloads) -> Option<&[u8]> {
    payloads
        .notify(NotifyType::ADDITIONAL_KEY_EXCHANGE)
        .map(|notify| notify.data.as_slice())
}

/// The requester's side: what remains to be done.
pub(in super::super) struct FollowUps {
    methods: AdditionalKeyExchanges,
    secrets: Vec<Secret>,
    key_pair: KeyPair,
    /// The peer's: sent back as it is.
    link: Vec<u8>,
}

/// How far a series has come.
pub(in super::super) enum Progress {
    /// The next request is to be sent.
    More,
    /// These are the secrets, in their order.
    Done(Vec<Secret>),
}

impl FollowUps {
    /// After the response to CREATE_CHILD_SA; `None` if it has agreed to none.
    pub(in super::super) fn begin(
        methods: AdditionalKeyExchanges,
        payloads: &Payloads,
        env: &mut dyn Environment,
    ) -> Result<Option<Self>, Failure> {
        let Some(first) = methods.nth(0) else {
            return Ok(None);
        };
        Ok(Some(Self {
            methods,
            secrets: Vec::new(),
            link: read_link(payloads)?,
            key_pair: generate(first, env)?,
        }))
    }

    /// KEi(n), N(ADDITIONAL_KEY_EXCHANGE)
    pub(in super::super) fn build_request(&self) -> Vec<Payload> {
        let key_exchange = Payload::KeyExchange {
            method: self.key_pair.method(),
            data: self.key_pair.public().to_vec(),
        };
        payloads(key_exchange, Some(&self.link))
    }

    pub(in super::super) fn handle_response(
        &mut self,
        payloads: &Payloads,
        env: &mut dyn Environment,
    ) -> Result<Progress, Failure> {
        if let Some(failure) = payloads.error() {
            return Err(failure);
        }
        let (method, public) = payloads.key_exchange().ok_or(Failure::InvalidSyntax)?;
        if method != self.key_pair.method() {
            return Err(Failure::InvalidKeyExchange);
        }
        let secret = self
            .key_pair
            .agree(public)
            .map_err(|_| Failure::InvalidKeyExchange)?;
        self.secrets.push(secret);
        let Some(next) = self.methods.nth(self.secrets.len()) else {
            return Ok(Progress::Done(std::mem::take(&mut self.secrets)));
        };
        self.link = read_link(payloads)?;
        self.key_pair = generate(next, env)?;
        Ok(Progress::More)
    }

    /// Whether the request in flight is the last one: its response makes the SA.
    pub(in super::super) fn is_last(&self) -> bool {
        self.methods.nth(self.secrets.len() + 1).is_none()
    }
}

fn read_link(payloads: &Payloads) -> Result<Vec<u8>, Failure> {
    link_of(payloads)
        .filter(|link| link.len() <= LONGEST_LINK)
        .map(<[u8]>::to_vec)
        .ok_or(Failure::InvalidSyntax)
}

/// The replier's side: what was agreed on in CREATE_CHILD_SA, and the key exchanges so far.
pub(in super::super) struct HalfDone {
    pub(in super::super) subject: Subject,
    methods: AdditionalKeyExchanges,
    secrets: Vec<Secret>,
    link: [u8; LINK_LENGTH],
}

/// What is to become of it.
pub(in super::super) enum Subject {
    Child(HalfChild),
    Ike(HalfIke),
}

/// A CHILD_SA to be.
pub(in super::super) struct HalfChild {
    pub(in super::super) agreed: Agreed,
    pub(in super::super) nonce_i: Box<[u8]>,
    pub(in super::super) nonce_r: Box<[u8]>,
    /// Inbound SPI of the CHILD_SA that it replaces.
    pub(in super::super) rekeys: Option<EspSpi>,
    /// The one of ours that replaces the same and stays (RFC 7296 section 2.8.1).
    pub(in super::super) beaten_by: Option<EspSpi>,
    /// Somebody wants it closed meanwhile.
    pub(in super::super) unwanted: bool,
}

/// An IKE_SA to be.
pub(in super::super) struct HalfIke {
    pub(in super::super) done: RekeyDone,
    pub(in super::super) spi: IkeSpi,
    pub(in super::super) nonce: Box<[u8]>,
}

/// The answer to a request of the series.
pub(in super::super) struct Step {
    pub(in super::super) payloads: Vec<Payload>,
    pub(in super::super) progress: Progress,
}

impl HalfDone {
    pub(in super::super) fn begin(
        subject: Subject,
        methods: AdditionalKeyExchanges,
        env: &mut dyn Environment,
    ) -> Self {
        let mut link = [0; LINK_LENGTH];
        env.random(&mut link);
        Self {
            subject,
            methods,
            secrets: Vec::new(),
            link,
        }
    }

    /// What the response to CREATE_CHILD_SA says beside all else.
    pub(in super::super) fn link(&self) -> Payload {
        notify(NotifyType::ADDITIONAL_KEY_EXCHANGE, self.link.to_vec())
    }

    /// Whether this request belongs to the series.
    pub(in super::super) fn is_continued_by(&self, payloads: &Payloads) -> bool {
        link_of(payloads) == Some(&self.link)
    }

    /// KEr(n), and the link if there is more to come.
    pub(in super::super) fn handle_request(
        &mut self,
        payloads: &Payloads,
        env: &mut dyn Environment,
    ) -> Result<Step, Failure> {
        let (method, public) = payloads.key_exchange().ok_or(Failure::InvalidSyntax)?;
        if self.methods.nth(self.secrets.len()) != Some(method) {
            return Err(Failure::InvalidSyntax);
        }
        let answer = KeyPair::respond(method, public, &mut |buffer| env.random(buffer))?;
        self.secrets.push(answer.shared);
        let more = self.methods.nth(self.secrets.len()).is_some();
        let key_exchange = Payload::KeyExchange {
            method,
            data: answer.public.into(),
        };
        Ok(Step {
            payloads: self::payloads(key_exchange, more.then_some(&self.link)),
            progress: if more {
                Progress::More
            } else {
                Progress::Done(std::mem::take(&mut self.secrets))
            },
        })
    }

    /// Whether it is to take the place of this CHILD_SA.
    pub(in super::super) fn rekeys(&self, old: EspSpi) -> bool {
        matches!(&self.subject, Subject::Child(child) if child.rekeys == Some(old))
    }

    /// What it is to replace is not wanted any more.
    pub(in super::super) fn discard(&mut self) {
        if let Subject::Child(child) = &mut self.subject {
            child.unwanted = true;
        }
    }

    /// The CHILD_SA of ours that was to stay in its place has come to nothing.
    pub(in super::super) fn outlives(&mut self, ours: EspSpi) {
        if let Subject::Child(child) = &mut self.subject {
            child.beaten_by.take_if(|winner| *winner == ours);
        }
    }

    /// The nonces of an IKE_SA to be.
    pub(in super::super) fn ike(&self) -> Option<&HalfIke> {
        match &self.subject {
            Subject::Ike(ike) => Some(ike),
            Subject::Child(_) => None,
        }
    }

    /// It is not going to be.
    pub(in super::super) fn cancel(self, env: &mut dyn Environment) {
        match self.subject {
            Subject::Child(child) => env.release_spi(child.agreed.inbound_spi),
            Subject::Ike(ike) => env.release_ike_spi(ike.spi),
        }
    }
}

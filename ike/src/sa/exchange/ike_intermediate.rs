//! IKE_INTERMEDIATE (RFC 9242): what must be exchanged after IKE_SA_INIT and before IKE_AUTH. Here:
//! one additional key exchange each (RFC 9370 section 2.2.2).

use super::{
    super::{
        event::Failure,
        message::Content,
        payloads::{Payloads, notify},
    },
    ike_auth::Initiator,
    ike_sa_init::generate,
};
use crate::{
    Environment, MessageId, Secret,
    crypto::{KeyPair, Prf},
    proposal::{KeyExchangeMethod, Proposal, Transform},
    wire::{Header, NotifyType, Payload, write_encrypted_prefix},
};

/// RFC 9242 section 3.1.
pub(super) fn intermediate_supported() -> Payload {
    notify(NotifyType::INTERMEDIATE_EXCHANGE_SUPPORTED, Vec::new())
}

pub(super) fn takes_intermediate(payloads: &Payloads) -> bool {
    payloads
        .notify(NotifyType::INTERMEDIATE_EXCHANGE_SUPPORTED)
        .is_some()
}

pub(super) fn offers_additional(proposals: &[Proposal]) -> bool {
    proposals
        .iter()
        .flat_map(|proposal| &proposal.transforms)
        .any(|transform| matches!(transform, Transform::AdditionalKeyExchange(..)))
}

/// What can be chosen of the offer of a peer that has no IKE_INTERMEDIATE: no additional key
/// exchange but NONE.
pub(super) fn without_additional(offered: &[Proposal]) -> Vec<Proposal> {
    let mut offered = offered.to_vec();
    let transforms = offered
        .iter_mut()
        .flat_map(|proposal| &mut proposal.transforms);
    for transform in transforms {
        if let Transform::AdditionalKeyExchange(slot, method) = *transform
            && method != KeyExchangeMethod::NONE
        {
            *transform = Transform::Unknown {
                transform_type: slot.transform_type(),
                id: method.0,
            };
        }
    }
    offered
}

/// A message as it goes into IntAuth: IntAuth_*A | IntAuth_*P.
///
/// A is "from the first octet of the IKE Header ... to the last octet of the generic header of the
/// Encrypted payload", with lengths that count no initialization vector, padding or integrity check
/// value; P the payloads inside. How the message travels makes no difference (RFC 9242 section
/// 3.3.2).
pub(in super::super) fn plain_message(header: &Header, content: &Content) -> Vec<u8> {
    let octets = &content.octets;
    let mut message = write_encrypted_prefix(header, content.first_payload, octets.len());
    message.extend_from_slice(octets);
    message
}

/// What AUTH covers of these exchanges (RFC 9242 section 3.3.2).
#[derive(Default)]
pub(in super::super) struct IntAuth {
    initiator: Option<Secret>,
    responder: Option<Secret>,
    exchanges: u32,
}

impl IntAuth {
    /// Adds an exchange. SK_pi and SK_pr are those from before it.
    pub(in super::super) fn add(
        &mut self,
        prf: Prf,
        (sk_pi, sk_pr): (&Secret, &Secret),
        (request, response): (&[u8], &[u8]),
    ) {
        // IntAuth_i1 = prf(SK_pi1,              IntAuth_i1A [| IntAuth_i1P])
        // IntAuth_i2 = prf(SK_pi2, IntAuth_i1 | IntAuth_i2A [| IntAuth_i2P])
        let chain = |before: &Option<Secret>, sk_p: &Secret, message| {
            let before = before.as_ref().map_or(&[][..], Secret::expose);
            Some(prf.compute(sk_p.expose(), &[before, message]))
        };
        self.initiator = chain(&self.initiator, sk_pi, request);
        self.responder = chain(&self.responder, sk_pr, response);
        self.exchanges += 1;
    }

    /// How many there were.
    pub(in super::super) fn exchanges(&self) -> usize {
        self.exchanges as usize
    }

    /// What the signed octets end with: nothing if there were no such exchanges.
    pub(in super::super) fn octets(&self) -> Vec<u8> {
        let (Some(initiator), Some(responder)) = (&self.initiator, &self.responder) else {
            return Vec::new();
        };
        // IntAuth = IntAuth_iN | IntAuth_rN | IKE_AUTH_MID
        let first_auth = MessageId(self.exchanges + 1);
        let message_id = first_auth.0.to_be_bytes();
        [initiator.expose(), responder.expose(), &message_id].concat()
    }
}

/// The initiator's side of one exchange.
pub(in super::super) struct IkeIntermediate {
    pub(in super::super) initiator: Box<Initiator>,
    key_pair: KeyPair,
    /// What goes into IntAuth.
    pub(in super::super) request: Vec<u8>,
    pub(in super::super) response: Vec<u8>,
}

impl IkeIntermediate {
    /// If the key pair cannot be made, the initiator comes back.
    pub(in super::super) fn new(
        initiator: Box<Initiator>,
        method: KeyExchangeMethod,
        env: &mut dyn Environment,
    ) -> Result<Self, (Box<Initiator>, Failure)> {
        match generate(method, env) {
            Ok(key_pair) => Ok(Self {
                initiator,
                key_pair,
                request: Vec::new(),
                response: Vec::new(),
            }),
            Err(failure) => Err((initiator, failure)),
        }
    }

    /// KEi(n)
    pub(in super::super) fn build_request(&self) -> Vec<Payload> {
        vec![Payload::KeyExchange {
            method: self.key_pair.method(),
            data: self.key_pair.public().to_vec(),
        }]
    }

    /// SK(n)
    pub(in super::super) fn handle_response(&self, payloads: &Payloads) -> Result<Secret, Failure> {
        if let Some(failure) = payloads.error() {
            return Err(failure);
        }
        let (method, public) = payloads.key_exchange().ok_or(Failure::InvalidSyntax)?;
        if method != self.key_pair.method() {
            return Err(Failure::InvalidSyntax);
        }
        self.key_pair
            .agree(public)
            .map_err(|_| Failure::InvalidSyntax)
    }
}

/// The responder's side: KEr(n) and SK(n). `method` is the one whose turn it is.
pub(in super::super) fn handle_request(
    payloads: &Payloads,
    method: Option<KeyExchangeMethod>,
    env: &mut dyn Environment,
) -> Result<(Vec<Payload>, Secret), Failure> {
    let (offered, public) = payloads.key_exchange().ok_or(Failure::InvalidSyntax)?;
    if method != Some(offered) {
        return Err(Failure::InvalidSyntax);
    }
    let answer = KeyPair::respond(offered, public, &mut |buffer| env.random(buffer))?;
    let payload = Payload::KeyExchange {
        method: offered,
        data: answer.public.into(),
    };
    Ok((vec![payload], answer.shared))
}

#[cfg(test)]
mod tests;

//! The responder's side: choosing among the configured children for what the peer asks for.

use std::sync::Arc;

use super::{Agreed, Selectors};
use crate::{
    ChildConfig, Environment, Mode, Secret, TrafficSelector,
    config::SelectorTemplate,
    crypto::KeyPair,
    proposal::{KeyExchangeMethod, KeyExchangeUse, ProposalSpi, select_esp},
    sa::{
        ends::{Ends, resolve},
        event::Failure,
        payloads::Payloads,
        transport,
    },
    wire::Payload,
};

/// A CHILD_SA that the peer asked for and we agree to.
pub(in crate::sa) struct Granted {
    pub(in crate::sa) agreed: Agreed,
    /// SA, \[KE\], TSi, TSr of our answer (a nonce of ours goes after SA).
    pub(in crate::sa) payloads: Vec<Payload>,
}

/// Chooses among the configured children for the peer's request. `key_exchange` says whether the
/// exchange may carry a key exchange of its own.
pub(in crate::sa) fn grant(
    payloads: &Payloads,
    children: &[Arc<ChildConfig>],
    key_exchange: KeyExchangeUse,
    ends: &Ends,
    env: &mut dyn Environment,
) -> Result<Granted, Refusal> {
    let (Some(their_ts), Some(our_ts)) = (payloads.ts_initiator(), payloads.ts_responder()) else {
        return Err(Refusal::Failure(Failure::InvalidSyntax));
    };
    if transport::is_wanted(payloads) {
        let fit = children
            .iter()
            .filter(|child| child.mode == Mode::Transport);
        let fit: Vec<_> = fit.cloned().collect();
        let selectors = transport::translate(their_ts, our_ts, ends.path);
        let granted = grant_as(
            Mode::Transport,
            payloads,
            &selectors,
            &fit,
            key_exchange,
            ends,
            env,
        );
        if !matches!(granted, Err(Refusal::Failure(Failure::TsUnacceptable))) {
            return granted;
        }
    }
    let selectors = (their_ts.to_vec(), our_ts.to_vec());
    grant_as(
        Mode::Tunnel,
        payloads,
        &selectors,
        children,
        key_exchange,
        ends,
        env,
    )
}

fn grant_as(
    mode: Mode,
    payloads: &Payloads,
    (their_ts, our_ts): &Selectors,
    children: &[Arc<ChildConfig>],
    key_exchange: KeyExchangeUse,
    ends: &Ends,
    env: &mut dyn Environment,
) -> Result<Granted, Refusal> {
    let offered = payloads.proposals()?;
    let mut failure = Failure::TsUnacceptable;
    for config in ranked(children, their_ts, our_ts, ends) {
        let remote_ts = narrow_to(their_ts, &config.remote_ts, &ends.remote);
        let local_ts = narrow_to(our_ts, &config.local_ts, &ends.local);
        let Some(selected) = select_esp(offered, &config.proposals, key_exchange) else {
            failure = Failure::NoProposalChosen;
            continue;
        };
        let ProposalSpi::Esp(outbound_spi) = selected.offered_spi else {
            return Err(Refusal::Failure(Failure::InvalidSyntax));
        };
        let exchanged = exchange_keys(payloads, selected.suite.key_exchange, env)?;
        let inbound_spi = env.allocate_spi().ok_or(Failure::NoSpi)?;
        let mut proposal = selected.proposal;
        proposal.spi = ProposalSpi::Esp(inbound_spi);
        let mut answer = vec![Payload::SecurityAssociation(vec![proposal])];
        let shared = exchanged.map(|(payload, shared)| {
            answer.push(payload);
            shared
        });
        let shared = shared.into_iter().collect();
        answer.extend((mode == Mode::Transport).then(transport::use_transport_mode));
        answer.push(Payload::TsInitiator(remote_ts.clone()));
        answer.push(Payload::TsResponder(local_ts.clone()));
        return Ok(Granted {
            agreed: Agreed {
                config: config.clone(),
                suite: selected.suite,
                mode,
                inbound_spi,
                outbound_spi,
                local_ts,
                remote_ts,
                shared,
                tfc_padding: transport::padding_for(config, payloads),
            },
            payloads: answer,
        });
    }
    Err(Refusal::Failure(failure))
}

/// Why a CHILD_SA is refused.
pub(in crate::sa) enum Refusal {
    /// With an error notification.
    Failure(Failure),
    /// With INVALID_KE_PAYLOAD naming the method we want.
    OtherKeyExchange(KeyExchangeMethod),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

fn narrow_to(
    offered: &[TrafficSelector],
    templates: &[SelectorTemplate],
    addresses: &[std::net::IpAddr],
) -> Vec<TrafficSelector> {
    TrafficSelector::narrow(offered, &resolve(templates, addresses))
}

/// The children whose selectors overlap with the request, those that need no narrowing first.
fn ranked<'a>(
    children: &'a [Arc<ChildConfig>],
    their_ts: &[TrafficSelector],
    our_ts: &[TrafficSelector],
    ends: &Ends,
) -> Vec<&'a Arc<ChildConfig>> {
    let mut ranked: Vec<_> = children
        .iter()
        .filter_map(|config| {
            let remote = narrow_to(their_ts, &config.remote_ts, &ends.remote);
            let local = narrow_to(our_ts, &config.local_ts, &ends.local);
            if remote.is_empty() || local.is_empty() {
                return None;
            }
            let narrowed = remote.as_slice() != their_ts || local.as_slice() != our_ts;
            Some((narrowed, config))
        })
        .collect();
    ranked.sort_by_key(|(narrowed, _)| *narrowed);
    ranked.into_iter().map(|(_, config)| config).collect()
}

fn exchange_keys(
    payloads: &Payloads,
    method: Option<KeyExchangeMethod>,
    env: &mut dyn Environment,
) -> Result<Option<(Payload, Secret)>, Refusal> {
    let Some(method) = method else {
        return Ok(None);
    };
    let Some((offered, public)) = payloads.key_exchange() else {
        return Err(Refusal::OtherKeyExchange(method));
    };
    if offered != method {
        return Err(Refusal::OtherKeyExchange(method));
    }
    let answer = KeyPair::respond(method, public, &mut |buffer| env.random(buffer))
        .map_err(Failure::from)?;
    let payload = Payload::KeyExchange {
        method,
        data: answer.public.into(),
    };
    Ok(Some((payload, answer.shared)))
}

//! `rekey` and `redirect`: orders to SAs that are up. Both answer once the orders are given.

use std::sync::Arc;

use holdfast_vici::Message;

use super::list_sas::selector;
use crate::{
    environment::Shared,
    supervisor::{
        messages::{Redirect, Rekey, Selector},
        redirect::{Addresses, Clients},
    },
};

pub(super) async fn rekey(shared: &Arc<Shared>, request: &Message) -> Message {
    let selector = selector(request);
    if selector.is_empty() {
        return verdict(0, Some("missing rekey selector"));
    }
    let reauth = request.get_bool("reauth").unwrap_or(false);
    match shared.supervisor.send(Rekey { selector, reauth }).await {
        Ok(Ok(0)) => verdict(0, Some("no matching SAs to rekey found")),
        Ok(Ok(matches)) => verdict(matches, None),
        Ok(Err(reason)) => verdict(0, Some(&reason)),
        Err(error) => super::unavailable(error),
    }
}

pub(super) async fn redirect(shared: &Arc<Shared>, request: &Message) -> Message {
    let Some(gateway) = request.get_str("gateway").filter(|text| !text.is_empty()) else {
        return verdict(0, Some("missing target gateway"));
    };
    let Ok(to) = gateway.parse() else {
        return verdict(
            0,
            Some("invalid gateway: it is no address and no host name"),
        );
    };
    let addresses = match request.get_str("peer-ip").map(Addresses::read) {
        Some(None) => return verdict(0, Some("invalid peer IP selector")),
        Some(addresses) => addresses,
        None => None,
    };
    let clients = Clients {
        selector: Selector {
            ike: request.get_str("ike").map(ToOwned::to_owned),
            ike_id: request.get_int("ike-id").and_then(|id| id.try_into().ok()),
            ..Selector::default()
        },
        addresses,
        identity: request.get_str("peer-id").map(ToOwned::to_owned),
    };
    if clients.selector.is_empty() && addresses.is_none() && clients.identity.is_none() {
        return verdict(0, Some("missing redirect selector"));
    }
    match shared.supervisor.send(Redirect { clients, to }).await {
        Ok(Ok(0)) => verdict(0, Some("no matching SAs to redirect found")),
        Ok(Ok(matches)) => verdict(matches, None),
        Ok(Err(reason)) => verdict(0, Some(&reason)),
        Err(error) => super::unavailable(error),
    }
}

fn verdict(matches: usize, reason: Option<&str>) -> Message {
    Message::new()
        .with("success", reason.is_none())
        .with("matches", matches.to_string())
        .with_some("errmsg", reason)
}

//! `rekey` and `redirect`: orders to SAs that are up. Both answer once the orders are given.

use std::sync::Arc;

use holdfast_vici::Message;

use super::list_sas::selector;
use crate::{
    environment::Shared,
    supervisor::messages::{ListIkeSas, Rekey, Selector},
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

/// Only an IKE_SA whose peer understands REDIRECT could be sent elsewhere (RFC 5685 section 5).
pub(super) async fn redirect(shared: &Arc<Shared>, request: &Message) -> Message {
    if request.get_str("gateway").is_none_or(str::is_empty) {
        return verdict(0, Some("missing gateway to redirect to"));
    }
    let selector = Selector {
        ike: request.get_str("ike").map(ToOwned::to_owned),
        ike_id: request.get_int("ike-id").and_then(|id| id.try_into().ok()),
        ..Selector::default()
    };
    if selector.is_empty() && !request.contains("peer-ip") && !request.contains("peer-id") {
        return verdict(0, Some("missing redirect selector"));
    }
    let page = ListIkeSas {
        cursor: None,
        selector,
        limit: 1,
    };
    match shared.supervisor.send(page).await {
        Ok(listings) if listings.is_empty() => {
            verdict(0, Some("no matching SAs to redirect found"))
        }
        Ok(_) => verdict(
            0,
            Some("REDIRECT (RFC 5685) is not supported by this version"),
        ),
        Err(error) => super::unavailable(error),
    }
}

fn verdict(matches: usize, reason: Option<&str>) -> Message {
    Message::new()
        .with("success", reason.is_none())
        .with("matches", matches.to_string())
        .with_some("errmsg", reason)
}

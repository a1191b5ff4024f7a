//! `list-sas`: one event for each IKE_SA. Taken from the supervisor page by page, written before
//! the next page is asked for, so that a list of any length needs the memory of one page.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use holdfast_config::Connection;
use holdfast_ike::{
    EspSuite, IkeSpi, Mode, TrafficSelector, proposal::AdditionalKeyExchanges, sa::Role,
};
use holdfast_vici::Message;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    environment::Shared,
    supervisor::messages::{ChildListing, IkeSaListing, ListIkeSas, Selector},
    vici_session::{Gone, Session},
};

/// IKE_SAs asked for at once.
const PAGE: usize = 64;

pub(super) async fn run<S: AsyncRead + AsyncWrite>(
    session: &mut Session<'_, S>,
    request: &Message,
) -> Result<Message, Gone> {
    if !session.wants("list-sa") {
        return Ok(Message::new());
    }
    let selector = selector(request);
    let mut cursor = None;
    loop {
        let page = ListIkeSas {
            cursor,
            selector: selector.clone(),
            limit: PAGE,
        };
        let listings = match session.shared.supervisor.send(page).await {
            Ok(listings) => listings,
            Err(error) => return Ok(super::unavailable(error)),
        };
        for listing in &listings {
            cursor = Some(listing.id);
            let message = render(listing, session.shared);
            session.stream("list-sa", message).await?;
        }
        if listings.len() < PAGE {
            return Ok(Message::new());
        }
    }
}

/// Reads which SAs a request means.
pub(super) fn selector(request: &Message) -> Selector {
    let text = |key| request.get_str(key).map(ToOwned::to_owned);
    let number = |key| request.get_int(key).and_then(|id| u32::try_from(id).ok());
    Selector {
        ike: text("ike"),
        ike_id: number("ike-id"),
        child: text("child"),
        child_id: number("child-id"),
    }
}

/// An IKE_SA in a section named after its connection.
pub(super) fn render(listing: &IkeSaListing, shared: &Arc<Shared>) -> Message {
    let mut children = Message::new();
    for child in &listing.children {
        let name = format!("{}-{}", child.up.name, child.id);
        let config = listing.config.as_deref();
        children.push(name, render_child(child, config, shared));
    }
    let ike = render_ike(listing).with("child-sas", children);
    Message::new().with(&*listing.connection, ike)
}

/// An IKE_SA without its children.
pub(super) fn render_ike(listing: &IkeSaListing) -> Message {
    let configured = listing.config.as_deref();
    let established = listing.established.as_deref();
    let local_id = established.map_or_else(
        || {
            configured
                .and_then(|connection| connection.ike.local_id())
                .map_or_else(|| "%any".to_owned(), ToString::to_string)
        },
        |established| established.local_id.to_string(),
    );
    let remote_id = established.map_or_else(
        || "%any".to_owned(),
        |established| established.remote_id.to_string(),
    );
    let path = listing.path;
    let mut message = Message::new()
        .with("uniqueid", listing.id.to_string())
        .with("version", "2")
        .with("state", listing.state)
        .with("local-host", path.local.ip().to_string())
        .with("local-port", path.local.port().to_string())
        .with("local-id", local_id)
        .with("remote-host", path.remote.ip().to_string())
        .with("remote-port", path.remote.port().to_string())
        .with("remote-id", remote_id);
    let eap_id = established.and_then(|established| established.remote_eap_id.as_ref());
    if let (Some(established), Some(eap_id)) = (established, eap_id)
        && established.remote_id != *eap_id
    {
        message.push("remote-eap-id", eap_id.to_string());
    }
    if listing.role == Role::Initiator {
        message.push("initiator", true);
    }
    let (initiator, responder) = match (established, listing.role) {
        (Some(established), _) => (established.spis.initiator, established.spis.responder),
        (None, Role::Initiator) => (listing.local_spi, IkeSpi::ZERO),
        (None, Role::Responder) => (IkeSpi::ZERO, listing.local_spi),
    };
    message.push("initiator-spi", initiator.to_string());
    message.push("responder-spi", responder.to_string());
    let Some(established) = established else {
        return message;
    };
    let nat = established.nat;
    for (key, value) in [
        ("nat-local", nat.local),
        ("nat-remote", nat.remote),
        ("nat-fake", nat.faked),
        ("nat-any", nat.local || nat.remote || nat.faked),
    ] {
        if value {
            message.push(key, true);
        }
    }
    let suite = established.suite;
    message.push("encr-alg", suite.encryption.to_string());
    if suite.key_bits > 0 {
        message.push("encr-keysize", suite.key_bits.to_string());
    }
    if let Some(integrity) = suite.integrity {
        message.push("integ-alg", integrity.to_string());
    }
    message.push("prf-alg", suite.prf.to_string());
    message.push("dh-group", suite.key_exchange.to_string());
    push_additional(&mut message, suite.additional);
    if established.ppk {
        message.push("ppk", "yes");
    }
    if listing.state == "ESTABLISHED"
        && let Some(at) = listing.established_at
    {
        message.push("established", at.elapsed().as_secs().to_string());
        let rekey = configured.map_or(Duration::ZERO, |connection| connection.ike.rekey_time);
        push_remaining(&mut message, "rekey-time", rekey, at);
    }
    let configured = &established.configured;
    push_all(&mut message, "local-vips", &configured.local_vips);
    push_all(&mut message, "remote-vips", &configured.remote_vips);
    push_all(&mut message, "dns", configured.name_servers());
    push_all(&mut message, "dns-domains", configured.dns_domains());
    push_all(&mut message, "subnets", configured.subnets());
    message
}

/// A list, left out where it is empty.
fn push_all(message: &mut Message, key: &str, values: impl IntoIterator<Item = impl ToString>) {
    let values: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    if !values.is_empty() {
        message.push(key, values);
    }
}

fn push_remaining(message: &mut Message, key: &str, span: Duration, since: Instant) {
    if !span.is_zero() {
        let left = span.saturating_sub(since.elapsed());
        message.push(key, left.as_secs().to_string());
    }
}

/// A CHILD_SA.
pub(super) fn render_child(
    child: &ChildListing,
    config: Option<&Connection>,
    shared: &Arc<Shared>,
) -> Message {
    let up = &child.up;
    let mode = match up.mode {
        Mode::Tunnel => "TUNNEL",
        Mode::Transport => "TRANSPORT",
    };
    let mut message = Message::new()
        .with("name", &*up.name)
        .with("uniqueid", child.id.to_string())
        .with("reqid", child.reqid.to_string())
        .with(
            "state",
            match (child.replaced, child.closing) {
                (true, _) => "REKEYED",
                (false, true) => "DELETING",
                (false, false) => "INSTALLED",
            },
        )
        .with("mode", mode)
        .with("protocol", "ESP");
    if up.encapsulation {
        message.push("encap", true);
    }
    message.push("spi-in", up.inbound_spi.to_string());
    message.push("spi-out", up.outbound_spi.to_string());
    push_suite(&mut message, up.suite);
    push_usage(&mut message, child, shared);
    let configured = config.and_then(|connection| connection.children.get(&*up.name));
    if let Some(configured) = configured {
        push_remaining(&mut message, "rekey-time", configured.ike.rekey_time, up.at);
        push_remaining(
            &mut message,
            "life-time",
            configured.ike.lifetime.hard_time,
            up.at,
        );
    }
    message.push("install-time", up.at.elapsed().as_secs().to_string());
    message.push("local-ts", texts(&up.local_ts));
    message.push("remote-ts", texts(&up.remote_ts));
    message
}

/// The key exchanges after the first one: `ake1` to `ake7`.
fn push_additional(message: &mut Message, additional: AdditionalKeyExchanges) {
    for (slot, method) in additional.iter() {
        message.push(format!("ake{}", slot.number()), method.to_string());
    }
}

fn push_suite(message: &mut Message, suite: EspSuite) {
    message.push("encr-alg", suite.encryption.to_string());
    if suite.key_bits > 0 {
        message.push("encr-keysize", suite.key_bits.to_string());
    }
    if let Some(integrity) = suite.integrity {
        message.push("integ-alg", integrity.to_string());
    }
    if let Some(group) = suite.key_exchange {
        message.push("dh-group", group.to_string());
    }
    push_additional(message, suite.additional);
    if suite.extended_sequence_numbers {
        message.push("esn", "1");
    }
}

fn push_usage(message: &mut Message, child: &ChildListing, shared: &Arc<Shared>) {
    let usage = child
        .carried
        .or_else(|| shared.plane.usage(child.up.inbound_spi))
        .unwrap_or_default();
    message.push("bytes-in", usage.bytes_in.to_string());
    message.push("packets-in", usage.packets_in.to_string());
    if let Some(at) = usage.last_in {
        message.push("use-in", at.elapsed().as_secs().to_string());
    }
    message.push("bytes-out", usage.bytes_out.to_string());
    message.push("packets-out", usage.packets_out.to_string());
    if let Some(at) = usage.last_out {
        message.push("use-out", at.elapsed().as_secs().to_string());
    }
}

/// Traffic selectors as clients read them.
pub(super) fn texts(selectors: &[TrafficSelector]) -> Vec<String> {
    selectors.iter().map(ToString::to_string).collect()
}

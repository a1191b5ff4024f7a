//! What commands are told of an event.

use std::{collections::BTreeSet, sync::Arc};

use holdfast_config::Agent;
use holdfast_ike::TrafficSelector;

use super::order::{ChildFacts, Event, Happening, IkeSaFacts, Order, Selector};
use crate::{
    bus::ControlEvent,
    supervisor::messages::{ChildListing, IkeSaListing},
};

/// Turns events into orders, for connections that have commands.
pub(super) struct Teller {
    interface: Option<String>,
    /// Connections with commands that something came up of: what goes may belong to one that is no
    /// longer configured.
    known: BTreeSet<Arc<str>>,
}

impl Teller {
    pub(super) fn new(agent: &Agent, plane: &str) -> Self {
        let interface = (plane == "userspace").then(|| agent.tun.name.clone());
        Self {
            interface,
            known: BTreeSet::new(),
        }
    }

    pub(super) fn order(&mut self, event: &ControlEvent) -> Option<Order> {
        match event {
            ControlEvent::ChildUpdown { up, listing } => self.child(*up, listing),
            ControlEvent::Alert {
                kind,
                listing: Some(listing),
            } => Some(alert(kind, None, &listing.connection, Some(listing))),
            ControlEvent::AttemptFailed {
                connection, reason, ..
            } => Some(alert("attempt-failed", Some(reason), connection, None)),
            ControlEvent::Reloaded(_) => Some(Order::Reload),
            _ => None,
        }
    }

    fn child(&mut self, up: bool, listing: &IkeSaListing) -> Option<Order> {
        let child = listing.children.first()?;
        match &listing.config {
            Some(config) if config.runs_commands() => {
                self.known.insert(Arc::clone(&listing.connection));
            }
            None if self.known.contains(&listing.connection) => {}
            _ => return None,
        }
        let facts = self.facts(child);
        let event = if up {
            Event::Up(facts)
        } else {
            Event::Down(facts)
        };
        Some(run(&listing.connection, event, Some(listing)))
    }

    fn facts(&self, child: &ChildListing) -> ChildFacts {
        ChildFacts {
            name: child.up.name.to_string(),
            id: child.id,
            reqid: child.reqid,
            encapsulation: child.up.encapsulation,
            interface: self.interface.clone(),
            local_ts: child.up.local_ts.iter().map(selector).collect(),
            remote_ts: child.up.remote_ts.iter().map(selector).collect(),
        }
    }
}

fn alert(
    kind: &str,
    reason: Option<&str>,
    connection: &Arc<str>,
    listing: Option<&IkeSaListing>,
) -> Order {
    let kind = kind.to_owned();
    let reason = reason.map(str::to_owned);
    run(connection, Event::Alert { kind, reason }, listing)
}

fn run(connection: &Arc<str>, event: Event, listing: Option<&IkeSaListing>) -> Order {
    Order::Run(Box::new(Happening {
        connection: connection.to_string(),
        event,
        ike_sa: listing.map(ike_sa),
    }))
}

fn ike_sa(listing: &IkeSaListing) -> IkeSaFacts {
    let facts = listing.established.as_deref();
    let configured = facts.map(|facts| facts.configured.clone());
    let configured = configured.unwrap_or_default();
    IkeSaFacts {
        id: listing.id.0,
        local: listing.path.local,
        remote: listing.path.remote,
        local_id: facts.map(|facts| facts.local_id.to_string()),
        remote_id: facts.map(|facts| facts.remote_id.to_string()),
        remote_eap_id: facts
            .and_then(|facts| facts.remote_eap_id.as_ref())
            .map(ToString::to_string),
        name_servers: configured.name_servers().collect(),
        dns_domains: configured.dns_domains().map(str::to_owned).collect(),
        subnets: configured.subnets().map(|net| net.to_string()).collect(),
        local_vips: configured.local_vips.clone(),
        remote_vips: configured.remote_vips.clone(),
    }
}

fn selector(selector: &TrafficSelector) -> Selector {
    let network = match selector.subnets().as_slice() {
        [net] => net.to_string(),
        _ => format!("{}..{}", selector.start, selector.end),
    };
    Selector {
        text: selector.to_string(),
        network,
        host: (selector.start == selector.end).then_some(selector.start),
        v6: selector.start.is_ipv6(),
        protocol: selector.protocol,
        port: if selector.start_port == selector.end_port {
            selector.start_port
        } else {
            0
        },
    }
}

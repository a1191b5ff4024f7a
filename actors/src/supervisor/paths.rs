//! Ends that move: what IKE_SAs, the data plane and our own network report of it.

use std::sync::Arc;

use actix::{Context, Handler};
use holdfast_ike::sa::{Command, PathChanged, Role};

use super::{
    BEGIN_PACE, BEGUN_AT_ONCE, Supervisor,
    begin::local_address,
    messages::{NetworkChanged, PeerMoved},
};
use crate::{
    bus::ControlEvent,
    handle::{IkeSaId, Order},
    network_watch::is_listed,
};

impl Supervisor {
    pub(super) fn on_path_changed(&mut self, id: IkeSaId, change: PathChanged) {
        let Some(connection) = self.connection_of(id) else {
            return;
        };
        // Listings are made for those who listen only.
        let heard = self.shared.bus.is_heard();
        let record = self.registry.get(id).filter(|_| heard);
        let before = record.map(|record| self.listing(record));
        let path = change.path;
        let stays = self
            .registry
            .get(id)
            .is_some_and(|record| record.path == path);
        self.registry.moved(id, change);
        if stays {
            // Only what lies on the way has changed.
            return;
        }
        let text = format!(
            "IKE_SA {connection}[{id}] has moved to {}...{}",
            path.local, path.remote
        );
        self.say(Some(&connection), Some(id), &text);
        self.shared
            .bus
            .publish_if(|| Some(ControlEvent::IkeUpdate { old: before?, path }));
    }
}

impl Handler<PeerMoved> for Supervisor {
    type Result = ();

    fn handle(&mut self, moved: PeerMoved, _: &mut Context<Self>) {
        if let Some(port) = self.ports.get(&moved.owner) {
            port.order(Order::PeerMoved {
                inbound: moved.inbound,
                path: moved.path,
            });
        }
    }
}

impl Handler<NetworkChanged> for Supervisor {
    type Result = ();

    fn handle(&mut self, changed: NetworkChanged, context: &mut Context<Self>) {
        if self.draining.is_some() {
            return;
        }
        let waiting: Vec<_> = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.awaits_network())
            .map(|(name, _)| Arc::clone(name))
            .collect();
        // As at the start, so that many do not speak at once.
        let turns = u32::try_from(waiting.len() / BEGUN_AT_ONCE).unwrap_or(u32::MAX);
        let spread = BEGIN_PACE.saturating_mul(turns);
        for name in waiting {
            let stranded = self.is_stranded(&name);
            self.with(&name, context, |connection, world, actions| {
                connection.network_changed(stranded, spread, world, actions);
            });
        }
        // Routes alone concern whoever chooses the path.
        let concerned: Vec<_> = self
            .registry
            .after(None)
            .filter(|record| record.usable())
            .filter(|record| changed.addresses || record.role == Role::Initiator)
            .map(|record| record.id)
            .collect();
        for id in concerned {
            self.command(id, Command::CheckPath);
        }
    }
}

impl Supervisor {
    /// Whether the attempt of a connection would begin from another address now.
    fn is_stranded(&self, name: &Arc<str>) -> bool {
        let Some(connection) = self.connections.get(name) else {
            return false;
        };
        let record = connection.connecting().and_then(|id| self.registry.get(id));
        record.is_some_and(|record| {
            let begun = local_address(connection.config(), record.path.remote);
            begun.map(|local| local.ip()) != Ok(record.path.local.ip())
                || !self.has_address(record.path.local.ip())
        })
    }

    fn has_address(&self, address: std::net::IpAddr) -> bool {
        let addresses = self.shared.addresses.load();
        addresses.is_empty() || addresses.contains(&address) || !is_listed(&address)
    }
}

//! Ends that move: what IKE_SAs and the data plane report of it.

use actix::{Context, Handler};
use holdfast_ike::sa::PathChanged;

use super::{Supervisor, messages::PeerMoved};
use crate::{
    bus::ControlEvent,
    handle::{IkeSaId, Order},
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
        self.registry.moved(id, change);
        let path = change.path;
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

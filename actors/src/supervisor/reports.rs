//! What IKE_SAs report, and their ends.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use actix::{AsyncContext, Context, Handler};
use holdfast_ike::{
    Counter, Counters, EspSpi,
    config::Unique,
    sa::{
        ChildDown, ChildDownCause, CloseCause, Command, Event, Role,
        event::{ChildUp, Established, Rekeyed},
    },
};
use holdfast_ipsec::Usage;

use super::{
    Supervisor, alerts,
    messages::{ChildListing, Exit, IkeSaExited, IkeSaListing, IkeSaReported},
    policy::EndCause,
    registry::Record,
    uniqueness::{Loser, judge_all},
};
use crate::{
    bus::{ControlEvent, Group},
    data_plane::Purge,
    handle::IkeSaId,
    transport::{Authenticated, RouteRemoved},
};

impl Handler<IkeSaReported> for Supervisor {
    type Result = ();

    fn handle(&mut self, report: IkeSaReported, context: &mut Context<Self>) {
        for (spi, carried) in report.carried {
            self.note_carried(report.id, spi, carried);
        }
        for event in report.events {
            self.on_event(report.id, event, context);
        }
    }
}

impl Supervisor {
    fn on_event(&mut self, id: IkeSaId, event: Event, context: &mut Context<Self>) {
        match event {
            Event::Established(established) => self.on_established(id, *established, context),
            Event::IkeRekeyed(new) => self.on_ike_rekeyed(id, new),
            Event::PathChanged(change) => self.on_path_changed(id, change),
            Event::ChildUp(up) => self.on_child_up(id, *up, context),
            Event::ChildRekeyed { old, new } => self.on_child_rekeyed(id, old, *new, context),
            Event::RekeyFailed { child, failure } => {
                let what = child.map_or("IKE_SA".to_owned(), |name| format!("CHILD_SA {name}"));
                let text = format!("{what} not rekeyed, to be tried again: {failure}");
                self.say(self.connection_of(id).as_ref(), Some(id), &text);
            }
            Event::ChildDown(down) => self.on_child_down(id, &down, context),
            Event::ChildFailed { name, failure } => {
                if let Some(connection) = self.connection_of(id) {
                    let text = format!("CHILD_SA {name} not established: {failure}");
                    self.tell(Group::Child, Some(&connection), Some(id), &text);
                    self.alert(alerts::of_child_failure(failure), id);
                    self.with(&connection, context, |connection, world, actions| {
                        connection.child_failed(&name, failure, world, actions);
                    });
                }
            }
            Event::ChildRefused { failure } => {
                let text = format!("the peer's CHILD_SA is refused: {failure}");
                self.tell(
                    Group::Child,
                    self.connection_of(id).as_ref(),
                    Some(id),
                    &text,
                );
                self.alert(alerts::of_child_failure(failure), id);
            }
            Event::Session(session) => {
                let name = self.connection_of(id);
                if let Some(connection) = name.and_then(|name| self.connections.get_mut(&name)) {
                    connection.keep_session(*session);
                }
            }
            Event::Redirected(to) => {
                if let Some(connection) = self.connection_of(id) {
                    self.with(&connection, context, |connection, world, actions| {
                        connection.redirected(id, to, world, actions);
                    });
                }
            }
            Event::NeedsReplacement | Event::ChildNeedsReplacement { .. } => {
                if let Some(connection) = self.connection_of(id) {
                    self.with(&connection, context, |connection, world, actions| {
                        connection.needs_replacement(id, world, actions);
                    });
                }
            }
            Event::Retransmitting { attempt } => {
                if let Some(record) = self.registry.get_mut(id) {
                    record.retransmissions = attempt;
                }
                self.alert(Some(alerts::RETRANSMITTING), id);
                if let Some(connection) = self.connection_of(id) {
                    let text = format!("no answer yet, retransmission {attempt}");
                    self.tell(Group::Network, Some(&connection), Some(id), &text);
                    self.with(&connection, context, |connection, world, actions| {
                        connection.retransmitting(id, attempt, world, actions);
                    });
                }
            }
            Event::PeerAnswers => {
                if let Some(record) = self.registry.get_mut(id) {
                    record.retransmissions = 0;
                }
                self.alert(Some(alerts::ANSWERED), id);
            }
            Event::Closing => self.registry.closing(id),
            // Both end on the IKE_SA's own side.
            Event::KeyLog(_) | Event::Closed(_) => {}
        }
    }

    /// A CHILD_SA is no longer in the data plane, and had carried this.
    fn note_carried(&mut self, id: IkeSaId, spi: EspSpi, carried: Usage) {
        let connection = self.connection_of(id);
        let Some(child) = self.registry.child_removed(id, spi, carried) else {
            return;
        };
        if let Some(connection) = connection.and_then(|name| self.connections.get(&name)) {
            connection.history().traffic(&child.up.name).ended(carried);
        }
    }

    pub(super) fn connection_of(&self, id: IkeSaId) -> Option<Arc<str>> {
        self.registry.get(id)?.connection.clone()
    }

    fn on_established(
        &mut self,
        id: IkeSaId,
        established: Established,
        context: &mut Context<Self>,
    ) {
        let connection = Arc::clone(&established.connection);
        let how = if established.resumed {
            "resumed"
        } else {
            "established"
        };
        let text = format!(
            "IKE_SA {connection}[{id}] {how} between {}[{}]...{}[{}]",
            established.path.local.ip(),
            established.local_id,
            established.path.remote.ip(),
            established.remote_id,
        );
        let (role, at) = (established.role, established.contact.established);
        self.registry.establish(id, Arc::new(established));
        if let Some(record) = self.registry.get(id)
            && role == Role::Responder
        {
            self.transport.do_send(Authenticated(record.local_spi));
        }
        if let (Some(connection), Some(record)) =
            (self.connections.get(&connection), self.registry.get(id))
        {
            let took = at.saturating_duration_since(record.begun);
            connection.history().handshakes.observe(took);
        }
        self.update_gauges();
        self.say(Some(&connection), Some(id), &text);
        self.publish_ike_updown(id, true);
        if self.draining.is_some() {
            // It slipped in while everybody was being sent home.
            self.command(id, Command::Terminate);
            return;
        }
        let unique = self
            .connections
            .get(&connection)
            .map_or(Unique::No, |connection| connection.config().ike.unique);
        for Loser {
            id: loser,
            command,
            grace,
        } in judge_all(&self.registry, id, unique)
        {
            if !grace.is_zero() {
                context.run_later(grace, move |supervisor, _| {
                    supervisor.close_duplicate(loser, id, command);
                });
                continue;
            }
            let text = format!("IKE_SA {connection}[{loser}] gives way to another with this peer");
            self.say(Some(&connection), Some(loser), &text);
            let kind = if loser == id {
                alerts::KEPT
            } else {
                alerts::REPLACED
            };
            self.alert(Some(kind), loser);
            self.command(loser, command);
        }
        if role == Role::Initiator {
            self.remember_address(&connection, id);
        }
        self.with(&connection, context, |connection, world, actions| {
            connection.established(id, world, actions);
        });
        self.peer_answers(id, context);
    }

    /// Who has reached a peer tells the others who wait for it.
    fn peer_answers(&mut self, id: IkeSaId, context: &mut Context<Self>) {
        let Some(record) = self.registry.get(id) else {
            return;
        };
        let remote = record.path.remote.ip();
        let mut names = self.index.naming(remote);
        names.retain(|name| {
            let connection = self.connections.get(name);
            connection.is_some_and(|connection| connection.awaits(remote, &self.registry))
        });
        for name in names {
            self.with(&name, context, |connection, world, _| {
                connection.peer_answers(world);
            });
        }
    }

    /// The peer has authenticated anew, but does not close the older IKE_SA itself.
    fn close_duplicate(&mut self, older: IkeSaId, newer: IkeSaId, command: Command) {
        let usable = |id| self.registry.get(id).is_some_and(Record::usable);
        if usable(older) && usable(newer) {
            self.command(older, command);
        }
    }

    fn on_child_up(&mut self, id: IkeSaId, up: ChildUp, context: &mut Context<Self>) {
        let Some(connection) = self.connection_of(id) else {
            return;
        };
        let name = Arc::clone(&up.name);
        let texts = |selectors: &[holdfast_ike::TrafficSelector]| {
            let texts: Vec<_> = selectors.iter().map(ToString::to_string).collect();
            texts.join(" ")
        };
        let text = format!(
            "CHILD_SA {name} established with SPIs {}_i {}_o and TS {} === {}",
            up.inbound_spi,
            up.outbound_spi,
            texts(&up.local_ts),
            texts(&up.remote_ts),
        );
        let spi = up.inbound_spi;
        self.registry.child_up(id, Arc::new(up));
        self.tell(Group::Child, Some(&connection), Some(id), &text);
        self.publish_child_updown(id, spi, true);
        self.with(&connection, context, |connection, world, actions| {
            connection.child_up(id, &name, world, actions);
        });
    }

    /// Counts something of a connection, for it and for the agent.
    fn count(&self, connection: &Arc<str>, counter: fn(&Counters) -> &Counter) {
        counter(&self.shared.counters).increment();
        counter(&self.shared.tallies.of(connection)).increment();
    }

    fn on_ike_rekeyed(&mut self, id: IkeSaId, new: Rekeyed) {
        let Some(connection) = self.connection_of(id) else {
            return;
        };
        let (ours, theirs) = (new.spis.initiator, new.spis.responder);
        let text = format!("IKE_SA {connection}[{id}] rekeyed: SPIs {ours}_i {theirs}_r");
        self.count(
            &connection,
            match new.role {
                Role::Initiator => |counters| &counters.ike_rekey_init,
                Role::Responder => |counters| &counters.ike_rekey_resp,
            },
        );
        // Listings are made for those who listen only.
        let heard = self.shared.bus.is_heard();
        let record = self.registry.get(id).filter(|_| heard);
        let before = record.map(|record| self.listing(record));
        self.registry.rekeyed(id, new);
        self.say(Some(&connection), Some(id), &text);
        self.shared.bus.publish_if(|| {
            let (old, new) = (before?, self.listing(self.registry.get(id)?));
            Some(ControlEvent::IkeRekey { old, new })
        });
    }

    fn on_child_rekeyed(
        &mut self,
        id: IkeSaId,
        old: EspSpi,
        new: ChildUp,
        context: &mut Context<Self>,
    ) {
        let Some(connection) = self.connection_of(id) else {
            return;
        };
        let name = Arc::clone(&new.name);
        let text = format!(
            "CHILD_SA {name} rekeyed: SPIs {}_i {}_o instead of {old}_i",
            new.inbound_spi, new.outbound_spi,
        );
        let heard = self.shared.bus.is_heard();
        let before = heard.then(|| self.child_listing(id, old)).flatten();
        let now = new.inbound_spi;
        self.registry.child_rekeyed(id, old, Arc::new(new));
        self.tell(Group::Child, Some(&connection), Some(id), &text);
        self.shared.bus.publish_if(|| {
            let (old, new) = (before?, self.child_listing(id, now)?);
            Some(ControlEvent::ChildRekey { old, new })
        });
        self.count(&connection, |counters| &counters.child_rekey);
        self.with(&connection, context, |connection, world, actions| {
            connection.child_up(id, &name, world, actions);
        });
    }

    fn on_child_down(&mut self, id: IkeSaId, down: &ChildDown, context: &mut Context<Self>) {
        // With the IKE_SA they stay on record until its exit, where it is decided what comes next.
        if down.cause == ChildDownCause::IkeSaClosed {
            return;
        }
        let (Some(connection), Some(role)) = (
            self.connection_of(id),
            self.registry.get(id).map(|record| record.role),
        ) else {
            return;
        };
        if down.cause == ChildDownCause::Rekeyed {
            // The child itself is still up.
            self.registry.child_down(id, down.inbound_spi);
            return;
        }
        self.publish_child_updown(id, down.inbound_spi, false);
        let Some(child) = self.registry.child_down(id, down.inbound_spi) else {
            return;
        };
        let why = match down.cause {
            ChildDownCause::PeerDeleted => "the peer deleted it",
            ChildDownCause::Terminated => "terminated",
            ChildDownCause::Rekeyed => "rekeyed",
            ChildDownCause::Expired => "its lifetime has passed",
            ChildDownCause::Inactive => "it carried nothing for too long",
            ChildDownCause::IkeSaClosed => "its IKE_SA is over",
        };
        let text = format!("CHILD_SA {} closed: {why}", down.name);
        self.tell(Group::Child, Some(&connection), Some(id), &text);
        self.with(&connection, context, |connection, world, actions| {
            connection.child_down(role, &child, down.cause, world, actions);
        });
    }
}

impl Handler<IkeSaExited> for Supervisor {
    type Result = ();

    fn handle(&mut self, exited: IkeSaExited, context: &mut Context<Self>) {
        let IkeSaExited { id, exit } = exited;
        self.registry.closing(id);
        self.shared.fragments.release(id);
        if let Some(record) = self.registry.get(id)
            && record.established.is_some()
        {
            for child in record.children.iter().map(|child| child.up.inbound_spi) {
                self.publish_child_updown(id, child, false);
            }
            self.publish_ike_updown(id, false);
        }
        self.ports.remove(&id);
        let Some(record) = self.registry.remove(id) else {
            return;
        };
        self.transport.do_send(RouteRemoved(record.local_spi));
        if !matches!(exit, Exit::Refused(_)) {
            // After a panic nobody trusts the dead to have cleaned up; otherwise this finds nothing.
            self.data_plane.do_send(Purge(id));
        }
        self.update_gauges();
        let cause = match exit {
            Exit::Closed(cause) => Some(EndCause::Closed(cause)),
            Exit::Panicked => {
                self.shared.counters.panics.increment();
                self.crashes.note(record.path.remote.ip(), Instant::now());
                tracing::error!(ike_sa = %id, remote = %record.path.remote,
                    "an IKE_SA ended by a panic; the others are not affected");
                Some(EndCause::Panicked)
            }
            Exit::Dropped => Some(EndCause::Dropped),
            Exit::Refused(failure) => {
                if let Some(failure) = failure {
                    self.refusals.tell(record.path, failure);
                    if let Some(kind) = alerts::of_ike_failure(failure) {
                        self.alert_all(kind);
                    }
                }
                None
            }
        };
        if let (None, Some(EndCause::Closed(cause))) = (&record.connection, cause)
            && cause != CloseCause::Terminated
        {
            self.refusals.tell(record.path, cause);
        }
        if let Some(cause) = cause {
            self.alert_end(&record, cause);
        }
        if let (Some(connection), Some(cause)) = (&record.connection, cause) {
            if record.established.is_some() {
                let text = format!("IKE_SA {connection}[{id}] closed: {}", cause.text());
                self.say(Some(connection), Some(id), &text);
            }
            self.with(connection, context, |connection, world, actions| {
                connection.ended(&record, cause, world, actions);
            });
        }
        self.count_drained();
    }
}

impl Supervisor {
    /// Publishes how many IKE_SAs there are.
    pub(super) fn update_gauges(&self) {
        let gauges = &self.shared.gauges;
        gauges.ike_sas.store(self.registry.len(), Ordering::Relaxed);
        gauges
            .half_open
            .store(self.registry.half_open(), Ordering::Relaxed);
    }

    fn publish_ike_updown(&self, id: IkeSaId, up: bool) {
        self.shared.bus.publish_if(|| {
            let listing = self.listing(self.registry.get(id)?);
            Some(ControlEvent::IkeUpdown { up, listing })
        });
    }

    fn publish_child_updown(&self, id: IkeSaId, spi: EspSpi, up: bool) {
        self.shared.bus.publish_if(|| {
            let listing = self.child_listing(id, spi)?;
            Some(ControlEvent::ChildUpdown { up, listing })
        });
    }

    /// An IKE_SA with just this one of its CHILD_SAs.
    fn child_listing(&self, id: IkeSaId, spi: EspSpi) -> Option<IkeSaListing> {
        let mut listing = self.listing(self.registry.get(id)?);
        listing.children.retain(|child| child.up.inbound_spi == spi);
        Some(listing)
    }
}

impl Supervisor {
    /// A record as it is listed.
    pub(super) fn listing(&self, record: &Record) -> IkeSaListing {
        let config = record
            .connection
            .as_ref()
            .and_then(|name| self.connections.get(name))
            .map(|connection| Arc::clone(connection.config()));
        IkeSaListing {
            id: record.id,
            connection: record
                .connection
                .clone()
                .unwrap_or_else(|| "(unnamed)".into()),
            state: record.state(),
            role: record
                .established
                .as_ref()
                .map_or(record.role, |facts| facts.role),
            path: record.path,
            local_spi: record.local_spi,
            established: record.established.clone(),
            established_at: record.established.as_ref().map(|facts| facts.at),
            children: record
                .children
                .iter()
                .map(|child| ChildListing {
                    id: child.id,
                    reqid: child.reqid,
                    closing: child.closing,
                    replaced: child.replaced,
                    carried: child.carried,
                    up: Arc::clone(&child.up),
                })
                .collect(),
            config,
        }
    }
}

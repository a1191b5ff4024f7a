//! The supervisor: the desired state, who lives, and what is done about the difference.
//!
//! This module is the shell: it turns messages into facts for the [`connection`] state machines and
//! carries out the actions they ask for. The rules are in [`connection`], [`policy`], [`backoff`]
//! and [`rotation`], which know no actor.

mod agenda;
pub(crate) mod alerts;
pub(crate) mod attempt;
mod backoff;
mod begin;
mod budget;
mod candidates;
mod configure;
pub(crate) mod connection;
mod control;
mod crashes;
mod drain;
mod maintenance;
pub(crate) mod messages;
mod paths;
mod policy;
pub(crate) mod probes;
mod publish;
pub(crate) mod redirect;
mod refusals;
mod registry;
mod reports;
mod resolver;
mod rotation;
mod scouts;
mod traps;
mod uniqueness;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use actix::{Actor, AsyncContext, Context, Handler, SpawnHandle};
use holdfast_config::Connection;
use holdfast_ike::sa::{CloseCause, Command};

use self::{
    agenda::Agenda,
    candidates::CandidateIndex,
    connection::{Action, Origin, Supervised, World},
    crashes::Crashes,
    drain::Draining,
    messages::{ChildExpired, PeerUnreachable, Resolved},
    policy::EndCause,
    probes::Probes,
    publish::Publisher,
    refusals::Refusals,
    registry::Registry,
    traps::TrapRegistry,
};
pub(crate) use self::{alerts::UNKNOWN_SPI, publish::Snapshot};
use crate::{
    bus::{ControlEvent, Group, LogLine},
    data_plane::DataPlaneActor,
    environment::Shared,
    handle::{CommandPort, IkeSaId, Order},
    post::Post,
    store,
    transport::Transport,
    workers::Workers,
};

/// How long a look-up may take before the attempt counts as failed.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that begin at the same instant when the agent starts, and the time until the next do:
/// 200 in a second.
const BEGUN_AT_ONCE: usize = 10;
const BEGIN_PACE: Duration = Duration::from_millis(50);

/// The supervisor.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    transport: Post<Transport>,
    data_plane: Post<DataPlaneActor>,
    workers: Workers,
    registry: Registry,
    ports: HashMap<IkeSaId, CommandPort>,
    connections: BTreeMap<Arc<str>, Supervised>,
    index: CandidateIndex,
    traps: TrapRegistry,
    probes: Probes,
    agenda: Agenda,
    alarm: Option<(Instant, SpawnHandle)>,
    publisher: Publisher,
    refusals: Refusals,
    crashes: Crashes,
    /// Of former runs and of connections that come and go.
    remembered: store::Connections,
    draining: Option<Draining>,
}

impl Supervisor {
    /// For the connections that are configured at the start.
    pub(crate) fn new(
        shared: Arc<Shared>,
        transport: Post<Transport>,
        data_plane: Post<DataPlaneActor>,
        workers: Workers,
        configured: &BTreeMap<String, Arc<Connection>>,
        mut remembered: store::Connections,
    ) -> Self {
        let now = Instant::now();
        let mut index = CandidateIndex::default();
        let mut connections = BTreeMap::new();
        for config in configured.values() {
            index.add(config);
            let mut connection = Supervised::new(Arc::clone(config), Origin::File, now);
            connection.remember(&mut remembered);
            connections.insert(Arc::clone(&config.name), connection);
        }
        Self {
            index,
            connections,
            shared,
            transport,
            data_plane,
            workers,
            registry: Registry::default(),
            refusals: Refusals::default(),
            crashes: Crashes::default(),
            ports: HashMap::new(),
            traps: TrapRegistry::default(),
            probes: Probes::new(now),
            agenda: Agenda::default(),
            alarm: None,
            publisher: Publisher::default(),
            remembered,
            draining: None,
        }
    }

    /// Lets a connection decide, then does what it asks for.
    fn with<R>(
        &mut self,
        name: &Arc<str>,
        context: &mut Context<Self>,
        decide: impl FnOnce(&mut Supervised, &World<'_>, &mut Vec<Action>) -> R,
    ) -> Option<R> {
        let mut actions = Vec::new();
        let failures = |supervisor: &Self| {
            let connection = supervisor.connections.get(name);
            connection.map_or(0, |connection| connection.history().failures.get())
        };
        let before = failures(self);
        let result = self.ask(name, &mut actions, decide)?;
        self.perform(name, actions, context);
        let deadline = self.connections.get(name).and_then(Supervised::deadline);
        self.agenda.set(name, deadline);
        self.arm(context);
        self.observe(name, failures(self) > before);
        self.mark_changed(context);
        Some(result)
    }

    /// Keeps the history of a connection after it has decided something.
    fn observe(&self, name: &Arc<str>, failed: bool) {
        let Some(connection) = self.connections.get(name) else {
            return;
        };
        let bus = &self.shared.bus;
        if failed {
            bus.publish(|| connection.failure(Instant::now()));
        }
        if let Some(up) = connection.observe(&self.registry, SystemTime::now()) {
            bus.publish(|| connection.change(&self.registry, up));
        }
    }

    fn ask<R>(
        &mut self,
        name: &Arc<str>,
        actions: &mut Vec<Action>,
        decide: impl FnOnce(&mut Supervised, &World<'_>, &mut Vec<Action>) -> R,
    ) -> Option<R> {
        let connection = self.connections.get_mut(name)?;
        let world = World {
            registry: &self.registry,
            now: Instant::now(),
            fraction: self.shared.random_fraction(),
        };
        Some(decide(connection, &world, actions))
    }

    fn perform(&mut self, name: &Arc<str>, actions: Vec<Action>, context: &mut Context<Self>) {
        let mut queue = VecDeque::from(actions);
        while let Some(action) = queue.pop_front() {
            let mut more = Vec::new();
            match action {
                Action::Say(text) => self.say(Some(name), None, &text),
                Action::Trap(child) => self.trap(name, &child, context),
                Action::Untrap(child) => self.untrap(name, &child),
                Action::Refuse(child) => self.refuse(name, &child),
                Action::Command { id, command } => self.command(id, command),
                Action::Resolve { ticket, names } => self.resolve(name, ticket, names, context),
                Action::Begin {
                    remote,
                    child,
                    redirected_from,
                } => match self.initiate(name, remote, child.as_ref(), redirected_from) {
                    Ok(id) => {
                        self.ask(name, &mut more, |connection, world, _| {
                            connection.begun(id, child.as_ref(), world);
                        });
                    }
                    Err(cause) => {
                        if matches!(cause, EndCause::NoRoute) {
                            self.alert_all(alerts::NO_ADDRESS);
                        }
                        self.ask(name, &mut more, |connection, world, more| {
                            connection.not_begun(cause, world, more);
                        });
                    }
                },
            }
            queue.extend(more);
        }
    }

    /// Gives an order, and keeps the record true: what is ordered to go takes no more work.
    fn command(&mut self, id: IkeSaId, command: Command) {
        if let Some(record) = self.registry.get_mut(id) {
            match &command {
                Command::Terminate | Command::Abandon(_) => record.closing = true,
                Command::TerminateChild(spi) => {
                    for child in &mut record.children {
                        child.closing |= child.up.inbound_spi == *spi;
                    }
                }
                Command::Initiate(_)
                | Command::Rekey
                | Command::RekeyChild(_)
                | Command::Probe
                | Command::Redirect(_)
                | Command::CheckPath
                | Command::Configure(_) => {}
            }
        }
        if let Some(port) = self.ports.get(&id) {
            port.order(Order::Command(command));
        }
    }

    fn resolve(
        &mut self,
        name: &Arc<str>,
        ticket: u64,
        names: Vec<String>,
        context: &mut Context<Self>,
    ) {
        let supervisor = self.shared.supervisor.clone();
        let connection = Arc::clone(name);
        resolver::resolve(name, names, move |addresses| {
            supervisor.do_send(Resolved {
                connection,
                ticket,
                addresses,
            });
        });
        // An answer that comes later meets another ticket.
        let connection = Arc::clone(name);
        context.run_later(RESOLVE_TIMEOUT, move |supervisor, context| {
            supervisor.with(&connection, context, |connection, world, actions| {
                connection.resolved(ticket, Vec::new(), world, actions);
            });
        });
    }

    /// Tells operators what concerns an IKE_SA, in the log and on the control socket.
    fn say(&self, connection: Option<&Arc<str>>, ike_sa: Option<IkeSaId>, text: &str) {
        self.tell(Group::Ike, connection, ike_sa, text);
    }

    fn tell(
        &self,
        group: Group,
        connection: Option<&Arc<str>>,
        ike_sa: Option<IkeSaId>,
        text: &str,
    ) {
        match (connection, ike_sa) {
            (Some(name), Some(id)) => tracing::info!(connection = %name, ike_sa = %id, "{text}"),
            (Some(name), None) => tracing::info!(connection = %name, "{text}"),
            (None, _) => tracing::info!("{text}"),
        }
        self.shared.bus.publish(|| {
            ControlEvent::Log(LogLine {
                group,
                connection: connection.cloned(),
                ike_sa,
                text: text.to_owned(),
            })
        });
    }

    /// Keeps the one timer at the first deadline of all.
    fn arm(&mut self, context: &mut Context<Self>) {
        let first = self.agenda.first();
        if self.alarm.map(|(at, _)| at) == first {
            return;
        }
        if let Some((_, handle)) = self.alarm.take() {
            context.cancel_future(handle);
        }
        if let Some(at) = first {
            let wait = at.saturating_duration_since(Instant::now());
            let handle = context.run_later(wait, |supervisor, context| {
                supervisor.alarm = None;
                supervisor.attend(context);
            });
            self.alarm = Some((at, handle));
        }
    }

    fn attend(&mut self, context: &mut Context<Self>) {
        let now = Instant::now();
        while let Some(name) = self.agenda.due(now) {
            self.with(&name, context, Supervised::reconcile);
        }
        self.arm(context);
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        self.begin_all(self.connections.keys().cloned().collect(), context);
        Self::keep_histories(context);
        Self::send_scouts(context);
    }
}

impl Supervisor {
    /// Lets connections begin a few at a time: what is begun together is sent again together.
    fn begin_all(&mut self, mut names: VecDeque<Arc<str>>, context: &mut Context<Self>) {
        for name in names.drain(..names.len().min(BEGUN_AT_ONCE)) {
            self.with(&name, context, Supervised::reconcile);
            self.configure_probes(&name, context);
        }
        if !names.is_empty() && self.draining.is_none() {
            context.run_later(BEGIN_PACE, |supervisor, context| {
                supervisor.begin_all(names, context);
            });
        }
    }
}

impl Handler<Resolved> for Supervisor {
    type Result = ();

    fn handle(&mut self, answer: Resolved, context: &mut Context<Self>) {
        let resolves = |connection: &Supervised| connection.resolves(answer.ticket);
        let awaited = self
            .connections
            .get(&answer.connection)
            .is_some_and(resolves);
        if answer.addresses.is_empty() && awaited {
            self.alert_all(alerts::NO_ADDRESS);
        }
        self.with(&answer.connection, context, |connection, world, actions| {
            connection.resolved(answer.ticket, answer.addresses, world, actions);
        });
    }
}

impl Handler<PeerUnreachable> for Supervisor {
    type Result = ();

    fn handle(&mut self, hint: PeerUnreachable, context: &mut Context<Self>) {
        for name in self.index.naming(hint.remote.ip()) {
            self.with(&name, context, |connection, world, actions| {
                connection.unreachable(hint.remote, hint.reason, world, actions);
            });
        }
    }
}

impl Handler<ChildExpired> for Supervisor {
    type Result = ();

    fn handle(&mut self, expired: ChildExpired, _: &mut Context<Self>) {
        if let Some(port) = self.ports.get(&expired.owner) {
            port.order(Order::ChildExpired {
                inbound: expired.inbound,
                hard: expired.hard,
            });
        }
    }
}

/// Forgetting, as opposed to telling the peer.
const FORGET: Command = Command::Abandon(CloseCause::Terminated);

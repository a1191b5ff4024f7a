//! The actor that owns one IKE_SA: feeds its core, carries out what the core asks for, and keeps
//! its one timer.

use std::{
    cell::Cell,
    future::poll_fn,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    task::{Context as TaskContext, Poll, Waker},
    time::{Duration, Instant},
};

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, SpawnHandle, WrapFuture,
    dev::channel::AddressReceiver,
};
use actix_rt::ArbiterHandle;
use holdfast_ike::{
    ChildConfig, ChildSa, Connection, Counters, EspSpi, IkeSpi, Path,
    sa::{
        Candidate, CloseCause, Command, Contacts, CredentialRequest, Event, IkeSa, Input, Output,
        SaOptions, admission::InitRequest,
    },
};

use crate::{
    eap,
    environment::{Shared, StepEnvironment},
    handle::{DatagramReceived, IkeSaId, Order},
    message_log::{self, Way},
    monitor::{self, Ending, log_panic},
    supervisor::messages::{Exit, IkeSaExited, IkeSaReported},
};
use holdfast_ipsec::Usage;

/// Datagrams handled before others on the arbiter get a turn: actix's mailbox loop has no budget
/// of its own, and a flood towards one SPI must not starve the neighbours.
const FAIR_SHARE: u8 = 32;

/// A deadline that is due fires after this wait at the earliest, so that a core which keeps asking
/// for the past cannot spin.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// What an IKE_SA is made of.
pub(crate) enum Origin {
    /// We start.
    Initiate {
        /// How it is negotiated.
        connection: Arc<Connection>,
        /// Its count of established IKE_SAs.
        contacts: Contacts,
        /// From where to where.
        path: Path,
        /// The child that travels in IKE_AUTH.
        child: Option<Arc<ChildConfig>>,
        /// The gateway that sent us there.
        redirected_from: Option<holdfast_ike::sa::redirect::Gateway>,
        /// The session that it may resume.
        session: Option<Arc<holdfast_ike::sa::resumption::Session>>,
    },
    /// A peer starts.
    Respond {
        /// Its IKE_SA_INIT request.
        request: Box<InitRequest>,
        /// The connections it may mean.
        candidates: Vec<Candidate>,
    },
}

/// An armed timer.
#[derive(Clone, Copy)]
struct Alarm {
    at: Instant,
    handle: SpawnHandle,
}

/// One IKE_SA.
pub(crate) struct IkeSaActor {
    id: IkeSaId,
    /// Our SPI at the beginning, by which the transport knows this mailbox.
    first_spi: IkeSpi,
    shared: Arc<Shared>,
    /// The counters of its connection, once that is known.
    tally: Option<Arc<Counters>>,
    /// Gone after a panic inside it and after its end.
    core: Option<Box<IkeSa>>,
    alarm: Option<Alarm>,
    /// Read by the exit report.
    exit: Rc<Cell<Exit>>,
    /// The EAP conversation that goes on, unless it is lent out.
    eap: eap::Place,
    handled: u8,
    draining: bool,
}

impl Actor for IkeSaActor {
    // `started`, `stopping` and `stopped` stay empty on purpose: actix runs them while a broken or
    // never polled actor is dropped, where a panic would be noisy at best.
    type Context = Context<Self>;
}

/// Starts an IKE_SA on `arbiter`. Whatever happens next, the supervisor gets exactly one
/// [`IkeSaExited`], unless this returns `false`: then the arbiter is gone.
pub(crate) fn start(
    arbiter: &ArbiterHandle,
    shared: Arc<Shared>,
    id: IkeSaId,
    local_spi: IkeSpi,
    options: SaOptions,
    origin: Origin,
    mailbox: AddressReceiver<IkeSaActor>,
) -> bool {
    arbiter.spawn_fn(move || {
        let exit = Rc::new(Cell::new(Exit::Dropped));
        let life = live(
            Arc::clone(&shared),
            id,
            local_spi,
            options,
            origin,
            mailbox,
            Rc::clone(&exit),
        );
        let report = move |ending| {
            let exit = match ending {
                Ending::Panicked => Exit::Panicked,
                Ending::Finished | Ending::Dropped => exit.get(),
            };
            shared.supervisor.do_send(IkeSaExited { id, exit });
        };
        actix_rt::spawn(monitor::watch(life, report));
    })
}

/// The whole life of an IKE_SA: creation, which may already panic or be refused, then its actor.
async fn live(
    shared: Arc<Shared>,
    id: IkeSaId,
    local_spi: IkeSpi,
    options: SaOptions,
    origin: Origin,
    mailbox: AddressReceiver<IkeSaActor>,
    exit: Rc<Cell<Exit>>,
) {
    let now = Instant::now();
    let tally = match &origin {
        Origin::Initiate { connection, .. } => Some(shared.tallies.of(&connection.name)),
        // Known once the peer has said who it is.
        Origin::Respond { .. } => None,
    };
    let mut env = StepEnvironment::new(&shared, id, local_spi, tally.as_deref());
    let core = match origin {
        Origin::Initiate {
            connection,
            contacts,
            path,
            child,
            redirected_from: _,
            session: _,
        } => IkeSa::initiate(
            connection, contacts, local_spi, path, child, options, now, &mut env,
        ),
        Origin::Respond {
            request,
            candidates,
        } => {
            let path = request.path();
            match IkeSa::respond(*request, candidates, local_spi, options, now, &mut env) {
                Ok(core) => core,
                Err(refusal) => {
                    exit.set(Exit::Refused(refusal.failure));
                    if let Some(reply) = refusal.reply {
                        shared.transmit(path, &reply);
                    }
                    return;
                }
            }
        }
    };
    drop(env);
    let actor = IkeSaActor {
        id,
        first_spi: local_spi,
        shared,
        tally,
        core: Some(Box::new(core)),
        alarm: None,
        exit,
        eap: Rc::default(),
        handled: 0,
        draining: false,
    };
    let context = Context::with_receiver(mailbox);
    context.into_future(actor).await;
}

/// First message in every mailbox: the outputs of the core's creation are waiting.
pub(crate) struct Begin;

impl actix::Message for Begin {
    type Result = ();
}

impl Handler<Begin> for IkeSaActor {
    type Result = ();

    fn handle(&mut self, Begin: Begin, context: &mut Context<Self>) {
        self.step(context, |_, _| ());
    }
}

impl Handler<DatagramReceived> for IkeSaActor {
    type Result = ();

    fn handle(&mut self, datagram: DatagramReceived, context: &mut Context<Self>) {
        self.log(Way::Received(datagram.path.remote), &datagram.data);
        self.step(context, |core, env| {
            let input = Input::Datagram {
                path: datagram.path,
                data: &datagram.data,
            };
            core.handle(input, datagram.received, env);
        });
        self.handled += 1;
        if self.handled >= FAIR_SHARE {
            self.handled = 0;
            context.wait(tokio::task::yield_now().into_actor(self));
        }
    }
}

impl Handler<Order> for IkeSaActor {
    type Result = ();

    fn handle(&mut self, order: Order, context: &mut Context<Self>) {
        let command = match order {
            // Whoever is leaving starts nothing new.
            Order::Command(Command::Initiate(_)) if self.draining => return,
            Order::Command(command) => command,
            Order::Drain => {
                self.draining = true;
                Command::Terminate
            }
            Order::ChildExpired { inbound, hard } => {
                self.step(context, |core, env| {
                    let input = Input::ChildExpired {
                        inbound_spi: inbound,
                        hard,
                    };
                    core.handle(input, Instant::now(), env);
                });
                return;
            }
            Order::PeerMoved { inbound, path } => {
                self.step(context, |core, env| {
                    let input = Input::PeerMoved {
                        inbound_spi: inbound,
                        path,
                    };
                    core.handle(input, Instant::now(), env);
                });
                return;
            }
            #[cfg(feature = "fault-injection")]
            Order::Panic => {
                self.step(context, |_, _| panic!("injected by a test"));
                return;
            }
        };
        self.step(context, |core, env| {
            core.handle(Input::Command(command), Instant::now(), env);
        });
    }
}

/// What one step left to be done outside the core.
#[derive(Default)]
struct Aftermath {
    events: Vec<Event>,
    /// What removed CHILD_SAs had carried.
    carried: Vec<(EspSpi, Usage)>,
    datagrams: Vec<(Path, Vec<u8>)>,
    keepalives: Vec<Path>,
    closed: Option<CloseCause>,
    /// Whose it has turned out to be.
    connection: Option<Arc<str>>,
}

impl IkeSaActor {
    /// The fence: every call into the core goes through here. A panic in it costs this IKE_SA and
    /// nothing else: the core is dropped, so nobody ever meets a broken one, and the actor stops.
    fn step(
        &mut self,
        context: &mut Context<Self>,
        input: impl FnOnce(&mut IkeSa, &mut StepEnvironment<'_>),
    ) {
        let Some(mut core) = self.core.take() else {
            return;
        };
        let fenced = AssertUnwindSafe(|| {
            let tally = self.tally.as_deref();
            let mut env = StepEnvironment::new(&self.shared, self.id, self.first_spi, tally);
            input(&mut core, &mut env);
            let mut aftermath = Aftermath::default();
            self.drain(&mut core, &mut env, context, &mut aftermath);
            (aftermath, core.poll_timeout())
        });
        match catch_unwind(fenced) {
            Ok((aftermath, timeout)) => {
                self.core = Some(core);
                self.finish(aftermath, timeout.map(|(at, _)| at), context);
            }
            Err(payload) => {
                log_panic(payload.as_ref());
                std::mem::forget(payload);
                // Dropping a broken core may panic once more.
                if catch_unwind(AssertUnwindSafe(move || drop(core))).is_err() {
                    tracing::error!(ike_sa = %self.id, "dropping the broken IKE_SA panicked too");
                }
                self.exit.set(Exit::Panicked);
                context.stop();
            }
        }
    }

    /// Empties the core's outputs, and those that an installation done at once brings forth.
    fn drain(
        &self,
        core: &mut IkeSa,
        env: &mut StepEnvironment<'_>,
        context: &mut Context<Self>,
        aftermath: &mut Aftermath,
    ) {
        while let Some(output) = core.poll_output() {
            match output {
                Output::Transmit { path, data } => aftermath.datagrams.push((path, data)),
                Output::Keepalive(path) => aftermath.keepalives.push(path),
                Output::InstallChild(child) => {
                    let inbound_spi = child.inbound_spi;
                    if let Some(installed) = self.install(*child, context) {
                        let input = Input::ChildInstalled {
                            inbound_spi,
                            installed,
                        };
                        core.handle(input, Instant::now(), env);
                    }
                }
                Output::Credential(request) => {
                    self.ask(*request, core.path().remote, context);
                }
                Output::RemoveChild(spi) => {
                    // Afterwards the data plane knows nothing of it any more.
                    let usage = self.shared.plane.usage(spi);
                    aftermath.carried.extend(usage.map(|usage| (spi, usage)));
                    self.shared.plane.remove(spi);
                }
                Output::AssignAddress(address) => self.shared.plane.assign(self.id, address),
                Output::WithdrawAddress(address) => self.shared.plane.withdraw(self.id, address),
                Output::StartSending(spi) => self.shared.plane.start_sending(spi),
                Output::StopSending(spi) => self.shared.plane.stop_sending(spi),
                Output::UpdateChild {
                    inbound_spi,
                    path,
                    encapsulation,
                } => self
                    .shared
                    .plane
                    .update_path(inbound_spi, path, encapsulation),
                Output::Event(Event::Closed(cause)) => aftermath.closed = Some(cause),
                Output::Event(Event::KeyLog(entry)) => self.shared.log_key(&entry),
                Output::Event(event) => {
                    if let Event::Established(established) = &event {
                        aftermath.connection = Some(Arc::clone(&established.connection));
                    }
                    aftermath.events.push(event);
                }
            }
        }
    }

    /// Hands a CHILD_SA to the data plane. Most answer at once; the others are awaited without
    /// holding up the mailbox.
    fn install(&self, child: ChildSa, context: &mut Context<Self>) -> Option<bool> {
        let inbound_spi = child.inbound_spi;
        let name = Arc::clone(&child.name);
        let id = self.id;
        let mut installing = self.shared.plane.install(id, child);
        let mut at_once = TaskContext::from_waker(Waker::noop());
        let judge = move |result: Result<(), holdfast_ipsec::InstallError>| match result {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(ike_sa = %id, child = %name, %error, "CHILD_SA not installed");
                false
            }
        };
        match installing.as_mut().poll(&mut at_once) {
            Poll::Ready(result) => Some(judge(result)),
            Poll::Pending => {
                let later = poll_fn(move |task| installing.as_mut().poll(task));
                context.spawn(later.into_actor(self).map(move |result, actor, context| {
                    actor.child_installed(inbound_spi, judge(result), context);
                }));
                None
            }
        }
    }

    /// Has a question answered elsewhere, without holding up the mailbox.
    fn ask(&self, request: CredentialRequest, remote: SocketAddr, context: &mut Context<Self>) {
        let (id, eap) = (request.id, Rc::clone(&self.eap));
        let answer = eap::answer(Arc::clone(&self.shared), eap, request, remote);
        context.spawn(answer.into_actor(self).map(move |answer, actor, context| {
            actor.step(context, |core, env| {
                core.handle(Input::Credential { id, answer }, Instant::now(), env);
            });
        }));
    }

    fn child_installed(
        &mut self,
        inbound_spi: EspSpi,
        installed: bool,
        context: &mut Context<Self>,
    ) {
        self.step(context, |core, env| {
            let input = Input::ChildInstalled {
                inbound_spi,
                installed,
            };
            core.handle(input, Instant::now(), env);
        });
    }

    /// Tells the supervisor first, then the peer: when the peer's answer to a message comes back,
    /// what the message said is already known here.
    fn finish(
        &mut self,
        aftermath: Aftermath,
        timeout: Option<Instant>,
        context: &mut Context<Self>,
    ) {
        if let Some(connection) = aftermath.connection
            && self.tally.is_none()
        {
            self.tally = Some(self.shared.tallies.of(&connection));
        }
        if !aftermath.events.is_empty() {
            self.shared.supervisor.do_send(IkeSaReported {
                id: self.id,
                events: aftermath.events,
                carried: aftermath.carried,
            });
        }
        for (path, data) in aftermath.datagrams {
            self.log(Way::Sent(path.remote), &data);
            self.shared.transmit(path, &data);
        }
        for path in aftermath.keepalives {
            self.shared.keepalive(path);
        }
        if let Some(cause) = aftermath.closed {
            self.exit.set(Exit::Closed(cause));
            self.core = None;
            context.stop();
            return;
        }
        self.arm(timeout, context);
    }

    fn log(&self, way: Way, message: &[u8]) {
        let known = self.core.as_ref().filter(|_| self.tally.is_some());
        let connection = known.map(|core| &core.connection().name);
        message_log::tell(&self.shared.bus, self.id, connection, way, message);
    }

    /// Keeps the one timer at the core's deadline.
    fn arm(&mut self, deadline: Option<Instant>, context: &mut Context<Self>) {
        if self.alarm.map(|alarm| alarm.at) == deadline {
            return;
        }
        if let Some(alarm) = self.alarm.take() {
            context.cancel_future(alarm.handle);
        }
        let Some(at) = deadline else {
            return;
        };
        let wait = at
            .saturating_duration_since(Instant::now())
            .max(SHORTEST_WAIT);
        let handle = context.run_later(wait, |actor, context| {
            actor.alarm = None;
            actor.step(context, |core, env| {
                core.handle(Input::Timeout, Instant::now(), env);
            });
        });
        self.alarm = Some(Alarm { at, handle });
    }
}

//! Putting the agent together, and taking it apart.

use std::{
    net::UdpSocket,
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use actix_rt::{Arbiter, System};
use holdfast_config::{Agent, Config, DataPlaneKind, Loaded};
use holdfast_ipsec::{
    DataPlane, Device, NatTDatagram, NonePlane, PacketDevice, PlaneEvent, Userspace,
    UserspaceOptions,
};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::{
    StartError,
    bus::ControlEvent,
    data_plane::{DataPlaneActor, Plane},
    environment::{Parts, Shared},
    events::{self, Form},
    health::{self, Canaries, HealthServer},
    keylog,
    monitor::{Ending, mailbox, spawn_singleton},
    network_watch::NetworkWatch,
    post::{Meters, Post},
    reload,
    sandbox::Sandbox,
    shutdown::{Cause, Drainer, Exit, Requests, ShutdownPort},
    socket::Sockets,
    store,
    supervisor::{Supervisor, alerts::STATE_NOT_KEPT},
    transport::Transport,
    vici_listener::{self, Listener},
    watchdog::{self, Watchdog},
    workers::{self, Workers},
};

/// Room in the singletons' mailboxes. Who sends to them is bounded elsewhere: IKE_SAs report
/// once a step, sessions wait for their answers.
const SINGLETON_CAPACITY: usize = 1024;

/// IKE messages from the data plane that may wait for the transport.
const NAT_T_QUEUE: usize = 1024;

/// Reports of the data plane that may wait for its keeper.
const PLANE_EVENTS: usize = 1024;

/// How long the last lines of the key log may take to reach the disk.
const KEY_LOG_PATIENCE: Duration = Duration::from_millis(100);

/// What the agent runs with.
pub struct Options {
    /// The configuration.
    pub loaded: Loaded,
    /// Where it was loaded from.
    pub config_path: PathBuf,
    /// Packets come from and go to this instead of a TUN device.
    pub device: Option<Arc<dyn PacketDevice>>,
}

/// Ways for the program around the agent to take part.
#[derive(Default)]
pub struct Hooks {
    /// Called once everything is up.
    pub ready: Option<Box<dyn FnOnce() + Send>>,
    /// Called when sockets and files are open and there is no other thread yet: what the process
    /// gives up here no part of the agent has. Whatever later needs more must be prepared before.
    pub confine: Option<Box<dyn FnOnce() -> Sandbox + Send>>,
    /// Where operators' commands are run: the other end is a runner's, see [`crate::hooks`].
    pub runner: Option<UnixStream>,
    /// Hears regularly that every arbiter answers.
    pub watchdog: Option<Watchdog>,
    /// Called when the drain begins.
    pub stopping: Option<Box<dyn FnOnce() + Send>>,
    /// Stops the agent as SIGTERM would.
    pub stop: Stop,
}

/// Stops an agent from another thread.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Mutex<StopState>>);

#[derive(Debug, Default)]
struct StopState {
    asked: bool,
    port: Option<ShutdownPort>,
}

impl Stop {
    /// Asks the agent to drain; asked twice it exits at once. Asking before it runs is remembered.
    pub fn stop(&self) {
        let mut state = self.state();
        state.asked = true;
        if let Some(port) = &state.port {
            port.request(Cause::Asked("stop"));
        }
    }

    fn connect(&self, port: ShutdownPort) {
        let mut state = self.state();
        if state.asked {
            port.request(Cause::Asked("stop"));
        }
        state.port = Some(port);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, StopState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the agent on the calling thread until a signal ends it.
pub fn run(options: Options) -> Result<Exit, StartError> {
    run_with(options, Hooks::default())
}

/// Runs the agent on the calling thread until a signal or [`Stop::stop`] ends it.
pub fn run_with(options: Options, mut hooks: Hooks) -> Result<Exit, StartError> {
    let mut prepared = Prepared::new(&options)?;
    prepared.sandbox = hooks.confine.take().map(|confine| confine());
    let (key_log, key_writer) = prepared
        .key_log
        .take()
        .map(keylog::start)
        .transpose()?
        .unzip();
    let system = System::new();
    let exit = system.block_on(live(options, hooks, prepared, key_log));
    drop(system);
    if let Some(writer) = key_writer {
        // Ends with the last of those who could write.
        finish(writer, KEY_LOG_PATIENCE);
    }
    exit
}

/// Joins a thread that ends by itself once nobody uses it, without staking the exit on it.
pub(crate) fn finish(thread: JoinHandle<()>, patience: Duration) {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if thread.is_finished() {
            let _ = thread.join();
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Everything that can be refused is asked for before anything runs.
struct Prepared {
    sockets: Sockets,
    vici: Listener,
    /// Sockets that tell events, and how.
    events: Vec<(Listener, Form)>,
    health: Option<std::net::TcpListener>,
    key_log: Option<keylog::Tables>,
    sandbox: Option<Sandbox>,
}

impl Prepared {
    fn new(options: &Options) -> Result<Self, StartError> {
        let agent = &options.loaded.config.agent;
        // The control socket first: it tells best that another agent runs.
        let vici = Listener::bind(agent)?;
        let mut events = Vec::new();
        let others = bind_events(agent, &mut events).and_then(|()| {
            let sockets = Sockets::bind(agent)?;
            let health = agent.health.map(health::bind).transpose()?;
            let key_log = agent.keylog.as_deref().map(keylog::open).transpose()?;
            Ok((sockets, health, key_log))
        });
        match others {
            Ok((sockets, health, key_log)) => Ok(Self {
                sockets,
                vici,
                events,
                health,
                key_log,
                sandbox: None,
            }),
            Err(error) => {
                vici.address().remove();
                for (listener, _) in events {
                    listener.address().remove();
                }
                Err(error)
            }
        }
    }

    /// What is to be removed from the file system at the end.
    fn addresses(&self) -> Vec<vici_listener::Address> {
        let events = self.events.iter().map(|(listener, _)| listener);
        [&self.vici]
            .into_iter()
            .chain(events)
            .map(Listener::address)
            .collect()
    }
}

fn bind_events(agent: &Agent, events: &mut Vec<(Listener, Form)>) -> Result<(), StartError> {
    for (key, address, form) in [
        ("events", &agent.events, Form::Json),
        ("error_notify", &agent.error_notify, Form::ErrorNotify),
    ] {
        if let Some(address) = address {
            events.push((Listener::bind_events(key, address, agent)?, form));
        }
    }
    Ok(())
}

/// The data plane and the two ways it speaks to us.
struct StartedPlane {
    back_end: Arc<dyn DataPlane>,
    events: mpsc::Receiver<PlaneEvent>,
    nat_t: Option<mpsc::Receiver<NatTDatagram>>,
}

fn start_plane(
    config: &Config,
    sockets: &Sockets,
    device: Option<Arc<dyn PacketDevice>>,
) -> Result<StartedPlane, StartError> {
    let (events_in, events) = mpsc::channel(PLANE_EVENTS);
    let random: holdfast_ipsec::Random = {
        let system = SystemRandom::new();
        Arc::new(move |buffer: &mut [u8]| {
            system
                .fill(buffer)
                .expect("the operating system's random generator works");
        })
    };
    let agent = &config.agent;
    match agent.dataplane {
        DataPlaneKind::Kernel => Err(StartError::NoKernelPlane),
        DataPlaneKind::None => Ok(StartedPlane {
            back_end: Arc::new(NonePlane::new(random)),
            events,
            nat_t: None,
        }),
        DataPlaneKind::Auto | DataPlaneKind::Userspace => {
            let (ike, nat_t) = mpsc::channel(NAT_T_QUEUE);
            let sockets = sockets
                .iter()
                .filter(|socket| socket.nat_t)
                .map(|socket| socket.socket.try_clone())
                .collect::<std::io::Result<Vec<UdpSocket>>>()?;
            let device = match device {
                Some(device) => Device::Custom(device),
                None => Device::Tun {
                    name: agent.tun.name.clone(),
                    mtu: agent.tun.mtu,
                },
            };
            let userspace = Userspace::start(UserspaceOptions {
                device,
                sockets,
                ike,
                events: events_in,
                manage_routes: agent.install_routes,
                random,
            })?;
            Ok(StartedPlane {
                back_end: Arc::new(userspace),
                events,
                nat_t: Some(nat_t),
            })
        }
    }
}

/// What runs, and what it takes to stop it.
struct Running {
    drainer: Drainer,
    network: NetworkWatch,
    arbiters: Vec<Arbiter>,
    health: Option<HealthServer>,
    state: Option<store::Writer>,
}

/// Who outside of the agent is told about it while it runs.
struct Outside {
    watchdog: Option<Watchdog>,
    runner: Option<UnixStream>,
}

async fn live(
    options: Options,
    hooks: Hooks,
    prepared: Prepared,
    key_log: Option<keylog::KeyLogPort>,
) -> Result<Exit, StartError> {
    let mut requests = Requests::new()?;
    let hangup = signal(SignalKind::hangup())?;
    let addresses = prepared.addresses();
    let remove = move || {
        addresses
            .into_iter()
            .for_each(vici_listener::Address::remove);
    };
    let outside = Outside {
        watchdog: hooks.watchdog,
        runner: hooks.runner,
    };
    let running = match start(options, prepared, key_log, outside, &requests.port()) {
        Ok(running) => running,
        Err(error) => {
            remove();
            return Err(error);
        }
    };
    hooks.stop.connect(requests.port());
    actix_rt::spawn(reload::at_each(hangup, Arc::clone(&running.drainer.shared)));
    if let Some(ready) = hooks.ready {
        ready();
    }
    let cause = requests.next().await;
    if let Some(stopping) = hooks.stopping {
        stopping();
    }
    let exit = running.drainer.run(cause, &mut requests).await;
    remove();
    drop(running.network);
    if exit != Exit::Interrupted {
        workers::stop(running.arbiters);
    }
    if let Some(health) = running.health {
        health.stop();
    }
    if let Some(writer) = running.state {
        writer.stop();
    }
    tracing::info!(?exit, "stopped");
    Ok(exit)
}

fn start(
    options: Options,
    prepared: Prepared,
    key_log: Option<keylog::KeyLogPort>,
    outside: Outside,
    shutdown: &ShutdownPort,
) -> Result<Running, StartError> {
    let config = options.loaded.config;
    let agent = config.agent.clone();
    let plane = start_plane(&config, &prepared.sockets, options.device)?;
    let (remembered, store, state_file) = store::open(&agent.state_dir).into_parts();
    let (supervisor, supervisor_mail) = mailbox(SINGLETON_CAPACITY);
    let (transport, transport_mail) = mailbox(SINGLETON_CAPACITY);
    let (data_plane, data_plane_mail) = mailbox(SINGLETON_CAPACITY);
    let meters = Meters::default();
    let supervisor = Post::new(supervisor, &meters.supervisor);
    let transport = Post::new(transport, &meters.transport);
    let data_plane = Post::new(data_plane, &meters.data_plane);
    let shared = Arc::new(Shared::new(Parts {
        agent: agent.clone(),
        config_path: options.config_path,
        secrets: Arc::clone(&config.secrets),
        radius: config.radius.clone(),
        sockets: prepared.sockets,
        plane: Plane::new(plane.back_end),
        key_log,
        store: store.clone(),
        leases: remembered.leases,
        sandbox: prepared.sandbox,
        supervisor,
        transport: transport.clone(),
        meters,
    }));
    let state = store::start(state_file, &store, {
        let shared = Arc::downgrade(&shared);
        move || {
            if let Some(shared) = shared.upgrade() {
                shared.bus.publish(|| ControlEvent::Alert {
                    kind: STATE_NOT_KEPT,
                    listing: None,
                });
            }
        }
    })?;
    shared.pools.apply(&config.pools);
    // Before anybody needs to know an address of ours.
    let network = NetworkWatch::start(&shared)?;
    let mut arbiters = workers::start(agent.workers)?;
    let handles: Vec<_> = arbiters.iter().map(Arbiter::handle).collect();
    // Control clients get a thread of their own: a storm of them slows no handshake.
    let control = Arbiter::try_new()?;
    let mut canaries = Canaries::new(&Arbiter::current(), &control.handle());
    canaries.add_workers(&handles);
    let canaries = Arc::new(canaries);
    if let Some(watchdog) = outside.watchdog {
        control.spawn(watchdog::watch(watchdog, Arc::clone(&canaries)));
    }

    let fails = |part: &'static str| {
        let shutdown = shutdown.clone();
        move |ending: Ending| {
            // Dropped is how every actor ends after the drain.
            if ending != Ending::Dropped {
                shutdown.request(Cause::Failed(part));
            }
        }
    };
    let reader = Transport::new(Arc::clone(&shared), plane.nat_t)?;
    spawn_singleton(transport_mail, reader, fails("transport"));
    let keeper = DataPlaneActor::new(Arc::clone(&shared), plane.events, shutdown.clone());
    spawn_singleton(data_plane_mail, keeper, fails("data plane's keeper"));
    let supervising = Supervisor::new(
        Arc::clone(&shared),
        transport.clone(),
        data_plane.clone(),
        Workers::new(handles),
        &config.connections,
        remembered.connections,
    );
    spawn_singleton(supervisor_mail, supervising, fails("supervisor"));

    vici_listener::start(&control.handle(), prepared.vici, &shared);
    for (listener, form) in prepared.events {
        events::start(&control.handle(), listener, form, &shared);
    }
    if let Some(runner) = outside.runner {
        crate::hooks::start(&control.handle(), runner, &shared);
    }
    arbiters.push(control);
    let health = prepared
        .health
        .map(|listener| health::start(listener, Arc::clone(&shared), canaries))
        .transpose()?;
    tracing::info!(
        vici = %agent.vici,
        data_plane = shared.plane.name(),
        connections = config.connections.len(),
        config = %shared.config_path.display(),
        "running"
    );
    Ok(Running {
        network,
        drainer: Drainer {
            shared,
            transport,
            data_plane,
        },
        arbiters,
        health,
        state,
    })
}

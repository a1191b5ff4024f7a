//! The control thread: everything that may have to wait. It keeps routes and age limits, in the
//! order in which it was asked, and ends the packet threads.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::IpAddr,
    sync::{Arc, Weak, atomic::Ordering, mpsc as std_mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use holdfast_ike::EspSpi;
use tokio::sync::{mpsc, oneshot};

use super::{
    addresses::Addresses,
    options::StartError,
    policy_table::Target,
    probes,
    routes::{Keeper, Netlink, Owner},
    sa::{OuterRoute, Sa},
    shared::Shared,
    shunts::{Fate, Shunt},
    traps::Trap,
};
use crate::{
    device::PacketDevice,
    plane::{InstallError, PlaneEvent},
    policy::PolicyId,
};

/// Wait before an event that nobody had room for is offered again.
const EVENT_RETRY: Duration = Duration::from_millis(50);

/// What the control thread is asked. The queue is not bounded by itself: each installed SPI has at
/// most one `Install` and one `Remove` in it, and SPIs are bounded; the same holds for policies, which
/// the configuration bounds. A `Move` costs the peer an exchange or a second.
pub(crate) enum Command {
    /// Routes and age limit of an SA that is in the tables.
    Install {
        sa: Arc<Sa>,
        peer: IpAddr,
        done: oneshot::Sender<Result<(), InstallError>>,
    },
    /// The peer of an SA has another address.
    Move {
        sa: Arc<Sa>,
        /// From where it went to where it goes.
        ways: (Arc<OuterRoute>, Arc<OuterRoute>),
        done: oneshot::Sender<Result<(), InstallError>>,
    },
    /// An SA that was taken out of the tables.
    Remove {
        spi: EspSpi,
        done: oneshot::Sender<()>,
    },
    /// Routes of a trap that is in the tables.
    InstallTrap {
        trap: Arc<Trap>,
        peers: Vec<IpAddr>,
        done: oneshot::Sender<Result<(), InstallError>>,
    },
    /// Routes of a shunt that is in the tables.
    InstallShunt {
        shunt: Arc<Shunt>,
        done: oneshot::Sender<Result<(), InstallError>>,
    },
    /// A policy that was taken out of the tables.
    RemovePolicy {
        id: PolicyId,
        done: oneshot::Sender<()>,
    },
    /// A virtual address has one more user, or one less. Each IKE_SA has few of them.
    AddAddress(IpAddr),
    RemoveAddress(IpAddr),
    /// Send this. Who asks for probes keeps to a rate.
    Probe(probes::Ready),
    /// End everything.
    Shutdown {
        done: oneshot::Sender<()>,
    },
}

/// What the thread needs at its start.
pub(crate) struct Setup {
    pub(crate) shared: Arc<Shared>,
    pub(crate) device: Arc<dyn PacketDevice>,
    /// Index and MTU of the TUN device, where there is one.
    pub(crate) tun: Option<(u32, u16)>,
    pub(crate) manage_routes: bool,
    /// The packet threads.
    pub(crate) threads: Vec<JoinHandle<()>>,
}

struct Control {
    shared: Arc<Shared>,
    device: Arc<dyn PacketDevice>,
    routes: Option<Keeper>,
    addresses: Addresses,
    deadlines: Deadlines,
    threads: Vec<JoinHandle<()>>,
}

/// Age limits.
#[derive(Default)]
struct Deadlines {
    queue: BTreeMap<(Instant, EspSpi), Weak<Sa>>,
    by_spi: HashMap<EspSpi, Instant>,
}

/// The thread's body. `ready` is told whether the device is up.
pub(crate) fn run(
    setup: Setup,
    commands: mpsc::UnboundedReceiver<Command>,
    ready: &std_mpsc::Sender<Result<(), StartError>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(StartError::Thread(error)));
            return end_threads(&setup.shared, &*setup.device, setup.threads);
        }
    };
    runtime.block_on(async move {
        let (routes, addresses) = match set_up(&setup).await {
            Ok(done) => done,
            Err(error) => {
                end_threads(&setup.shared, &*setup.device, setup.threads);
                // The device is gone when the caller hears of it, so that it may try again.
                drop(setup.device);
                let _ = ready.send(Err(error));
                return;
            }
        };
        let _ = ready.send(Ok(()));
        let control = Control {
            shared: setup.shared,
            device: setup.device,
            routes,
            addresses,
            deadlines: Deadlines::default(),
            threads: setup.threads,
        };
        control.serve(commands).await;
    });
}

type Kept = (Option<Keeper>, Addresses);

async fn set_up(setup: &Setup) -> Result<Kept, StartError> {
    let Some((index, mtu)) = setup.tun else {
        return Ok((None, Addresses::default()));
    };
    let failed = |reason| StartError::DeviceSetup {
        name: setup.device.name().to_owned(),
        mtu,
        reason,
    };
    let netlink = Netlink::open(index).map_err(StartError::Netlink)?;
    netlink.set_up_device(mtu).await.map_err(failed)?;
    let addresses = Addresses::new(Some(netlink.device()));
    if !setup.manage_routes {
        return Ok((None, addresses));
    }
    let keeper = Keeper::begin(netlink, setup.shared.sockets.marked)
        .await
        .map_err(|reason| StartError::Netlink(io::Error::other(reason)))?;
    Ok((Some(keeper), addresses))
}

/// Ends the packet threads and waits for them.
pub(crate) fn end_threads(
    shared: &Shared,
    device: &dyn PacketDevice,
    threads: Vec<JoinHandle<()>>,
) {
    shared.stop.set();
    device.close();
    for thread in threads {
        // Panics were caught inside.
        let _ = thread.join();
    }
}

impl Control {
    async fn serve(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            let due = self.deadlines.next();
            let handover = self.routes.as_ref().and_then(Keeper::due);
            let command = tokio::select! {
                biased;
                command = commands.recv() => command,
                () = sleep_until(due) => {
                    self.deadlines.expire(&self.shared);
                    continue;
                }
                () = sleep_until(handover) => {
                    if let Some(routes) = &mut self.routes {
                        routes.hand_over().await;
                    }
                    continue;
                }
            };
            match command {
                Some(Command::Install { sa, peer, done }) => {
                    let result = self.install(&sa, peer).await;
                    if result.is_err() {
                        self.shared.tables.withdraw_exactly(&sa);
                    }
                    let _ = done.send(result);
                }
                Some(Command::Move { sa, ways, done }) => {
                    let (before, after) = ways;
                    let result = self.move_peer(&sa, after.destination.ip()).await;
                    if result.is_err() && Arc::ptr_eq(&sa.outbound.route.load(), &after) {
                        sa.outbound.route.store(before);
                    }
                    let _ = done.send(result);
                }
                Some(Command::Remove { spi, done }) => {
                    self.remove(spi).await;
                    let _ = done.send(());
                }
                Some(Command::InstallTrap { trap, peers, done }) => {
                    let result = self.install_trap(&trap, &peers).await;
                    if result.is_err() && self.shared.traps.holds(&trap) {
                        self.shared.traps.withdraw(trap.id);
                    }
                    let _ = done.send(result);
                }
                Some(Command::InstallShunt { shunt, done }) => {
                    let result = self.install_shunt(&shunt).await;
                    if result.is_err() && self.shared.shunts.holds(&shunt) {
                        self.shared.shunts.withdraw(shunt.id);
                    }
                    let _ = done.send(result);
                }
                Some(Command::RemovePolicy { id, done }) => {
                    self.remove_routes(Owner::Policy(id)).await;
                    let _ = done.send(());
                }
                Some(Command::AddAddress(address)) => self.addresses.add(address).await,
                Some(Command::RemoveAddress(address)) => self.addresses.remove(address).await,
                Some(Command::Probe(ready)) => probes::send(&self.shared, &ready),
                Some(Command::Shutdown { done }) => {
                    self.end().await;
                    // The device goes with its last owner.
                    drop(self);
                    let _ = done.send(());
                    return;
                }
                // The plane was dropped.
                None => return self.end().await,
            }
        }
    }

    async fn install(&mut self, sa: &Arc<Sa>, peer: IpAddr) -> Result<(), InstallError> {
        let spi = sa.inbound.spi;
        if !self.shared.tables.holds(sa) {
            return Err(InstallError::Cancelled);
        }
        if let Some(routes) = &mut self.routes {
            routes
                .add(Owner::Sa(spi), &sa.local_ts, &sa.remote_ts, &[peer])
                .await?;
        }
        if let Some(time) = sa.hard_time() {
            self.deadlines.insert(Instant::now() + time, sa);
        }
        Ok(())
    }

    async fn install_trap(
        &mut self,
        trap: &Arc<Trap>,
        peers: &[IpAddr],
    ) -> Result<(), InstallError> {
        if !self.shared.traps.holds(trap) {
            return Err(InstallError::Cancelled);
        }
        let Some(routes) = &mut self.routes else {
            return Ok(());
        };
        let owner = Owner::Policy(trap.id);
        routes
            .add(owner, trap.local_ts(), trap.remote_ts(), peers)
            .await
    }

    async fn install_shunt(&mut self, shunt: &Arc<Shunt>) -> Result<(), InstallError> {
        if !self.shared.shunts.holds(shunt) {
            return Err(InstallError::Cancelled);
        }
        let Some(routes) = &mut self.routes else {
            return Ok(());
        };
        let owner = Owner::Policy(shunt.id);
        match shunt.fate {
            Fate::Drops => routes.prohibit(owner, shunt.remote_ts()).await,
            Fate::Passes if shunt.by_destination => routes.pass(owner, shunt.remote_ts()).await,
            // What a tunnel's route leads into the device is sent on from there.
            Fate::Passes => Ok(()),
        }
    }

    /// The way to the peer's new address must not lead through the tunnel.
    async fn move_peer(&mut self, sa: &Arc<Sa>, peer: IpAddr) -> Result<(), InstallError> {
        let Some(routes) = &mut self.routes else {
            return Ok(());
        };
        let owner = Owner::Sa(sa.inbound.spi);
        routes.move_peer(owner, peer, &sa.remote_ts).await
    }

    async fn remove(&mut self, spi: EspSpi) {
        self.deadlines.remove(spi);
        self.remove_routes(Owner::Sa(spi)).await;
    }

    async fn remove_routes(&mut self, owner: Owner) {
        if let Some(routes) = &mut self.routes {
            routes.remove(owner).await;
        }
    }

    async fn end(&mut self) {
        if let Some(routes) = self.routes.take() {
            if self.shared.failed.load(Ordering::Acquire) {
                // As when the agent is killed: what is trapped stays at home until the next one.
                tracing::warn!("routes that hold traffic back stay until the next start");
            } else {
                routes.end().await;
            }
        }
        let threads = std::mem::take(&mut self.threads);
        end_threads(&self.shared, &*self.device, threads);
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

impl Deadlines {
    fn next(&self) -> Option<Instant> {
        self.queue.keys().next().map(|(due, _)| *due)
    }

    fn insert(&mut self, due: Instant, sa: &Arc<Sa>) {
        let spi = sa.inbound.spi;
        self.by_spi.insert(spi, due);
        self.queue.insert((due, spi), Arc::downgrade(sa));
    }

    fn remove(&mut self, spi: EspSpi) {
        if let Some(due) = self.by_spi.remove(&spi) {
            self.queue.remove(&(due, spi));
        }
    }

    /// Ends the life of every SA whose time has come.
    fn expire(&mut self, shared: &Shared) {
        let now = Instant::now();
        while let Some(entry) = self
            .queue
            .first_entry()
            .filter(|entry| entry.key().0 <= now)
        {
            let ((_, spi), sa) = entry.remove_entry();
            self.by_spi.remove(&spi);
            let Some(sa) = sa.upgrade() else { continue };
            sa.expire();
            if !sa.tell_hard(|event| shared.tell(event)) {
                self.insert(now + EVENT_RETRY, &sa);
            }
        }
    }
}

/// Reports that a packet thread cannot go on.
pub(crate) fn report_failure(shared: &Shared, what: &str, reason: &str) {
    tracing::error!(reason, "{what} failed");
    shared.failed.store(true, Ordering::Release);
    shared.tell(PlaneEvent::Failed(format!("{what}: {reason}")));
}

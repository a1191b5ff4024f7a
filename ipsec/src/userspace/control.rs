//! The control thread: everything that may have to wait. It keeps routes and age limits, in the
//! order in which it was asked, and ends the packet threads.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::IpAddr,
    sync::{Arc, Weak, mpsc as std_mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use holdfast_ike::{EspSpi, TrafficSelector};
use tokio::sync::{mpsc, oneshot};

use super::{
    addresses::Addresses,
    options::StartError,
    policy_table::Target,
    routes::{Ledger, Netlink, Operation, Owner, Route},
    sa::{OuterRoute, Sa},
    shared::Shared,
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
/// most one `Install` and one `Remove` in it, and SPIs are bounded; the same holds for traps, which the
/// configuration bounds. A `Move` costs the peer an exchange or a second.
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
    /// A trap that was taken out of the tables.
    RemoveTrap {
        id: PolicyId,
        done: oneshot::Sender<()>,
    },
    /// A virtual address has one more user, or one less. Each IKE_SA has few of them.
    AddAddress(IpAddr),
    RemoveAddress(IpAddr),
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
    routes: Option<(Netlink, Ledger)>,
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

type Kept = (Option<(Netlink, Ledger)>, Addresses);

async fn set_up(setup: &Setup) -> Result<Kept, StartError> {
    let Some((index, mtu)) = setup.tun else {
        return Ok((None, Addresses::default()));
    };
    let failed = |reason| StartError::DeviceSetup {
        name: setup.device.name().to_owned(),
        mtu,
        reason,
    };
    let mut netlink = Netlink::open(index).map_err(StartError::Netlink)?;
    netlink.set_up_device(mtu).await.map_err(failed)?;
    let addresses = Addresses::new(Some(netlink.device()));
    if !setup.manage_routes {
        return Ok((None, addresses));
    }
    netlink
        .begin()
        .await
        .map_err(|reason| StartError::Netlink(io::Error::other(reason)))?;
    let ledger = Ledger::new(setup.shared.sockets.marked);
    Ok((Some((netlink, ledger)), addresses))
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
            let command = tokio::select! {
                biased;
                command = commands.recv() => command,
                () = sleep_until(due) => {
                    self.deadlines.expire(&self.shared);
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
                Some(Command::RemoveTrap { id, done }) => {
                    self.remove_routes(Owner::Policy(id)).await;
                    let _ = done.send(());
                }
                Some(Command::AddAddress(address)) => self.addresses.add(address).await,
                Some(Command::RemoveAddress(address)) => self.addresses.remove(address).await,
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
        self.add_routes(Owner::Sa(spi), &sa.local_ts, &sa.remote_ts, &[peer])
            .await?;
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
        let owner = Owner::Policy(trap.id);
        self.add_routes(owner, trap.local_ts(), trap.remote_ts(), peers)
            .await
    }

    /// The way to the peer's new address must not lead through the tunnel.
    async fn move_peer(&mut self, sa: &Arc<Sa>, peer: IpAddr) -> Result<(), InstallError> {
        let Some((_, ledger)) = &mut self.routes else {
            return Ok(());
        };
        let operations = ledger.move_peer(Owner::Sa(sa.inbound.spi), peer, &sa.remote_ts)?;
        self.carry_out(operations).await;
        Ok(())
    }

    async fn remove(&mut self, spi: EspSpi) {
        self.deadlines.remove(spi);
        self.remove_routes(Owner::Sa(spi)).await;
    }

    /// Adds the routes of one owner; on error none of them is left.
    async fn add_routes(
        &mut self,
        owner: Owner,
        local: &[TrafficSelector],
        remote: &[TrafficSelector],
        peers: &[IpAddr],
    ) -> Result<(), InstallError> {
        let Some((netlink, ledger)) = &mut self.routes else {
            return Ok(());
        };
        let operations = ledger.install(owner, local, remote, peers)?;
        for operation in operations {
            if let Operation::Add(route) = operation
                && let Err(reason) = netlink.add(route, local).await
            {
                self.remove_routes(owner).await;
                return Err(route_error(remote, route, reason));
            }
        }
        Ok(())
    }

    async fn remove_routes(&mut self, owner: Owner) {
        if let Some((_, ledger)) = &mut self.routes {
            let operations = ledger.remove(owner);
            self.carry_out(operations).await;
        }
    }

    async fn carry_out(&mut self, operations: Vec<Operation>) {
        let Some((netlink, _)) = &mut self.routes else {
            return;
        };
        for operation in operations {
            match operation {
                Operation::Delete(route) => netlink.delete(route).await,
                Operation::Add(route) => {
                    if let Err(reason) = netlink.add(route, &[]).await {
                        tracing::warn!(?route, reason, "cannot add a route");
                    }
                }
            }
        }
    }

    async fn end(&mut self) {
        let owners = match &self.routes {
            Some((_, ledger)) => ledger.owners(),
            None => Vec::new(),
        };
        for owner in owners {
            self.remove_routes(owner).await;
        }
        if let Some((mut netlink, _)) = self.routes.take() {
            netlink.end().await;
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

/// Names the selector that a route is for.
fn route_error(remote: &[TrafficSelector], route: Route, reason: String) -> InstallError {
    let (Route::Tunnel(net) | Route::Throw(net)) = route;
    let selector = remote
        .iter()
        .find(|selector| selector.subnets().contains(&net))
        .copied()
        .unwrap_or_else(|| TrafficSelector::from_net(net));
    InstallError::Route { selector, reason }
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
    shared.tell(PlaneEvent::Failed(format!("{what}: {reason}")));
}

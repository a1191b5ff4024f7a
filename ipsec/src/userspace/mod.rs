//! The userspace back end: ESP in UDP on a TUN device or any other [`PacketDevice`].
//!
//! Three threads. One carries packets from the device to the network, one from the network to the
//! device; both read tables that change under them without locks ([`spi_table`], [`policy_table`]). Packets that
//! no SA is for may wait for one ([`traps`], [`waiting`]).
//! The third ([`control`]) does what may have to wait.
//!
//! What it does not do:
//! - It sees only what is routed into its device, so packets that should have been protected but
//!   arrive in the clear on another interface are not dropped (RFC 4301 section 5.2 asks for it);
//!   `rp_filter` or a firewall does that.
//! - Outer packets carry DSCP 0 and may be fragmented on the way (see [`crate::packet::ecn`] and
//!   [`sockets`]). The device's MTU says what fits, hence no ICMP of our own.
//!
//! A peer whose authentic packets begin to come from another address is reported
//! ([`PlaneEvent::PeerMoved`](crate::PlaneEvent::PeerMoved)), no more: whoever keeps the IKE_SA
//! decides and says where packets go ([`DataPlane::update_path`]).

mod addresses;
mod clear;
mod control;
mod early;
mod inbound;
mod options;
mod outbound;
mod policy_table;
mod probes;
mod routes;
mod sa;
mod selector;
mod shared;
mod shunts;
mod sockets;
mod spi_table;
mod tables;
mod transport;
mod traps;
mod tun;
mod waiting;

#[cfg(test)]
mod tests;

use std::{
    any::Any,
    fmt, io,
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc as std_mpsc,
    },
    thread::JoinHandle,
};

use holdfast_ike::{ChildSa, EspSpi, Mode, Path};
use tokio::sync::{mpsc, oneshot};

pub use sockets::mark as mark_socket;

pub use options::{Device, StartError, UserspaceOptions};

use self::{
    clear::Clear,
    control::{Command, Setup, end_threads, report_failure},
    inbound::Inbound,
    outbound::Outbound,
    probes::Probes,
    sa::{Clock, Sa},
    shared::{Shared, Stop, count},
    shunts::{Fate, Shunts},
    sockets::Sockets,
    tables::Tables,
    traps::{Trap, Traps},
    tun::TunDevice,
};
use crate::{
    device::PacketDevice,
    plane::{BoxFuture, Counts, DataPlane, InstallError, PlaneCounters, Usage},
    policy::{Policy, PolicyId},
    probe::{Probe, ProbeError},
    spi::SpiPool,
};

/// What fits a device that says nothing about it.
const DEVICE_MTU: u16 = 1400;

/// The userspace data plane.
pub struct Userspace {
    shared: Arc<Shared>,
    /// To wake; not to keep, for it goes at shutdown.
    device: Weak<dyn PacketDevice>,
    order: AtomicU64,
    /// Whether we keep routes.
    routes: bool,
    commands: mpsc::UnboundedSender<Command>,
    control: Mutex<Option<JoinHandle<()>>>,
    ended: AtomicBool,
}

impl Userspace {
    /// Makes the device, sets the sockets up and starts the threads. Takes some milliseconds.
    pub fn start(options: UserspaceOptions) -> Result<Self, StartError> {
        let UserspaceOptions {
            device,
            sockets,
            ike,
            events,
            manage_routes,
            random,
        } = options;
        let sockets = Sockets::new(sockets)?;
        let mut identifier = [0; 2];
        random(&mut identifier);
        let (device, tun) = open(device)?;
        let shared = Arc::new(Shared {
            sockets,
            mtu: tun.map_or(DEVICE_MTU, |(_, mtu)| mtu),
            tables: Tables::new(),
            spis: SpiPool::new(random),
            traps: Traps::new(),
            shunts: Shunts::new(),
            clear: Clear::default(),
            probes: Probes::new(u16::from_ne_bytes(identifier)),
            counts: Counts::default(),
            clock: Clock::start(),
            ike,
            events,
            stop: Stop::new().map_err(|error| StartError::Thread(error.into()))?,
            failed: AtomicBool::new(false),
        });
        let setup = Setup {
            threads: start_packet_threads(&shared, &device)?,
            shared: Arc::clone(&shared),
            device: Arc::clone(&device),
            tun,
            manage_routes,
        };
        let (commands, receiver) = mpsc::unbounded_channel();
        let (ready, readiness) = std_mpsc::channel();
        let control = spawn("holdfast-esp-ct", move || {
            control::run(setup, receiver, &ready);
        });
        let control = control.inspect_err(|_| end_threads(&shared, &*device, Vec::new()))?;
        let to_wake = Arc::downgrade(&device);
        drop(device);
        readiness
            .recv()
            .unwrap_or_else(|_| Err(StartError::Thread(io::Error::other("it died at once"))))?;
        Ok(Self {
            shared,
            device: to_wake,
            order: AtomicU64::new(0),
            routes: tun.is_some() && manage_routes,
            commands,
            control: Mutex::new(Some(control)),
            ended: AtomicBool::new(false),
        })
    }

    /// Puts a CHILD_SA into the tables.
    fn publish(&self, child: &ChildSa) -> Result<Arc<Sa>, InstallError> {
        if self.ended.load(Ordering::Acquire) {
            return Err(InstallError::ShutDown);
        }
        if child.mode == Mode::Transport && !transport::fits(child) {
            return Err(InstallError::TransportMode);
        }
        if !child.encapsulation {
            return Err(InstallError::NoEncapsulation);
        }
        policy_table::size(&child.local_ts, &child.remote_ts)?;
        let route = self.shared.sockets.route(child.path)?;
        let order = self.order.fetch_add(1, Ordering::Relaxed);
        let sa = Arc::new(Sa::new(child, route, order)?);
        if !self.shared.tables.publish(&sa) {
            return Err(InstallError::SpiInUse(child.inbound_spi));
        }
        self.shared.spis.reserve(child.inbound_spi);
        self.wake();
        Ok(sa)
    }

    /// Something may wait for the SA that sends from now on.
    fn wake(&self) {
        if !self.shared.traps.is_empty()
            && let Some(device) = self.device.upgrade()
        {
            device.wake();
        }
    }

    /// Puts a policy into the tables.
    fn publish_policy(&self, policy: &Policy) -> Result<Arc<Trap>, InstallError> {
        if self.ended.load(Ordering::Acquire) {
            return Err(InstallError::ShutDown);
        }
        policy_table::size(&policy.local_ts, &policy.remote_ts)?;
        let order = self.order.fetch_add(1, Ordering::Relaxed);
        self.shared
            .traps
            .publish(policy, order)
            .ok_or(InstallError::PolicyInUse(policy.id))
    }

    /// Whether the control thread has to do with an SA.
    fn concerns_control(&self, sa: &Sa) -> bool {
        self.routes || sa.hard_time().is_some()
    }

    /// Ends the control thread, and with it all others.
    fn join(&self) {
        let control = self
            .control
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(control) = control {
            let _ = control.join();
        }
    }
}

impl DataPlane for Userspace {
    fn name(&self) -> &'static str {
        "userspace"
    }

    fn forces_encapsulation(&self) -> bool {
        true
    }

    fn allocate_spi(&self) -> Option<EspSpi> {
        self.shared.spis.allocate()
    }

    fn release_spi(&self, spi: EspSpi) {
        if self.shared.tables.inbound(spi.0).is_none() {
            self.shared.spis.free(spi);
        }
    }

    fn usage(&self, inbound: EspSpi) -> Option<Usage> {
        let sa = self.shared.tables.inbound(inbound.0)?;
        Some(sa.usage(self.shared.clock))
    }

    fn install(&self, child: ChildSa) -> BoxFuture<Result<(), InstallError>> {
        let sa = match self.publish(&child) {
            Ok(sa) => sa,
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        if !self.concerns_control(&sa) {
            return Box::pin(std::future::ready(Ok(())));
        }
        let (done, installed) = oneshot::channel();
        let peer = child.path.remote.ip();
        let sent = self.commands.send(Command::Install { sa, peer, done });
        debug_assert!(sent.is_ok() || self.ended.load(Ordering::Acquire));
        Box::pin(async move { installed.await.unwrap_or(Err(InstallError::ShutDown)) })
    }

    fn start_sending(&self, inbound: EspSpi) {
        self.shared.tables.start_sending(inbound);
        self.wake();
    }

    fn stop_sending(&self, inbound: EspSpi) {
        self.shared.tables.stop_sending(inbound);
    }

    fn update_path(
        &self,
        inbound: EspSpi,
        path: Path,
        encapsulation: bool,
    ) -> BoxFuture<Result<(), InstallError>> {
        let Some(sa) = self.shared.tables.inbound(inbound.0) else {
            return Box::pin(std::future::ready(Ok(())));
        };
        let route = match self.shared.sockets.route(path) {
            _ if !encapsulation => Err(InstallError::NoEncapsulation),
            route => route,
        };
        let route = match route {
            Ok(route) => Arc::new(route),
            Err(error) => return Box::pin(std::future::ready(Err(error))),
        };
        let before = sa.outbound.route.swap(Arc::clone(&route));
        if !self.routes || before.destination.ip() == route.destination.ip() {
            return Box::pin(std::future::ready(Ok(())));
        }
        let (done, moved) = oneshot::channel();
        let ways = (before, route);
        let _ = self.commands.send(Command::Move { sa, ways, done });
        Box::pin(async move { moved.await.unwrap_or(Err(InstallError::ShutDown)) })
    }

    fn remove(&self, inbound: EspSpi) -> BoxFuture<()> {
        let Some(sa) = self.shared.tables.withdraw(inbound) else {
            return Box::pin(std::future::ready(()));
        };
        let (done, removed) = oneshot::channel();
        if self.concerns_control(&sa) {
            let _ = self.commands.send(Command::Remove { spi: inbound, done });
        }
        // After the command: whoever gets the SPI next must come behind it in the queue.
        self.shared.spis.free(inbound);
        Box::pin(async move {
            let _ = removed.await;
        })
    }

    fn add_address(&self, address: IpAddr) {
        let _ = self.commands.send(Command::AddAddress(address));
    }

    fn remove_address(&self, address: IpAddr) {
        let _ = self.commands.send(Command::RemoveAddress(address));
    }

    fn install_policy(&self, policy: Policy) -> BoxFuture<Result<(), InstallError>> {
        if let Some(fate) = Fate::of(policy.action) {
            return self.install_shunt(&policy, fate);
        }
        let trap = match self.publish_policy(&policy) {
            Ok(trap) if self.routes => trap,
            done => return Box::pin(std::future::ready(done.map(drop))),
        };
        let (done, installed) = oneshot::channel();
        let peers = policy.peers;
        let _ = self
            .commands
            .send(Command::InstallTrap { trap, peers, done });
        Box::pin(async move { installed.await.unwrap_or(Err(InstallError::ShutDown)) })
    }

    fn remove_policy(&self, id: PolicyId) -> BoxFuture<()> {
        match self.shared.traps.withdraw(id) {
            Some(dropped) => count(&self.shared.counts.trap_dropped, dropped),
            None if self.shared.shunts.withdraw(id) => {}
            None => return Box::pin(std::future::ready(())),
        }
        let (done, removed) = oneshot::channel();
        if self.routes {
            let _ = self.commands.send(Command::RemovePolicy { id, done });
        }
        Box::pin(async move {
            let _ = removed.await;
        })
    }

    fn acquire_failed(&self, id: PolicyId) {
        if let Some(trap) = self.shared.traps.get(id) {
            count(&self.shared.counts.trap_dropped, trap.fail());
        }
    }

    fn probe(&self, inbound: EspSpi, probe: Probe) -> Result<(), ProbeError> {
        let sa = self.shared.tables.inbound(inbound.0);
        let ready = probes::prepare(&self.shared, sa, probe)?;
        let sent = self.commands.send(Command::Probe(ready));
        sent.map_err(|_| ProbeError::NoSa)
    }

    fn counters(&self) -> PlaneCounters {
        self.shared.counts.snapshot()
    }

    fn shutdown(&self) -> BoxFuture<()> {
        self.ended.store(true, Ordering::Release);
        let (done, ended) = oneshot::channel();
        let _ = self.commands.send(Command::Shutdown { done });
        Box::pin(async move {
            let _ = ended.await;
        })
    }
}

impl Drop for Userspace {
    fn drop(&mut self) {
        let (done, _) = oneshot::channel();
        let _ = self.commands.send(Command::Shutdown { done });
        self.join();
    }
}

impl fmt::Debug for Userspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Userspace").finish_non_exhaustive()
    }
}

/// Opens the device; with a TUN device comes its interface index and MTU.
fn open(device: Device) -> Result<OpenDevice, StartError> {
    match device {
        Device::Tun { name, mtu } => {
            let tun = TunDevice::create(&name)?;
            let index =
                nix::net::if_::if_nametoindex(tun.name()).map_err(|error| StartError::Device {
                    name,
                    source: error.into(),
                })?;
            Ok((Arc::new(tun), Some((index, mtu))))
        }
        Device::Custom(device) => Ok((device, None)),
    }
}

type OpenDevice = (Arc<dyn PacketDevice>, Option<(u32, u16)>);

fn start_packet_threads(
    shared: &Arc<Shared>,
    device: &Arc<dyn PacketDevice>,
) -> Result<Vec<JoinHandle<()>>, StartError> {
    let mut outbound = Outbound::new(Arc::clone(shared), Arc::clone(device));
    let mut inbound = Inbound::new(Arc::clone(shared), Arc::clone(device));
    let (for_outbound, for_inbound) = (Arc::clone(shared), Arc::clone(shared));
    let sender = spawn("holdfast-esp-tx", move || {
        guard(&for_outbound, "carrying packets to the network", || {
            outbound.run()
        });
    })?;
    let receiver = spawn("holdfast-esp-rx", move || {
        guard(&for_inbound, "carrying packets from the network", || {
            inbound.run()
        });
    });
    match receiver {
        Ok(receiver) => Ok(vec![sender, receiver]),
        Err(error) => {
            end_threads(shared, &**device, vec![sender]);
            Err(error)
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(StartError::Thread)
}

/// Runs a packet thread and reports if it does not end well.
fn guard(shared: &Shared, what: &str, body: impl FnOnce() -> io::Result<()>) {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => report_failure(shared, what, &error.to_string()),
        Err(panic) => report_failure(shared, what, panic_message(&*panic)),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked")
}

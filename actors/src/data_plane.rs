//! The data plane's keeper: what is installed for whom, and what the data plane has to say.
//!
//! IKE_SAs install through [`Plane`] from their own arbiters: an actor between them and the data
//! plane would cost every handshake two thread hops and bring nothing, for the back ends order
//! their own work. What must outlive an IKE_SA is in the [`Ledger`], and the [`DataPlaneActor`]
//! acts on it: it purges after an IKE_SA that could not clean up, routes expiry to the owners, and
//! shuts the back end down last.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix::{
    Actor, AsyncContext, Context, Handler, Message, ResponseFuture, StreamHandler, WrapFuture,
};
use futures::{FutureExt, stream};
use holdfast_ike::{ChildSa, EspSpi, Path};
use holdfast_ipsec::{
    BoxFuture, DataPlane, InstallError, PlaneCounters, PlaneEvent, Policy, PolicyId, Probe,
    ProbeError, Usage,
};
use tokio::sync::mpsc;

use crate::{
    environment::Shared,
    handle::IkeSaId,
    ledger::Ledger,
    shutdown::{Cause, ShutdownPort},
    supervisor::messages::{Acquire, ChildExpired, PeerMoved, ProbeAnswered},
};

/// How long the back end may take to give up its device, threads and routes.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The data plane as IKE_SAs use it.
pub(crate) struct Plane {
    back_end: Arc<dyn DataPlane>,
    ledger: Ledger,
    addresses: Addresses,
}

/// Virtual addresses and whose they are.
type Addresses = Mutex<BTreeSet<(IkeSaId, IpAddr)>>;

impl Plane {
    /// Nothing installed yet.
    pub(crate) fn new(back_end: Arc<dyn DataPlane>) -> Self {
        Self {
            back_end,
            ledger: Ledger::default(),
            addresses: Addresses::default(),
        }
    }

    /// The back end's name.
    pub(crate) fn name(&self) -> &'static str {
        self.back_end.name()
    }

    /// Whether the back end can carry nothing but ESP in UDP.
    pub(crate) fn forces_encapsulation(&self) -> bool {
        self.back_end.forces_encapsulation()
    }

    /// Reserves an SPI for `owner`.
    pub(crate) fn allocate_spi(&self, owner: IkeSaId) -> Option<EspSpi> {
        let spi = self.back_end.allocate_spi()?;
        self.ledger.enter(owner, spi);
        Some(spi)
    }

    /// Gives back an SPI that was never installed.
    pub(crate) fn release_spi(&self, spi: EspSpi) {
        self.ledger.leave(spi);
        self.back_end.release_spi(spi);
    }

    /// Installs a CHILD_SA of `owner`. Its SPI stays in the ledger until it is removed, so an
    /// installation that its owner did not live to see is purged all the same.
    pub(crate) fn install(
        &self,
        owner: IkeSaId,
        child: ChildSa,
    ) -> BoxFuture<Result<(), InstallError>> {
        self.ledger.enter(owner, child.inbound_spi);
        self.back_end.install(child)
    }

    /// Lets packets leave by a CHILD_SA that has waited for it.
    pub(crate) fn start_sending(&self, spi: EspSpi) {
        self.back_end.start_sending(spi);
    }

    /// Lets no packet leave by a CHILD_SA any more; it goes on receiving.
    pub(crate) fn stop_sending(&self, spi: EspSpi) {
        self.back_end.stop_sending(spi);
    }

    /// Lets the packets of a CHILD_SA leave by another path.
    pub(crate) fn update_path(&self, spi: EspSpi, path: Path, encapsulation: bool) {
        let update = self.back_end.update_path(spi, path, encapsulation);
        complete(Box::pin(update.map(move |updated| {
            if let Err(error) = updated {
                tracing::error!(%spi, remote = %path.remote, %error, "packets keep their path");
            }
        })));
    }

    /// Removes a CHILD_SA, or cancels its installation.
    pub(crate) fn remove(&self, spi: EspSpi) {
        self.ledger.leave(spi);
        complete(self.back_end.remove(spi));
    }

    /// Removes whatever `owner` left behind.
    pub(crate) fn purge(&self, owner: IkeSaId) -> usize {
        self.withdraw_all(owner);
        let left = self.ledger.purge(owner);
        for &spi in &left {
            // One of the two is a no-op: an SPI is either only reserved or installed.
            self.back_end.release_spi(spi);
            complete(self.back_end.remove(spi));
        }
        left.len()
    }

    /// Gives the host a virtual address for as long as `owner` has it.
    pub(crate) fn assign(&self, owner: IkeSaId, address: IpAddr) {
        if self.addresses().insert((owner, address)) {
            self.back_end.add_address(address);
        }
    }

    /// `owner` has that address no longer.
    pub(crate) fn withdraw(&self, owner: IkeSaId, address: IpAddr) {
        if self.addresses().remove(&(owner, address)) {
            self.back_end.remove_address(address);
        }
    }

    fn withdraw_all(&self, owner: IkeSaId) {
        let addresses: Vec<_> = {
            let all = self.addresses();
            let theirs = all.iter().filter(|(of, _)| *of == owner);
            theirs.map(|(_, address)| *address).collect()
        };
        for address in addresses {
            self.withdraw(owner, address);
        }
    }

    fn addresses(&self) -> MutexGuard<'_, BTreeSet<(IkeSaId, IpAddr)>> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Installs a trap.
    pub(crate) fn install_policy(&self, policy: Policy) -> BoxFuture<Result<(), InstallError>> {
        self.back_end.install_policy(policy)
    }

    /// Removes a trap.
    pub(crate) fn remove_policy(&self, id: PolicyId) {
        complete(self.back_end.remove_policy(id));
    }

    /// What a trap holds waits in vain.
    pub(crate) fn acquire_failed(&self, id: PolicyId) {
        self.back_end.acquire_failed(id);
    }

    /// Who owns a CHILD_SA.
    pub(crate) fn owner(&self, spi: EspSpi) -> Option<IkeSaId> {
        self.ledger.owner(spi)
    }

    /// Traffic of a CHILD_SA.
    pub(crate) fn usage(&self, spi: EspSpi) -> Option<Usage> {
        self.back_end.usage(spi)
    }

    /// Sends a probe by a CHILD_SA.
    pub(crate) fn probe(&self, spi: EspSpi, probe: Probe) -> Result<(), ProbeError> {
        self.back_end.probe(spi, probe)
    }

    /// What the back end counts.
    pub(crate) fn counters(&self) -> PlaneCounters {
        self.back_end.counters()
    }

    /// SPIs charged to anybody.
    pub(crate) fn reserved(&self) -> usize {
        self.ledger.len()
    }
}

/// Lets work that may need waiting go on by itself; most is done at the first poll.
fn complete(mut work: BoxFuture<()>) {
    if work.as_mut().now_or_never().is_none() {
        actix_rt::spawn(work);
    }
}

/// Owns the back end's events and its end.
pub(crate) struct DataPlaneActor {
    shared: Arc<Shared>,
    events: Option<mpsc::Receiver<PlaneEvent>>,
    shutdown: ShutdownPort,
}

impl DataPlaneActor {
    /// `events` is where the back end speaks.
    pub(crate) fn new(
        shared: Arc<Shared>,
        events: mpsc::Receiver<PlaneEvent>,
        shutdown: ShutdownPort,
    ) -> Self {
        Self {
            shared,
            events: Some(events),
            shutdown,
        }
    }
}

impl Actor for DataPlaneActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        if let Some(events) = self.events.take() {
            context.add_stream(stream::unfold(events, |mut events| async move {
                let event = events.recv().await?;
                Some((event, events))
            }));
        }
    }
}

impl StreamHandler<PlaneEvent> for DataPlaneActor {
    fn handle(&mut self, event: PlaneEvent, _: &mut Context<Self>) {
        match event {
            PlaneEvent::Expired { inbound, hard } => {
                if let Some(owner) = self.shared.plane.owner(inbound) {
                    self.shared.supervisor.do_send(ChildExpired {
                        owner,
                        inbound,
                        hard,
                    });
                }
            }
            PlaneEvent::PeerMoved { inbound, path } => {
                if let Some(owner) = self.shared.plane.owner(inbound) {
                    let moved = PeerMoved {
                        owner,
                        inbound,
                        path,
                    };
                    self.shared.supervisor.do_send(moved);
                }
            }
            PlaneEvent::Failed(reason) => {
                tracing::error!(%reason, "the data plane failed");
                self.shutdown.request(Cause::Failed("data plane"));
            }
            PlaneEvent::Acquire {
                policy,
                source,
                destination,
                ..
            } => self.shared.supervisor.do_send(Acquire {
                policy,
                source,
                destination,
            }),
            PlaneEvent::ProbeAnswered { token, round_trip } => {
                let answer = ProbeAnswered { token, round_trip };
                self.shared.supervisor.do_send(answer);
            }
            event @ PlaneEvent::PacketWithoutSa { .. } => tracing::trace!(?event),
        }
    }

    // The back end ends its stream when it shuts down; the actor goes on serving.
    fn finished(&mut self, _: &mut Context<Self>) {}
}

/// Removes whatever an IKE_SA left installed.
pub(crate) struct Purge(pub(crate) IkeSaId);

impl Message for Purge {
    type Result = ();
}

impl Handler<Purge> for DataPlaneActor {
    type Result = ();

    fn handle(&mut self, Purge(owner): Purge, context: &mut Context<Self>) {
        let shared = Arc::clone(&self.shared);
        // Off this handler's back, so that a data plane that blocks in spite of its contract holds
        // up nobody but purges.
        context.spawn(
            async move {
                let left = shared.plane.purge(owner) + shared.pools.purge(owner);
                if left > 0 {
                    tracing::warn!(ike_sa = %owner, left, "purged what an ended IKE_SA had left");
                }
            }
            .into_actor(self),
        );
    }
}

/// Shuts the back end down: no SA, route, device or thread of it is left.
pub(crate) struct Flush;

impl Message for Flush {
    type Result = ();
}

impl Handler<Flush> for DataPlaneActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Flush: Flush, _: &mut Context<Self>) -> Self::Result {
        let work = self.shared.plane.back_end.shutdown();
        Box::pin(async move {
            if tokio::time::timeout(SHUTDOWN_TIMEOUT, work).await.is_err() {
                tracing::error!("the data plane did not shut down in time");
            }
        })
    }
}

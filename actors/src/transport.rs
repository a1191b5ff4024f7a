//! The transport: reads the sockets, finds the owner of each datagram by its SPI, and judges the
//! requests that have none yet.
//!
//! Sending does not pass through here: IKE_SAs send on the shared sockets from their own threads.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use holdfast_config::Limits;
use holdfast_ike::{
    IkeSpi, Path,
    sa::admission::{Admission, AdmissionLimits, Admitted},
    wire::Header,
};
use holdfast_ipsec::NatTDatagram;
use tokio::sync::mpsc;

use crate::{
    bus::ControlEvent,
    environment::{Shared, StepEnvironment},
    handle::{DatagramPort, DatagramReceived, Delivery},
    icmp,
    reader::{ForwardedReader, SocketErrors, SocketReader},
    supervisor::{
        UNKNOWN_SPI,
        messages::{InitReceived, PeerUnreachable},
    },
};

/// Identifies an IKE_SA_INIT request before we have an SPI for it: retransmissions carry the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InitKey {
    /// Where it comes from.
    pub(crate) remote: SocketAddr,
    /// The SPI its sender chose.
    pub(crate) spi: IkeSpi,
}

/// One IKE_SA as the transport knows it.
#[derive(Debug)]
struct Route {
    port: DatagramPort,
    /// Set for IKE_SAs that a peer began.
    init: Option<InitKey>,
    half_open: bool,
    /// Further SPIs of ours: those of the IKE_SAs that rekeying has made of it.
    aliases: Vec<IkeSpi>,
}

/// What became of a request that was passed on.
#[derive(Clone, Copy, Debug)]
enum Init {
    /// The supervisor has not answered yet.
    Pending,
    /// It is this IKE_SA, named by our own SPI.
    Known(IkeSpi),
}

/// The transport.
pub(crate) struct Transport {
    shared: Arc<Shared>,
    admission: Admission,
    routes: HashMap<IkeSpi, Route>,
    /// Further SPIs and the one that each stands for.
    aliases: HashMap<IkeSpi, IkeSpi>,
    inits: HashMap<InitKey, Init>,
    accepting: bool,
    readers: Vec<SocketReader>,
    forwarded: Option<mpsc::Receiver<NatTDatagram>>,
}

impl Transport {
    /// `forwarded` is where the data plane puts the IKE messages it finds on the NAT-T port; with
    /// `None` the transport reads that port itself.
    pub(crate) fn new(
        shared: Arc<Shared>,
        forwarded: Option<mpsc::Receiver<NatTDatagram>>,
    ) -> std::io::Result<Self> {
        let mut readers = Vec::new();
        for (index, socket) in shared.sockets.iter().enumerate() {
            if !socket.nat_t || forwarded.is_none() {
                readers.push(SocketReader::new(Arc::clone(&shared), index)?);
            }
        }
        let limits = limits(&shared.agent.limits);
        Ok(Self {
            admission: Admission::new(limits),
            routes: HashMap::new(),
            aliases: HashMap::new(),
            inits: HashMap::new(),
            accepting: true,
            readers,
            forwarded,
            shared,
        })
    }

    /// One datagram, marker stripped.
    pub(crate) fn received(&mut self, path: Path, data: &[u8], received: Instant) {
        // What does not parse, or belongs to nobody, is judged (and counted) by the core.
        if let Ok(header) = Header::parse(data) {
            let ours = if header.flags.initiator {
                header.spis.responder
            } else {
                header.spis.initiator
            };
            let key = InitKey {
                remote: path.remote,
                spi: header.spis.initiator,
            };
            let owner = match self.inits.get(&key) {
                _ if !ours.is_zero() => Some(ours),
                Some(Init::Known(spi)) => Some(*spi),
                // Its IKE_SA is being made; the peer will ask again.
                Some(Init::Pending) => return,
                None => None,
            };
            let owner = owner.map(|spi| self.aliases.get(&spi).copied().unwrap_or(spi));
            if let Some(route) = owner.and_then(|spi| self.routes.get(&spi)) {
                self.deliver(route, path, data, received);
                return;
            }
        }
        self.judge(path, data, received);
    }

    fn deliver(&self, route: &Route, path: Path, data: &[u8], received: Instant) {
        let datagram = DatagramReceived {
            path,
            data: data.to_vec(),
            received,
        };
        match route.port.deliver(datagram) {
            Delivery::Queued => {}
            Delivery::Full => self.shared.counters.mailbox_full.increment(),
            // Its exit is on the way to the supervisor.
            Delivery::Closed => self.shared.counters.invalid_spi.increment(),
        }
    }

    fn judge(&mut self, path: Path, data: &[u8], received: Instant) {
        // Nothing that admission needs is charged to an IKE_SA.
        let env = &mut StepEnvironment::of_nobody(&self.shared);
        match self.admission.judge(data, path, received, env) {
            Admitted::Drop(reason) => tracing::trace!(remote = %path.remote, ?reason, "dropped"),
            Admitted::Reply(reply) => self.shared.transmit(path, &reply),
            Admitted::Disown(answer) => {
                self.shared.transmit(path, &answer);
                let (kind, listing) = (UNKNOWN_SPI, None);
                self.shared
                    .bus
                    .publish(|| ControlEvent::Alert { kind, listing });
            }
            Admitted::Accept(_) if !self.accepting => {
                tracing::debug!(remote = %path.remote, "shutting down: request ignored");
            }
            Admitted::Accept(request) => {
                let key = InitKey {
                    remote: path.remote,
                    spi: request.initiator_spi(),
                };
                self.admission.opened(path.remote.ip());
                self.inits.insert(key, Init::Pending);
                self.shared
                    .supervisor
                    .do_send(InitReceived { request, key });
            }
        }
    }

    /// Reads ICMP errors of one socket.
    pub(crate) fn socket_error(&self, index: usize) {
        let Some(socket) = self.shared.sockets.iter().nth(index) else {
            return;
        };
        icmp::read_errors(socket, |unreachable| {
            self.shared.supervisor.do_send(PeerUnreachable {
                remote: unreachable.remote,
                reason: unreachable.reason,
            });
        });
    }

    fn watch_errors(&self, errors: SocketErrors, context: &mut Context<Self>) {
        let next = errors.next().into_actor(self);
        context.spawn(next.map(|errors, transport, context| {
            // Waiting fails only when the runtime goes away.
            if let Ok(errors) = errors {
                transport.socket_error(errors.index);
                transport.watch_errors(errors, context);
            }
        }));
    }

    fn forget_init(&mut self, key: Option<InitKey>, half_open: bool) {
        let Some(key) = key else {
            return;
        };
        self.inits.remove(&key);
        if half_open {
            self.admission.closed(key.remote.ip());
        }
    }
}

impl Actor for Transport {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        for reader in std::mem::take(&mut self.readers) {
            self.watch_errors(reader.errors(), context);
            context.spawn(reader);
        }
        if let Some(forwarded) = self.forwarded.take() {
            context.spawn(ForwardedReader(forwarded));
        }
    }
}

/// From now on datagrams with this SPI of ours go to this IKE_SA. Sent before the IKE_SA starts.
pub(crate) struct RouteAdded {
    /// Our SPI.
    pub(crate) spi: IkeSpi,
    /// Where its datagrams go.
    pub(crate) port: DatagramPort,
    /// The request that it answers, where a peer began.
    pub(crate) init: Option<InitKey>,
}

impl Message for RouteAdded {
    type Result = ();
}

impl Handler<RouteAdded> for Transport {
    type Result = ();

    fn handle(&mut self, added: RouteAdded, _: &mut Context<Self>) {
        if let Some(key) = added.init {
            self.inits.insert(key, Init::Known(added.spi));
        }
        self.routes.insert(
            added.spi,
            Route {
                port: added.port,
                init: added.init,
                half_open: added.init.is_some(),
                aliases: Vec::new(),
            },
        );
    }
}

/// The peer of this IKE_SA has authenticated: it no longer counts as half-open. Its request stays
/// known, so that a late duplicate does not begin another IKE_SA.
pub(crate) struct Authenticated(pub(crate) IkeSpi);

impl Message for Authenticated {
    type Result = ();
}

impl Handler<Authenticated> for Transport {
    type Result = ();

    fn handle(&mut self, Authenticated(spi): Authenticated, _: &mut Context<Self>) {
        if let Some(route) = self.routes.get_mut(&spi)
            && std::mem::take(&mut route.half_open)
            && let Some(key) = route.init
        {
            self.admission.closed(key.remote.ip());
        }
    }
}

/// This IKE_SA is gone.
pub(crate) struct RouteRemoved(pub(crate) IkeSpi);

impl Message for RouteRemoved {
    type Result = ();
}

impl Handler<RouteRemoved> for Transport {
    type Result = ();

    fn handle(&mut self, RouteRemoved(spi): RouteRemoved, _: &mut Context<Self>) {
        self.shared.release_ike_spi(spi);
        if let Some(route) = self.routes.remove(&spi) {
            self.forget_init(route.init, route.half_open);
            for alias in route.aliases {
                self.aliases.remove(&alias);
                self.shared.release_ike_spi(alias);
            }
        }
    }
}

/// From now on datagrams with this SPI of ours go to the IKE_SA that began with another one. The
/// port stays where it is: a second one would undo the mailbox's bound.
pub(crate) struct AliasAdded {
    /// The new SPI.
    pub(crate) spi: IkeSpi,
    /// The SPI of the [`RouteAdded`].
    pub(crate) of: IkeSpi,
}

impl Message for AliasAdded {
    type Result = ();
}

impl Handler<AliasAdded> for Transport {
    type Result = ();

    fn handle(&mut self, AliasAdded { spi, of }: AliasAdded, _: &mut Context<Self>) {
        if let Some(route) = self.routes.get_mut(&of) {
            route.aliases.push(spi);
            self.aliases.insert(spi, of);
        } else {
            // Its end was quicker.
            self.shared.release_ike_spi(spi);
        }
    }
}

/// This further SPI is not used any more.
pub(crate) struct AliasRemoved(pub(crate) IkeSpi);

impl Message for AliasRemoved {
    type Result = ();
}

impl Handler<AliasRemoved> for Transport {
    type Result = ();

    fn handle(&mut self, AliasRemoved(spi): AliasRemoved, _: &mut Context<Self>) {
        if let Some(of) = self.aliases.remove(&spi) {
            self.shared.release_ike_spi(spi);
            if let Some(route) = self.routes.get_mut(&of) {
                route.aliases.retain(|alias| *alias != spi);
            }
        }
    }
}

/// The supervisor made no IKE_SA of this request.
pub(crate) struct InitRefused(pub(crate) InitKey);

impl Message for InitRefused {
    type Result = ();
}

impl Handler<InitRefused> for Transport {
    type Result = ();

    fn handle(&mut self, InitRefused(key): InitRefused, _: &mut Context<Self>) {
        self.forget_init(Some(key), true);
    }
}

/// No new IKE_SAs from now on. Routes stay: the answers to our goodbyes must arrive.
pub(crate) struct StopAccepting;

impl Message for StopAccepting {
    type Result = ();
}

impl Handler<StopAccepting> for Transport {
    type Result = ();

    fn handle(&mut self, _: StopAccepting, _: &mut Context<Self>) {
        self.accepting = false;
    }
}

fn limits(limits: &Limits) -> AdmissionLimits {
    let size = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
    AdmissionLimits {
        cookie_threshold: size(limits.cookie_threshold),
        cookie_threshold_ip: size(limits.cookie_threshold_ip),
        block_threshold: size(limits.block_threshold),
        init_limit_half_open: size(limits.init_limit_half_open),
    }
}

/// Whether `address` is one that a datagram can have come to: used for wildcard sockets whose
/// packet info is missing.
pub(crate) fn known_local(address: Option<IpAddr>, bound: SocketAddr) -> SocketAddr {
    SocketAddr::new(
        address.map_or(bound.ip(), |ip| ip.to_canonical()),
        bound.port(),
    )
}

//! Our own addresses and routes: a thread hears from the kernel when they change, lets the dust
//! settle, and tells the supervisor.
//!
//! It has a runtime of its own, so that a storm of routes (a full table being loaded) is read off the
//! netlink socket whatever the agent is busy with. What the kernel says is only a reason to look: the
//! addresses are always read anew, so that a lost event does no lasting harm.

use std::{
    collections::BTreeSet,
    io,
    net::IpAddr,
    sync::{Arc, mpsc as std_mpsc},
    time::Duration,
};

use futures::{StreamExt, TryStreamExt, channel::mpsc::UnboundedReceiver};
use nix::net::if_::if_nametoindex;
use rtnetlink::{
    Handle, MulticastGroup,
    packet_core::{NetlinkMessage, NetlinkPayload},
    packet_route::{
        RouteNetlinkMessage,
        address::{AddressAttribute, AddressFlags, AddressMessage},
        route::{RouteAttribute, RouteMessage, RouteProtocol},
    },
};
use tokio::sync::oneshot;

use crate::{environment::Shared, supervisor::messages::NetworkChanged};

/// An address that comes or goes brings routes with it: they are told as one change.
const SETTLE: Duration = Duration::from_millis(100);

/// Changes are told at most so often.
const PAUSE: Duration = Duration::from_millis(500);

/// Wait before a connection to the kernel that broke is opened again.
const REOPEN: Duration = Duration::from_secs(1);

/// The first look must not hold up the start.
const FIRST_LOOK: Duration = Duration::from_secs(1);

/// Marks the routes that the data plane keeps; they are no news.
const OUR_ROUTES: RouteProtocol = RouteProtocol::Other(50);

/// Our addresses, but for loopback, link-local and tunnel ones.
pub(crate) type Addresses = BTreeSet<IpAddr>;

/// Ends the thread when it is dropped.
#[derive(Debug)]
pub(crate) struct NetworkWatch {
    _stop: oneshot::Sender<()>,
}

impl NetworkWatch {
    /// Starts watching. Our addresses are known when this returns, if the kernel tells them at all.
    pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        let (ready, first_look) = std_mpsc::channel();
        let shared = Arc::clone(shared);
        std::thread::Builder::new()
            .name("network-watch".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                match runtime {
                    Ok(runtime) => runtime.block_on(async {
                        tokio::select! {
                            () = watch_always(&shared, ready) => {}
                            // Nobody says anything: the other half is dropped.
                            _ = stopped => {}
                        }
                    }),
                    Err(error) => tracing::error!(%error, "addresses and routes are not watched"),
                }
            })?;
        let _ = first_look.recv_timeout(FIRST_LOOK);
        Ok(Self { _stop: stop })
    }
}

type Events = UnboundedReceiver<(
    NetlinkMessage<RouteNetlinkMessage>,
    rtnetlink::sys::SocketAddr,
)>;

async fn watch_always(shared: &Shared, ready: std_mpsc::Sender<()>) {
    let mut ready = Some(ready);
    loop {
        if let Err(error) = watch(shared, &mut ready).await {
            tracing::warn!(%error, "addresses and routes are not watched for now");
        }
        ready = None;
        tokio::time::sleep(REOPEN).await;
    }
}

/// Watches until the connection to the kernel breaks.
async fn watch(shared: &Shared, ready: &mut Option<std_mpsc::Sender<()>>) -> io::Result<()> {
    let (connection, handle, mut events) = rtnetlink::new_multicast_connection(&[
        MulticastGroup::Link,
        MulticastGroup::Ipv4Ifaddr,
        MulticastGroup::Ipv6Ifaddr,
        MulticastGroup::Ipv4Route,
        MulticastGroup::Ipv6Route,
    ])?;
    let connection = tokio::spawn(connection);
    let first = ready.take();
    look(shared, &handle).await?;
    if first.is_none() {
        // Whatever happened while nobody watched.
        tell(shared, true);
    }
    drop(first);
    while let Some((event, _)) = events.next().await {
        if !is_news(&event, tunnel_device(shared)) {
            continue;
        }
        settle(&mut events).await;
        let changed = look(shared, &handle).await?;
        tell(shared, changed);
        tokio::time::sleep(PAUSE).await;
    }
    connection.abort();
    Err(io::ErrorKind::BrokenPipe.into())
}

/// Reads on for a while: what comes together is one change.
async fn settle(events: &mut Events) {
    let quiet = tokio::time::sleep(SETTLE);
    tokio::pin!(quiet);
    loop {
        tokio::select! {
            () = &mut quiet => return,
            event = events.next() => if event.is_none() {
                return;
            },
        }
    }
}

fn tell(shared: &Shared, addresses: bool) {
    shared.supervisor.do_send(NetworkChanged { addresses });
}

/// Whether an event is about anything but our own routes and device.
fn is_news(event: &NetlinkMessage<RouteNetlinkMessage>, tunnel: Option<u32>) -> bool {
    let NetlinkPayload::InnerMessage(message) = &event.payload else {
        return false;
    };
    match message {
        RouteNetlinkMessage::NewLink(link) | RouteNetlinkMessage::DelLink(link) => {
            Some(link.header.index) != tunnel
        }
        RouteNetlinkMessage::NewAddress(address) | RouteNetlinkMessage::DelAddress(address) => {
            Some(address.header.index) != tunnel
        }
        RouteNetlinkMessage::NewRoute(route) | RouteNetlinkMessage::DelRoute(route) => {
            route.header.protocol != OUR_ROUTES && !leads_into(route, tunnel)
        }
        _ => false,
    }
}

fn leads_into(route: &RouteMessage, tunnel: Option<u32>) -> bool {
    route
        .attributes
        .iter()
        .any(|attribute| matches!(attribute, RouteAttribute::Oif(index) if Some(*index) == tunnel))
}

fn tunnel_device(shared: &Shared) -> Option<u32> {
    if_nametoindex(shared.agent.tun.name.as_str()).ok()
}

/// Reads our addresses; whether they have changed.
async fn look(shared: &Shared, handle: &Handle) -> io::Result<bool> {
    let tunnel = tunnel_device(shared);
    let messages: Vec<AddressMessage> = handle
        .address()
        .get()
        .execute()
        .try_collect()
        .await
        .map_err(|error| io::Error::other(error.to_string()))?;
    let addresses: Addresses = messages
        .iter()
        .filter(|message| Some(message.header.index) != tunnel)
        .filter_map(usable)
        .collect();
    let changed = **shared.addresses.load() != addresses;
    if changed {
        tracing::debug!(?addresses, "our addresses");
        shared.addresses.store(Arc::new(addresses));
    }
    Ok(changed)
}

/// The address that a message is about, if a peer elsewhere may be reached from it.
fn usable(message: &AddressMessage) -> Option<IpAddr> {
    let mut address = None;
    for attribute in &message.attributes {
        match attribute {
            // Not known to be unique yet, or known not to be (RFC 4862 section 5.4).
            AddressAttribute::Flags(flags)
                if flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed) =>
            {
                return None;
            }
            // Of a point-to-point link `Local` is ours and `Address` the other end's.
            AddressAttribute::Local(local) => address = Some(*local),
            AddressAttribute::Address(own) if address.is_none() => address = Some(*own),
            _ => {}
        }
    }
    address.filter(is_listed)
}

/// Whether an address of ours would be among the [`Addresses`].
pub(crate) fn is_listed(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
    }
}

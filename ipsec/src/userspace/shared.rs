//! What the threads of the data plane share.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::mpsc;

use super::{
    clear::Clear, probes::Probes, sa::Clock, shunts::Shunts, sockets::Sockets, tables::Tables,
    traps::Traps,
};
use crate::{
    packet::header::{Header, Ports},
    plane::{Counts, NatTDatagram, PlaneEvent},
    policy::PolicyId,
    spi::SpiPool,
};

/// Tables, sockets, counters.
pub(crate) struct Shared {
    pub(crate) sockets: Sockets,
    /// The largest packet that the device takes.
    pub(crate) mtu: u16,
    pub(crate) tables: Tables,
    pub(crate) spis: SpiPool,
    pub(crate) traps: Traps,
    pub(crate) shunts: Shunts,
    pub(crate) clear: Clear,
    pub(crate) probes: Probes,
    pub(crate) counts: Counts,
    pub(crate) clock: Clock,
    pub(crate) ike: mpsc::Sender<NatTDatagram>,
    pub(crate) events: mpsc::Sender<PlaneEvent>,
    pub(crate) stop: Stop,
    /// A packet thread could not go on.
    pub(crate) failed: AtomicBool,
}

impl Shared {
    /// Reports something; `false` if nobody has room for it now.
    pub(crate) fn tell(&self, event: PlaneEvent) -> bool {
        !matches!(
            self.events.try_send(event),
            Err(mpsc::error::TrySendError::Full(_))
        )
    }

    /// Reports a packet for which there is neither SA nor trap.
    pub(crate) fn tell_without_sa(&self, header: &Header) {
        self.tell(PlaneEvent::PacketWithoutSa {
            source: header.source,
            destination: header.destination,
            protocol: header.protocol,
            ports: known_ports(header),
        });
    }

    /// Asks for the CHILD_SA of a trap; `false` if nobody has room for the question now.
    pub(crate) fn tell_acquire(&self, policy: PolicyId, header: &Header) -> bool {
        self.tell(PlaneEvent::Acquire {
            policy,
            source: header.source,
            destination: header.destination,
            protocol: header.protocol,
            ports: known_ports(header),
        })
    }
}

fn known_ports(header: &Header) -> Option<(u16, u16)> {
    match header.ports {
        Ports::Known(source, destination) => Some((source, destination)),
        Ports::Icmp(_) | Ports::None | Ports::Opaque => None,
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Ordering::Relaxed);
}

/// Whether an address is one that no policy is about: neighbour discovery and the like, which the
/// kernel sends into every device.
pub(crate) fn is_local_chatter(destination: IpAddr) -> bool {
    match destination {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast() || address.is_unicast_link_local(),
    }
}

/// A request to stop that can be polled for.
pub(crate) struct Stop {
    requested: AtomicBool,
    event: EventFd,
}

impl Stop {
    /// Not requested.
    pub(crate) fn new() -> nix::Result<Self> {
        Ok(Self {
            requested: AtomicBool::new(false),
            event: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
        })
    }

    /// Requests it.
    pub(crate) fn set(&self) {
        self.requested.store(true, Ordering::Release);
        // A full counter is readable just as well.
        let _ = self.event.write(1);
    }

    /// Whether it was requested.
    pub(crate) fn is_set(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    /// Readable from the request on.
    pub(crate) fn event(&self) -> &EventFd {
        &self.event
    }
}

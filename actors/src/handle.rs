//! The only ways to send to an IKE_SA.
//!
//! actix bounds a mailbox per sending handle: the check is whether *this* handle is parked, so a
//! cloned address always gets one more message in and `addr.clone().try_send(..)` never reports a
//! full mailbox. Hence two types, neither `Clone`, each made once per IKE_SA and stored where it is
//! used: the transport holds the [`DatagramPort`], the supervisor the [`CommandPort`].

use std::time::Instant;

use actix::{Message, prelude::SendError};
use holdfast_ike::{EspSpi, Path, sa::Command};

use crate::{ike_sa::IkeSaActor, post::Post};

/// Room for datagrams in an IKE_SA's mailbox. IKE has a window of one request, so more than a few
/// waiting datagrams are retransmissions or garbage.
pub(crate) const MAILBOX_CAPACITY: usize = 64;

/// The number of an IKE_SA, unique while the agent runs; VICI clients see it as `uniqueid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct IkeSaId(pub(crate) u32);

impl std::fmt::Display for IkeSaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A datagram for an IKE_SA arrived.
#[derive(Debug)]
pub(crate) struct DatagramReceived {
    /// Where it arrived and came from.
    pub(crate) path: Path,
    /// The IKE message, without the non-ESP marker.
    pub(crate) data: Vec<u8>,
    /// When.
    pub(crate) received: Instant,
}

impl Message for DatagramReceived {
    type Result = ();
}

/// What the supervisor says to an IKE_SA.
#[derive(Debug)]
pub(crate) enum Order {
    /// Something somebody wants.
    Command(Command),
    /// The data plane reports that a CHILD_SA should be replaced (soft) or is gone (hard).
    ChildExpired {
        /// Which one.
        inbound: EspSpi,
        /// It no longer carries traffic.
        hard: bool,
    },
    /// The data plane hears the peer of a CHILD_SA at another address.
    PeerMoved {
        /// On which one.
        inbound: EspSpi,
        /// Where the packet arrived and came from.
        path: Path,
    },
    /// The agent shuts down: say goodbye to the peer. Sent last, so everything queued before it is
    /// handled first.
    Drain,
    /// Panic inside the core, to test that nobody else is hurt.
    #[cfg(feature = "fault-injection")]
    Panic,
}

impl Message for Order {
    type Result = ();
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It waits in the mailbox.
    Queued,
    /// The mailbox is full; it was dropped, and IKE will retransmit.
    Full,
    /// The IKE_SA is gone.
    Closed,
}

/// Delivers datagrams to one IKE_SA, within the bound of its mailbox.
#[derive(Debug)]
pub(crate) struct DatagramPort(Post<IkeSaActor>);

impl DatagramPort {
    /// Queues a datagram if there is room.
    pub(crate) fn deliver(&self, datagram: DatagramReceived) -> Delivery {
        match self.0.try_send(datagram) {
            Ok(()) => Delivery::Queued,
            Err(SendError::Full(_)) => Delivery::Full,
            Err(SendError::Closed(_)) => Delivery::Closed,
        }
    }
}

/// Gives orders to one IKE_SA. Orders are few (the supervisor collapses them) and must not be lost,
/// so they ignore the bound.
#[derive(Debug)]
pub(crate) struct CommandPort(Post<IkeSaActor>);

impl CommandPort {
    /// Queues an order; nothing happens when the IKE_SA is gone, its exit is being reported.
    pub(crate) fn order(&self, order: Order) {
        self.0.do_send(order);
    }
}

/// The two ports of a new IKE_SA.
pub(crate) fn ports(address: Post<IkeSaActor>) -> (DatagramPort, CommandPort) {
    (DatagramPort(address.clone()), CommandPort(address))
}

//! What the userspace data plane needs to start, and why it may not.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use tokio::sync::mpsc;

use crate::{NatTDatagram, PacketDevice, PlaneEvent, Random};

/// Where unprotected packets come from and go to.
#[derive(Clone)]
pub enum Device {
    /// A TUN device of this name, made at start and gone at shutdown.
    Tun {
        /// Its name.
        name: String,
        /// Its MTU. ESP in UDP adds up to 65 octets over IPv4 and 85 over IPv6 with AEAD
        /// ciphers, up to 101 and 121 with others.
        mtu: u16,
    },
    /// Any other.
    Custom(Arc<dyn PacketDevice>),
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tun { name, mtu } => write!(f, "Tun({name}, mtu {mtu})"),
            Self::Custom(device) => write!(f, "Custom({})", device.name()),
        }
    }
}

/// What [`Userspace::start`](crate::Userspace::start) needs.
pub struct UserspaceOptions {
    /// Where unprotected packets come from and go to.
    pub device: Device,
    /// The bound NAT traversal sockets of both families. The data plane reads them from now on;
    /// others may go on sending on duplicates.
    pub sockets: Vec<std::net::UdpSocket>,
    /// Takes the IKE messages found on these sockets; they are dropped and counted when it is full.
    pub ike: mpsc::Sender<NatTDatagram>,
    /// Takes what the data plane reports by itself.
    pub events: mpsc::Sender<PlaneEvent>,
    /// Whether to route remote selectors into the device.
    pub manage_routes: bool,
    /// Fills a buffer with unpredictable bytes.
    pub random: Random,
}

impl fmt::Debug for UserspaceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserspaceOptions")
            .field("device", &self.device)
            .field("sockets", &self.sockets)
            .field("manage_routes", &self.manage_routes)
            .finish_non_exhaustive()
    }
}

/// Why the userspace data plane cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No device.
    #[error(
        "cannot create the TUN device {name}: {source}{}",
        remedy_for_device(source)
    )]
    Device {
        /// Its name.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The device exists but cannot be used.
    #[error("cannot bring up the TUN device {name} with mtu {mtu}: {reason}")]
    DeviceSetup {
        /// Its name.
        name: String,
        /// Its MTU.
        mtu: u16,
        /// What the system said.
        reason: String,
    },
    /// A socket cannot be set up.
    #[error("cannot use the NAT traversal socket {address}: {source}")]
    Socket {
        /// What it is bound to.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No socket was given.
    #[error("the userspace data plane needs at least one NAT traversal socket: see `agent.listen`")]
    NoSockets,
    /// No thread.
    #[error("cannot start a thread of the data plane: {0}")]
    Thread(#[source] io::Error),
    /// No netlink socket.
    #[error("cannot open a netlink socket to manage routes: {0}")]
    Netlink(#[source] io::Error),
}

/// What helps against the usual errors.
fn remedy_for_device(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            " (run as root or grant CAP_NET_ADMIN, or set `dataplane = \"none\"`)"
        }
        io::ErrorKind::NotFound => " (load the module `tun` so that /dev/net/tun exists)",
        io::ErrorKind::ResourceBusy => {
            " (another process has a device of this name: set `agent.tun.name`)"
        }
        _ => "",
    }
}

//! Why the agent did not start. Every message names the remedy.

use std::{io, net::SocketAddr, path::PathBuf};

use holdfast_config::ViciAddress;

/// Why the agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program has the port.
    #[error(
        "UDP port {} of {} is in use: stop the other IKE daemon (`ss -ulpn` names it), or set \
         `agent.port` and `agent.port_nat_t`", .0.port(), .0.ip()
    )]
    PortInUse(SocketAddr),
    /// Ports below 1024 need a privilege.
    #[error(
        "no permission to bind UDP port {} of {}: run as root, grant CAP_NET_BIND_SERVICE, or set \
         `agent.port` and `agent.port_nat_t` above 1023", .0.port(), .0.ip()
    )]
    PortNotPermitted(SocketAddr),
    /// The machine does not have the address.
    #[error("{0} is not an address of this machine: correct `agent.listen`")]
    NoSuchAddress(SocketAddr),
    /// Anything else about a socket.
    #[error("cannot open a UDP socket on {address}: {source}")]
    Socket {
        /// Which one.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Another agent serves the control socket.
    #[error("{0} is served by another process: stop it, or set `agent.vici`")]
    ViciInUse(ViciAddress),
    /// The control socket cannot be made.
    #[error("cannot listen on {address}: {source}; correct `agent.vici`")]
    Vici {
        /// Where.
        address: ViciAddress,
        /// Why not.
        source: io::Error,
    },
    /// The control socket's TCP address can be reached from other machines.
    #[error(
        "the control protocol has no authentication, so `agent.vici` must not listen on {0}: use \
         a loopback address, or say `agent.vici_expose = true` if the network is trusted"
    )]
    ViciExposed(SocketAddr),
    /// The control socket is to belong to a group that the machine does not have.
    #[error(
        "there is no group `{0}`: correct `agent.vici_group`, or create it with `groupadd {0}`"
    )]
    NoSuchGroup(String),
    /// A socket that tells events cannot be made.
    #[error("cannot listen on {address}: {source}; correct `agent.{key}`")]
    Events {
        /// The key that names it.
        key: &'static str,
        /// Where.
        address: ViciAddress,
        /// Why not.
        source: io::Error,
    },
    /// The health endpoint cannot be made.
    #[error("cannot listen on {address} for health checks: {source}; correct `agent.health`")]
    Health {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The key log cannot be written.
    #[error("cannot write the key log to {}: {source}; correct or remove `agent.keylog`", directory.display())]
    KeyLog {
        /// Where.
        directory: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There is no kernel data plane yet.
    #[error("`agent.dataplane = \"kernel\"` is not supported yet: use \"userspace\" or \"auto\"")]
    NoKernelPlane,
    /// The data plane did not start.
    #[error("the data plane did not start: {0}")]
    DataPlane(#[from] holdfast_ipsec::StartError),
    /// The operating system refused a thread, a signal handler or a timer.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl StartError {
    pub(crate) fn socket(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortInUse(address),
            io::ErrorKind::PermissionDenied => Self::PortNotPermitted(address),
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress(address),
            _ => Self::Socket { address, source },
        }
    }
}

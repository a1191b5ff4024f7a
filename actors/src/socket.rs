//! The UDP sockets: one for each configured address and each of the two ports.
//!
//! Every datagram tells which of our addresses it was sent to (packet info), and every reply leaves
//! from there. Any thread may send; reading is the transport's business, or the data plane's for
//! the NAT-T port.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
};

use holdfast_config::Agent;
use holdfast_ike::Path;
use nix::{
    errno::Errno,
    libc,
    sys::socket::{setsockopt, sockopt},
};
use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::StartError;

/// Four zero octets where ESP would have its SPI tell that an IKE message follows
/// (RFC 3948 section 2.2).
pub(crate) const NON_ESP_MARKER: [u8; 4] = [0; 4];

/// One octet that keeps a NAT's mapping alive (RFC 3948 section 2.3).
const NAT_KEEPALIVE: [u8; 1] = [0xff];

/// Room in the kernel for bursts, such as the first messages of all peers after an outage.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A bound socket.
#[derive(Debug)]
pub(crate) struct BoundSocket {
    /// What it is bound to.
    pub(crate) local: SocketAddr,
    /// Whether it is of the NAT-T port, where IKE messages carry the marker.
    pub(crate) nat_t: bool,
    pub(crate) socket: UdpSocket,
    pub(crate) state: UdpSocketState,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Sockets(Vec<BoundSocket>);

impl Sockets {
    /// Binds every configured address on both ports. An address family that the machine does not
    /// have is left out as long as another remains.
    pub(crate) fn bind(agent: &Agent) -> Result<Self, StartError> {
        let mut sockets = Vec::new();
        let mut missing = None;
        for &address in &agent.listen {
            for (port, nat_t) in [(agent.port, false), (agent.port_nat_t, true)] {
                let local = SocketAddr::new(address, port);
                match bind(local, nat_t) {
                    Ok(socket) => sockets.push(socket),
                    Err(error)
                        if address.is_unspecified()
                            && error.raw_os_error() == Some(libc::EAFNOSUPPORT) =>
                    {
                        tracing::info!(%local, "address family not available, left out");
                        missing = Some((local, error));
                    }
                    Err(error) => return Err(StartError::socket(local, error)),
                }
            }
        }
        match (sockets.is_empty(), missing) {
            (true, Some((local, error))) => Err(StartError::socket(local, error)),
            _ => Ok(Self(sockets)),
        }
    }

    /// The sockets themselves.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &BoundSocket> {
        self.0.iter()
    }

    /// Whether some socket can send from `local`.
    pub(crate) fn serves(&self, local: SocketAddr) -> bool {
        self.find(local).is_some()
    }

    /// Sends an IKE message along `path`, with the marker where its local port needs it.
    pub(crate) fn send(&self, path: Path, message: &[u8]) -> io::Result<()> {
        let socket = self.find(path.local).ok_or_else(no_socket)?;
        if socket.nat_t {
            let mut marked = Vec::with_capacity(NON_ESP_MARKER.len() + message.len());
            marked.extend_from_slice(&NON_ESP_MARKER);
            marked.extend_from_slice(message);
            socket.send(path, &marked)
        } else {
            socket.send(path, message)
        }
    }

    /// Sends a NAT keepalive along `path`.
    pub(crate) fn keepalive(&self, path: Path) -> io::Result<()> {
        let socket = self.find(path.local).ok_or_else(no_socket)?;
        socket.send(path, &NAT_KEEPALIVE)
    }

    /// The socket bound to exactly this address, else the one bound to all of its family.
    fn find(&self, local: SocketAddr) -> Option<&BoundSocket> {
        let all: IpAddr = match local {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let by_address = |ip: IpAddr| {
            self.0
                .iter()
                .find(|socket| socket.local.port() == local.port() && socket.local.ip() == ip)
        };
        by_address(local.ip()).or_else(|| by_address(all))
    }
}

fn no_socket() -> io::Error {
    io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        "no socket is bound to this address and port: compare `agent.listen` with `local_addrs`",
    )
}

impl BoundSocket {
    fn send(&self, path: Path, contents: &[u8]) -> io::Result<()> {
        let local = path.local.ip();
        let transmit = Transmit {
            destination: path.remote,
            ecn: None,
            contents,
            segment_size: None,
            src_ip: (!local.is_unspecified()).then_some(local),
        };
        let send = || {
            self.state
                .try_send(UdpSockRef::from(&self.socket), &transmit)
        };
        match send() {
            // An ICMP error that some earlier datagram earned is handed to whoever uses the socket
            // next; the datagram at hand has not been tried yet.
            Err(error) if unreachable_reason(&error).is_some() => send(),
            sent => sent,
        }
    }
}

/// What an error of sending says about the peer, if it says something.
pub(crate) fn unreachable_reason(error: &io::Error) -> Option<&'static str> {
    reason_of(Errno::from_raw(error.raw_os_error()?))
}

/// The same for the number that comes with an ICMP error.
pub(crate) fn reason_of(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::ECONNREFUSED => Some("nobody listens at the peer's address and port"),
        Errno::EHOSTUNREACH | Errno::EHOSTDOWN => Some("the peer's host is unreachable"),
        Errno::ENETUNREACH | Errno::ENETDOWN => Some("no route to the peer"),
        Errno::EACCES | Errno::EPERM => Some("a packet filter forbids sending to the peer"),
        _ => None,
    }
}

fn bind(local: SocketAddr, nat_t: bool) -> io::Result<BoundSocket> {
    let socket = Socket::new(
        Domain::for_address(local),
        Type::DGRAM.cloexec(),
        Some(Protocol::UDP),
    )?;
    if local.is_ipv6() {
        // Each family has a socket of its own; without this the second bind would collide.
        socket.set_only_v6(true)?;
    }
    // With CAP_NET_ADMIN beyond the system's limit, else up to it; less is no reason not to start.
    // Without the right to do it there are no tunnels to keep out of either.
    let _ = holdfast_ipsec::mark_socket(&socket);
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    }
    socket.bind(&SockAddr::from(local))?;
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    allow_fragments(&socket, local)?;
    if local.is_ipv4() {
        setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
    } else {
        setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
    }
    Ok(BoundSocket {
        local,
        nat_t,
        socket: socket.into(),
        state,
    })
}

/// Undoes what QUIC wants of a socket and IKE does not: IKE messages may be larger than the path's
/// MTU, and then they must travel in IP fragments (RFC 7296 section 2).
fn allow_fragments(socket: &Socket, local: SocketAddr) -> io::Result<()> {
    if local.is_ipv4() {
        set_option(
            socket,
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            libc::IP_PMTUDISC_DONT,
        )
    } else {
        set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 0)?;
        set_option(
            socket,
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_DONT,
        )
    }
}

#[allow(unsafe_code)] // Neither nix nor socket2 offers these options.
fn set_option(socket: &Socket, level: i32, name: i32, value: i32) -> io::Result<()> {
    let length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the descriptor is open for the length of the call, and the pointer and length
    // describe `value`, which outlives it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(&value).cast(),
            length,
        )
    };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

/// The address that the kernel would send from to reach `remote`.
pub(crate) fn source_address(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: SocketAddr = if remote.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    // Connecting a UDP socket sends nothing: it only looks the route up.
    let probe = UdpSocket::bind(any)?;
    probe.connect(remote)?;
    Ok(probe.local_addr()?.ip())
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;

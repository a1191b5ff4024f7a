//! The NAT traversal sockets: which one a path uses, and sending ESP in batches.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::{AsFd, AsRawFd},
    sync::atomic::{AtomicBool, Ordering},
};

use holdfast_ike::Path;
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{setsockopt, sockopt},
};
use quinn_udp::{EcnCodepoint, Transmit, UdpSockRef, UdpSocketState};

use super::{options::StartError, sa::OuterRoute};
use crate::plane::InstallError;

/// The mark of our own datagrams, which the routing rule of the tunnels excepts.
pub(super) const SOCKET_MARK: u32 = 0x4846_0001;

/// What a batch of some hundred packets takes, with room for bursts.
const BUFFER: usize = 4 << 20;

/// Milliseconds a sender may wait for room in the socket before packets are dropped.
const PATIENCE: u8 = 100;

/// All sockets of the data plane.
pub(crate) struct Sockets {
    list: Vec<Socket>,
    /// Whether our own datagrams pass by our routes, whatever these say.
    pub(crate) marked: bool,
}

/// One of them.
pub(crate) struct Socket {
    pub(crate) io: UdpSocket,
    pub(crate) state: UdpSocketState,
    pub(crate) local: SocketAddr,
}

impl Sockets {
    /// Sets the sockets up for batches.
    pub(crate) fn new(sockets: Vec<UdpSocket>) -> Result<Self, StartError> {
        let list: Vec<_> = sockets
            .into_iter()
            .map(Socket::new)
            .collect::<Result<_, _>>()?;
        if list.is_empty() {
            return Err(StartError::NoSockets);
        }
        let marked = list.iter().all(|socket| mark(&socket.io));
        Ok(Self { list, marked })
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Socket> {
        self.list.iter()
    }

    /// How ESP leaves on this path: by the socket bound to its local address, else by one bound to
    /// every address of its family.
    pub(crate) fn route(&self, path: Path) -> Result<OuterRoute, InstallError> {
        let local = path.local.ip();
        let same_family = |socket: &Socket| {
            socket.local.is_ipv4() == local.is_ipv4() && path.remote.is_ipv4() == local.is_ipv4()
        };
        let exact = self
            .list
            .iter()
            .position(|socket| socket.local.ip() == local && same_family(socket));
        let any = || {
            self.list
                .iter()
                .position(|socket| socket.local.ip().is_unspecified() && same_family(socket))
        };
        Ok(OuterRoute {
            socket: exact
                .or_else(any)
                .ok_or(InstallError::NoSocket(path.local))?,
            source: Some(local).filter(|local| !local.is_unspecified()),
            destination: path.remote,
            segmentation: AtomicBool::new(true),
        })
    }

    /// Sends ESP packets of `size` octets each, the last perhaps shorter. Returns how many were
    /// not sent.
    pub(crate) fn send(&self, route: &OuterRoute, packets: &[u8], size: usize, ecn: u8) -> usize {
        let socket = &self.list[route.socket];
        let ecn = EcnCodepoint::from_bits(ecn);
        if packets.len() > size && route.segmentation.load(Ordering::Relaxed) {
            match socket.send(&transmit(route, packets, Some(size), ecn)) {
                Ok(()) => return 0,
                Err(error) if refuses_segmentation(&error) => {
                    tracing::info!(
                        %error,
                        peer = %route.destination,
                        "sending ESP packets one by one"
                    );
                    route.segmentation.store(false, Ordering::Relaxed);
                }
                Err(_) => return packets.len().div_ceil(size),
            }
        }
        packets
            .chunks(size)
            .filter(|packet| socket.send(&transmit(route, packet, None, ecn)).is_err())
            .count()
    }
}

/// Marks a socket of IKE, or of ESP in UDP, so that its datagrams do not enter the tunnels, even
/// where these lead to the peer itself. False where the system does not let us.
pub fn mark(socket: &impl AsFd) -> bool {
    setsockopt(socket, sockopt::Mark, &SOCKET_MARK).is_ok()
}

fn transmit<'a>(
    route: &OuterRoute,
    contents: &'a [u8],
    segment_size: Option<usize>,
    ecn: Option<EcnCodepoint>,
) -> Transmit<'a> {
    Transmit {
        destination: route.destination,
        ecn,
        contents,
        segment_size,
        src_ip: route.source,
    }
}

/// The kernel segments nothing that would not fit the MTU, and some drivers segment nothing.
fn refuses_segmentation(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::EIO | libc::EMSGSIZE | libc::EOPNOTSUPP)
    )
}

impl Socket {
    fn new(io: UdpSocket) -> Result<Self, StartError> {
        let local = io.local_addr().map_err(|source| StartError::Socket {
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            source,
        })?;
        let failed = |source| StartError::Socket {
            address: local,
            source,
        };
        let state = UdpSocketState::new(UdpSockRef::from(&io)).map_err(failed)?;
        allow_fragmentation(&io, local.ip()).map_err(failed)?;
        enlarge_buffers(&io);
        Ok(Self { io, state, local })
    }

    /// Sends, waiting a little for room.
    fn send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        loop {
            match self.state.try_send(UdpSockRef::from(&self.io), transmit) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut room = [PollFd::new(self.io.as_fd(), PollFlags::POLLOUT)];
                    match poll(&mut room, PollTimeout::from(PATIENCE)) {
                        Ok(0) => return Err(error),
                        Ok(_) | Err(nix::Error::EINTR) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                other => return other,
            }
        }
    }
}

/// `quinn-udp` forbids fragmentation, for QUIC. These sockets also carry IKE messages, which may be
/// larger than the MTU, and ESP packets must get through a path that is narrower than the tunnel's
/// MTU promised.
fn allow_fragmentation(io: &UdpSocket, local: IpAddr) -> io::Result<()> {
    set_option(
        io,
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        libc::IP_PMTUDISC_DONT,
    )?;
    if local.is_ipv6() {
        set_option(
            io,
            libc::IPPROTO_IPV6,
            libc::IPV6_MTU_DISCOVER,
            libc::IPV6_PMTUDISC_DONT,
        )?;
        set_option(io, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 0)?;
    }
    Ok(())
}

/// Asks for large buffers, beyond the system's limit where we may. Smaller ones only cost speed.
fn enlarge_buffers(io: &UdpSocket) {
    if setsockopt(io, sockopt::RcvBufForce, &BUFFER).is_err() {
        let _ = setsockopt(io, sockopt::RcvBuf, &BUFFER);
    }
    if setsockopt(io, sockopt::SndBufForce, &BUFFER).is_err() {
        let _ = setsockopt(io, sockopt::SndBuf, &BUFFER);
    }
}

/// Sets an integer option that no safe wrapper knows.
#[allow(unsafe_code, reason = "a system call without a safe wrapper")]
fn set_option(io: &UdpSocket, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as `io` is borrowed, and the kernel reads exactly
    // the four octets of `value`, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            io.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

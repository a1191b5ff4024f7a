//! ICMP errors that came back for datagrams of ours: hints about peers, never fatal.

use std::{net::SocketAddr, os::fd::AsRawFd};

use nix::{
    errno::Errno,
    sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg},
};

use crate::socket::{BoundSocket, reason_of};

/// More errors than a socket's buffer can hold: whoever sends that many is not waited for.
const MOST: usize = 4096;

/// What an ICMP error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreachable {
    /// Where the datagram was to go.
    pub(crate) remote: SocketAddr,
    /// Why it did not get there.
    pub(crate) reason: &'static str,
}

/// Takes all errors from the socket's error queue.
pub(crate) fn read_errors(socket: &BoundSocket, mut report: impl FnMut(Unreachable)) {
    for _ in 0..MOST {
        match read_error(socket) {
            Ok(Some(unreachable)) => report(unreachable),
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

fn read_error(socket: &BoundSocket) -> Result<Option<Unreachable>, Errno> {
    let mut payload = [0; 64];
    let mut buffers = [std::io::IoSliceMut::new(&mut payload)];
    let mut control = [0; 512];
    // With MSG_ERRQUEUE the address is where the datagram that failed was going; the router that
    // complained is inside the control message.
    let message = recvmsg::<SockaddrStorage>(
        socket.socket.as_raw_fd(),
        &mut buffers,
        Some(&mut control),
        MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
    )?;
    let Some(remote) = message.address.as_ref().and_then(to_socket_addr) else {
        return Ok(None);
    };
    let reason = message
        .cmsgs()?
        .find_map(|control| match control {
            ControlMessageOwned::Ipv4RecvErr(error, _)
            | ControlMessageOwned::Ipv6RecvErr(error, _) => Some(error.ee_errno),
            _ => None,
        })
        .and_then(|errno| reason_of(Errno::from_raw(errno.cast_signed())));
    Ok(reason.map(|reason| Unreachable { remote, reason }))
}

fn to_socket_addr(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::from((v4.ip(), v4.port())));
    }
    address
        .as_sockaddr_in6()
        .map(|v6| SocketAddr::from((v6.ip(), v6.port())))
}

//! What leaves in the clear although it came into the device: packets that a shunt lets pass and
//! that no route could keep out, for it tells them by source, protocol or port.
//!
//! They are sent on as they are, by sockets that bear the mark which our routing rule excepts, so the
//! system routes them as if there were no tunnels. Answers come in the way they come; where
//! `rp_filter` is strict (1) the system drops them, for it would have routed into the tunnel.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsRawFd, OwnedFd},
    sync::OnceLock,
};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, sendto, socket,
};

use super::sockets;

/// Sends whole IP packets.
#[derive(Default)]
pub(crate) struct Clear {
    v4: OnceLock<OwnedFd>,
    v6: OnceLock<OwnedFd>,
}

impl Clear {
    /// Gets ready for packets of one family. Once is enough.
    pub(crate) fn open(&self, v4: bool) -> io::Result<()> {
        let (slot, family) = if v4 {
            (&self.v4, AddressFamily::Inet)
        } else {
            (&self.v6, AddressFamily::Inet6)
        };
        if slot.get().is_some() {
            return Ok(());
        }
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        // Of this protocol a socket receives nothing, and packets bring their own headers.
        let raw = socket(family, SockType::Raw, flags, SockProtocol::Raw)?;
        if !sockets::mark(&raw) {
            return Err(io::Error::last_os_error());
        }
        // Somebody may have been faster.
        let _ = slot.set(raw);
        Ok(())
    }

    /// Sends a packet, or says why not. Never waits.
    pub(crate) fn send(&self, packet: &[u8], destination: IpAddr) -> io::Result<()> {
        let slot = if destination.is_ipv4() {
            &self.v4
        } else {
            &self.v6
        };
        let raw = slot.get().ok_or(io::ErrorKind::NotConnected)?;
        let to = SockaddrStorage::from(SocketAddr::new(destination, 0));
        sendto(raw.as_raw_fd(), packet, &to, MsgFlags::empty())?;
        Ok(())
    }
}

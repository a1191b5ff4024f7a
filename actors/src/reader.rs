//! Reading: batches from a socket, or what the data plane found on the NAT-T port. Both run inside
//! the transport, with its state at hand and a budget, so that neither a flood nor one busy socket
//! starves the rest of the arbiter.

use std::{
    io::{self, IoSliceMut},
    net::UdpSocket,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, ready},
    time::Instant,
};

use actix::{ActorFuture, Context};
use holdfast_ike::Path;
use holdfast_ipsec::NatTDatagram;
use quinn_udp::{RecvMeta, UdpSockRef};
use tokio::{io::Interest, sync::mpsc};

use crate::{
    environment::Shared,
    socket::NON_ESP_MARKER,
    transport::{Transport, known_local},
};

/// Buffers filled by one system call.
const BATCH: usize = 8;

/// The kernel may coalesce datagrams of one sender into one buffer of this size; a smaller one
/// would cut them off.
const BUFFER_SIZE: usize = 65_535;

/// System calls, or forwarded datagrams, before others get a turn.
const BUDGET: usize = 4;
const FORWARDED_BUDGET: usize = 32;

/// Reads one socket.
pub(crate) struct SocketReader {
    shared: Arc<Shared>,
    index: usize,
    socket: Arc<tokio::net::UdpSocket>,
    buffers: Box<[u8]>,
}

impl SocketReader {
    /// For the socket with this index.
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> io::Result<Self> {
        let socket: UdpSocket = shared
            .sockets
            .iter()
            .nth(index)
            .expect("indexes come from the same list")
            .socket
            .try_clone()?;
        Ok(Self {
            socket: Arc::new(tokio::net::UdpSocket::from_std(socket)?),
            // Mostly never touched, hence never backed by memory.
            buffers: vec![0; BATCH * BUFFER_SIZE].into_boxed_slice(),
            shared,
            index,
        })
    }

    /// The socket's errors, to be awaited beside its datagrams.
    pub(crate) fn errors(&self) -> SocketErrors {
        SocketErrors {
            index: self.index,
            socket: Arc::clone(&self.socket),
        }
    }

    /// One batch.
    fn read(&mut self, transport: &mut Transport) -> io::Result<()> {
        let bound = self
            .shared
            .sockets
            .iter()
            .nth(self.index)
            .expect("indexes come from the same list");
        let mut metas = [RecvMeta::default(); BATCH];
        let mut chunks = self.buffers.chunks_exact_mut(BUFFER_SIZE);
        let mut slices: [IoSliceMut<'_>; BATCH] = std::array::from_fn(|_| {
            IoSliceMut::new(chunks.next().expect("there is a chunk for each slice"))
        });
        let count = self.socket.try_io(Interest::READABLE, || {
            bound
                .state
                .recv(UdpSockRef::from(&self.socket), &mut slices, &mut metas)
        })?;
        let received = Instant::now();
        for (meta, slice) in metas.iter().zip(&slices).take(count) {
            let path = Path {
                local: known_local(meta.dst_ip, bound.local),
                remote: meta.addr,
            };
            let filled = &slice[..meta.len.min(slice.len())];
            for datagram in filled.chunks(meta.stride.max(1)) {
                if let Some(message) = ike_message(datagram, bound.nat_t) {
                    transport.received(path, message, received);
                }
            }
        }
        Ok(())
    }
}

/// On the NAT-T port only what follows the marker is IKE; ESP and keepalives have no use here.
fn ike_message(datagram: &[u8], nat_t: bool) -> Option<&[u8]> {
    if nat_t {
        datagram.strip_prefix(&NON_ESP_MARKER)
    } else {
        Some(datagram)
    }
}

impl ActorFuture<Transport> for SocketReader {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        transport: &mut Transport,
        _: &mut Context<Transport>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        for _ in 0..BUDGET {
            // An error of waiting means that the runtime is going away.
            if ready!(self.socket.poll_recv_ready(task)).is_err() {
                return Poll::Ready(());
            }
            match self.read(transport) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The error of a datagram sent earlier; the socket itself is as good as before.
                Err(_) => transport.socket_error(self.index),
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Waits for ICMP errors: a socket that has some is not readable for that.
pub(crate) struct SocketErrors {
    pub(crate) index: usize,
    socket: Arc<tokio::net::UdpSocket>,
}

impl SocketErrors {
    /// Waits for some. What comes from now on is waited for anew, so read all that is there.
    pub(crate) async fn next(self) -> io::Result<Self> {
        self.socket.ready(Interest::ERROR).await?;
        let _ = self.socket.try_io(Interest::ERROR, || {
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
        Ok(self)
    }
}

/// Takes the IKE messages that the data plane found on the NAT-T port.
pub(crate) struct ForwardedReader(pub(crate) mpsc::Receiver<NatTDatagram>);

impl ActorFuture<Transport> for ForwardedReader {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        transport: &mut Transport,
        _: &mut Context<Transport>,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        for _ in 0..FORWARDED_BUDGET {
            match ready!(self.0.poll_recv(task)) {
                Some(datagram) => {
                    transport.received(datagram.path, &datagram.data, datagram.received);
                }
                None => return Poll::Ready(()),
            }
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_datagrams_are_ike_on_the_nat_t_port() {
        assert_eq!(ike_message(&[0, 0, 0, 0, 7], true), Some(&[7][..]));
        assert_eq!(ike_message(&[0xff], true), None);
        assert_eq!(ike_message(&[0, 0, 1, 0, 7], true), None);
        assert_eq!(ike_message(&[0, 0, 0], true), None);
        assert_eq!(ike_message(&[7], false), Some(&[7][..]));
    }
}

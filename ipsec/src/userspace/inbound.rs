//! Network to device: takes what arrives on the NAT traversal sockets apart, opens ESP in place,
//! checks it and hands the packets to the device joined by flow.

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    ops::Range,
    os::fd::AsFd,
    sync::Arc,
    time::Instant,
};

use holdfast_ike::{EspSpi, Path};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use quinn_udp::{RecvMeta, UdpSockRef};

use super::{
    early::{Early, Packet},
    probes,
    sa::{Sa, Totals},
    shared::{Shared, count},
    sockets::Socket,
};
use crate::{
    device::{Offload, PacketDevice},
    esp::{self, Datagram},
    packet::{
        coalesce::Coalescer,
        ecn,
        header::{Header, IPV4_IN_ESP, IPV6_IN_ESP, NO_NEXT_HEADER},
    },
    plane::NatTDatagram,
};

/// Datagrams, or batches of them, per system call. More would not stay in the processor's caches.
const BUFFERS: usize = 8;

/// The kernel joins datagrams up to this.
const BUFFER: usize = 1 << 16;

/// What one round reads. As much again is for packets that get a new IP header.
const SLAB: usize = BUFFERS * BUFFER;

/// Length of the non-ESP marker (RFC 3948 section 2.2).
const MARKER: usize = 4;

/// Until those that came before their SA are looked at again, in milliseconds.
const LOOK_AGAIN: u16 = 5;

/// A socket that fails so often in a row is broken.
const MOST_FAILURES: usize = 64;

/// The receiving thread's state.
pub(crate) struct Inbound {
    shared: Arc<Shared>,
    device: Arc<dyn PacketDevice>,
    slab: Box<[u8]>,
    metas: [RecvMeta; BUFFERS],
    opener: Opener,
    coalescer: Coalescer,
}

/// Opens ESP packets. Remembers the SA of the last one, for most belong to the same.
struct Opener {
    shared: Arc<Shared>,
    sa: Option<Arc<Sa>>,
    passed: Totals,
    /// Of these, how many packets were answers to probes.
    answers: u64,
    /// The way that the newest packet of the present SA came.
    way: Option<Path>,
    /// What came before its SA.
    early: Early,
    /// Where opened packets lie in the slab.
    opened: Vec<Range<usize>>,
    /// Where the next packet with a new header goes in the slab.
    rebuilt: usize,
}

impl Inbound {
    /// Nothing in flight.
    pub(crate) fn new(shared: Arc<Shared>, device: Arc<dyn PacketDevice>) -> Self {
        let size = 1400;
        Self {
            slab: vec![0; 2 * SLAB].into(),
            metas: [RecvMeta::default(); BUFFERS],
            opener: Opener {
                shared: Arc::clone(&shared),
                sa: None,
                passed: Totals::default(),
                answers: 0,
                way: None,
                early: Early::default(),
                opened: Vec::with_capacity(BUFFERS * 64),
                rebuilt: SLAB,
            },
            coalescer: Coalescer::new(
                device.takes(Offload::TcpSegments { size }),
                device.takes(Offload::UdpSegments { size }),
            ),
            shared,
            device,
        }
    }

    /// Works until told to stop.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let mut ready: Vec<PollFd<'_>> = shared
            .sockets
            .iter()
            .map(|socket| PollFd::new(socket.io.as_fd(), PollFlags::POLLIN))
            .collect();
        ready.push(PollFd::new(shared.stop.event().as_fd(), PollFlags::POLLIN));
        let mut failures = 0;
        while !shared.stop.is_set() {
            let patience = if self.opener.early.is_empty() {
                PollTimeout::NONE
            } else {
                PollTimeout::from(LOOK_AGAIN)
            };
            match poll(&mut ready, patience) {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            self.release_early();
            for (socket, ready) in shared.sockets.iter().zip(&ready) {
                if ready.any() != Some(true) {
                    continue;
                }
                match self.receive(socket) {
                    Ok(()) => failures = 0,
                    Err(error) if is_transient(&error) => {}
                    Err(error) if failures == MOST_FAILURES => return Err(error),
                    Err(_) => failures += 1,
                }
            }
        }
        Ok(())
    }

    /// One round of reading a socket.
    fn receive(&mut self, socket: &Socket) -> io::Result<()> {
        self.opener.rebuilt = SLAB;
        let mut chunks = self.slab.chunks_exact_mut(BUFFER);
        let mut buffers: [IoSliceMut<'_>; BUFFERS] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let io = UdpSockRef::from(&socket.io);
        let filled = socket.state.recv(io, &mut buffers, &mut self.metas)?;
        for (index, meta) in self.metas.iter().enumerate().take(filled) {
            let base = index * BUFFER;
            let length = meta.len.min(BUFFER);
            let stride = meta.stride.max(1);
            for start in (0..length).step_by(stride) {
                let datagram = base + start..base + length.min(start + stride);
                self.opener
                    .take(&mut self.slab, datagram, socket.local, meta);
            }
        }
        self.opener.settle();
        self.deliver();
        Ok(())
    }

    /// Opens what came before its SA, if that is there now.
    fn release_early(&mut self) {
        if self.opener.early.is_empty() {
            return;
        }
        let tables = &self.shared.tables;
        let is_there = |spi| tables.inbound(spi).is_some();
        let (ready, lost) = self.opener.early.release(Instant::now(), is_there);
        count(&self.shared.counts.unknown_spi, lost);
        for packet in ready {
            self.opener.rebuilt = SLAB;
            let datagram = 0..packet.octets.len();
            self.slab[datagram.clone()].copy_from_slice(&packet.octets);
            let esp = (packet.spi, packet.sequence);
            self.opener
                .take_esp(&mut self.slab, datagram, esp, packet.ecn, packet.way);
            self.opener.settle();
            self.deliver();
        }
    }

    /// Hands the opened packets to the device.
    fn deliver(&mut self) {
        let (shared, device) = (&self.shared, &self.device);
        let mut sink = |offload: Offload, parts: &[io::IoSlice<'_>]| {
            let result = device.transmit(offload, parts);
            if let Err(error) = &result
                && (offload == Offload::None || error.kind() != io::ErrorKind::InvalidInput)
            {
                count(&shared.counts.deliver_failed, parts.len().max(2) - 1);
            }
            result
        };
        for packet in self.opener.opened.drain(..) {
            self.coalescer.push(&self.slab, packet, &mut sink);
        }
        self.coalescer.flush(&self.slab, &mut sink);
    }
}

impl Opener {
    /// Takes one datagram of the slab.
    fn take(
        &mut self,
        slab: &mut [u8],
        datagram: Range<usize>,
        local: SocketAddr,
        meta: &RecvMeta,
    ) {
        match esp::classify(&slab[datagram.clone()]) {
            Datagram::Esp { spi, sequence } => {
                let outer = meta.ecn.map_or(0, |ecn| ecn as u8);
                let way = way(local, meta);
                self.take_esp(slab, datagram, (spi, sequence), outer, way);
            }
            Datagram::Ike => self.pass_ike(&slab[datagram], local, meta),
            Datagram::Keepalive => count(&self.shared.counts.keepalives, 1),
            Datagram::Malformed => count(&self.shared.counts.malformed, 1),
        }
    }

    fn take_esp(
        &mut self,
        slab: &mut [u8],
        datagram: Range<usize>,
        esp: (u32, u32),
        outer_ecn: u8,
        way: Path,
    ) {
        if let Some(packet) = self.open(slab, datagram, esp, outer_ecn, way)
            && !self.answers_a_probe(&slab[packet.clone()])
        {
            self.opened.push(packet);
        }
    }

    /// An ESP packet without SA: one may be on its way.
    fn keep_early(&mut self, octets: &[u8], (spi, sequence): (u32, u32), ecn: u8, way: Path) {
        let kept = self.shared.spis.is_taken(EspSpi(spi))
            && self.early.keep(Packet {
                spi,
                sequence,
                octets: octets.into(),
                ecn,
                way,
                since: Instant::now(),
            });
        if !kept {
            count(&self.shared.counts.unknown_spi, 1);
        }
    }

    /// Opens one ESP packet and says where the inner packet lies.
    fn open(
        &mut self,
        slab: &mut [u8],
        datagram: Range<usize>,
        (spi, sequence): (u32, u32),
        outer_ecn: u8,
        way: Path,
    ) -> Option<Range<usize>> {
        self.switch_to(spi);
        let counts = &self.shared.counts;
        let Some(sa) = &self.sa else {
            self.keep_early(&slab[datagram], (spi, sequence), outer_ecn, way);
            return None;
        };
        if sa.is_dead() {
            count(&counts.expired, 1);
            return None;
        }
        let inbound = &sa.inbound;
        let mut window = inbound.window();
        let fresh = window
            .resolve(sequence, inbound.extended)
            .filter(|sequence| window.is_fresh(*sequence));
        let Some(sequence) = fresh else {
            count(&counts.replayed, 1);
            count(&inbound.replayed, 1);
            return None;
        };
        let opened = esp::open(
            &inbound.cipher,
            sequence,
            inbound.extended,
            &mut slab[datagram.clone()],
        );
        let Some((payload, next_header)) = opened else {
            count(&counts.integrity_failed, 1);
            count(&inbound.integrity_failed, 1);
            return None;
        };
        if window.is_newest(sequence) {
            // Of packets that overtake each other the newest says where the peer is.
            self.way = Some(way);
        }
        window.accept(sequence);
        drop(window);
        let start = datagram.start + payload.start;
        if let Some(ends) = &sa.transport {
            self.passed.packets += 1;
            self.passed.bytes += payload.len() as u64;
            if next_header == NO_NEXT_HEADER {
                return None;
            }
            let payload = start..datagram.start + payload.end;
            let Some(packet) = ends.rebuild(slab, payload, self.rebuilt, next_header, outer_ecn)
            else {
                count(&counts.malformed, 1);
                return None;
            };
            let admitted = |header: Header| !header.fragment && sa.admits(&header);
            if !Header::parse(&slab[packet.clone()]).is_some_and(admitted) {
                count(&counts.policy_mismatch, 1);
                return None;
            }
            self.rebuilt = packet.end;
            return Some(packet);
        }
        let packet = &mut slab[start..datagram.start + payload.end];
        self.passed.packets += 1;
        self.passed.bytes += packet.len() as u64;
        if next_header == NO_NEXT_HEADER {
            return None;
        }
        let header = Header::parse(packet);
        let expected = |header: &Header| {
            let v4 = header.source.is_ipv4();
            next_header == if v4 { IPV4_IN_ESP } else { IPV6_IN_ESP }
        };
        let Some(header) = header.filter(expected) else {
            count(&counts.malformed, 1);
            return None;
        };
        if !sa.admits(&header) {
            count(&counts.policy_mismatch, 1);
            return None;
        }
        if !ecn::decapsulate(outer_ecn, packet) {
            count(&counts.congestion_dropped, 1);
            return None;
        }
        // What follows the packet is traffic flow padding (RFC 4303 section 2.7).
        Some(start..start + header.total)
    }

    /// Keeps the answer to a probe from the device.
    fn answers_a_probe(&mut self, packet: &[u8]) -> bool {
        let caught = self
            .sa
            .as_ref()
            .is_some_and(|sa| probes::catch(&self.shared, sa, packet));
        self.answers += u64::from(caught);
        caught
    }

    /// Makes the SA with this SPI the present one, if there is one.
    fn switch_to(&mut self, spi: u32) {
        if self.sa.as_ref().is_none_or(|sa| sa.inbound.spi.0 != spi) {
            self.settle();
            self.sa = self.shared.tables.inbound(spi);
        }
    }

    /// Books what the present SA received and lets go of it: it may have been removed.
    fn settle(&mut self) {
        let passed = std::mem::take(&mut self.passed);
        let answers = std::mem::take(&mut self.answers);
        let way = self.way.take();
        if let Some(sa) = self.sa.take()
            && passed.packets > 0
        {
            if sa.waits_to_send() {
                // The peer has begun to use it, so it is ready to receive (RFC 7296 section 2.8).
                self.shared.tables.start_sending(sa.inbound.spi);
            }
            let now = self.shared.clock.now();
            let totals = if passed.packets == answers {
                sa.inbound.traffic.add_idle(passed)
            } else {
                sa.inbound.traffic.add(passed, now)
            };
            sa.check_limits(totals, |event| self.shared.tell(event));
            if let Some(way) = way {
                sa.heard_along(way, now, |event| self.shared.tell(event));
            }
        }
    }

    fn pass_ike(&self, datagram: &[u8], local: SocketAddr, meta: &RecvMeta) {
        let message = NatTDatagram {
            path: way(local, meta),
            data: datagram[MARKER..].to_vec(),
            received: Instant::now(),
        };
        if self.shared.ike.try_send(message).is_err() {
            count(&self.shared.counts.dropped_queue_full, 1);
        }
    }
}

/// Where a datagram arrived and where it came from.
fn way(local: SocketAddr, meta: &RecvMeta) -> Path {
    let address = meta.dst_ip.unwrap_or(local.ip());
    Path {
        local: SocketAddr::new(address, local.port()),
        remote: meta.addr,
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused
    )
}

//! Device to network: finds the SA of each frame, cuts it into packets, encrypts them into one
//! buffer and gives that to the kernel in as few calls as possible.
//!
//! The TTL is not decremented: the device lies behind the routing decision, which did that
//! (RFC 4301 section 5.1.2.1, note 4, asks for it where the packet is forwarded).

use std::{io, sync::Arc};

use super::{
    sa::{Sa, Totals},
    shared::{Shared, count},
    shunts::Fate,
    transport,
    waiting::Waiting,
};
use crate::{
    device::{PacketDevice, Received},
    esp::{self, Cipher},
    packet::{
        ecn,
        header::{Header, IPV4_IN_ESP, IPV6_IN_ESP},
        segment::Plan,
    },
};

/// A frame is at most 64 KiB.
const FRAME: usize = 1 << 16;

/// Most octets in one datagram or one batch of them, whichever the IP version.
const MOST_OCTETS: usize = 65_487;

/// Most octets in one inner packet.
pub(super) const LARGEST_INNER: usize = MOST_OCTETS - Cipher::MOST_OVERHEAD;

/// Most packets in one batch (`UDP_MAX_SEGMENTS` of Linux).
const MOST_PACKETS: usize = 64;

/// The sending thread's state.
pub(crate) struct Outbound {
    pub(super) shared: Arc<Shared>,
    device: Arc<dyn PacketDevice>,
    /// The frame that is being looked at.
    pub(super) frame: Box<[u8]>,
    batch: Batch,
    /// A packet whose IP header does not travel, or that leaves in the clear.
    pub(super) scratch: Box<[u8]>,
    pub(super) waiting: Waiting,
}

/// What becomes of a packet.
enum Verdict {
    /// This SA carries it.
    Protect(Arc<Sa>),
    /// It has no SA: a trap may be there for it.
    Catch,
    /// It goes another way, or nowhere.
    Shunt(Fate),
}

/// ESP packets of one SA that wait to be sent together: all of one size, the last perhaps shorter.
struct Batch {
    buffer: Box<[u8]>,
    used: usize,
    /// Size of the packets.
    size: usize,
    packets: usize,
    sa: Option<Arc<Sa>>,
    ecn: u8,
}

impl Outbound {
    /// Nothing in flight.
    pub(crate) fn new(shared: Arc<Shared>, device: Arc<dyn PacketDevice>) -> Self {
        Self {
            shared,
            device,
            frame: vec![0; FRAME].into(),
            batch: Batch {
                buffer: vec![0; MOST_OCTETS].into(),
                used: 0,
                size: 0,
                packets: 0,
                sa: None,
                ecn: 0,
            },
            scratch: vec![0; MOST_OCTETS].into(),
            waiting: Waiting::default(),
        }
    }

    /// Works until the device is closed or fails.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        let device = Arc::clone(&self.device);
        while !self.shared.stop.is_set() {
            match device.receive(&mut self.frame) {
                Ok(received) => self.take(received),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.waiting.any() {
                        self.release();
                    }
                    self.batch.flush(&self.shared);
                    self.batch.sa = None;
                    if !device.wait()? {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.batch.flush(&self.shared);
        Ok(())
    }

    fn take(&mut self, received: Received) {
        let Some(frame) = self.frame.get(..received.length) else {
            return count(&self.shared.counts.device_malformed, 1);
        };
        let plan = Header::parse(frame).and_then(|header| {
            let plan = Plan::new(frame, received.offload, &header)?;
            let fits = plan.length(0) <= LARGEST_INNER;
            fits.then_some((header, plan))
        });
        let Some((header, plan)) = plan else {
            return count(&self.shared.counts.device_malformed, 1);
        };
        let sa = match self.judge(&header) {
            Verdict::Protect(sa) => sa,
            Verdict::Catch => return self.without_sa(&header, plan, received.length),
            Verdict::Shunt(fate) => return self.shunt(fate, &header, &plan),
        };
        if self.waiting.precedes(sa.order) {
            self.release();
        }
        self.protect(&sa, &header, &plan);
    }

    /// What the policies say to a packet.
    fn judge(&self, header: &Header) -> Verdict {
        let Shared {
            tables,
            traps,
            shunts,
            ..
        } = &*self.shared;
        if shunts.is_empty() {
            return match tables.outbound(header) {
                Some(sa) => Verdict::Protect(sa),
                None => Verdict::Catch,
            };
        }
        let (sa, fit) = tables.outbound_with_fit(header).unzip();
        if let Some(fate) = shunts.judge(header, fit.or_else(|| traps.fit(header))) {
            return Verdict::Shunt(fate);
        }
        sa.map_or(Verdict::Catch, Verdict::Protect)
    }

    /// Sends the packets of the frame.
    pub(super) fn protect(&mut self, sa: &Arc<Sa>, header: &Header, plan: &Plan) {
        let (shared, frame) = (&self.shared, &self.frame[..header.total]);
        let packets = plan.count();
        if sa.transport.is_some() && header.fragment {
            // ESP comes before fragmentation (RFC 4303 section 3.3.4).
            return count(&shared.counts.device_malformed, packets);
        }
        if sa.is_dead() {
            sa.tell_hard(|event| shared.tell(event));
            return count(&shared.counts.expired, packets);
        }
        let Some(reserved) = sa.outbound.sequence.reserve(packets as u64) else {
            sa.expire();
            sa.tell_hard(|event| shared.tell(event));
            return count(&shared.counts.sequence_exhausted, packets);
        };
        if reserved.running_out {
            sa.tell_soft(|event| shared.tell(event));
        }
        let (stripped, next_header) = match sa.transport {
            Some(_) => transport::payload(frame),
            None if header.source.is_ipv4() => (0, IPV4_IN_ESP),
            None => (0, IPV6_IN_ESP),
        };
        let ecn = ecn::codepoint(frame);
        let cipher = &sa.outbound.cipher;
        let at = cipher.header();
        for index in 0..packets {
            let length = plan.length(index);
            if stripped > 0 {
                let packet = &mut self.scratch[..length];
                plan.write(frame, index, packet);
                let payload = &packet[stripped..];
                let inner = payload.len();
                let space = self
                    .batch
                    .reserve(shared, sa, cipher.sealed_len(inner), ecn);
                space[at..at + inner].copy_from_slice(payload);
                seal(sa, reserved.first + index as u64, next_header, inner, space);
                continue;
            }
            let padded = sa.outbound.padded(length, shared.mtu);
            let space = self
                .batch
                .reserve(shared, sa, cipher.sealed_len(padded), ecn);
            plan.write(frame, index, &mut space[at..at + length]);
            space[at + length..at + padded].fill(0);
            seal(
                sa,
                reserved.first + index as u64,
                next_header,
                padded,
                space,
            );
        }
        let passed = Totals {
            bytes: plan.total() as u64,
            packets: packets as u64,
        };
        let totals = sa.outbound.traffic.add(passed, shared.clock.now());
        sa.check_limits(totals, |event| shared.tell(event));
    }
}

fn seal(sa: &Sa, sequence: u64, next_header: u8, inner: usize, space: &mut [u8]) {
    let outbound = &sa.outbound;
    let extended = outbound.extended;
    esp::seal(
        &outbound.cipher,
        outbound.spi,
        sequence,
        extended,
        next_header,
        inner,
        space,
    );
}

impl Batch {
    /// Room for one more packet, after sending what it cannot go with.
    fn reserve(&mut self, shared: &Shared, sa: &Arc<Sa>, length: usize, ecn: u8) -> &mut [u8] {
        let same_sa = self.sa.as_ref().is_some_and(|held| Arc::ptr_eq(held, sa));
        let joins = same_sa
            && self.ecn == ecn
            && length <= self.size
            // Nothing may follow a shorter one.
            && self.used == self.size * self.packets
            && self.packets < MOST_PACKETS
            && self.used + length <= MOST_OCTETS;
        if !joins {
            self.flush(shared);
            self.size = length;
            self.ecn = ecn;
            if !same_sa {
                self.sa = Some(Arc::clone(sa));
            }
        }
        let start = self.used;
        self.used += length;
        self.packets += 1;
        &mut self.buffer[start..self.used]
    }

    /// Sends what is there.
    fn flush(&mut self, shared: &Shared) {
        if let Some(sa) = self.sa.as_ref().filter(|_| self.packets > 0) {
            let packets = &self.buffer[..self.used];
            let route = sa.outbound.route.load();
            let failed = shared.sockets.send(&route, packets, self.size, self.ecn);
            if failed > 0 {
                count(&shared.counts.send_failed, failed);
            }
        }
        self.used = 0;
        self.packets = 0;
        // The next one decides anew.
        self.size = 0;
    }
}

//! One CHILD_SA as the packet threads see it: both keys, both states, and what is counted.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use holdfast_ike::{
    ChildSa, EspSpi, Path, TfcPadding, TrafficSelector,
    child_sa::{Lifetime, Sending},
};

use super::{outbound::LARGEST_INNER, policy_table::Target, selector, transport::Ends};
use crate::{
    esp::{Cipher, MOST_WINDOW, ReplayWindow, SequenceNumbers},
    packet::header::Header,
    plane::{InstallError, PlaneEvent, Usage},
};

/// A pair of ESP SAs.
pub(crate) struct Sa {
    pub(crate) inbound: Inbound,
    pub(crate) outbound: Outbound,
    pub(crate) local_ts: Box<[TrafficSelector]>,
    pub(crate) remote_ts: Box<[TrafficSelector]>,
    /// Later installations have higher numbers: where policies are equal the newest wins.
    pub(crate) order: u64,
    /// In transport mode, the ends.
    pub(crate) transport: Option<Ends>,
    lifetime: Lifetime,
    status: AtomicU8,
}

/// What the receiving thread writes, apart from what the sending one writes.
#[repr(align(64))]
pub(crate) struct Inbound {
    pub(crate) spi: EspSpi,
    pub(crate) cipher: Cipher,
    pub(crate) extended: bool,
    pub(crate) traffic: Traffic,
    window: Mutex<ReplayWindow>,
    /// Packets that were seen before or came too late.
    pub(crate) replayed: AtomicU64,
    /// Packets that were forged or damaged.
    pub(crate) integrity_failed: AtomicU64,
    /// When it was last reported that the peer has moved.
    moved: AtomicU64,
}

/// What the sending thread writes.
#[repr(align(64))]
pub(crate) struct Outbound {
    pub(crate) spi: u32,
    padding: TfcPadding,
    pub(crate) cipher: Cipher,
    pub(crate) extended: bool,
    pub(crate) sequence: SequenceNumbers,
    /// Changes when the path does.
    pub(crate) route: ArcSwap<OuterRoute>,
    pub(crate) traffic: Traffic,
}

/// How ESP leaves.
#[derive(Debug)]
pub(crate) struct OuterRoute {
    /// Index of the socket.
    pub(crate) socket: usize,
    /// The address to leave from; `None` leaves it to the system.
    pub(crate) source: Option<IpAddr>,
    /// The peer.
    pub(crate) destination: SocketAddr,
    /// Whether many packets may be given to the kernel at once. Cleared for good when it refuses:
    /// then a packet is larger than the MTU of the way there and leaves in fragments.
    pub(crate) segmentation: AtomicBool,
}

/// Nanoseconds between two reports that the peer of an SA has moved.
const MOVED_INTERVAL: u64 = 1_000_000_000;

/// Status: the soft limit was reported.
const SOFT_TOLD: u8 = 1;
/// Status: the hard limit is reached.
const HARD: u8 = 2;
/// Status: and it was reported.
const HARD_TOLD: u8 = 4;
/// Status: it receives, but nothing leaves by it yet.
const WAITS_TO_SEND: u8 = 8;

impl Sa {
    /// Sets up keys and state.
    pub(crate) fn new(sa: &ChildSa, route: OuterRoute, order: u64) -> Result<Self, InstallError> {
        if sa.replay_window > MOST_WINDOW {
            return Err(InstallError::ReplayWindow {
                asked: sa.replay_window,
                most: MOST_WINDOW,
            });
        }
        let extended = sa.suite.extended_sequence_numbers;
        Ok(Self {
            inbound: Inbound {
                spi: sa.inbound_spi,
                cipher: Cipher::new(&sa.suite, &sa.inbound_key)?,
                extended,
                traffic: Traffic::default(),
                window: Mutex::new(ReplayWindow::new(sa.replay_window)),
                replayed: AtomicU64::new(0),
                integrity_failed: AtomicU64::new(0),
                moved: AtomicU64::new(0),
            },
            outbound: Outbound {
                spi: sa.outbound_spi.0,
                padding: sa.tfc_padding,
                cipher: Cipher::new(&sa.suite, &sa.outbound_key)?,
                extended,
                sequence: SequenceNumbers::new(extended),
                route: ArcSwap::from_pointee(route),
                traffic: Traffic::default(),
            },
            local_ts: sa.local_ts.clone().into(),
            remote_ts: sa.remote_ts.clone().into(),
            order,
            transport: Ends::of(sa),
            lifetime: sa.lifetime,
            status: AtomicU8::new(match sa.sending {
                Sending::AtOnce => 0,
                Sending::OnceHeard => WAITS_TO_SEND,
            }),
        })
    }

    /// Whether nothing may leave by it before the peer is heard on it.
    pub(crate) fn waits_to_send(&self) -> bool {
        self.status.load(Ordering::Relaxed) & WAITS_TO_SEND != 0
    }

    /// Ends that wait. False if there was none.
    pub(crate) fn end_wait(&self) -> bool {
        self.status.fetch_and(!WAITS_TO_SEND, Ordering::Relaxed) & WAITS_TO_SEND != 0
    }

    /// The inbound packet check (RFC 4301 section 5.2): an authentic packet may still be one that
    /// this SA is not for.
    pub(crate) fn admits(&self, header: &Header) -> bool {
        let matches_remote = |ts| selector::matches_source(ts, header);
        let matches_local = |ts| selector::matches_destination(ts, header);
        self.remote_ts.iter().any(matches_remote) && self.local_ts.iter().any(matches_local)
    }

    /// Whether a packet on its way out is one that this SA is for.
    pub(crate) fn covers(&self, header: &Header) -> bool {
        let matches_remote = |ts| selector::matches_destination(ts, header);
        let matches_local = |ts| selector::matches_source(ts, header);
        self.remote_ts.iter().any(matches_remote) && self.local_ts.iter().any(matches_local)
    }

    /// Whether its hard lifetime is over.
    pub(crate) fn is_dead(&self) -> bool {
        self.status.load(Ordering::Relaxed) & HARD != 0
    }

    /// Ends its life: it carries nothing any more.
    pub(crate) fn expire(&self) {
        self.status.fetch_or(HARD, Ordering::Relaxed);
    }

    /// Its age limit, if it has one.
    pub(crate) fn hard_time(&self) -> Option<Duration> {
        Some(self.lifetime.hard_time).filter(|time| !time.is_zero())
    }

    /// Compares traffic of one direction with the limits. `tell` takes a due event and says whether
    /// it could be delivered; else the next packet tries again.
    pub(crate) fn check_limits(&self, traffic: Totals, tell: impl Fn(PlaneEvent) -> bool) {
        let Lifetime {
            soft_bytes,
            hard_bytes,
            soft_packets,
            hard_packets,
            ..
        } = self.lifetime;
        if reached(traffic.bytes, hard_bytes) || reached(traffic.packets, hard_packets) {
            self.expire();
        }
        if self.is_dead() {
            self.tell_once(HARD_TOLD, true, tell);
        } else if reached(traffic.bytes, soft_bytes) || reached(traffic.packets, soft_packets) {
            self.tell_once(SOFT_TOLD, false, tell);
        }
    }

    /// Reports that the peer's newest authentic packet came along `path`, if that is news.
    pub(crate) fn heard_along(
        &self,
        path: Path,
        now: Stamp,
        tell: impl FnOnce(PlaneEvent) -> bool,
    ) {
        if self.outbound.route.load().destination == path.remote {
            return;
        }
        let told = self.inbound.moved.load(Ordering::Relaxed);
        if told != 0 && now.0.saturating_sub(told) < MOVED_INTERVAL {
            return;
        }
        self.inbound.moved.store(now.0, Ordering::Relaxed);
        tell(PlaneEvent::PeerMoved {
            inbound: self.inbound.spi,
            path,
        });
    }

    /// Reports the soft limit unless it was reported.
    pub(crate) fn tell_soft(&self, tell: impl Fn(PlaneEvent) -> bool) {
        self.tell_once(SOFT_TOLD, false, tell);
    }

    /// Reports the hard limit unless it was reported; `false` if nobody had room for it.
    pub(crate) fn tell_hard(&self, tell: impl Fn(PlaneEvent) -> bool) -> bool {
        self.tell_once(HARD_TOLD, true, tell)
    }

    fn tell_once(&self, told: u8, hard: bool, tell: impl Fn(PlaneEvent) -> bool) -> bool {
        if self.status.load(Ordering::Relaxed) & told != 0
            || self.status.fetch_or(told, Ordering::Relaxed) & told != 0
        {
            return true;
        }
        let inbound = self.inbound.spi;
        let delivered = tell(PlaneEvent::Expired { inbound, hard });
        if !delivered {
            self.status.fetch_and(!told, Ordering::Relaxed);
        }
        delivered
    }

    /// What was counted.
    pub(crate) fn usage(&self, clock: Clock) -> Usage {
        let (inbound, outbound) = (&self.inbound.traffic, &self.outbound.traffic);
        Usage {
            bytes_in: inbound.bytes.load(Ordering::Relaxed),
            bytes_out: outbound.bytes.load(Ordering::Relaxed),
            packets_in: inbound.packets.load(Ordering::Relaxed),
            packets_out: outbound.packets.load(Ordering::Relaxed),
            replayed: self.inbound.replayed.load(Ordering::Relaxed),
            integrity_failed: self.inbound.integrity_failed.load(Ordering::Relaxed),
            last_in: clock.instant(inbound.last.load(Ordering::Relaxed)),
            last_out: clock.instant(outbound.last.load(Ordering::Relaxed)),
        }
    }
}

impl Target for Sa {
    fn local_ts(&self) -> &[TrafficSelector] {
        &self.local_ts
    }

    fn remote_ts(&self) -> &[TrafficSelector] {
        &self.remote_ts
    }

    fn order(&self) -> u64 {
        self.order
    }
}

impl Outbound {
    /// How long an inner packet of so many octets becomes (RFC 4303 section 2.7).
    pub(crate) fn padded(&self, length: usize, mtu: u16) -> usize {
        let to = match self.padding {
            TfcPadding::Off => return length,
            TfcPadding::To(size) => size,
            TfcPadding::Mtu => mtu,
        };
        length.max(LARGEST_INNER.min(to.into()))
    }
}

impl Inbound {
    /// The replay window; only the receiving thread asks for it.
    pub(crate) fn window(&self) -> MutexGuard<'_, ReplayWindow> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reached(value: u64, limit: u64) -> bool {
    limit != 0 && value >= limit
}

/// What passed in one direction.
#[derive(Default)]
pub(crate) struct Traffic {
    bytes: AtomicU64,
    packets: AtomicU64,
    last: AtomicU64,
}

/// Bytes and packets so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
}

impl Traffic {
    /// Adds what passed at `now` and returns the new totals.
    pub(crate) fn add(&self, passed: Totals, now: Stamp) -> Totals {
        self.last.store(now.0, Ordering::Relaxed);
        self.add_idle(passed)
    }

    /// Adds what passed without being of use to anybody but us, and returns the new totals.
    pub(crate) fn add_idle(&self, passed: Totals) -> Totals {
        Totals {
            bytes: self.bytes.fetch_add(passed.bytes, Ordering::Relaxed) + passed.bytes,
            packets: self.packets.fetch_add(passed.packets, Ordering::Relaxed) + passed.packets,
        }
    }
}

/// Turns instants into numbers that fit an atomic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: Instant,
}

/// Nanoseconds since the clock's epoch, plus one: zero is "never".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp(u64);

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self {
            epoch: Instant::now(),
        }
    }

    /// The present time.
    pub(crate) fn now(self) -> Stamp {
        Stamp(self.epoch.elapsed().as_nanos() as u64 + 1)
    }

    fn instant(self, stamp: u64) -> Option<Instant> {
        let since = stamp.checked_sub(1)?;
        Some(self.epoch + Duration::from_nanos(since))
    }
}

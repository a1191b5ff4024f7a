//! Probes: which are under way, and how they leave. The answers are caught by the receiving thread
//! before they would go to the device.

mod packets;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    sa::{Sa, Totals},
    shared::{Shared, count},
    transport,
};
use crate::{
    esp,
    packet::{
        ecn,
        header::{Header, IPV4_IN_ESP, IPV6_IN_ESP},
    },
    plane::PlaneEvent,
    probe::{Probe, ProbeError},
};

use self::packets::{Answer, Key};

/// Probes under way: many tunnels at a high rate.
const MOST: usize = 8192;

/// An answer that takes longer is none.
const LONGEST: Duration = Duration::from_secs(60);

/// The probes that wait for their answers.
pub(crate) struct Probes {
    /// Tells our echo requests from others with the same ends.
    identifier: u16,
    flights: Mutex<HashMap<Key, Flight>>,
    /// How many there are, to be read without a lock.
    waiting: AtomicUsize,
}

#[derive(Clone, Copy)]
struct Flight {
    token: u64,
    sent: Instant,
}

/// A probe that is ready to be sent.
pub(crate) struct Ready {
    sa: Arc<Sa>,
    packet: Vec<u8>,
    key: Key,
}

impl Probes {
    /// None under way.
    pub(crate) fn new(identifier: u16) -> Self {
        Self {
            identifier,
            flights: Mutex::default(),
            waiting: AtomicUsize::new(0),
        }
    }

    fn enter(&self, key: Key, token: u64) -> Result<(), ProbeError> {
        let sent = Instant::now();
        let mut flights = self.flights();
        if flights.len() >= MOST {
            flights.retain(|_, flight| sent.saturating_duration_since(flight.sent) < LONGEST);
        }
        if flights.len() >= MOST {
            return Err(ProbeError::Full);
        }
        flights.insert(key, Flight { token, sent });
        self.waiting.store(flights.len(), Ordering::Relaxed);
        Ok(())
    }

    fn sent(&self, key: &Key) {
        if let Some(flight) = self.flights().get_mut(key) {
            flight.sent = Instant::now();
        }
    }

    fn leave(&self, key: &Key) -> Option<Flight> {
        let mut flights = self.flights();
        let flight = flights.remove(key);
        self.waiting.store(flights.len(), Ordering::Relaxed);
        flight
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<Key, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a probe for a CHILD_SA and notes that its answer is awaited.
pub(crate) fn prepare(
    shared: &Shared,
    sa: Option<Arc<Sa>>,
    probe: Probe,
) -> Result<Ready, ProbeError> {
    let (packet, key) =
        packets::request(&probe, shared.probes.identifier).ok_or(ProbeError::Families)?;
    let header = Header::parse(&packet).ok_or(ProbeError::Families)?;
    // One that does not send yet leaves it to its predecessor, as other packets do.
    let sa = sa
        .filter(|sa| !sa.waits_to_send() && !sa.is_dead())
        .or_else(|| shared.tables.outbound(&header))
        .ok_or(ProbeError::NoSa)?;
    if !sa.covers(&header) {
        return Err(ProbeError::NotCovered);
    }
    shared.probes.enter(key, probe.token)?;
    Ok(Ready { sa, packet, key })
}

/// Sends a probe. May wait a little for room in the socket.
pub(crate) fn send(shared: &Shared, ready: &Ready) {
    shared.probes.sent(&ready.key);
    transmit(shared, &ready.sa, &ready.packet);
}

/// Takes a packet that came out of `sa` if it answers a probe.
pub(crate) fn catch(shared: &Shared, sa: &Sa, packet: &[u8]) -> bool {
    let probes = &shared.probes;
    if probes.waiting.load(Ordering::Relaxed) == 0 {
        return false;
    }
    let Some(Answer { key, reset }) = packets::answer(packet, probes.identifier) else {
        return false;
    };
    let Some(flight) = probes.leave(&key) else {
        return false;
    };
    shared.tell(PlaneEvent::ProbeAnswered {
        token: flight.token,
        round_trip: flight.sent.elapsed(),
    });
    if let Some(reset) = reset {
        transmit(shared, sa, &reset);
    }
    true
}

/// Sends one packet of our own by an SA, beside what the sending thread sends. It counts as traffic,
/// not as use.
fn transmit(shared: &Shared, sa: &Sa, packet: &[u8]) {
    let outbound = &sa.outbound;
    let Some(reserved) = outbound.sequence.reserve(1).filter(|_| !sa.is_dead()) else {
        return;
    };
    let (stripped, next_header) = match sa.transport {
        Some(_) => transport::payload(packet),
        None if packet[0] >> 4 == 4 => (0, IPV4_IN_ESP),
        None => (0, IPV6_IN_ESP),
    };
    let payload = &packet[stripped..];
    let inner = match sa.transport {
        Some(_) => payload.len(),
        None => outbound.padded(payload.len(), shared.mtu),
    };
    let cipher = &outbound.cipher;
    let mut sealed = vec![0; cipher.sealed_len(inner)];
    let at = cipher.header();
    sealed[at..at + payload.len()].copy_from_slice(payload);
    esp::seal(
        cipher,
        outbound.spi,
        reserved.first,
        outbound.extended,
        next_header,
        inner,
        &mut sealed,
    );
    let route = outbound.route.load();
    let size = sealed.len();
    let failed = shared
        .sockets
        .send(&route, &sealed, size, ecn::codepoint(packet));
    count(&shared.counts.send_failed, failed);
    let totals = outbound.traffic.add_idle(Totals {
        bytes: packet.len() as u64,
        packets: 1,
    });
    sa.check_limits(totals, |event| shared.tell(event));
}

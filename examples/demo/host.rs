//! A host behind the gateway, in the gateway's own process: it answers pings and sends them.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, IoSlice},
    net::Ipv4Addr,
    sync::{Condvar, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use holdfast_ipsec::{Offload, PacketDevice, Received};

use crate::packet::Echo;

/// Packets that wait for the gateway; more are dropped, as any device does.
const ROOM: usize = 4_096;

/// The host, and the wire between it and the gateway.
pub(crate) struct Host {
    address: Ipv4Addr,
    wire: Mutex<Wire>,
    changed: Condvar,
}

#[derive(Default)]
struct Wire {
    to_gateway: VecDeque<Vec<u8>>,
    woken: bool,
    closed: bool,
    next_sequence: u16,
    unanswered: HashMap<u16, Instant>,
    round_trips: Vec<Duration>,
}

/// How a series of pings went.
pub(crate) struct Pings {
    pub(crate) sent: usize,
    pub(crate) round_trips: Vec<Duration>,
}

impl Host {
    pub(crate) fn new(address: Ipv4Addr) -> Self {
        Self {
            address,
            wire: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Sends so many pings, then waits for the answers that are still missing.
    pub(crate) fn ping(
        &self,
        to: Ipv4Addr,
        count: usize,
        interval: Duration,
        patience: Duration,
    ) -> Pings {
        {
            let mut wire = self.wire();
            wire.unanswered.clear();
            wire.round_trips.clear();
        }
        for _ in 0..count {
            let mut wire = self.wire();
            let sequence = wire.next_sequence;
            wire.next_sequence = sequence.wrapping_add(1);
            wire.unanswered.insert(sequence, Instant::now());
            let echo = Echo {
                request: true,
                from: self.address,
                to,
                sequence,
            };
            push(&mut wire, echo.build());
            drop(wire);
            self.changed.notify_all();
            thread::sleep(interval);
        }
        let wire = self.wire();
        let (mut wire, _) = self
            .changed
            .wait_timeout_while(wire, patience, |wire| {
                !wire.unanswered.is_empty() && !wire.closed
            })
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Pings {
            sent: count,
            round_trips: std::mem::take(&mut wire.round_trips),
        }
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn push(wire: &mut Wire, packet: Vec<u8>) {
    if wire.to_gateway.len() < ROOM {
        wire.to_gateway.push_back(packet);
    }
}

impl PacketDevice for Host {
    fn name(&self) -> &'static str {
        "demo host"
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let packet = self
            .wire()
            .to_gateway
            .pop_front()
            .ok_or(io::ErrorKind::WouldBlock)?;
        buffer[..packet.len()].copy_from_slice(&packet);
        Ok(Received {
            length: packet.len(),
            offload: Offload::None,
        })
    }

    fn wait(&self) -> io::Result<bool> {
        let wire = self.wire();
        let mut wire = self
            .changed
            .wait_while(wire, |wire| {
                wire.to_gateway.is_empty() && !wire.woken && !wire.closed
            })
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        wire.woken = false;
        Ok(!wire.closed)
    }

    fn transmit(&self, _offload: Offload, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let packet: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
        let Some(echo) = Echo::parse(&packet).filter(|echo| echo.to == self.address) else {
            return Ok(());
        };
        let mut wire = self.wire();
        if echo.request {
            push(&mut wire, echo.reply().build());
        } else if let Some(sent) = wire.unanswered.remove(&echo.sequence) {
            wire.round_trips.push(sent.elapsed());
        }
        drop(wire);
        self.changed.notify_all();
        Ok(())
    }

    fn wake(&self) {
        self.wire().woken = true;
        self.changed.notify_all();
    }

    fn close(&self) {
        self.wire().closed = true;
        self.changed.notify_all();
    }
}

//! A ping every twenty milliseconds, for as long as a test lasts: when did traffic pass?

use std::{
    io::Read,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::{Namespace, wait};

const PACE: Duration = Duration::from_millis(20);

/// Pings that are on their way, and the moments at which answers came.
pub(crate) struct Pulse {
    answers: Arc<Mutex<Vec<Instant>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pulse {
    pub(crate) fn start(namespace: &Namespace, from: IpAddr, to: IpAddr) -> Self {
        let socket = namespace.enter(|| socket(from));
        let answers = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let (heard, ended) = (Arc::clone(&answers), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            while !ended.load(Ordering::Relaxed) {
                number += 1;
                // Without a route there is nothing to send by: the next one may fare better.
                socket
                    .send_to(&request(number), &SocketAddr::new(to, 0).into())
                    .ok();
                let next = Instant::now() + PACE;
                while let Some(left) = next.checked_duration_since(Instant::now())
                    && !left.is_zero()
                {
                    if is_answered(&socket, left, to) {
                        heard.lock().expect("no panic").push(Instant::now());
                    }
                }
            }
        });
        Self {
            answers,
            over,
            thread: Some(thread),
        }
    }

    /// How long after `moment` the first answer came.
    pub(crate) fn first_after(&self, moment: Instant, limit: Duration) -> Option<Duration> {
        wait::attempt(limit, || {
            let answers = self.answers.lock().expect("no panic");
            let later = answers.partition_point(|at| *at <= moment);
            Some(answers.get(later)?.duration_since(moment))
        })
    }

    /// Whether nothing was answered for so long.
    pub(crate) fn is_silent_for(&self, span: Duration) -> bool {
        let answers = self.answers.lock().expect("no panic");
        answers.last().is_none_or(|last| last.elapsed() >= span)
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// What marks our own pings among others.
fn identifier() -> [u8; 2] {
    (std::process::id() as u16).to_be_bytes()
}

fn socket(from: IpAddr) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("root may");
    socket
        .bind(&SocketAddr::new(from, 0).into())
        .expect("the address is there");
    socket
}

fn request(number: u16) -> Vec<u8> {
    let mut packet = vec![8, 0, 0, 0];
    packet.extend(identifier());
    packet.extend(number.to_be_bytes());
    packet.extend([0x5a; 24]);
    let sum: u32 = packet
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !((folded & 0xffff) + (folded >> 16)) as u16;
    packet[2..4].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// Waits that long at most for one packet: is it an answer?
fn is_answered(socket: &Socket, limit: Duration, from: IpAddr) -> bool {
    let limit = limit.max(Duration::from_millis(1));
    socket.set_read_timeout(Some(limit)).expect("a limit");
    let mut room = [0; 256];
    let mut reader = socket;
    let Ok(length) = reader.read(&mut room) else {
        return false;
    };
    let packet = &room[..length];
    let header = packet
        .first()
        .map_or(0, |first| usize::from(first & 15) * 4);
    let (Some(source), Some(icmp)) = (packet.get(12..16), packet.get(header..)) else {
        return false;
    };
    let source = Ipv4Addr::new(source[0], source[1], source[2], source[3]);
    icmp.len() >= 6 && icmp[0] == 0 && icmp[4..6] == identifier() && IpAddr::V4(source) == from
}

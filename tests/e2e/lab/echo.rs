//! Pings that wait for their answers. iputils' `ping` waits only twice the longest round trip for
//! the last one, which on a busy machine counts an answer that is a millisecond late as lost.

use std::{
    collections::HashSet,
    io::{ErrorKind, Read},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};

/// What `ping` sends by default.
const PAYLOAD: usize = 56;
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Types of ICMP messages, different for each version of IP.
struct Types {
    request: u8,
    reply: u8,
    /// Raw IPv4 sockets deliver the IP header, too.
    header: usize,
}

/// Sends echo requests, one each `interval`, and says how many were answered.
pub(super) fn ping(from: IpAddr, to: IpAddr, count: u32, interval: Duration) -> u32 {
    let (domain, protocol, types) = match from {
        IpAddr::V4(_) => (
            Domain::IPV4,
            Protocol::ICMPV4,
            Types {
                request: 8,
                reply: 0,
                header: 20,
            },
        ),
        IpAddr::V6(_) => (
            Domain::IPV6,
            Protocol::ICMPV6,
            Types {
                request: 128,
                reply: 129,
                header: 0,
            },
        ),
    };
    let socket = Socket::new(domain, Type::RAW, Some(protocol)).expect("root may have raw sockets");
    socket
        .bind(&SocketAddr::new(from, 0).into())
        .expect("an address of this namespace");
    socket
        .connect(&SocketAddr::new(to, 0).into())
        .expect("a route");

    let identifier = std::process::id() as u16;
    let mut answered = HashSet::new();
    let start = Instant::now();
    for sequence in 0..count {
        let request = echo_request(&types, identifier, sequence as u16);
        socket.send(&request).expect("the request leaves");
        let next = start + interval * (sequence + 1);
        while receive(&socket, &types, identifier, next, &mut answered) {}
    }
    let deadline = Instant::now() + PATIENCE;
    while answered.len() < count as usize
        && receive(&socket, &types, identifier, deadline, &mut answered)
    {}
    answered.len() as u32
}

/// Takes one message; false when there was none until the deadline.
fn receive(
    mut socket: &Socket,
    types: &Types,
    identifier: u16,
    deadline: Instant,
    answered: &mut HashSet<u16>,
) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return false;
    }
    socket.set_read_timeout(Some(left)).expect("a timeout");
    let mut buffer = [0; 256];
    let length = match socket.read(&mut buffer) {
        Ok(length) => length,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            return false;
        }
        Err(error) => panic!("pings cannot be received: {error}"),
    };
    let Some(icmp) = buffer[..length].get(types.header..) else {
        return true;
    };
    if let [kind, 0, _, _, id0, id1, seq0, seq1, ..] = *icmp
        && kind == types.reply
        && u16::from_be_bytes([id0, id1]) == identifier
    {
        answered.insert(u16::from_be_bytes([seq0, seq1]));
    }
    true
}

fn echo_request(types: &Types, identifier: u16, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0; 8 + PAYLOAD];
    packet[0] = types.request;
    packet[4..6].copy_from_slice(&identifier.to_be_bytes());
    packet[6..8].copy_from_slice(&sequence.to_be_bytes());
    if types.header > 0 {
        // The kernel fills in the checksum of ICMPv6 only.
        let sum: u32 = packet
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]))
            .sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        packet[2..4].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    }
    packet
}

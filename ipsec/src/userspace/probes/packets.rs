//! The packets of probes: echo requests (RFC 792, RFC 4443) and TCP segments with SYN (RFC 9293), and
//! how their answers are told.

use std::net::IpAddr;

use crate::packet::{
    checksum::{Sum, pseudo_header, set_ipv4_checksum},
    header::{Header, ICMP, ICMPV6, Ports, TCP, addresses, be16, be32},
};
use crate::probe::{Probe, ProbeKind};

const V4: usize = 20;
const V6: usize = 40;

const TTL: u8 = 64;

/// Echo request and reply of both versions.
const ECHO_REQUEST: u8 = 8;
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// The first of the ports that probes come from, and how many there are.
const FIRST_PORT: u16 = 49_152;
const PORTS: u64 = 16_384;

/// What the answer to a probe must agree with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    source: IpAddr,
    target: IpAddr,
    number: Number,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Number {
    /// The sequence number of an echo request.
    Echo(u16),
    /// Our port, the target's, and the sequence number of the SYN.
    Tcp(u16, u16, u32),
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) key: Key,
    /// What takes back a connection that has begun.
    pub(super) reset: Option<Vec<u8>>,
}

/// The packet of a probe; `None` if its ends are of different families.
pub(super) fn request(probe: &Probe, identifier: u16) -> Option<(Vec<u8>, Key)> {
    let Probe {
        token,
        source,
        target,
        ..
    } = *probe;
    if source.is_ipv4() != target.is_ipv4() {
        return None;
    }
    let (packet, number) = match probe.kind {
        ProbeKind::Icmp => {
            let sequence = token as u16;
            let (kind, protocol) = if source.is_ipv4() {
                (ECHO_REQUEST, ICMP)
            } else {
                (ECHO_REQUEST_V6, ICMPV6)
            };
            let mut message = vec![kind, 0, 0, 0];
            message.extend(identifier.to_be_bytes());
            message.extend(sequence.to_be_bytes());
            message.extend(token.to_be_bytes());
            let packet = packet(source, target, protocol, &message, 2);
            (packet, Number::Echo(sequence))
        }
        ProbeKind::Tcp(port) => {
            // Another port and number each time, so that no half-closed one is met again.
            let own = FIRST_PORT + (token % PORTS) as u16;
            let sequence = (token as u32).wrapping_mul(0x9e37_79b1);
            let segment = segment((own, port), sequence, SYN);
            let packet = packet(source, target, TCP, &segment, 16);
            (packet, Number::Tcp(own, port, sequence))
        }
    };
    let key = Key {
        source,
        target,
        number,
    };
    Some((packet, key))
}

/// What a packet answers, if it can be an answer.
pub(super) fn answer(packet: &[u8], identifier: u16) -> Option<Answer> {
    let header = Header::parse(packet)?;
    let payload = &packet[header.length..header.total];
    let (source, target) = (header.destination, header.source);
    let key = |number| Key {
        source,
        target,
        number,
    };
    match (header.protocol, header.ports) {
        (ICMP | ICMPV6, Ports::Icmp(_)) if payload.len() >= 8 => {
            let reply = if header.protocol == ICMP {
                ECHO_REPLY
            } else {
                ECHO_REPLY_V6
            };
            let ours = payload[0] == reply && be16(payload, 4) == identifier;
            ours.then(|| Answer {
                key: key(Number::Echo(be16(payload, 6))),
                reset: None,
            })
        }
        (TCP, Ports::Known(port, own)) if payload.len() >= V4 && own >= FIRST_PORT => {
            let flags = payload[13];
            let acknowledged = be32(payload, 8);
            let accepted = flags & (SYN | ACK | RST) == SYN | ACK;
            let refused = flags & RST != 0 && flags & ACK != 0;
            (accepted || refused).then(|| Answer {
                key: key(Number::Tcp(own, port, acknowledged.wrapping_sub(1))),
                reset: accepted.then(|| {
                    let segment = segment((own, port), acknowledged, RST);
                    self::packet(source, target, TCP, &segment, 16)
                }),
            })
        }
        _ => None,
    }
}

/// A TCP header without options and without its checksum.
fn segment((own, port): (u16, u16), sequence: u32, flags: u8) -> Vec<u8> {
    let mut segment = Vec::with_capacity(V4);
    segment.extend(own.to_be_bytes());
    segment.extend(port.to_be_bytes());
    segment.extend(sequence.to_be_bytes());
    segment.extend([0; 4]);
    segment.extend([0x50, flags]);
    segment.extend(1024_u16.to_be_bytes());
    segment.extend([0; 4]);
    segment
}

/// An IP packet around a payload whose checksum belongs at `checksum`.
fn packet(
    source: IpAddr,
    target: IpAddr,
    protocol: u8,
    payload: &[u8],
    checksum: usize,
) -> Vec<u8> {
    let mut packet = match (source, target) {
        (IpAddr::V4(source), IpAddr::V4(target)) => {
            let mut header = vec![0; V4];
            header[0] = 0x45;
            header[2..4].copy_from_slice(&((V4 + payload.len()) as u16).to_be_bytes());
            header[8] = TTL;
            header[9] = protocol;
            header[12..16].copy_from_slice(&source.octets());
            header[16..20].copy_from_slice(&target.octets());
            set_ipv4_checksum(&mut header);
            header
        }
        (source, target) => {
            let octets = |address| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            let mut header = vec![0; V6];
            header[0] = 0x60;
            header[4..6].copy_from_slice(&(payload.len() as u16).to_be_bytes());
            header[6] = protocol;
            header[7] = TTL;
            header[8..24].copy_from_slice(&octets(source));
            header[24..40].copy_from_slice(&octets(target));
            header
        }
    };
    let begin = packet.len();
    packet.extend(payload);
    // ICMP for IPv4 alone has no pseudo header.
    let sum = if protocol == ICMP {
        Sum::default()
    } else {
        pseudo_header(addresses(&packet), protocol, payload.len())
    };
    let sum = sum.add(&packet[begin..]).checksum();
    packet[begin + checksum..begin + checksum + 2].copy_from_slice(&sum);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(kind: ProbeKind, source: &str, target: &str) -> Probe {
        Probe {
            token: 0x1_2345_6789,
            kind,
            source: source.parse().unwrap(),
            target: target.parse().unwrap(),
        }
    }

    /// The packet as the target would send it back, with these changes to its payload.
    fn back(packet: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let header = Header::parse(packet).unwrap();
        let mut payload = packet[header.length..].to_vec();
        change(&mut payload);
        let checksum = if header.protocol == TCP { 16 } else { 2 };
        payload[checksum..checksum + 2].fill(0);
        let (source, target) = (header.destination, header.source);
        super::packet(source, target, header.protocol, &payload, checksum)
    }

    fn is_sound(packet: &[u8]) -> bool {
        let header = Header::parse(packet).unwrap();
        let payload = &packet[header.length..header.total];
        let sum = if header.protocol == ICMP {
            Sum::default()
        } else {
            pseudo_header(addresses(packet), header.protocol, payload.len())
        };
        sum.add(payload).is_valid()
            && (packet[0] >> 4 == 6 || Sum::default().add(&packet[..V4]).is_valid())
    }

    #[test]
    fn an_echo_request_is_sound_and_known_by_its_reply() {
        for (source, target, reply) in [
            ("10.1.0.1", "10.2.0.1", ECHO_REPLY),
            ("2001:db8::1", "2001:db8:2::1", ECHO_REPLY_V6),
        ] {
            let (packet, key) = request(&probe(ProbeKind::Icmp, source, target), 7).unwrap();
            assert!(is_sound(&packet));
            assert_eq!(answer(&packet, 7), None, "it is not its own answer");
            let answered = back(&packet, |payload| payload[0] = reply);
            let expected = Answer { key, reset: None };
            assert_eq!(answer(&answered, 7), Some(expected));
            assert_eq!(answer(&answered, 8), None, "somebody else's");
        }
    }

    #[test]
    fn a_syn_is_answered_by_an_ack_or_a_reset() {
        for (source, target) in [("10.1.0.1", "10.2.0.1"), ("2001:db8::1", "2001:db8:2::1")] {
            let (packet, key) = request(&probe(ProbeKind::Tcp(443), source, target), 7).unwrap();
            assert!(is_sound(&packet));
            assert_eq!(answer(&packet, 7), None);
            let reply = |flags: u8| {
                let answered = back(&packet, |payload| {
                    let (own, port) = (be16(payload, 0), be16(payload, 2));
                    let next = be32(payload, 4).wrapping_add(1);
                    payload[0..2].copy_from_slice(&port.to_be_bytes());
                    payload[2..4].copy_from_slice(&own.to_be_bytes());
                    payload[8..12].copy_from_slice(&next.to_be_bytes());
                    payload[13] = flags;
                });
                answer(&answered, 7)
            };
            assert_eq!(reply(RST | ACK), Some(Answer { key, reset: None }));
            let accepted = reply(SYN | ACK).unwrap();
            assert_eq!(accepted.key, key);
            let reset = accepted.reset.unwrap();
            assert!(is_sound(&reset));
            let header = Header::parse(&reset).unwrap();
            assert_eq!(header.destination.to_string(), target);
            let segment = &reset[header.length..];
            let syn = &packet[header.length..];
            assert_eq!(be32(segment, 4), be32(syn, 4).wrapping_add(1));
            assert_eq!((segment[13], &segment[..4]), (RST, &syn[..4]));
            assert_eq!(reply(ACK), None, "data of somebody else's connection");
        }
    }

    #[test]
    fn ends_of_two_families_make_no_probe() {
        let odd = probe(ProbeKind::Icmp, "10.1.0.1", "2001:db8::1");
        assert_eq!(request(&odd, 7), None);
    }
}

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::{Duration, Instant},
};

use super::*;

const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn agent(listen: &[IpAddr], port: u16, port_nat_t: u16) -> Agent {
    Agent {
        listen: listen.to_vec(),
        port,
        port_nat_t,
        ..Agent::default()
    }
}

fn local_port(sockets: &Sockets, nat_t: bool) -> SocketAddr {
    sockets
        .iter()
        .find(|socket| socket.nat_t == nat_t)
        .map(|socket| socket.socket.local_addr().unwrap())
        .unwrap()
}

/// Port 0 lets the kernel choose, so the sockets must be named by what they got.
fn bound(listen: &[IpAddr]) -> Sockets {
    let mut sockets = Sockets::bind(&agent(listen, 0, 0)).unwrap();
    for socket in &mut sockets.0 {
        socket
            .local
            .set_port(socket.socket.local_addr().unwrap().port());
    }
    sockets
}

fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    socket
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let mut buffer = [0; 2048];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    (buffer[..length].to_vec(), from)
}

#[test]
fn the_marker_is_added_on_the_nat_t_port_and_replies_leave_from_the_right_address() {
    let sockets = bound(&[Ipv4Addr::UNSPECIFIED.into()]);
    let peer = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    for nat_t in [false, true] {
        let port = local_port(&sockets, nat_t).port();
        // Any 127/8 address is ours; the reply must not come from another one.
        let local = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 7), port));
        let path = Path {
            local,
            remote: peer.local_addr().unwrap(),
        };
        sockets.send(path, b"message").unwrap();
        let (data, from) = receive(&peer);
        assert_eq!(from, local);
        let expected: &[u8] = if nat_t {
            b"\0\0\0\0message"
        } else {
            b"message"
        };
        assert_eq!(data, expected);
    }
}

#[test]
fn keepalives_are_one_octet() {
    let sockets = bound(&[LOCALHOST.into()]);
    let peer = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let path = Path {
        local: local_port(&sockets, true),
        remote: peer.local_addr().unwrap(),
    };
    sockets.keepalive(path).unwrap();
    assert_eq!(receive(&peer).0, [0xff]);
}

#[test]
fn a_message_larger_than_any_mtu_is_fragmented_and_not_refused() {
    let sockets = bound(&[LOCALHOST.into()]);
    let peer = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let path = Path {
        local: local_port(&sockets, false),
        remote: peer.local_addr().unwrap(),
    };
    sockets.send(path, &vec![7; 60_000]).unwrap();
}

#[test]
fn errors_of_start_name_the_remedy() {
    let taken = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Sockets::bind(&agent(&[LOCALHOST.into()], port, 0)).unwrap_err();
    assert!(matches!(error, StartError::PortInUse(_)), "{error}");
    assert!(error.to_string().contains("agent.port"), "{error}");
    let error = Sockets::bind(&agent(&["192.0.2.77".parse().unwrap()], 0, 0)).unwrap_err();
    assert!(matches!(error, StartError::NoSuchAddress(_)), "{error}");
    assert!(error.to_string().contains("agent.listen"), "{error}");
}

#[test]
fn an_unbound_address_is_an_error_and_an_unreachable_one_a_reason() {
    let sockets = bound(&[LOCALHOST.into()]);
    let port = local_port(&sockets, false).port();
    let path = Path {
        local: SocketAddr::from((Ipv4Addr::new(127, 0, 0, 9), port)),
        remote: SocketAddr::from((LOCALHOST, 9)),
    };
    let error = sockets.send(path, b"x").unwrap_err();
    assert!(unreachable_reason(&error).is_none());
    assert!(reason_of(Errno::ENETUNREACH).unwrap().contains("route"));
}

/// ICMP errors name the peer that they are about, not just the next send.
#[test]
fn a_refused_datagram_is_reported_with_its_destination() {
    let sockets = bound(&[LOCALHOST.into()]);
    let socket = sockets.iter().find(|socket| !socket.nat_t).unwrap();
    let closed = {
        let probe = UdpSocket::bind((LOCALHOST, 0)).unwrap();
        probe.local_addr().unwrap()
    };
    let path = Path {
        local: socket.local,
        remote: closed,
    };
    sockets.send(path, b"anybody there?").unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut found = Vec::new();
    while found.is_empty() && Instant::now() < deadline {
        crate::icmp::read_errors(socket, |unreachable| found.push(unreachable));
    }
    assert_eq!(found[0].remote, closed);
    assert!(found[0].reason.contains("nobody listens"));
    // The pending error does not spoil the next datagram to somebody else.
    let peer = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let remote = peer.local_addr().unwrap();
    sockets.send(path, b"again").unwrap();
    std::thread::sleep(Duration::from_millis(20));
    sockets.send(Path { remote, ..path }, b"hello").unwrap();
    assert_eq!(receive(&peer).0, b"hello");
}

#[test]
fn the_source_address_follows_the_route() {
    let remote = SocketAddr::V4(SocketAddrV4::new(LOCALHOST, 500));
    assert_eq!(source_address(remote).unwrap(), IpAddr::V4(LOCALHOST));
}

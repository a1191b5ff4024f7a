//! Two gateways with TUN devices in network namespaces of their own, connected by a veth pair.
//!
//! Needs root, `ip` and /dev/net/tun, and fails without them: filter by the binary's name where
//! they are missing.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

#[allow(dead_code, reason = "shared by several test programs")]
mod support;

use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use holdfast_ike::{EspSpi, Mode, TrafficSelector};
use holdfast_ipsec::{
    DataPlane, Device, NatTDatagram, PlaneEvent, StartError, Userspace, UserspaceOptions,
};
use nix::sched::{CloneFlags, setns};
use tokio::sync::mpsc;

use support::{PATIENCE, child, counting};

const AT_LEFT: EspSpi = EspSpi(0x1001);
const AT_RIGHT: EspSpi = EspSpi(0x1002);

/// Runs `ip`, which must succeed, and returns what it printed.
fn ip(arguments: &str) -> String {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .expect("the `ip` program must be installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// A network namespace.
struct Namespace {
    name: String,
}

impl Namespace {
    fn create(name: String) -> Self {
        ip(&format!("netns add {name}"));
        ip(&format!("-n {name} link set lo up"));
        Self { name }
    }

    fn ip(&self, arguments: &str) -> String {
        ip(&format!("-n {} {arguments}", self.name))
    }

    /// What the data plane has in the routing tables.
    fn routes(&self, family: &str) -> String {
        self.ip(&format!("{family} route show table all"))
            .lines()
            .filter(|line| line.contains("table 50"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Runs `body` on a thread inside. Threads and sockets that it makes stay inside.
    fn spawn<T: Send + 'static>(&self, body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let namespace = File::open(format!("/run/netns/{}", self.name)).unwrap();
        std::thread::spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).expect("entering a namespace needs root");
            body()
        })
    }

    fn run<T: Send + 'static>(&self, body: impl FnOnce() -> T + Send + 'static) -> T {
        self.spawn(body).join().unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .status();
    }
}

/// A gateway with a TUN device. Fields are dropped in this order: the plane first.
struct Gateway {
    plane: Userspace,
    events: mpsc::Receiver<PlaneEvent>,
    ike: mpsc::Receiver<NatTDatagram>,
    namespace: Namespace,
}

/// Two namespaces with a link: 192.0.2.1 and .2, 2001:db8::1 and ::2; each has an address in its
/// protected networks.
fn namespaces() -> [Namespace; 2] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let id = format!(
        "{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let [left, right] = ["l", "r"].map(|side| Namespace::create(format!("hf{side}{id}")));
    ip(&format!(
        "link add wan netns {} type veth peer name wan netns {}",
        left.name, right.name
    ));
    for (end, namespace) in [(1, &left), (2, &right)] {
        namespace.ip(&format!("addr add 192.0.2.{end}/24 dev wan"));
        namespace.ip(&format!("addr add 2001:db8::{end}/64 dev wan nodad"));
        namespace.ip("link set wan up");
        namespace.ip(&format!("addr add 10.{end}.0.1/32 dev lo"));
        namespace.ip(&format!("addr add fd00:{end}::1/128 dev lo"));
    }
    [left, right]
}

fn start(namespace: Namespace, local: &str) -> Gateway {
    let local: SocketAddr = local.parse().unwrap();
    let (plane, events, ike) = namespace.run(move || {
        let (ike_sender, ike) = mpsc::channel(4);
        let (event_sender, events) = mpsc::channel(16);
        let plane = Userspace::start(options(local, ike_sender, event_sender)).unwrap();
        (plane, events, ike)
    });
    Gateway {
        plane,
        events,
        ike,
        namespace,
    }
}

fn options(
    local: SocketAddr,
    ike: mpsc::Sender<NatTDatagram>,
    events: mpsc::Sender<PlaneEvent>,
) -> UserspaceOptions {
    UserspaceOptions {
        device: Device::Tun {
            name: "holdfast0".into(),
            mtu: 1400,
        },
        sockets: vec![UdpSocket::bind(local).unwrap()],
        ike,
        events,
        manage_routes: true,
        random: counting(),
    }
}

/// Both gateways with a tunnel between them over these outer addresses.
fn gateways(left: &str, right: &str) -> [Gateway; 2] {
    let [one, two] = namespaces();
    let (one, two) = (start(one, left), start(two, right));
    let (left, right) = (left.parse().unwrap(), right.parse().unwrap());
    block_on(one.plane.install(child(1, left, right))).unwrap();
    block_on(two.plane.install(child(2, right, left))).unwrap();
    [one, two]
}

/// Bytes that no shift or swap leaves as they are.
fn pattern(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// Sends much data both ways at once over one connection and compares it.
fn exchange(client: &Namespace, server: &Namespace, address: &'static str, length: usize) {
    let (ready, listening) = std::sync::mpsc::channel();
    let serving = server.spawn(move || {
        let listener = TcpListener::bind(address).unwrap();
        ready.send(()).unwrap();
        let (stream, peer) = listener.accept().unwrap();
        both_ways(stream, length, 2, 1);
        peer
    });
    listening.recv().unwrap();
    client.run(move || {
        let stream =
            TcpStream::connect_timeout(&address.parse().unwrap(), PATIENCE).expect("no connection");
        both_ways(stream, length, 1, 2);
    });
    let peer = serving.join().unwrap();
    // The source hint: the connection came from inside the protected network.
    let expected = if peer.is_ipv4() {
        "10.1.0.1"
    } else {
        "fd00:1::1"
    };
    assert_eq!(peer.ip().to_string(), expected);
}

fn both_ways(stream: TcpStream, length: usize, own: u32, other: u32) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || writer.write_all(&pattern(length, own)).unwrap());
    let mut reader = stream;
    let mut received = vec![0; length];
    reader.read_exact(&mut received).unwrap();
    assert!(received == pattern(length, other), "the data differs");
    writing.join().unwrap();
}

fn assert_no_failures(gateway: &Gateway) {
    let counters = gateway.plane.counters();
    let failures: Vec<_> = counters.iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(failures, [], "in {}", gateway.namespace.name);
}

#[test]
fn tcp_of_both_families_passes_over_ipv4() {
    let [one, two] = gateways("192.0.2.1:4500", "192.0.2.2:4500");
    exchange(&one.namespace, &two.namespace, "10.2.0.1:7000", 8 << 20);
    exchange(&one.namespace, &two.namespace, "[fd00:2::1]:7000", 8 << 20);
    assert_no_failures(&one);
    assert_no_failures(&two);
    let usage = one.plane.usage(AT_LEFT).unwrap();
    assert!(usage.bytes_out > 16 << 20, "{usage:?}");
    assert!(usage.bytes_in > 16 << 20, "{usage:?}");
    // Nothing beyond the device's MTU was made of the kernel's large frames.
    let mean = usage.bytes_out / usage.packets_out;
    assert!(mean <= 1400, "{usage:?}");
    // The last acknowledgement may still be on its way.
    let counted = || {
        let [sent, received] = [(&one, AT_LEFT), (&two, AT_RIGHT)]
            .map(|(gateway, spi)| gateway.plane.usage(spi).unwrap());
        (sent.packets_out, received.packets_in)
    };
    let deadline = Instant::now() + PATIENCE;
    while counted().0 != counted().1 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (sent, received) = counted();
    assert_eq!(sent, received);
}

#[test]
fn tcp_of_both_families_passes_over_ipv6() {
    let [one, two] = gateways("[2001:db8::1]:4500", "[2001:db8::2]:4500");
    exchange(&one.namespace, &two.namespace, "10.2.0.1:7000", 2 << 20);
    exchange(&one.namespace, &two.namespace, "[fd00:2::1]:7000", 2 << 20);
    assert_no_failures(&one);
    assert_no_failures(&two);
}

#[test]
fn sockets_for_every_address_send_from_that_of_the_path() {
    for (wildcard, local, remote, extra) in [
        (
            "0.0.0.0:4500",
            "192.0.2.10:4500",
            "192.0.2.2:4500",
            "192.0.2.10/24",
        ),
        (
            "[::]:4500",
            "[2001:db8::10]:4500",
            "[2001:db8::2]:4500",
            "2001:db8::10/64 nodad",
        ),
    ] {
        let [one, two] = namespaces();
        one.ip(&format!("addr add {extra} dev wan"));
        let mut one = start(one, wildcard);
        let spectator = two.run(move || UdpSocket::bind(remote).unwrap());
        spectator.set_read_timeout(Some(PATIENCE)).unwrap();
        let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
        block_on(one.plane.install(child(1, local, remote))).unwrap();
        one.namespace.run(move || {
            let socket = UdpSocket::bind("10.1.0.1:0").unwrap();
            socket.send_to(b"to be protected", "10.2.0.1:9").unwrap();
        });
        let mut buffer = [0; 2000];
        let (length, source) = spectator.recv_from(&mut buffer).unwrap();
        assert_eq!(source, local);
        assert_eq!(buffer[..length][..4], 0x1002_u32.to_be_bytes());
        // And IKE is told at which address it arrived.
        spectator.send_to(b"\0\0\0\0message", local).unwrap();
        let message = block_on(one.ike.recv()).unwrap();
        assert_eq!(message.data, b"message");
        assert_eq!((message.path.local, message.path.remote), (local, remote));
    }
}

#[test]
fn a_path_narrower_than_promised_costs_speed_only() {
    let [one, two] = gateways("192.0.2.1:4500", "192.0.2.2:4500");
    for gateway in [&one, &two] {
        gateway.namespace.ip("link set wan mtu 1280");
    }
    exchange(&one.namespace, &two.namespace, "10.2.0.1:7000", 1 << 20);
    exchange(&one.namespace, &two.namespace, "[fd00:2::1]:7000", 1 << 20);
    assert_no_failures(&one);
    assert_no_failures(&two);
}

#[test]
fn datagrams_pass_whole_and_in_fragments() {
    let [one, two] = gateways("192.0.2.1:4500", "192.0.2.2:4500");
    for (from, to) in [
        ("10.1.0.1:5000", "10.2.0.1:5000"),
        ("[fd00:1::1]:5000", "[fd00:2::1]:5000"),
    ] {
        let receiver = two.namespace.run(move || UdpSocket::bind(to).unwrap());
        receiver.set_read_timeout(Some(PATIENCE)).unwrap();
        let sender = one.namespace.run(move || UdpSocket::bind(from).unwrap());
        for length in [0, 1, 1000, 1372, 1373, 9000, 30_000] {
            let sent = pattern(length, length as u32);
            sender.send_to(&sent, to).unwrap();
            let mut received = vec![0; 65_536];
            let (count, source) = receiver.recv_from(&mut received).unwrap();
            assert_eq!(source, from.parse().unwrap());
            assert!(received[..count] == sent[..], "{length} octets");
        }
    }
    assert_no_failures(&two);
}

#[test]
fn routes_come_and_go_with_the_sas() {
    let [one, _two] = gateways("192.0.2.1:4500", "192.0.2.2:4500");
    let routes = |family: &str| one.namespace.routes(family);
    assert!(
        routes("-4").contains("10.2.0.0/16 dev holdfast0"),
        "{}",
        routes("-4")
    );
    assert!(routes("-4").contains("src 10.1.0.1"));
    assert!(
        routes("-6").contains("fd00:2::/32 dev holdfast0"),
        "{}",
        routes("-6")
    );
    assert!(routes("-4").contains("throw 10.1.0.0/16"));
    // A rekeying: the second one keeps what the first one leaves.
    let (left, right) = (
        "192.0.2.1:4500".parse().unwrap(),
        "192.0.2.2:4500".parse().unwrap(),
    );
    let mut second = child(1, left, right);
    second.inbound_spi = EspSpi(0x2001);
    block_on(one.plane.install(second)).unwrap();
    block_on(one.plane.remove(AT_LEFT));
    assert!(routes("-4").contains("10.2.0.0/16 dev holdfast0"));
    block_on(one.plane.remove(EspSpi(0x2001)));
    assert_eq!(routes("-4"), "");
    assert_eq!(routes("-6"), "");
    assert!(one.namespace.ip("rule").contains("lookup 50"));
    block_on(one.plane.shutdown());
    assert!(!one.namespace.ip("rule").contains("lookup 50"));
    assert!(!one.namespace.ip("-6 rule").contains("lookup 50"));
    assert!(!one.namespace.ip("link").contains("holdfast0"));
}

#[test]
fn a_tunnel_for_everything_leaves_the_peer_outside() {
    let [one, two] = namespaces();
    let (one, two) = (start(one, "192.0.2.1:4500"), start(two, "192.0.2.2:4500"));
    let (left, right) = (
        "192.0.2.1:4500".parse().unwrap(),
        "192.0.2.2:4500".parse().unwrap(),
    );
    let everything = |net: &str| TrafficSelector::from_net(net.parse().unwrap());
    let mut sa = child(1, left, right);
    sa.remote_ts = vec![everything("0.0.0.0/0"), everything("::/0")];
    block_on(one.plane.install(sa)).unwrap();
    let mut sa = child(2, right, left);
    sa.local_ts = vec![everything("0.0.0.0/0"), everything("::/0")];
    block_on(two.plane.install(sa)).unwrap();
    exchange(&one.namespace, &two.namespace, "10.2.0.1:7000", 1 << 20);
    assert!(one.namespace.ip("route get 192.0.2.2").contains("dev wan"));
    assert!(
        one.namespace
            .ip("route get 198.51.100.7")
            .contains("dev holdfast0")
    );
    assert_no_failures(&one);
}

#[test]
fn what_goes_to_the_peer_itself_can_be_tunnelled_but_for_our_own_datagrams() {
    let [one, two] = namespaces();
    let one = start(one, "192.0.2.1:4500");
    let two = start(two, "192.0.2.2:4500");
    let (left, right): (SocketAddr, SocketAddr) = (
        "192.0.2.1:4500".parse().unwrap(),
        "192.0.2.2:4500".parse().unwrap(),
    );
    let host = |address: &str| vec![TrafficSelector::from_net(address.parse().unwrap())];
    for (gateway, sa) in [(&one, child(1, left, right)), (&two, child(2, right, left))] {
        let mut sa = sa;
        sa.mode = Mode::Transport;
        sa.local_ts = host(&format!("{}/32", sa.path.local.ip()));
        sa.remote_ts = host(&format!("{}/32", sa.path.remote.ip()));
        block_on(gateway.plane.install(sa)).unwrap();
    }
    let way = |further: &str| one.namespace.ip(&format!("route get 192.0.2.2 {further}"));
    assert!(way("").contains("dev holdfast0"));
    assert!(way("mark 0x48460001").contains("dev wan"));
    assert_no_failures(&one);
}

#[test]
fn a_name_that_is_taken_is_an_error_with_a_remedy() {
    let [one, _right] = namespaces();
    let one = start(one, "192.0.2.1:4500");
    let error = one.namespace.run(|| {
        let (ike, _) = mpsc::channel(1);
        let (events, _) = mpsc::channel(1);
        Userspace::start(options("192.0.2.1:4501".parse().unwrap(), ike, events)).unwrap_err()
    });
    assert!(matches!(error, StartError::Device { .. }));
    assert!(error.to_string().contains("agent.tun.name"), "{error}");
}

#[test]
fn a_device_that_somebody_removes_is_reported() {
    let [one, _right] = namespaces();
    let mut one = start(one, "192.0.2.1:4500");
    one.namespace.ip("link del holdfast0");
    let event = block_on(one.events.recv());
    assert!(matches!(event, Some(PlaneEvent::Failed(_))), "{event:?}");
    block_on(one.plane.shutdown());
}

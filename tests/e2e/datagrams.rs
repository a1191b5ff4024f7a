//! Rubbish on the wire while a tunnel runs: counted, answered at most as RFC 7296 allows, and the
//! tunnel never notices.

use std::{net::UdpSocket, time::Duration};

use crate::lab::{
    Lab,
    capture::{Capture, Packets, unhex},
    charon::Charon,
    holdfast::{Holdfast, Settings},
    measure,
    process::Process,
    sas::{Daemon, IkeSa, agreed_tunnel},
    topology::{CHILD, Family, Pair, Tunnel, WIRE},
    traffic, wait,
};

/// Half-open IKE_SAs of one address that the agent keeps (its default).
const BLOCK_THRESHOLD: usize = 5;

/// The tunnel in which the rubbish must not be noticed.
struct Scene {
    lab: Lab,
    pair: Pair,
    charon: Charon,
    holdfast: Holdfast,
    handshake: Packets,
}

impl Scene {
    fn new() -> Self {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let tunnel = Tunnel::default();
        let charon = Charon::at_sun(&lab, &pair, &tunnel);
        let holdfast =
            Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &Settings::default());
        let capture = Capture::start(&lab, &pair.sun.namespace, WIRE, "udp");
        holdfast
            .initiate(CHILD, Duration::from_secs(10))
            .expect("the tunnel comes up");
        wait::until("both agree", Duration::from_secs(5), || {
            agreed_tunnel(&holdfast, &charon, CHILD)
        });
        let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
        assert_eq!(traffic::ping(&pair.moon.namespace, here, there, 10), 10);
        Self {
            handshake: capture.stop(),
            lab,
            pair,
            charon,
            holdfast,
        }
    }

    /// Sends the datagrams from the peer's address while pings run, and checks that nothing
    /// changed: the same SAs, every ping answered, no memory kept.
    fn survives(&mut self, what: &str, datagrams: &[(u16, Vec<u8>)]) {
        let sas = self.holdfast.sas();
        let before = sas
            .iter()
            .find(|sa| sa.state == "ESTABLISHED")
            .expect("the tunnel");
        let pid = self.holdfast.process().id();
        let memory = measure::resident_bytes(pid);
        let pings = self.start_pings(what);
        self.send(datagrams);
        let (status, log) = end_of(pings);
        assert!(status && log.contains(" 0% packet loss"), "{what}: {log}");
        let after = self.holdfast.sas();
        let kept = after
            .iter()
            .find(|sa| sa.initiator_spi == before.initiator_spi);
        let kept = kept.unwrap_or_else(|| panic!("{what}: {after:?}"));
        assert_eq!(kept.state, "ESTABLISHED", "{what}");
        assert_eq!(before.children[0].spi_in, kept.children[0].spi_in, "{what}");
        let theirs = self.charon.sas();
        let same = |sa: &IkeSa| sa.initiator_spi == kept.initiator_spi && sa.children.len() == 1;
        assert!(
            theirs.len() == 1 && same(&theirs[0]),
            "{what}: the peer has {theirs:?}"
        );
        // A replayed IKE_SA_INIT cannot be told from a new one: it may open what is half open, up
        // to the limit for one address.
        assert!(after.len() <= 1 + BLOCK_THRESHOLD, "{what}: {after:?}");
        assert!(
            after
                .iter()
                .all(|sa| sa.state == "CONNECTING" || sa.initiator_spi == kept.initiator_spi)
        );
        let growth = measure::resident_bytes(pid).saturating_sub(memory);
        assert!(
            growth < 4 * 1024 * 1024,
            "{what}: memory grew by {growth} bytes"
        );
    }

    fn start_pings(&self, what: &str) -> Process {
        let (here, there) = (
            self.pair.moon.inner(Family::V4),
            self.pair.sun.inner(Family::V4),
        );
        let mut command = self.pair.moon.namespace.command("ping");
        command.args(["-q", "-n", "-i", "0.01", "-c", "200", "-W", "2"]);
        command.args(["-I", &here.to_string(), &there.to_string()]);
        let name = what.replace(' ', "-");
        Process::spawn(
            "ping",
            command,
            &self.lab.directory().join(format!("{name}.log")),
        )
    }

    /// Sends to holdfast, from the peer's namespace.
    fn send(&self, datagrams: &[(u16, Vec<u8>)]) {
        let to = self.pair.moon.outer(Family::V4);
        self.pair.sun.namespace.enter(|| {
            let socket = UdpSocket::bind((self.pair.sun.outer(Family::V4), 0)).expect("a socket");
            for (index, (port, datagram)) in datagrams.iter().enumerate() {
                socket
                    .send_to(datagram, (to, *port))
                    .expect("a datagram is sent");
                if index % 16 == 0 {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
    }

    /// The datagrams of the handshake that fit, each with the port it went to.
    fn payloads(&self, filter: &str) -> Vec<(u16, Vec<u8>)> {
        let rows = self
            .handshake
            .fields(filter, &["udp.dstport", "udp.payload"]);
        rows.iter()
            .map(|row| (row[0].parse().expect("a port"), unhex(&row[1])))
            .collect()
    }
}

#[test]
fn garbage_truncated_and_oversized_datagrams() {
    let mut scene = Scene::new();
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    let garbage: Vec<_> = (0..2_000)
        .map(|number| {
            let length = (random.next() % 1_400) as usize;
            let bytes = (0..length).map(|_| random.next() as u8).collect();
            (if number % 2 == 0 { 500 } else { 4500 }, bytes)
        })
        .collect();
    scene.survives("garbage", &garbage);

    let init = scene.payloads("isakmp.exchangetype == 34");
    let auth = scene.payloads("isakmp.exchangetype == 35");
    let mut truncated = Vec::new();
    for (port, datagram) in init.iter().chain(&auth) {
        let lengths = (0..datagram.len()).step_by(3);
        truncated.extend(lengths.map(|length| (*port, datagram[..length].to_vec())));
    }
    scene.survives("truncated", &truncated);

    let mut flipped = Vec::new();
    for (port, datagram) in init.iter().chain(&auth) {
        for index in 0..datagram.len() {
            let mut copy = datagram.clone();
            copy[index] ^= 1 << (index % 8);
            flipped.push((*port, copy));
        }
    }
    scene.survives("bits flipped", &flipped);

    let oversized: Vec<_> = [9_001, 20_000, 65_000]
        .into_iter()
        .flat_map(|length| {
            let mut datagram = init[0].1.clone();
            datagram.resize(length, 0);
            let size = u32::try_from(length).expect("a length").to_be_bytes();
            datagram[24..28].copy_from_slice(&size);
            std::iter::repeat_n((500, datagram), 20)
        })
        .collect();
    scene.survives("oversized", &oversized);
}

#[test]
fn replayed_and_reflected_datagrams() {
    let mut scene = Scene::new();
    let all = scene.payloads("udp");
    assert!(all.len() > 20, "handshake and pings were captured");

    let replays: Vec<_> = all.iter().cycle().take(2_000).cloned().collect();
    scene.survives("replayed and reflected", &replays);
    // What holdfast itself sent comes back to it, on either port.
    let reflected: Vec<_> = all
        .iter()
        .flat_map(|(_, data)| [(500, data.clone()), (4500, data.clone())])
        .collect();
    scene.survives("reflected on both ports", &reflected);
}

#[test]
fn half_open_floods_end_at_the_limits() {
    let scene = Scene::new();
    let init = scene.payloads("isakmp.exchangetype == 34 && isakmp.flag_r == 0");
    let template = &init.first().expect("our own IKE_SA_INIT").1;
    let mut random = Xorshift(7);
    let flood: Vec<_> = (0..3_000)
        .map(|_| {
            let mut datagram = template.clone();
            datagram[..8].copy_from_slice(&random.next().to_be_bytes());
            (500, datagram)
        })
        .collect();
    let pings = scene.start_pings("flood");
    scene.send(&flood);
    let (status, log) = end_of(pings);
    assert!(status && log.contains(" 0% packet loss"), "{log}");
    let sas = scene.holdfast.sas();
    assert!(
        sas.len() <= 1 + BLOCK_THRESHOLD,
        "at most block_threshold half-open IKE_SAs of one address: {}",
        sas.len()
    );
}

fn end_of(mut pings: Process) -> (bool, String) {
    let (status, _) = pings.wait(Duration::from_secs(30)).expect("ping ends");
    (status.success(), pings.log())
}

/// The same rubbish in every run.
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

//! IKE messages in fragments (RFC 7383) with charon, and over a path that carries nothing larger
//! than 576 octets and no IP fragments.

use std::time::Duration;

use crate::lab::{
    Lab, Namespace,
    capture::{Capture, Packets},
    charon::{self, Charon},
    holdfast::{Holdfast, Settings},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, Pair, Tunnel, WIRE},
    traffic, wait,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Datagrams of IKE_AUTH, with the size of their IP packets, those of one end.
fn auth_sizes(packets: &Packets, from: std::net::IpAddr, filter: &str) -> Vec<usize> {
    let filter = format!("isakmp.exchangetype == 35 && ip.src == {from} && {filter}");
    let rows = packets.fields(&filter, &["ip.len"]);
    rows.iter()
        .map(|row| row[0].parse().expect("a length"))
        .collect()
}

struct Scene {
    pair: Pair,
    charon: Charon,
    holdfast: Holdfast,
    capture: Capture,
    tunnel: Tunnel,
    // Last: it takes the namespaces away.
    _lab: Lab,
}

impl Scene {
    fn new(size: u16, lines: &str, prepare: impl FnOnce(&mut Pair)) -> Self {
        let lab = Lab::new();
        let mut pair = Pair::new(&lab);
        prepare(&mut pair);
        let tunnel = Tunnel::default();
        let settings = charon::Settings {
            daemon: format!("fragment_size = {size}"),
            ..charon::Settings::default()
        };
        let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
        let settings = Settings {
            agent: format!("dataplane = \"userspace\"\nfragment_size = {size}"),
            connection: lines.to_owned(),
            ..Settings::default()
        };
        let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
        let capture = Capture::start(
            &lab,
            &pair.sun.namespace,
            WIRE,
            "udp or ip[6:2] & 0x3fff != 0",
        );
        Self {
            pair,
            charon,
            holdfast,
            capture,
            tunnel,
            _lab: lab,
        }
    }

    /// Both agree and packets pass.
    fn assert_works(&mut self) {
        wait::until("both agree", PATIENCE, || {
            agreed_tunnel(&self.holdfast, &self.charon, CHILD)
        });
        let inner = self.tunnel.inner;
        let (here, there) = (self.pair.moon.inner(inner), self.pair.sun.inner(inner));
        assert_eq!(traffic::ping(&self.pair.moon.namespace, here, there, 5), 5);
        let log = self.charon.process().log();
        assert!(
            log.contains("reassembled fragmented IKE message"),
            "charon put ours together:\n{log}"
        );
    }
}

/// Both ends sent fragments, none of them too large, and nothing but fragments.
fn assert_fragmented(packets: &Packets, pair: &Pair, tunnel: &Tunnel, size: usize) {
    for end in [&pair.moon, &pair.sun] {
        let address = end.outer(tunnel.outer);
        let fragments = auth_sizes(packets, address, "isakmp.frag.number");
        assert!(fragments.len() > 1, "{}: {fragments:?}", end.id);
        assert!(fragments.iter().all(|len| *len <= size), "{fragments:?}");
        let whole = auth_sizes(packets, address, "!isakmp.frag.number");
        assert!(whole.is_empty(), "{}: {whole:?}", end.id);
    }
    assert_eq!(packets.count("ip.flags.mf == 1 || ip.frag_offset > 0"), 0);
}

#[test]
fn both_ends_put_the_others_fragments_together() {
    for charon_starts in [false, true] {
        let mut scene = Scene::new(256, "", |pair| name_at_length(pair, 3));
        if charon_starts {
            scene.charon.initiate(CHILD, PATIENCE)
        } else {
            scene.holdfast.initiate(CHILD, PATIENCE)
        }
        .expect("the tunnel comes up");
        scene.assert_works();
        let packets = scene.capture.stop();
        assert_fragmented(&packets, &scene.pair, &scene.tunnel, 256);
    }
}

/// Identities so long that IKE_AUTH fits into no datagram of this path.
fn narrow(pair: &mut Pair) {
    name_at_length(pair, 7);
    for end in [&pair.moon, &pair.sun] {
        end.namespace
            .ip(&["link", "set", "dev", WIRE, "mtu", "576"]);
        swallow_ip_fragments(&end.namespace);
    }
}

/// Gives both ends identities with so many long labels.
fn name_at_length(pair: &mut Pair, labels: usize) {
    let label = "a".repeat(60);
    let labels = vec![label.as_str(); labels].join(".");
    let long =
        |name| -> &'static str { Box::leak(format!("{name}.{labels}.example").into_boxed_str()) };
    pair.moon.id = long("moon");
    pair.sun.id = long("sun");
}

/// No memory for IP fragments: the kernel drops them, as many a firewall does.
fn swallow_ip_fragments(namespace: &Namespace) {
    namespace.enter(|| {
        for (limit, octets) in [("low", "0"), ("high", "1")] {
            let file = format!("/proc/sys/net/ipv4/ipfrag_{limit}_thresh");
            std::fs::write(file, octets).expect("a limit of IP fragments");
        }
    });
}

#[test]
fn a_path_without_ip_fragments_takes_ike_fragments() {
    for charon_starts in [false, true] {
        let mut scene = Scene::new(576, "", narrow);
        if charon_starts {
            scene.charon.initiate(CHILD, PATIENCE)
        } else {
            scene.holdfast.initiate(CHILD, PATIENCE)
        }
        .expect("the tunnel comes up");
        scene.assert_works();
        let packets = scene.capture.stop();
        assert_fragmented(&packets, &scene.pair, &scene.tunnel, 576);
    }
}

#[test]
fn without_ike_fragments_nothing_gets_through_such_a_path() {
    let impatient = "fragmentation = \"no\"\n\
         retransmit = { timeout = \"300ms\", base = 1.5, tries = 3 }";
    let scene = Scene::new(576, impatient, narrow);
    scene
        .holdfast
        .initiate(CHILD, PATIENCE)
        .expect_err("IKE_AUTH cannot get there");
    let packets = scene.capture.stop();
    assert!(packets.count("ip.flags.mf == 1") > 0, "it was sent");
    assert_eq!(packets.count("isakmp.frag.number"), 0);
}

/// We think that the path is wider than it is: smaller fragments follow when no answer comes.
#[test]
fn fragments_become_smaller_when_the_path_swallows_them() {
    let impatient = "retransmit = { timeout = \"300ms\", base = 1.5, tries = 4 }";
    let lab = Lab::new();
    let mut pair = Pair::new(&lab);
    narrow(&mut pair);
    let tunnel = Tunnel::default();
    let settings = charon::Settings {
        daemon: "fragment_size = 576".to_owned(),
        ..charon::Settings::default()
    };
    let charon = Charon::with_tunnel(&lab, &pair.sun, &pair.moon, &tunnel, &settings);
    let settings = Settings {
        connection: impatient.to_owned(),
        ..Settings::default()
    };
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    holdfast
        .initiate(CHILD, PATIENCE)
        .expect("the tunnel comes up");
    wait::until("both agree", PATIENCE, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    holdfast.wait_for_log(&["no answer yet, retransmission 2"]);
}

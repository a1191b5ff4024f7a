//! Two folders for `swanctl --load-all`, unchanged, for two gateways, each of which may be charon or
//! holdfast: a tunnel between sites that either end starts, and a road warrior's.

use std::{fs, net::IpAddr, path::Path, time::Duration};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::Holdfast,
    sas::{Daemon, IkeSa},
    swanctl::Swanctl,
    topology::{Family, Gateway, Pair},
    traffic,
    userland::Release,
    wait,
};

const FOLDERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/fixtures/gateways");
/// Carol's address inside, which only the tunnel `home` is for.
const CAROL: &str = "10.3.0.7";

#[derive(Clone, Copy)]
enum Kind {
    Charon,
    Holdfast,
}

#[test]
fn of_charon_and_charon() {
    both_tunnels(Kind::Charon, Kind::Charon, Release::Bookworm);
}

#[test]
fn of_holdfast_and_charon() {
    both_tunnels(Kind::Holdfast, Kind::Charon, Release::Bookworm);
}

#[test]
fn of_charon_and_holdfast() {
    both_tunnels(Kind::Charon, Kind::Holdfast, Release::Trixie);
}

#[test]
fn of_holdfast_and_holdfast() {
    both_tunnels(Kind::Holdfast, Kind::Holdfast, Release::Trixie);
}

fn both_tunnels(moon: Kind, sun: Kind, release: Release) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    pair.sun.namespace.add_address("lo", &format!("{CAROL}/32"));
    let moon = End::start(&lab, moon, &pair.moon, "moon", release);
    let sun = End::start(&lab, sun, &pair.sun, "sun", release);
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    let carol: IpAddr = CAROL.parse().expect("an address");

    let from_moon = || moon.initiate("office", "lan");
    let from_sun = || sun.initiate("headquarters", "lan");
    for start in [&from_moon as &dyn Fn(), &from_sun] {
        start();
        tunnel(&moon, &sun, ("office", "headquarters"), "lan");
        traffic_flows(&pair.moon, here, there, [&moon, &sun]);
        moon.swanctl.ok(&["--terminate", "--ike", "office"]);
        wait::until("gone at both ends", Duration::from_secs(5), || {
            (moon.sas().is_empty() && sun.sas().is_empty()).then_some(())
        });
    }

    sun.initiate("home", "inside");
    tunnel(&moon, &sun, ("warriors", "home"), "inside");
    traffic_flows(&pair.sun, carol, here, [&moon, &sun]);
    // And both of them beside each other.
    from_sun();
    tunnel(&moon, &sun, ("office", "headquarters"), "lan");
    traffic_flows(&pair.sun, there, here, [&moon, &sun]);
    traffic_flows(&pair.sun, carol, here, [&moon, &sun]);
}

/// Pings; if any is lost, what both daemons count says where.
fn traffic_flows(gateway: &Gateway, from: IpAddr, to: IpAddr, ends: [&End; 2]) {
    let answered = traffic::ping(&gateway.namespace, from, to, 20);
    let stats = ends.map(|end| end.swanctl.ok(&["--stats", "--raw"]));
    assert_eq!(answered, 20, "of 20 pings\n{}", stats.join("\n"));
}

/// A gateway with its folder.
struct End {
    daemon: Box<dyn Daemon>,
    swanctl: Swanctl,
}

impl End {
    fn start(lab: &Lab, kind: Kind, gateway: &Gateway, folder: &str, release: Release) -> Self {
        let daemon: Box<dyn Daemon> = match kind {
            Kind::Charon => {
                let settings = charon::Settings {
                    release,
                    ..charon::Settings::default()
                };
                Box::new(Charon::start(lab, &gateway.namespace, &settings))
            }
            Kind::Holdfast => {
                let settings = "dataplane = \"userspace\"";
                Box::new(Holdfast::start(lab, &gateway.namespace, settings, ""))
            }
        };
        let directory = lab.subdirectory(folder);
        copy(&Path::new(FOLDERS).join(folder), &directory);
        let swanctl = Swanctl::new(release, &directory, &*daemon);
        let report = swanctl.load_all();
        let summary = "successfully loaded 2 connections, 0 unloaded";
        assert!(report.contains(summary), "{folder}: {report}");
        Self { daemon, swanctl }
    }

    fn initiate(&self, ike: &str, child: &str) {
        let arguments = [
            "--initiate",
            "--ike",
            ike,
            "--child",
            child,
            "--timeout",
            "10",
        ];
        self.swanctl.ok(&arguments);
    }

    fn sas(&self) -> Vec<IkeSa> {
        self.daemon.sas()
    }

    /// The one tunnel of this connection.
    fn tunnel(&self, connection: &str, child: &str) -> Option<IkeSa> {
        let mut sas = self.sas();
        sas.retain(|sa| sa.connection == connection);
        let [sa] = sas.as_slice() else { return None };
        let [only] = sa.children.as_slice() else {
            return None;
        };
        let up = sa.state == "ESTABLISHED" && only.state == "INSTALLED" && only.name == child;
        up.then(|| sa.clone())
    }
}

/// Waits for a tunnel about which both ends agree; they call the connection by names of their own.
fn tunnel(moon: &End, sun: &End, names: (&str, &str), child: &str) {
    wait::until("both ends agree", Duration::from_secs(10), || {
        let (here, there) = (moon.tunnel(names.0, child)?, sun.tunnel(names.1, child)?);
        let same = here.initiator_spi == there.initiator_spi
            && here.children[0].spi_in == there.children[0].spi_out;
        same.then_some(())
    });
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder of ours").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy of a file");
        }
    }
}

//! `swanctl --load-all` again: what has not changed is not touched, what is gone goes, alone.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::Holdfast,
    sas::{Daemon, IkeSa},
    swanctl::Swanctl,
    topology::{Family, Gateway, PSK, Pair},
    traffic,
    userland::Release,
    wait,
};

#[test]
fn on_charon() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let charon = Charon::start(&lab, &pair.moon.namespace, &charon::Settings::default());
    reload(&lab, &pair, &charon);
}

#[test]
fn on_holdfast() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let settings = "dataplane = \"userspace\"";
    let holdfast = Holdfast::start(&lab, &pair.moon.namespace, settings, "");
    reload(&lab, &pair, &holdfast);
}

fn reload(lab: &Lab, pair: &Pair, daemon: &dyn Daemon) {
    let peer = Charon::start(lab, &pair.sun.namespace, &charon::Settings::default());
    let waits = |number| connection(number, &pair.sun, &pair.moon, "start_action = none");
    peer.configure(&format!("{}{}{}", waits(1), waits(2), secret()));

    let folder = Folder::new(lab, &pair.moon, &pair.sun);
    let swanctl = Swanctl::new(Release::Bookworm, &folder.path, daemon);
    folder.write(1, "start_action = start");
    folder.write(2, "start_action = start");
    swanctl.load_all();
    let [one, two] = [1, 2].map(|number| up(daemon, number));

    // The same once more.
    let report = swanctl.load_all();
    assert!(
        report.contains("loaded 2 connections, 0 unloaded"),
        "{report}"
    );
    stays(daemon, &one);
    stays(daemon, &two);

    // The child of the second is another one now: it goes, and comes up as it should be.
    folder.write(2, "start_action = start\n rekey_time = 30m");
    swanctl.load_all();
    let two = wait::until("the changed child", Duration::from_secs(10), || {
        tunnel(daemon, 2).filter(|sa| sa.children[0].spi_in != two.children[0].spi_in)
    });
    stays(daemon, &one);
    stays(daemon, &two);

    // The second is no longer there.
    folder.remove(2);
    let report = swanctl.load_all();
    assert!(
        report.contains("loaded 1 connections, 1 unloaded"),
        "{report}"
    );
    for (daemon, name) in [(daemon, "here"), (&peer, "at the peer")] {
        let what = format!("only the first tunnel is left {name}");
        wait::until(&what, Duration::from_secs(10), || {
            let sas = daemon.sas();
            (sas.len() == 1 && sas[0].connection == "c1").then_some(())
        });
    }
    stays(daemon, &one);
    let (from, to) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    assert_eq!(traffic::ping(&pair.moon.namespace, from, to, 10), 10);
}

/// A folder for `swanctl --load-all` with one file for each connection.
struct Folder<'a> {
    path: PathBuf,
    here: &'a Gateway,
    there: &'a Gateway,
}

impl<'a> Folder<'a> {
    fn new(lab: &Lab, here: &'a Gateway, there: &'a Gateway) -> Self {
        let path = lab.subdirectory("folder");
        fs::create_dir(path.join("conf.d")).expect("a folder for the connections");
        let text = format!("include conf.d/*.conf\n{}", secret());
        fs::write(path.join("swanctl.conf"), text).expect("swanctl.conf");
        Self { path, here, there }
    }

    fn write(&self, number: u8, child: &str) {
        let text = connection(number, self.here, self.there, child);
        fs::write(self.file(number), text).expect("a file for the connection");
    }

    fn remove(&self, number: u8) {
        fs::remove_file(self.file(number)).expect("the connection's file");
    }

    fn file(&self, number: u8) -> impl AsRef<Path> {
        self.path.join(format!("conf.d/{number}.conf"))
    }
}

fn secret() -> String {
    format!("secrets {{ ike-all {{ secret = \"{PSK}\" }} }}\n")
}

/// Both have the same ends; identities and networks tell them apart.
fn connection(number: u8, here: &Gateway, there: &Gateway, child: &str) -> String {
    let network = |gateway: &Gateway| match number {
        1 => gateway.network(Family::V4),
        _ => gateway.network(Family::V6),
    };
    format!(
        "connections {{ c{number} {{\n version = 2\n local_addrs = {}\n remote_addrs = {}\n \
         proposals = aes256gcm16-prfsha384-x25519\n \
         local {{ auth = psk\n id = {number}.{} }}\n remote {{ auth = psk\n id = {number}.{} }}\n \
         children {{ net{number} {{\n local_ts = {}\n remote_ts = {}\n \
         esp_proposals = aes256gcm16\n {child}\n }} }}\n }} }}\n",
        here.outer(Family::V4),
        there.outer(Family::V4),
        here.id,
        there.id,
        network(here),
        network(there),
    )
}

fn up(daemon: &dyn Daemon, number: u8) -> IkeSa {
    let what = format!("the tunnel of c{number}");
    wait::until(&what, Duration::from_secs(10), || tunnel(daemon, number))
}

/// The one tunnel of this connection.
fn tunnel(daemon: &dyn Daemon, number: u8) -> Option<IkeSa> {
    let mut sas = daemon.try_sas().ok()?;
    sas.retain(|sa| sa.connection == format!("c{number}"));
    let [sa] = sas.as_slice() else { return None };
    let [child] = sa.children.as_slice() else {
        return None;
    };
    let up = sa.state == "ESTABLISHED" && child.state == "INSTALLED";
    up.then(|| sa.clone())
}

/// Checks for a while that a tunnel is the one that it was, and the only one of its connection.
fn stays(daemon: &dyn Daemon, sa: &IkeSa) {
    let number = sa
        .connection
        .trim_start_matches('c')
        .parse()
        .expect("a number");
    let what = format!("{} is untouched", sa.connection);
    wait::throughout(&what, Duration::from_millis(500), || {
        tunnel(daemon, number).is_some_and(|now| {
            now.initiator_spi == sa.initiator_spi && now.children[0].spi_in == sa.children[0].spi_in
        })
    });
}

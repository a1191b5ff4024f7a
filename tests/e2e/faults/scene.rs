//! A tunnel to which things happen.

use std::{
    fmt::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{ATTEMPT, CAP};
use crate::lab::{
    Lab, Namespace,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    pulse::Pulse,
    run,
    sas::{Daemon, agreed_tunnel},
    small_disk::SmallDisk,
    topology::{CHILD, Family, Gateway, Pair, Tunnel, WIRE},
    wait,
};

const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than the agent needs to see that the peer is gone.
const NOTICED: Duration = Duration::from_secs(3);

/// Lines of `[agent]`.
const AGENT: &str = "dataplane = \"userspace\"";

/// The other end.
pub(super) enum Peer {
    Charon(Charon),
    Holdfast(Holdfast),
}

impl Peer {
    fn daemon(&self) -> &dyn Daemon {
        match self {
            Self::Charon(charon) => charon,
            Self::Holdfast(holdfast) => holdfast,
        }
    }
}

/// Both ends, and pings all the time.
pub(super) struct Scene {
    // Dropped in this order: the daemons before the namespaces.
    pulse: Pulse,
    pub(super) holdfast: Holdfast,
    pub(super) peer: Peer,
    pub(super) pair: Pair,
    disk: Option<SmallDisk>,
    pub(super) lab: Lab,
    hosts: Option<PathBuf>,
    /// charon's, while it runs.
    charon_settings: charon::Settings,
    /// A message that was on the wire.
    pub(super) recorded: Vec<u8>,
}

/// What differs between scenes.
#[derive(Clone, Default)]
pub(super) struct Settings {
    /// Our agent's state has a disk of its own, which can be filled.
    pub(super) small_disk: bool,
    /// Lines of the connection.
    pub(super) connection: String,
    /// Lines of the child.
    pub(super) child: String,
    /// In place of our address.
    pub(super) local_addrs: Option<&'static str>,
    /// In place of the peer's address.
    pub(super) remote_addrs: Option<&'static str>,
    /// charon's.
    pub(super) charon: charon::Settings,
    /// charon knows where we are, and may call.
    pub(super) fixed_peer: bool,
}

/// Both ends' timing: a silent peer is noticed after two seconds, waits are a second at most.
pub(super) fn persistent() -> String {
    format!(
        "persistent = true\ndpd_delay = \"1s\"\n\
         retransmit = {{ timeout = \"200ms\", base = 1.8, tries = 2 }}\n\
         reconnect = {{ initial = \"100ms\", max = \"{0}ms\", slow = \"500ms\" }}",
        CAP.as_millis()
    )
}

impl Scene {
    /// Holdfast keeps a tunnel with charon.
    pub(super) fn with_charon(settings: &Settings) -> Self {
        Self::begin(settings, |lab, pair, agent, ours| {
            let charon = Charon::start(lab, &pair.sun.namespace, &settings.charon);
            let text =
                charon::swanctl_conf(&pair.sun, &pair.moon, &Tunnel::default(), &settings.charon);
            charon.configure(&if settings.fixed_peer {
                text
            } else {
                from_anywhere(&text, pair)
            });
            let holdfast = Holdfast::start(lab, &pair.moon.namespace, agent, ours);
            (holdfast, Peer::Charon(charon))
        })
    }

    /// Two agents keep it, each by itself.
    pub(super) fn with_holdfast(settings: &Settings) -> Self {
        Self::begin(settings, |lab, pair, agent, ours| {
            let theirs = tables(&pair.sun, &pair.moon, settings);
            let sun = Holdfast::start(lab, &pair.sun.namespace, AGENT, &theirs);
            let moon = Holdfast::start(lab, &pair.moon.namespace, agent, ours);
            (moon, Peer::Holdfast(sun))
        })
    }

    fn begin(
        settings: &Settings,
        start: impl FnOnce(&Lab, &Pair, &str, &str) -> (Holdfast, Peer),
    ) -> Self {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let mut hosts = None;
        if settings
            .remote_addrs
            .is_some_and(|addrs| addrs.contains("sun"))
        {
            hosts = Some(name_service(&pair.moon.namespace));
        }
        let disk = settings
            .small_disk
            .then(|| SmallDisk::mount(&lab.subdirectory("disk")));
        let mut agent = AGENT.to_owned();
        if let Some(disk) = &disk {
            let _ = write!(agent, "\nstate_dir = \"{}\"", disk.place().display());
        }
        let ours = tables(&pair.moon, &pair.sun, settings);
        let (holdfast, peer) = start(&lab, &pair, &agent, &ours);
        let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
        let pulse = Pulse::start(&pair.moon.namespace, here, there);
        Self {
            pulse,
            holdfast,
            peer,
            pair,
            disk,
            lab,
            hosts,
            charon_settings: settings.charon.clone(),
            recorded: Vec::new(),
        }
    }

    /// Waits until there is exactly one tunnel, and sees it stay.
    pub(super) fn settle(&self, when: &str) {
        let what = format!("exactly one tunnel {when}");
        let agreed = || agreed_tunnel(&self.holdfast, self.peer.daemon(), CHILD);
        wait::until(&what, PATIENCE, agreed);
        self.pulse
            .first_after(Instant::now(), PATIENCE)
            .unwrap_or_else(|| panic!("no traffic {when}"));
        wait::throughout(&what, Duration::from_millis(300), || agreed().is_some());
    }

    pub(super) fn traffic_after(&self, moment: Instant, what: &str) -> Duration {
        let time = self.pulse.first_after(moment, PATIENCE);
        time.unwrap_or_else(|| {
            panic!(
                "{what}: no traffic; the agent says\n{}",
                self.holdfast.log()
            )
        })
    }

    /// Waits until the agent has seen that the peer is gone, and a while longer.
    pub(super) fn wait_for_loss(&self) {
        wait::until("the loss is noticed", PATIENCE, || {
            let up = |sa: &crate::lab::sas::IkeSa| sa.state == "ESTABLISHED";
            let noticed = self.pulse.is_silent_for(Duration::from_millis(500))
                && !self.holdfast.sas().iter().any(up);
            noticed.then_some(())
        });
        std::thread::sleep(NOTICED.saturating_sub(ATTEMPT));
    }

    pub(super) fn charon(&mut self) -> &mut Charon {
        match &mut self.peer {
            Peer::Charon(charon) => charon,
            Peer::Holdfast(_) => panic!("the peer of this scene is no charon"),
        }
    }

    pub(super) fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().expect("a scene with a small disk")
    }

    /// charon is configured like this from now on.
    pub(super) fn configure_charon(&mut self, tunnel: &Tunnel) {
        let Pair { moon, sun } = &self.pair;
        let text = charon::swanctl_conf(sun, moon, tunnel, &self.charon_settings);
        let text = from_anywhere(&text, &self.pair);
        self.charon().configure(&text);
    }

    /// What the name sun.example means from now on.
    pub(super) fn name(&self, address: &str) {
        let hosts = self.hosts.as_ref().expect("a scene with names");
        std::fs::write(hosts, format!("{address} sun.example\n")).expect("the hosts file");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(directory) = self.hosts.as_ref().and_then(|file| file.parent()) {
            std::fs::remove_dir_all(directory).ok();
        }
    }
}

/// A hosts file that `ip netns exec` puts in the place of the machine's.
fn name_service(namespace: &Namespace) -> PathBuf {
    let directory = PathBuf::from("/etc/netns").join(namespace.name());
    std::fs::create_dir_all(&directory).expect("a directory for the namespace");
    let file = directory.join("hosts");
    std::fs::write(&file, "192.0.2.2 sun.example\n").expect("the hosts file");
    file
}

fn tables(here: &Gateway, there: &Gateway, settings: &Settings) -> String {
    let lines = holdfast::Settings {
        connection: settings.connection.clone(),
        child: settings.child.clone(),
        ..holdfast::Settings::default()
    };
    let mut text = holdfast::tunnel_tables(here, there, &Tunnel::default(), &lines);
    for (key, gateway, addresses) in [
        ("local_addrs", here, settings.local_addrs),
        ("remote_addrs", there, settings.remote_addrs),
    ] {
        if let Some(addresses) = addresses {
            let line = format!("{key} = [\"{}\"]", gateway.outer(Family::V4));
            text = text.replace(&line, &format!("{key} = {addresses}"));
        }
    }
    text
}

/// charon's configuration: it and we may be anywhere.
fn from_anywhere(text: &str, pair: &Pair) -> String {
    let mut text = text.to_owned();
    for (key, gateway) in [("local_addrs", &pair.sun), ("remote_addrs", &pair.moon)] {
        let line = format!("{key} = {}", gateway.outer(Family::V4));
        text = text.replace(&line, &format!("{key} = %any"));
    }
    text
}

/// Drops datagrams of IKE and ESP at these hooks of a gateway, without anybody being told.
pub(super) fn swallow(namespace: &Namespace, hooks: &[&str]) {
    let chain = |hook: &&str| {
        let port = if *hook == "input" { "sport" } else { "dport" };
        format!(
            " chain {hook} {{ type filter hook {hook} priority 0; udp {port} {{ 500, 4500 }} drop; }}\n"
        )
    };
    let chains: String = hooks.iter().map(chain).collect();
    let rules = format!("table inet hole {{\n{chains}}}\n");
    run(namespace.command("nft").arg(rules));
}

/// Lets them through again.
pub(super) fn let_through(namespace: &Namespace) {
    run(namespace.command("nft").arg("delete table inet hole"));
}

/// Gives up one address for another.
pub(super) fn readdress(gateway: &Gateway, from: &str, to: &str) {
    let namespace = &gateway.namespace;
    namespace.ip(&["addr", "add", to, "dev", WIRE]);
    namespace.ip(&["addr", "del", from, "dev", WIRE]);
    // Deleting the first address of a network takes the others with it.
    namespace.ip(&["addr", "replace", to, "dev", WIRE]);
}

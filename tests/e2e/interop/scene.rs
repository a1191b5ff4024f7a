//! One cell of the table: holdfast, a peer, and who of the two starts.

use std::{
    fs,
    net::IpAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Duration,
};

use super::{
    keys::Keys,
    row::{Ends, Lines, Peer, Row, Starter, Theirs},
    stage::{Props, Stage},
    texts,
};
use crate::lab::{
    Lab,
    capture::Capture,
    charon::{self, Charon},
    holdfast::Holdfast,
    libreswan::{Libreswan, Traffic},
    sas::{Daemon, IkeSa},
    topology::{CHILD, CONNECTION, Family, Pair, WIRE},
    traffic,
    userland::Release,
    wait,
};

pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Until what happens every 20 seconds has been on the wire.
const WIRE_LIMIT: Duration = Duration::from_secs(30);
/// Until a daemon has written what it knows.
const LOGGING: Duration = Duration::from_secs(2);

const PINGS: u32 = 10;

/// What holdfast is tried with.
pub(super) enum Other<'a> {
    Charon(Charon),
    Libreswan(&'a Libreswan),
}

/// Both daemons, with a tunnel that is up.
pub(super) struct Scene<'a> {
    pub(super) pair: &'a Pair,
    pub(super) holdfast: Holdfast,
    pub(super) other: Other<'a>,
    pub(super) starter: Starter,
    ends: Ends,
    pub(super) props: Props,
}

/// What all cells share.
pub(super) struct Place<'a> {
    pub(super) lab: &'a Lab,
    pub(super) pair: &'a Pair,
    pub(super) keys: &'a Keys,
}

/// Tries a row with charon, in namespaces of its own.
pub(super) fn with_charon(
    row: &Row,
    keys: &Keys,
    peer: Peer,
    starter: Starter,
) -> Result<(), String> {
    let (Peer::Charon(release), Theirs::Told(theirs)) = (peer, row.theirs(peer, starter)) else {
        return Err("the peer is not charon".to_owned());
    };
    caught(|| {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let place = Place {
            lab: &lab,
            pair: &pair,
            keys,
        };
        let release = match (row.built, release) {
            (Some(_), Release::Trixie) => Release::TrixieMlKem,
            _ => release,
        };
        let start = || {
            let settings = charon::Settings {
                daemon: theirs.daemon.to_owned(),
                release,
                ..charon::Settings::default()
            };
            let charon = Charon::start(&lab, &pair.sun.namespace, &settings);
            if let Some(kind) = row.keys {
                copy_folders(&keys.folder(kind, "sun"), charon.directory());
            }
            charon.configure(&texts::swanctl(&pair, &theirs));
            Other::Charon(charon)
        };
        place.prove(row, starter, theirs, start)
    })
}

/// Tries a row with the Libreswan that stands in sun's place.
pub(super) fn with_libreswan(
    row: &Row,
    libreswan: &Libreswan,
    place: &Place<'_>,
    starter: Starter,
) -> Result<(), String> {
    let peer = Peer::Libreswan;
    let Theirs::Told(theirs) = row.theirs(peer, starter) else {
        return Err("the peer cannot be tried".to_owned());
    };
    libreswan.news();
    let outcome = caught(|| {
        let start = || {
            let public = |end: &str| row.keys.map(|kind| place.keys.public(kind, end));
            let text = texts::libreswan(place.pair, &theirs, public);
            let mut connections = vec![(CONNECTION, text.connection.as_str())];
            connections.extend(text.further);
            libreswan.configure(&connections, &text.secrets);
            Other::Libreswan(libreswan)
        };
        place.prove(row, starter, theirs, start)
    });
    libreswan.forget(CONNECTION);
    for (name, _) in texts::sections(theirs.daemon) {
        libreswan.forget(name);
    }
    place.pair.tidy_moon();
    libreswan.tidy();
    outcome.map_err(|error| format!("{error}\npluto's log:\n{}", libreswan.news()))
}

/// A failed expectation of the lab's is the outcome of the cell, not of the whole table.
fn caught(run: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(text.unwrap_or_else(|| "panicked".to_owned()))
    })
}

/// Copies folders with their files.
fn copy_folders(from: &Path, to: &Path) {
    for folder in fs::read_dir(from).expect("a folder of keys") {
        let folder = folder.expect("an entry").file_name();
        let there = to.join(&folder);
        fs::create_dir_all(&there).expect("a folder");
        for file in fs::read_dir(from.join(&folder)).expect("a folder") {
            let file = file.expect("an entry");
            fs::copy(file.path(), there.join(file.file_name())).expect("a copy");
        }
    }
}

impl<'a> Place<'a> {
    fn prove(
        &self,
        row: &Row,
        starter: Starter,
        theirs: Lines,
        start: impl FnOnce() -> Other<'a>,
    ) -> Result<(), String> {
        let (lab, pair) = (self.lab, self.pair);
        let ours = row.holdfast[starter as usize];
        let wire = row.wire[starter as usize];
        let keys = self.keys;
        let props = (row.stage)(&Stage {
            lab,
            pair,
            starter,
            keys,
        });
        let capture = (!wire.is_empty()).then(|| {
            Capture::start(
                lab,
                &pair.moon.namespace,
                WIRE,
                "udp or ip[6:2] & 0x3fff != 0",
            )
        });
        let pki = row.keys.map(|kind| self.keys.folder(kind, "moon"));
        let agent = format!("dataplane = \"userspace\"\n{}", ours.daemon);
        let tables = texts::holdfast(pair, &ours, pki.as_deref());
        let other = start();
        let mut scene = Scene {
            pair,
            holdfast: Holdfast::start(lab, &pair.moon.namespace, &agent, &tables),
            other,
            starter,
            ends: row.ends[starter as usize],
            props,
        };
        let outcome = (row.before[starter as usize])(&mut scene)
            .and_then(|()| (row.start)(&mut scene))
            .and_then(|()| scene.is_up())
            .and_then(|()| scene.carries())
            .and_then(|()| (row.proof[starter as usize])(&mut scene))
            .and_then(|()| scene.have_said(&ours, &theirs))
            .and_then(|()| {
                let seen = |capture| seen(capture, pair, wire);
                capture.as_ref().map_or(Ok(()), seen)
            });
        scene
            .holdfast
            .command("terminate", &[("ike", CONNECTION)])
            .ok();
        outcome.map_err(|error| {
            let theirs = match &scene.other {
                Other::Charon(charon) => format!("charon's log:\n{}", charon.process_log()),
                Other::Libreswan(_) => String::new(),
            };
            format!(
                "{error}\nholdfast's log:\n{}\n{theirs}",
                scene.holdfast.log()
            )
        })
    }
}

/// Each filter finds something in what is captured.
fn seen(capture: &Capture, pair: &Pair, filters: &[&str]) -> Result<(), String> {
    let (moon, sun) = (pair.moon.outer(Family::V4), pair.sun.outer(Family::V4));
    for filter in filters {
        let filter = filter
            .replace("{moon}", &moon.to_string())
            .replace("{sun}", &sun.to_string());
        wait::attempt(WIRE_LIMIT, || {
            (capture.so_far().count(&filter) > 0).then_some(())
        })
        .ok_or_else(|| format!("never on the wire: {filter}"))?;
    }
    Ok(())
}

impl Scene<'_> {
    /// There is one tunnel, and whoever should start has started it.
    fn is_up(&self) -> Result<(), String> {
        let sa = self.tunnel_within(PATIENCE)?;
        let starts = self.starter == Starter::Holdfast;
        if sa.initiator == starts {
            Ok(())
        } else {
            Err("the wrong end started".to_owned())
        }
    }

    /// Has the end that starts bring the tunnel up.
    pub(super) fn initiate(&self) -> Result<(), String> {
        match (self.starter, &self.other) {
            (Starter::Holdfast, _) => self.holdfast.initiate(CHILD, PATIENCE)?,
            (Starter::Peer, Other::Charon(charon)) => charon.initiate(CHILD, PATIENCE)?,
            (Starter::Peer, Other::Libreswan(libreswan)) => {
                libreswan.up(CONNECTION)?;
            }
        }
        Ok(())
    }

    /// Has the end that starts bring the IKE_SA up, and no child.
    pub(super) fn initiate_childless(&self) -> Result<(), String> {
        let timeout = PATIENCE.as_millis().to_string();
        let wanted = [("ike", CONNECTION), ("timeout", timeout.as_str())];
        match (self.starter, &self.other) {
            (Starter::Holdfast, _) => self.holdfast.command("initiate", &wanted),
            (Starter::Peer, Other::Charon(charon)) => charon.command("initiate", &wanted),
            (Starter::Peer, Other::Libreswan(_)) => Err("Libreswan cannot".to_owned()),
        }
    }

    /// Waits until holdfast tells of exactly one tunnel.
    pub(super) fn tunnel_within(&self, limit: Duration) -> Result<IkeSa, String> {
        wait::attempt(limit, || self.holdfast.only_tunnel(CHILD))
            .ok_or_else(|| format!("not exactly one tunnel: {:?}", self.holdfast.sas()))
    }

    /// How many CHILD_SAs the peer has.
    pub(super) fn children_of_peer(&self) -> usize {
        match &self.other {
            Other::Charon(charon) => charon.sas().iter().map(|sa| sa.children.len()).sum(),
            Other::Libreswan(libreswan) => libreswan.traffic().len(),
        }
    }

    fn addresses(&self) -> (IpAddr, IpAddr) {
        let (moon, sun) = (&self.pair.moon, &self.pair.sun);
        let written = |text: &str| text.parse().expect("an address written here");
        match self.ends {
            Ends::Inner(family) => (moon.inner(family), sun.inner(family)),
            Ends::Outer => (moon.outer(Family::V4), sun.outer(Family::V4)),
            Ends::Virtual(here, there) => (written(here), written(there)),
        }
    }

    /// Packets pass both ways, and through the tunnel.
    pub(super) fn carries(&self) -> Result<(), String> {
        let (here, there) = self.addresses();
        let moon = &self.pair.moon.namespace;
        wait::attempt(PATIENCE, || {
            traffic::answers(moon, here, there).then_some(())
        })
        .ok_or("no ping from holdfast's side is answered")?;
        let carried = wait::attempt(PATIENCE, || match self.pings_of_peer(there, here) {
            Ok(()) => self.has_carried().then_some(Ok(())),
            lost => Some(lost),
        });
        carried.unwrap_or_else(|| Err("the pings did not go through the tunnel".to_owned()))
    }

    fn pings_of_peer(&self, from: IpAddr, to: IpAddr) -> Result<(), String> {
        let answered = match &self.other {
            Other::Charon(_) => traffic::ping(&self.pair.sun.namespace, from, to, PINGS) == PINGS,
            Other::Libreswan(libreswan) => libreswan.pings(from, to, PINGS),
        };
        if answered {
            Ok(())
        } else {
            Err("pings from the peer's side are lost".to_owned())
        }
    }

    /// Whether the only child has had all these pings. One that has just taken over has not.
    fn has_carried(&self) -> bool {
        let through = u64::from(PINGS);
        let here = self.holdfast.only_tunnel(CHILD).is_some_and(|sa| {
            let child = &sa.children[0];
            child.packets_in >= through && child.packets_out >= through
        });
        let used = |sa: &Traffic| sa.bytes_in > 0 && sa.bytes_out > 0;
        let there = match &self.other {
            Other::Charon(_) => true,
            Other::Libreswan(libreswan) => libreswan.traffic().iter().all(used),
        };
        here && there
    }

    /// The only tunnel, as holdfast tells it.
    pub(super) fn tunnel(&self) -> Result<IkeSa, String> {
        let sa = self.holdfast.only_tunnel(CHILD);
        sa.ok_or_else(|| "there is not exactly one tunnel".to_owned())
    }

    /// Both logs have the words that they must have.
    fn have_said(&self, ours: &Lines, theirs: &Lines) -> Result<(), String> {
        let mut heard = String::new();
        let said = wait::attempt(LOGGING, || {
            let log = self.holdfast.log();
            let missing = ours.says.iter().find(|words| !log.contains(**words));
            let missing = missing.or_else(|| {
                heard += &self.news();
                theirs.says.iter().find(|words| !heard.contains(**words))
            });
            missing.is_none().then_some(())
        });
        said.ok_or_else(|| {
            let log = self.holdfast.log() + &heard;
            let all = ours.says.iter().chain(theirs.says);
            let missing: Vec<_> = all.filter(|words| !log.contains(**words)).collect();
            format!("never said: {missing:?}\nthe peer's log:\n{heard}")
        })
    }

    fn news(&self) -> String {
        match &self.other {
            Other::Charon(charon) => charon.process_log(),
            Other::Libreswan(libreswan) => libreswan.news(),
        }
    }
}

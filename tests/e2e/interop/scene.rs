//! One cell of the table: holdfast, a peer, and who of the two starts.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use super::{
    row::{Peer, Row, Starter, Theirs},
    texts,
};
use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::Holdfast,
    libreswan::Libreswan,
    sas::{Daemon, IkeSa},
    topology::{CHILD, CONNECTION, Family, Pair},
    traffic, wait,
};

const PATIENCE: Duration = Duration::from_secs(20);
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
}

/// Tries a row with charon, in namespaces of its own.
pub(super) fn with_charon(row: &Row, peer: Peer, starter: Starter) -> Result<(), String> {
    let (Peer::Charon(release), Theirs::Told(theirs)) = (peer, row.theirs(peer)) else {
        return Err("the peer is not charon".to_owned());
    };
    caught(|| {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let settings = charon::Settings {
            daemon: theirs.daemon.to_owned(),
            release,
            ..charon::Settings::default()
        };
        let pki = String::new();
        let charon = Charon::start(&lab, &pair.sun.namespace, &settings);
        charon.configure(&texts::swanctl(&pair, &theirs, &pki));
        prove(&lab, &pair, row, starter, Other::Charon(charon), &pki)
    })
}

/// Tries a row with the Libreswan that stands in sun's place.
pub(super) fn with_libreswan(
    row: &Row,
    libreswan: &Libreswan,
    (lab, pair): (&Lab, &Pair),
    starter: Starter,
) -> Result<(), String> {
    let Theirs::Told(theirs) = row.theirs(Peer::Libreswan) else {
        return Err("the peer cannot be tried".to_owned());
    };
    let outcome = caught(|| {
        let (connection, secrets) = texts::libreswan(pair, &theirs);
        libreswan.configure(CONNECTION, &connection, &secrets);
        let pki = String::new();
        prove(lab, pair, row, starter, Other::Libreswan(libreswan), &pki)
    });
    libreswan.forget(CONNECTION);
    outcome.map_err(|error| format!("{error}\npluto's log:\n{}", libreswan.log_tail()))
}

/// A failed expectation of the lab's is the outcome of the cell, not of the whole table.
fn caught(run: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(text.unwrap_or_else(|| "panicked".to_owned()))
    })
}

fn prove(
    lab: &Lab,
    pair: &Pair,
    row: &Row,
    starter: Starter,
    other: Other<'_>,
    pki: &str,
) -> Result<(), String> {
    let agent = format!("dataplane = \"userspace\"\n{}", row.holdfast.daemon);
    let tables = texts::holdfast(pair, &row.holdfast, pki);
    let scene = Scene {
        pair,
        holdfast: Holdfast::start(lab, &pair.moon.namespace, &agent, &tables),
        other,
        starter,
    };
    scene.start()?;
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    scene.carries(here, there)?;
    let outcome = (row.proof)(&scene);
    scene
        .holdfast
        .command("terminate", &[("ike", CONNECTION)])
        .ok();
    outcome
}

impl Scene<'_> {
    fn start(&self) -> Result<(), String> {
        match (self.starter, &self.other) {
            (Starter::Holdfast, _) => self.holdfast.initiate(CHILD, PATIENCE)?,
            (Starter::Peer, Other::Charon(charon)) => charon.initiate(CHILD, PATIENCE)?,
            (Starter::Peer, Other::Libreswan(libreswan)) => {
                libreswan.up(CONNECTION)?;
            }
        }
        let sa = wait::attempt(PATIENCE, || self.holdfast.only_tunnel(CHILD))
            .ok_or("holdfast does not list the tunnel")?;
        let starts = self.starter == Starter::Holdfast;
        if sa.initiator == starts {
            Ok(())
        } else {
            Err("the wrong end started".to_owned())
        }
    }

    /// Packets pass both ways between these inner addresses, and through the tunnel.
    pub(super) fn carries(
        &self,
        here: std::net::IpAddr,
        there: std::net::IpAddr,
    ) -> Result<(), String> {
        let moon = &self.pair.moon.namespace;
        wait::attempt(PATIENCE, || {
            traffic::answers(moon, here, there).then_some(())
        })
        .ok_or("no ping from holdfast's side is answered")?;
        let answered = match &self.other {
            Other::Charon(_) => {
                traffic::ping(&self.pair.sun.namespace, there, here, PINGS) == PINGS
            }
            Other::Libreswan(libreswan) => {
                let counts = || libreswan.traffic();
                libreswan.pings(there, here, PINGS)
                    && counts()
                        .iter()
                        .all(|sa| sa.bytes_in > 0 && sa.bytes_out > 0)
            }
        };
        if !answered {
            return Err("pings from the peer's side are lost".to_owned());
        }
        let child = self.tunnel()?.children.remove(0);
        let through = u64::from(PINGS);
        if child.packets_in >= through && child.packets_out >= through {
            Ok(())
        } else {
            Err("the pings did not go through the tunnel".to_owned())
        }
    }

    /// The only tunnel, as holdfast tells it.
    pub(super) fn tunnel(&self) -> Result<IkeSa, String> {
        let sa = self.holdfast.only_tunnel(CHILD);
        sa.ok_or_else(|| "there is not exactly one tunnel".to_owned())
    }
}

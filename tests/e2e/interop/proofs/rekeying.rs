//! SAs that are replaced by others.

use std::net::IpAddr;

use super::{PATIENCE, wait_until};
use crate::{
    interop::{
        row::Starter,
        scene::{Other, Scene},
    },
    lab::{
        Namespace,
        sas::{Daemon, IkeSa},
        topology::{CHILD, CONNECTION, Family},
        traffic, wait,
    },
};

/// Both ends rekey the CHILD_SA, one after the other.
pub(crate) fn rekeys_child(scene: &mut Scene<'_>) -> Result<(), String> {
    rekeys(scene, "child", |sa| sa.children[0].spi_in.clone())
}

/// Both ends rekey the IKE_SA, one after the other.
pub(crate) fn rekeys_ike(scene: &mut Scene<'_>) -> Result<(), String> {
    rekeys(scene, "ike", |sa| sa.initiator_spi.clone())
}

fn rekeys(scene: &mut Scene<'_>, kind: &str, key: fn(&IkeSa) -> String) -> Result<(), String> {
    for starter in Starter::ALL {
        let before = scene.tunnel()?;
        rekey(scene, starter, kind)?;
        wait::attempt(PATIENCE, || {
            let now = scene.holdfast.only_tunnel(CHILD)?;
            (key(&now) != key(&before)).then_some(())
        })
        .ok_or(format!("{starter:?} rekeys: no new {kind}"))?;
        scene.carries()?;
    }
    Ok(())
}

pub(super) fn rekey(scene: &Scene<'_>, starter: Starter, kind: &str) -> Result<(), String> {
    let name = if kind == "ike" { CONNECTION } else { CHILD };
    match (starter, &scene.other) {
        (Starter::Holdfast, _) => scene.holdfast.command("rekey", &[(kind, name)]),
        (Starter::Peer, Other::Charon(charon)) => charon.command("rekey", &[(kind, name)]),
        (Starter::Peer, Other::Libreswan(libreswan)) => {
            libreswan.rekey(kind, CONNECTION).map(|_| ())
        }
    }
}

/// It is time for new keys of both kinds.
pub(crate) fn is_rekeyed_in_time(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    wait_until("new keys of both kinds", || {
        let now = scene.holdfast.only_tunnel(CHILD);
        now.is_some_and(|now| {
            now.children[0].spi_in != before.children[0].spi_in
                && now.initiator_spi != before.initiator_spi
        })
    })?;
    scene.carries()
}

/// Both ends rekey both kinds at the same instant; in the end there is one of each.
pub(crate) fn rekeys_at_once(scene: &mut Scene<'_>) -> Result<(), String> {
    for kind in ["child", "ike"] {
        let before = scene.tunnel()?;
        std::thread::scope(|scope| {
            let scene = &*scene;
            let ours = scope.spawn(move || rekey(scene, Starter::Holdfast, kind));
            // Whoever is second may be told that it is being done.
            rekey(scene, Starter::Peer, kind).ok();
            ours.join().expect("no panic").ok();
        });
        wait_until("one tunnel with new keys", || {
            let now = scene.holdfast.only_tunnel(CHILD);
            now.is_some_and(|now| match kind {
                "child" => now.children[0].spi_in != before.children[0].spi_in,
                _ => now.initiator_spi != before.initiator_spi,
            })
        })?;
        scene.carries()?;
    }
    Ok(())
}

/// Traffic flows while both ends replace everything.
pub(crate) fn loses_nothing(scene: &mut Scene<'_>) -> Result<(), String> {
    const PINGS: u32 = 2000;
    let (here, there) = (&scene.pair.moon, &scene.pair.sun);
    let (from, to) = (here.inner(Family::V4), there.inner(Family::V4));
    let answered = std::thread::scope(|scope| {
        let pings = scope.spawn(|| traffic::ping(&here.namespace, from, to, PINGS));
        for kind in ["child", "ike"] {
            for starter in Starter::ALL {
                rekey(scene, starter, kind)?;
            }
        }
        Ok::<u32, String>(pings.join().expect("ping runs"))
    })?;
    if answered == PINGS {
        Ok(())
    } else {
        let troubles = scene.holdfast.troubles();
        Err(format!(
            "{answered} of {PINGS} pings were answered: {troubles}"
        ))
    }
}

/// Traffic has the CHILD_SA replaced, under the same IKE_SA.
pub(crate) fn is_rekeyed_by_traffic(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    let (here, there) = (&scene.pair.moon, &scene.pair.sun);
    let (from, to) = (here.inner(Family::V4), there.inner(Family::V4));
    wait_until("a new CHILD_SA", || {
        large_pings(&here.namespace, from, to);
        let now = scene.holdfast.only_tunnel(CHILD);
        now.is_some_and(|now| now.children[0].spi_in != before.children[0].spi_in)
    })?;
    let after = scene.tunnel()?;
    if after.initiator_spi == before.initiator_spi {
        Ok(())
    } else {
        Err("it is another IKE_SA".to_owned())
    }
}

fn large_pings(namespace: &Namespace, from: IpAddr, to: IpAddr) {
    let mut command = namespace.command("ping");
    command.args([
        "-q", "-n", "-i", "0.01", "-c", "40", "-s", "1200", "-W", "1",
    ]);
    command.args(["-I", &from.to_string(), &to.to_string()]);
    command.output().expect("ping runs");
}

/// Another IKE_SA takes the place of the first one, with its child, and packets pass.
pub(crate) fn authenticates_anew(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    wait_until("another IKE_SA with its child", || {
        let now = scene.holdfast.only_tunnel(CHILD);
        now.is_some_and(|now| now.initiator_spi != before.initiator_spi)
    })?;
    scene.carries()
}

//! What is to be seen beyond traffic.

use std::time::Duration;

use super::{
    row::Starter,
    scene::{Other, Scene},
};
use crate::lab::{
    sas::{Daemon, IkeSa},
    topology::{CHILD, CONNECTION, Family},
    wait,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Both ends rekey the CHILD_SA, one after the other.
pub(super) fn rekeys_child(scene: &Scene<'_>) -> Result<(), String> {
    rekeys(scene, "child", |sa| sa.children[0].spi_in.clone())
}

/// Both ends rekey the IKE_SA, one after the other.
pub(super) fn rekeys_ike(scene: &Scene<'_>) -> Result<(), String> {
    rekeys(scene, "ike", |sa| sa.initiator_spi.clone())
}

fn rekeys(scene: &Scene<'_>, kind: &str, key: fn(&IkeSa) -> String) -> Result<(), String> {
    for starter in Starter::ALL {
        let before = scene.tunnel()?;
        let name = if kind == "ike" { CONNECTION } else { CHILD };
        match (starter, &scene.other) {
            (Starter::Holdfast, _) => scene.holdfast.command("rekey", &[(kind, name)])?,
            (Starter::Peer, Other::Charon(charon)) => charon.command("rekey", &[(kind, name)])?,
            (Starter::Peer, Other::Libreswan(libreswan)) => {
                libreswan.rekey(kind, CONNECTION)?;
            }
        }
        wait::attempt(PATIENCE, || {
            let now = scene.holdfast.only_tunnel(CHILD)?;
            (key(&now) != key(&before)).then_some(())
        })
        .ok_or(format!("{starter:?} rekeys: no new {kind}"))?;
        let (moon, sun) = (&scene.pair.moon, &scene.pair.sun);
        scene.carries(moon.inner(Family::V4), sun.inner(Family::V4))?;
    }
    Ok(())
}

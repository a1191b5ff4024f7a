//! What is to be seen beyond traffic.

use std::time::Duration;

use super::{
    row::Starter,
    scene::{Other, Scene},
};
use crate::lab::{
    sas::{Daemon, IkeSa},
    topology::{CHILD, CONNECTION, WIRE},
    wait,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Both ends rekey the CHILD_SA, one after the other.
pub(super) fn rekeys_child(scene: &mut Scene<'_>) -> Result<(), String> {
    rekeys(scene, "child", |sa| sa.children[0].spi_in.clone())
}

/// Both ends rekey the IKE_SA, one after the other.
pub(super) fn rekeys_ike(scene: &mut Scene<'_>) -> Result<(), String> {
    rekeys(scene, "ike", |sa| sa.initiator_spi.clone())
}

fn rekeys(scene: &mut Scene<'_>, kind: &str, key: fn(&IkeSa) -> String) -> Result<(), String> {
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
        scene.carries()?;
    }
    Ok(())
}

/// The cable is cut for longer than holdfast believes in the peer, and mended: the tunnel is back, once.
pub(super) fn survives_a_cut(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    let cable = |state| {
        let moon = &scene.pair.moon.namespace;
        moon.ip(&["link", "set", WIRE, state]);
    };
    cable("down");
    let noticed = wait::attempt(PATIENCE, || {
        let sas = scene.holdfast.sas();
        let living = |sa: &IkeSa| sa.initiator_spi == before.initiator_spi;
        (!sas.iter().any(living)).then_some(())
    });
    cable("up");
    noticed.ok_or("the silence of the peer was not noticed")?;
    scene.tunnel_within(PATIENCE)?;
    scene.carries()
}

/// holdfast crashes and comes back: the peer gives its old SAs up and has one tunnel.
pub(super) fn survives_a_crash(scene: &mut Scene<'_>) -> Result<(), String> {
    scene.holdfast.relaunch();
    scene.holdfast.wait_until_ready();
    scene.holdfast.initiate(CHILD, PATIENCE)?;
    scene.tunnel_within(PATIENCE)?;
    scene.carries()?;
    wait::attempt(PATIENCE, || (scene.children_of_peer() == 1).then_some(()))
        .ok_or_else(|| format!("the peer has {} CHILD_SAs", scene.children_of_peer()))
}

/// The child goes, and another one comes under the same IKE_SA. A peer that wants it up may be faster
/// than the one who is asked here.
pub(super) fn creates_a_child_later(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    let gone = |sa: &IkeSa| {
        let old = &before.children[0].spi_in;
        sa.children.iter().all(|child| child.spi_in != *old)
    };
    scene.holdfast.command("terminate", &[("child", CHILD)])?;
    wait::attempt(PATIENCE, || {
        scene.holdfast.sas().iter().all(gone).then_some(())
    })
    .ok_or("the child is still there")?;
    if scene.holdfast.only_tunnel(CHILD).is_none() {
        scene.initiate()?;
    }
    let after = scene.tunnel_within(PATIENCE)?;
    if after.initiator_spi != before.initiator_spi {
        return Err("the child came with an IKE_SA of its own".to_owned());
    }
    scene.carries()
}

//! Silence, crashes, farewells, and what follows.

use std::time::Duration;

use super::{PATIENCE, wait_until};
use crate::{
    interop::{
        row::Starter,
        scene::{Other, Scene},
    },
    lab::{
        libreswan::WHACK,
        sas::{Daemon, IkeSa},
        topology::{CHILD, CONNECTION, WIRE},
        wait,
    },
};

/// The cable is cut for longer than holdfast believes in the peer, and mended: the tunnel is back, once.
pub(crate) fn survives_a_cut(scene: &mut Scene<'_>) -> Result<(), String> {
    cut(scene)?;
    scene.tunnel_within(PATIENCE)?;
    scene.carries()
}

fn cut(scene: &Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    let cable = |state| {
        let moon = &scene.pair.moon.namespace;
        moon.ip(&["link", "set", WIRE, state]);
    };
    cable("down");
    let noticed = wait_until("the peer is given up", || {
        let sas = scene.holdfast.sas();
        let living = |sa: &IkeSa| sa.initiator_spi == before.initiator_spi;
        !sas.iter().any(living)
    });
    cable("up");
    noticed
}

/// The cable is cut for longer than holdfast believes in the peer, and mended: nothing comes back.
pub(crate) fn gives_up_after_a_cut(scene: &mut Scene<'_>) -> Result<(), String> {
    cut(scene)?;
    wait::throughout("nothing is up", Duration::from_secs(1), || {
        scene.holdfast.sas().is_empty()
    });
    Ok(())
}

/// The cable is cut and mended: it is traffic that brings the tunnel back.
pub(crate) fn waits_for_traffic_after_a_cut(scene: &mut Scene<'_>) -> Result<(), String> {
    cut(scene)?;
    wait::throughout("nothing is up", Duration::from_millis(500), || {
        scene.holdfast.sas().is_empty()
    });
    scene.carries()
}

/// Whoever started crashes and comes back: the other one gives its old SAs up and has one tunnel.
pub(crate) fn survives_a_crash(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    if let (Starter::Peer, Other::Charon(charon)) = (scene.starter, &mut scene.other) {
        charon.crash_and_restart();
    } else {
        scene.starter = Starter::Holdfast;
        scene.holdfast.relaunch();
        scene.holdfast.wait_until_ready();
    }
    scene.initiate()?;
    wait_until("exactly one tunnel, another one", || {
        let now = scene.holdfast.only_tunnel(CHILD);
        now.is_some_and(|now| now.initiator_spi != before.initiator_spi)
    })?;
    scene.carries()?;
    wait_until("one CHILD_SA at the peer", || scene.children_of_peer() == 1)
}

/// holdfast crashes, and its peer finds out.
pub(crate) fn is_missed_after_a_crash(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    scene.holdfast.relaunch();
    scene.holdfast.wait_until_ready();
    wait_until("the peer gives the old CHILD_SA up", || {
        scene.children_of_peer() == 0 || is_another(scene, &before)
    })?;
    if !is_another(scene, &before) {
        scene.starter = Starter::Holdfast;
        scene.initiate()?;
    }
    scene.tunnel_within(PATIENCE)?;
    scene.carries()
}

fn is_another(scene: &Scene<'_>, before: &IkeSa) -> bool {
    let now = scene.holdfast.only_tunnel(CHILD);
    now.is_some_and(|now| now.initiator_spi != before.initiator_spi)
}

/// The child goes, and another one comes under the same IKE_SA. A peer that wants it up may be faster
/// than the one who is asked here.
pub(crate) fn creates_a_child_later(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    let old = &before.children[0].spi_in;
    let gone = |sa: &IkeSa| sa.children.iter().all(|child| child.spi_in != *old);
    scene.holdfast.command("terminate", &[("child", CHILD)])?;
    wait_until("the child is gone", || {
        scene.holdfast.sas().iter().all(gone)
    })?;
    if scene.holdfast.only_tunnel(CHILD).is_none() {
        scene.initiate()?;
    }
    let after = scene.tunnel_within(PATIENCE)?;
    if after.initiator_spi != before.initiator_spi {
        return Err("the child came with an IKE_SA of its own".to_owned());
    }
    scene.carries()
}

/// The peer closes the child.
fn peer_closes(scene: &Scene<'_>) -> Result<IkeSa, String> {
    let before = scene.tunnel()?;
    match &scene.other {
        Other::Charon(charon) => charon.command("terminate", &[("child", CHILD)])?,
        Other::Libreswan(libreswan) => {
            // It waits for more than the end of the child.
            let close = format!("timeout 2 {WHACK} --delete-child --name {CONNECTION} || true");
            libreswan.script(&close)?;
        }
    }
    Ok(before)
}

/// The peer closes the child, and holdfast opens it again.
pub(crate) fn opens_again(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = peer_closes(scene)?;
    let old = &before.children[0].spi_in;
    wait_until("another child", || {
        let now = scene.holdfast.only_tunnel(CHILD);
        now.is_some_and(|now| now.children[0].spi_in != *old)
    })?;
    scene.carries()
}

/// The peer closes the child, which comes back with the next packet, and not before.
pub(crate) fn waits_for_traffic(scene: &mut Scene<'_>) -> Result<(), String> {
    peer_closes(scene)?;
    no_child(scene)?;
    wait::throughout("nothing is up", Duration::from_millis(500), || {
        scene.holdfast.sas().iter().all(|sa| sa.children.is_empty())
    });
    scene.carries()
}

fn no_child(scene: &Scene<'_>) -> Result<(), String> {
    wait_until("no child is left", || {
        scene.holdfast.sas().iter().all(|sa| sa.children.is_empty())
    })
}

/// Nobody uses the child: it is closed, and comes back when asked for.
pub(crate) fn closes_what_is_idle(scene: &mut Scene<'_>) -> Result<(), String> {
    no_child(scene)?;
    scene.initiate()?;
    scene.tunnel_within(PATIENCE)?;
    scene.carries()
}

/// The same two ends make another IKE_SA while there is one.
fn begins_another(scene: &Scene<'_>) -> Result<(), String> {
    match (scene.starter, &scene.other) {
        (Starter::Holdfast, _) => scene.holdfast.initiate("again", PATIENCE),
        (Starter::Peer, Other::Charon(charon)) => charon.initiate("again", PATIENCE),
        (Starter::Peer, Other::Libreswan(_)) => Err("Libreswan cannot".to_owned()),
    }
}

/// The spis of the IKE_SAs that are up.
fn up(scene: &Scene<'_>) -> Vec<String> {
    let sas = scene.holdfast.sas().into_iter();
    sas.filter(|sa| sa.state == "ESTABLISHED")
        .map(|sa| sa.initiator_spi)
        .collect()
}

/// The second IKE_SA takes the place of the first one.
pub(crate) fn is_replaced(scene: &mut Scene<'_>) -> Result<(), String> {
    let first = up(scene);
    begins_another(scene)?;
    wait_until("the second one alone", || {
        let now = up(scene);
        now.len() == 1 && now != first
    })
}

/// The second IKE_SA is refused, or closed at once, and the first one stays.
pub(crate) fn is_kept(scene: &mut Scene<'_>) -> Result<(), String> {
    let first = up(scene);
    // Its initiator may take it for established before it hears better.
    begins_another(scene).ok();
    wait_until("the first one alone", || {
        up(scene) == first && scene.holdfast.only_tunnel(CHILD).is_some()
    })?;
    scene.carries()
}

/// Both IKE_SAs are up.
pub(crate) fn has_both(scene: &mut Scene<'_>) -> Result<(), String> {
    begins_another(scene)?;
    wait_until("both", || up(scene).len() == 2)
}

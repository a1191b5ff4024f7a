//! What a tunnel has beside its keys.

use super::{both_list, lists};
use crate::{
    interop::{
        row::Starter,
        scene::{Other, Scene},
    },
    lab::{
        libreswan::WHACK,
        sas::Daemon,
        topology::{CHILD, CONNECTION, Family},
        traffic, wait,
    },
};

pub(crate) fn has_a_ppk(scene: &mut Scene<'_>) -> Result<(), String> {
    both_list(scene, "ppk", "yes")
}

/// Nobody says that there is one.
pub(crate) fn has_no_ppk(scene: &mut Scene<'_>) -> Result<(), String> {
    let listed = scene.holdfast.listed("ppk");
    if listed.is_empty() {
        Ok(())
    } else {
        Err(format!("ppk is {listed:?}"))
    }
}

pub(crate) fn is_in_transport_mode(scene: &mut Scene<'_>) -> Result<(), String> {
    lists(&scene.holdfast, "mode", "TRANSPORT")
}

pub(crate) fn has_its_reqid(scene: &mut Scene<'_>) -> Result<(), String> {
    lists(&scene.holdfast, "reqid", "42")
}

/// Both name the same second key exchange; so they do when the keys have been renewed.
pub(crate) fn is_hybrid(scene: &mut Scene<'_>) -> Result<(), String> {
    let Other::Charon(charon) = &scene.other else {
        return Err("nobody else has it".to_owned());
    };
    let same = || {
        let (ours, theirs) = (scene.holdfast.listed("ake1"), charon.listed("ake1"));
        if ours == theirs && ours.len() == 1 {
            Ok(())
        } else {
            Err(format!(
                "the second key exchange: {ours:?} here, {theirs:?} there"
            ))
        }
    };
    same()?;
    super::rekeys_ike(scene)
}

/// The client has the first address of the pool.
pub(crate) fn has_its_virtual_address(scene: &mut Scene<'_>) -> Result<(), String> {
    let key = match scene.starter {
        Starter::Holdfast => "local-vips",
        Starter::Peer => "remote-vips",
    };
    let vips = scene.holdfast.listed(key);
    let first = ["10.99.0.1", "fd00:99::1"];
    if vips.len() == 1 && first.contains(&vips[0].as_str()) {
        Ok(())
    } else {
        Err(format!("{key} is {vips:?}"))
    }
}

/// A selector with these words was agreed upon, and the peer knows it as well.
pub(crate) fn has_port_ranges(scene: &mut Scene<'_>) -> Result<(), String> {
    both_list(scene, "local-ts", "10.1.0.0/16[udp/4096-8191]")
        .or_else(|_| lists(&scene.holdfast, "local-ts", "10.1.0.0/16[udp/4096-8191]"))
}

/// The second child comes up under the same IKE_SA, and both carry traffic.
pub(crate) fn has_another_child(scene: &mut Scene<'_>) -> Result<(), String> {
    match (scene.starter, &scene.other) {
        (Starter::Holdfast, _) => scene.holdfast.initiate("six", super::PATIENCE)?,
        (Starter::Peer, Other::Charon(charon)) => charon.initiate("six", super::PATIENCE)?,
        (Starter::Peer, Other::Libreswan(libreswan)) => {
            libreswan.up("six")?;
        }
    }
    let both = wait::attempt(super::PATIENCE, || {
        let sas = scene.holdfast.sas();
        let [sa] = sas.as_slice() else { return None };
        let names = sa.children.iter().map(|child| child.name.as_str());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        (names == [CHILD, "six"]).then_some(())
    });
    both.ok_or_else(|| format!("not two children: {:?}", scene.holdfast.sas()))?;
    let (moon, sun) = (&scene.pair.moon, &scene.pair.sun);
    for family in [Family::V4, Family::V6] {
        let (here, there) = (moon.inner(family), sun.inner(family));
        wait::attempt(super::PATIENCE, || {
            traffic::answers(&moon.namespace, here, there).then_some(())
        })
        .ok_or_else(|| format!("no ping is answered: {family:?}"))?;
    }
    Ok(())
}

/// An IKE_SA comes up, and its first child later.
pub(crate) fn begins_childless(scene: &mut Scene<'_>) -> Result<(), String> {
    scene.initiate_childless()?;
    let sas = scene.holdfast.sas();
    match sas.as_slice() {
        [sa] if sa.state == "ESTABLISHED" && sa.children.is_empty() => scene.initiate(),
        _ => Err(format!("not one IKE_SA without a child: {sas:?}")),
    }
}

/// There is no IKE_SA without a child, but one with it.
pub(crate) fn is_refused_childless(scene: &mut Scene<'_>) -> Result<(), String> {
    if scene.initiate_childless().is_ok() {
        return Err("there is an IKE_SA without a child".to_owned());
    }
    scene.initiate()
}

/// Nobody asks for a tunnel but a packet.
pub(crate) fn begins_by_traffic(scene: &mut Scene<'_>) -> Result<(), String> {
    let (moon, sun) = (&scene.pair.moon, &scene.pair.sun);
    let (here, there) = (moon.inner(Family::V4), sun.inner(Family::V4));
    let answered = wait::attempt(super::PATIENCE, || {
        let answered = match (scene.starter, &scene.other) {
            (Starter::Peer, Other::Libreswan(libreswan)) => {
                libreswan
                    .script(&format!("{WHACK} --ondemand --name {CONNECTION}"))
                    .ok();
                libreswan.pings(there, here, 1)
            }
            _ => traffic::answers(&moon.namespace, here, there),
        };
        answered.then_some(())
    });
    answered.ok_or_else(|| "no packet was answered".to_owned())
}

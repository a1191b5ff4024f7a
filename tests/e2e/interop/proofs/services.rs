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

/// The client has the first address of either pool, and both carry traffic.
pub(crate) fn has_virtual_addresses_of_both_families(scene: &mut Scene<'_>) -> Result<(), String> {
    let (key, here, there) = match scene.starter {
        Starter::Holdfast => ("local-vips", "fd00:99::1", "fd00:2::1"),
        Starter::Peer => ("remote-vips", "fd00:1::1", "fd00:99::1"),
    };
    let vips = scene.holdfast.listed(key);
    if vips != ["10.99.0.1", "fd00:99::1"] {
        return Err(format!("{key} is {vips:?}"));
    }
    let [here, there] = [here, there].map(|text| text.parse().expect("an address written here"));
    super::wait_until("an answer over IPv6", || {
        traffic::answers(&scene.pair.moon.namespace, here, there)
    })
}

/// holdfast tells its operator which name server the peer has for it.
pub(crate) fn knows_the_name_server(scene: &mut Scene<'_>) -> Result<(), String> {
    lists(&scene.holdfast, "dns", "10.2.0.53")
}

/// And for which domain.
pub(crate) fn knows_the_domain(scene: &mut Scene<'_>) -> Result<(), String> {
    knows_the_name_server(scene)?;
    lists(&scene.holdfast, "dns-domains", "corp.example")
}

/// A selector with these words was agreed upon, and the peer knows it as well.
pub(crate) fn has_port_ranges(scene: &mut Scene<'_>) -> Result<(), String> {
    both_list(scene, "local-ts", "10.1.0.0/16[udp/4096-8191]")
        .or_else(|_| lists(&scene.holdfast, "local-ts", "10.1.0.0/16[udp/4096-8191]"))
}

/// The second child comes up under the same IKE_SA, and both carry traffic.
pub(crate) fn has_another_child(scene: &mut Scene<'_>) -> Result<(), String> {
    begins_another_child(scene)?;
    carries_both_children(scene)
}

/// Whoever starts asks for a second child and for new keys of the first one in the same instant.
pub(crate) fn asks_for_two_things_at_once(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    std::thread::scope(|scope| {
        let scene = &*scene;
        let another = scope.spawn(|| begins_another_child(scene));
        super::rekeying::rekey(scene, scene.starter, "child")?;
        another.join().expect("no panic")
    })?;
    super::wait_until("new keys of the first child", || {
        let sas = scene.holdfast.sas();
        let children = sas.iter().flat_map(|sa| &sa.children);
        let former = &before.children[0].spi_in;
        children.filter(|child| child.spi_in == *former).count() == 0
    })?;
    carries_both_children(scene)
}

fn begins_another_child(scene: &Scene<'_>) -> Result<(), String> {
    match (scene.starter, &scene.other) {
        (Starter::Holdfast, _) => scene.holdfast.initiate("six", super::PATIENCE),
        (Starter::Peer, Other::Charon(charon)) => charon.initiate("six", super::PATIENCE),
        (Starter::Peer, Other::Libreswan(libreswan)) => libreswan.up("six").map(|_| ()),
    }
}

fn carries_both_children(scene: &Scene<'_>) -> Result<(), String> {
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

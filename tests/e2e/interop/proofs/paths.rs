//! Where the peer is, and what it is asked before it is believed.

use std::net::UdpSocket;

use super::{PATIENCE, wait_until};
use crate::{
    interop::{
        row::Starter,
        scene::{Other, Scene},
        stage,
    },
    lab::{
        libreswan::WHACK,
        sas::{Daemon, IkeSa},
        topology::{CHILD, CONNECTION, Family, Gateway, WIRE},
    },
};

/// IKE_SA_INIT with AES-GCM-256, HMAC-SHA-384 and X25519, and nothing to follow (RFC 7296 section 1.2).
fn init_request(number: u8) -> Vec<u8> {
    let proposal = [
        &[0, 0, 0, 36, 1, 1, 0, 3][..],
        &[3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 1, 0],
        &[3, 0, 0, 8, 2, 0, 0, 6],
        &[0, 0, 0, 8, 4, 0, 0, 31],
    ]
    .concat();
    let sa = payload(34, &proposal);
    let ke = payload(40, &[&[0, 31, 0, 0][..], &[9; 32]].concat());
    let nonce = payload(0, &[number; 32]);
    let body = [sa, ke, nonce].concat();
    let length = u32::try_from(28 + body.len()).expect("a short message");
    let header = [&[number; 8][..], &[0; 8], &[33, 0x20, 34, 0x08, 0, 0, 0, 0]].concat();
    [header, length.to_be_bytes().to_vec(), body].concat()
}

fn payload(next: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + body.len()).expect("a short payload");
    [&[next, 0], &length.to_be_bytes()[..], body].concat()
}

/// Somebody at moon asks the responder for a few IKE_SAs, and goes away.
pub(crate) fn makes_half_open_ones(scene: &mut Scene<'_>) -> Result<(), String> {
    if let (Starter::Holdfast, Other::Libreswan(libreswan)) = (scene.starter, &scene.other) {
        // Its operator may say that it is busy.
        return libreswan
            .script(&format!("{WHACK} --ddos-busy"))
            .map(|_| ());
    }
    let responder = match scene.starter {
        Starter::Holdfast => &scene.pair.sun,
        Starter::Peer => &scene.pair.moon,
    };
    let to = responder.outer(Family::V4);
    scene.pair.moon.namespace.enter(|| {
        let socket = UdpSocket::bind("192.0.2.1:0").expect("a socket");
        for number in 1..=3 {
            socket
                .send_to(&init_request(number), (to, 500))
                .expect("sent");
        }
    });
    let daemon: &dyn Daemon = match (scene.starter, &scene.other) {
        (Starter::Holdfast, Other::Charon(charon)) => charon,
        _ => &scene.holdfast,
    };
    wait_until("half-open IKE_SAs", || {
        let sas = daemon.sas();
        !sas.is_empty() && sas.iter().all(|sa| sa.state == "CONNECTING")
    })
}

/// The translation changes; no SA does.
pub(crate) fn follows_a_new_translation(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    let moon = &scene.pair.moon.namespace;
    stage::translate(moon, scene.starter, "40000-49999");
    scene.carries()?;
    same_ike_sa(scene, &before)
}

fn same_ike_sa(scene: &Scene<'_>, before: &IkeSa) -> Result<(), String> {
    let after = scene.tunnel_within(PATIENCE)?;
    if after.initiator_spi == before.initiator_spi {
        Ok(())
    } else {
        Err("it is another IKE_SA".to_owned())
    }
}

/// Whoever started gets another address, and takes its tunnel along.
pub(crate) fn moves(scene: &mut Scene<'_>) -> Result<(), String> {
    let before = scene.tunnel()?;
    let change = |gateway: &Gateway, from: &str, to: &str| {
        let namespace = &gateway.namespace;
        namespace.ip(&["addr", "add", to, "dev", WIRE]);
        namespace.ip(&["addr", "del", from, "dev", WIRE]);
        // Deleting the first address of a network takes the others with it.
        namespace.ip(&["addr", "replace", to, "dev", WIRE]);
    };
    match (scene.starter, &scene.other) {
        (Starter::Holdfast, _) => change(&scene.pair.moon, "192.0.2.1/24", "192.0.2.11/24"),
        (Starter::Peer, Other::Charon(_)) => {
            change(&scene.pair.sun, "192.0.2.2/24", "192.0.2.12/24");
        }
        (Starter::Peer, Other::Libreswan(libreswan)) => {
            libreswan.script(&format!(
                "ip addr add 192.0.2.12/24 dev {WIRE}; ip addr del 192.0.2.2/24 dev {WIRE}; \
                 ip addr replace 192.0.2.12/24 dev {WIRE}; \
                 ip route replace default via 192.0.2.1 dev {WIRE}"
            ))?;
        }
    }
    if scene.starter == Starter::Peer {
        wait_until("the peer is elsewhere", || {
            scene.holdfast.listed("remote-host") == ["192.0.2.12"]
        })?;
    }
    scene.carries()?;
    same_ike_sa(scene, &before)
}

/// Each end has a second address.
pub(crate) fn have_two_addresses(scene: &mut Scene<'_>) -> Result<(), String> {
    let (moon, sun) = (&scene.pair.moon.namespace, &scene.pair.sun.namespace);
    moon.add_address(WIRE, "192.0.2.11/24");
    match &scene.other {
        Other::Charon(_) => sun.add_address(WIRE, "192.0.2.12/24"),
        Other::Libreswan(libreswan) => {
            let add = format!("ip addr add 192.0.2.12/24 dev {WIRE}; {WHACK} --listen");
            libreswan.script(&add)?;
        }
    }
    Ok(())
}

/// The tunnel leads to the second address of whoever did not start.
pub(crate) fn is_at_the_second_gateway(scene: &mut Scene<'_>) -> Result<(), String> {
    let (key, address) = match scene.starter {
        Starter::Holdfast => ("remote-host", "192.0.2.12"),
        Starter::Peer => ("local-host", "192.0.2.11"),
    };
    wait_until("the tunnel is at the second gateway", || {
        scene.holdfast.listed(key) == [address] && scene.holdfast.only_tunnel(CHILD).is_some()
    })
}

/// An operator has the peer go to the second address.
pub(crate) fn is_redirected(scene: &mut Scene<'_>) -> Result<(), String> {
    match (scene.starter, &scene.other) {
        (Starter::Holdfast, Other::Charon(charon)) => {
            let words = ["--redirect", "--ike", CONNECTION, "--gateway", "192.0.2.12"];
            let answer = charon.swanctl(&words);
            if !answer.status.success() {
                return Err(format!("{answer:?}"));
            }
        }
        (Starter::Peer, _) => {
            let arguments = [("ike", CONNECTION), ("gateway", "192.0.2.11")];
            scene.holdfast.command("redirect", &arguments)?;
        }
        (Starter::Holdfast, Other::Libreswan(_)) => return Err("Libreswan cannot".to_owned()),
    }
    is_at_the_second_gateway(scene)?;
    scene.carries()
}

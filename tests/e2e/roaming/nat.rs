//! A router between the gateways that translates addresses, and forgets.

use std::time::{Duration, Instant};

use super::{PATIENCE, report};
use crate::lab::{
    Lab, Namespace,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    namespace::connect,
    run,
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, Family, Gateway, Pair, Tunnel, WIRE},
    traffic, wait,
};

/// The router's address on sun's side.
const OUTSIDE: &str = "203.0.113.1";

/// Puts a router into the cable: moon is behind it.
fn router(lab: &Lab, pair: &Pair) -> Namespace {
    let router = lab.namespace("router");
    let moon = &pair.moon.namespace;
    moon.ip(&["link", "del", WIRE]);
    for (gateway, port, address) in [
        (&pair.moon, "inside", "198.51.100.1"),
        (&pair.sun, "outside", OUTSIDE),
    ] {
        let namespace = &gateway.namespace;
        connect((namespace, WIRE), (&router, port));
        let own = gateway.outer(Family::V4).to_string();
        namespace.add_address(WIRE, &format!("{own}/32"));
        namespace.ip(&["route", "add", address, "dev", WIRE]);
        namespace.ip(&["route", "add", "default", "via", address]);
        router.add_address(port, &format!("{address}/32"));
        router.ip(&["route", "add", &own, "dev", port]);
    }
    run(router
        .command("sysctl")
        .args(["-qw", "net.ipv4.ip_forward=1"]));
    translate(&router, "20000-29999");
    router
}

/// All translations are made anew, with these ports.
fn translate(router: &Namespace, ports: &str) {
    let rules = format!(
        "flush ruleset\ntable ip nat {{\n chain post {{\n  type nat hook postrouting priority 100;\n  \
         oifname \"outside\" ip protocol udp masquerade to :{ports}\n }}\n}}\n"
    );
    let file = std::env::temp_dir().join(format!("{}-nft", router.name()));
    std::fs::write(&file, rules).expect("nft's rules");
    run(router.command("nft").arg("-f").arg(&file));
    std::fs::remove_file(&file).ok();
    // Fails where there is nothing to forget.
    router.command("conntrack").arg("-F").output().ok();
}

/// The passive end's tables: the peer may come from anywhere.
fn from_anywhere(text: &str, peer: &Gateway) -> String {
    let outer = peer.outer(Family::V4);
    text.replace(
        &format!("remote_addrs = [\"{outer}\"]"),
        "remote_addrs = [\"%any\"]",
    )
    .replace(&format!("remote_addrs = {outer}"), "remote_addrs = %any")
}

const PROBING: &str = "persistent = true\ndpd_delay = \"2s\"";

#[test]
fn a_translation_that_changes_is_survived_by_two_of_us_without_a_new_sa() {
    for mobike in [true, false] {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let router = router(&lab, &pair);
        let tunnel = Tunnel::default();
        let settings = holdfast::Settings {
            connection: format!("mobike = {mobike}"),
            ..holdfast::Settings::default()
        };
        let tables = holdfast::tunnel_tables(&pair.sun, &pair.moon, &tunnel, &settings);
        let tables = from_anywhere(&tables, &pair.moon);
        let sun = Holdfast::start(&lab, &pair.sun.namespace, &settings.agent, &tables);
        let settings = holdfast::Settings {
            connection: format!("{PROBING}\nmobike = {mobike}"),
            ..holdfast::Settings::default()
        };
        let moon = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
        let before = moon.wait_for_tunnel(CHILD, PATIENCE);
        let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
        traffic::wait_for_answer(&pair.moon.namespace, here, there, PATIENCE);

        let since = Instant::now();
        translate(&router, "40000-49999");
        traffic::wait_for_answer(&pair.moon.namespace, here, there, PATIENCE);
        report(&format!("the NAT forgets, mobike {mobike}"), since);
        let after = wait::until("one tunnel", PATIENCE, || agreed_tunnel(&moon, &sun, CHILD));
        assert_eq!(after.initiator_spi, before.initiator_spi);
        assert_eq!(after.children[0].spi_in, before.children[0].spi_in);
        assert_eq!(after.children[0].spi_out, before.children[0].spi_out);
        sun.wait_for_log(&[&format!("{OUTSIDE}:4")]);
    }
}

#[test]
fn charon_behind_a_translator_that_forgets_is_followed() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let router = router(&lab, &pair);
    let tunnel = Tunnel::default();
    let settings = holdfast::Settings::default();
    let tables = holdfast::tunnel_tables(&pair.sun, &pair.moon, &tunnel, &settings);
    let tables = from_anywhere(&tables, &pair.moon);
    let sun = Holdfast::start(&lab, &pair.sun.namespace, &settings.agent, &tables);
    let settings = charon::Settings {
        connection: "dpd_delay = 2s".to_owned(),
        ..charon::Settings::default()
    };
    let charon = Charon::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    charon.initiate(CHILD, PATIENCE).expect("a tunnel");
    let before = sun.wait_for_tunnel(CHILD, PATIENCE);
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    traffic::wait_for_answer(&pair.moon.namespace, here, there, PATIENCE);
    let since = Instant::now();
    translate(&router, "40000-49999");
    let limit = PATIENCE + Duration::from_secs(10);
    traffic::wait_for_answer(&pair.moon.namespace, here, there, limit);
    report("the NAT of charon forgets", since);
    let after = wait::until("one tunnel", PATIENCE, || {
        agreed_tunnel(&sun, &charon, CHILD)
    });
    assert_eq!(after.initiator_spi, before.initiator_spi);
}

//! Networks that come late, addresses that change: the tunnel follows.

mod nat;

use std::time::{Duration, Instant};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, Family, Pair, Tunnel, WIRE},
    traffic, wait,
};

/// For what happens at once on a machine that is not busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nothing but news of the network can be why a second attempt is made soon.
const PATIENT: &str = "persistent = true\nreconnect = { initial = \"90s\", max = \"100s\" }\n\
     retransmit = { timeout = \"60s\" }";

fn report(what: &str, since: Instant) {
    println!("{what}: traffic after {} ms", since.elapsed().as_millis());
}

/// The agent's tables with any local address.
fn tables(pair: &Pair, connection: &str) -> String {
    let settings = holdfast::Settings {
        connection: connection.to_owned(),
        ..holdfast::Settings::default()
    };
    let tables = holdfast::tunnel_tables(&pair.moon, &pair.sun, &Tunnel::default(), &settings);
    let outer = pair.moon.outer(Family::V4);
    tables.replace(
        &format!("local_addrs = [\"{outer}\"]"),
        "local_addrs = [\"%any\"]",
    )
}

#[test]
fn an_agent_that_starts_before_the_network_is_there_comes_up_with_it() {
    for (what, any) in [("any address", true), ("this address", false)] {
        let lab = Lab::new();
        let pair = Pair::new(&lab);
        let tunnel = Tunnel::default();
        let outer = format!("{}/24", pair.moon.outer(Family::V4));
        let moon = &pair.moon.namespace;
        moon.ip(&["addr", "del", &outer, "dev", WIRE]);
        let charon = Charon::at_sun(&lab, &pair, &tunnel);
        let settings = holdfast::Settings {
            connection: PATIENT.to_owned(),
            ..holdfast::Settings::default()
        };
        let tables = if any {
            tables(&pair, PATIENT)
        } else {
            holdfast::tunnel_tables(&pair.moon, &pair.sun, &tunnel, &settings)
        };
        let holdfast = Holdfast::start(&lab, moon, &settings.agent, &tables);
        if any {
            holdfast.wait_for_log(&["no route to the peer"]);
        } else {
            holdfast.wait_for_log(&["initiating IKE_SA"]);
        }
        assert!(holdfast.sas().iter().all(|sa| sa.state != "ESTABLISHED"));
        let since = Instant::now();
        moon.add_address(WIRE, &outer);
        let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
        traffic::wait_for_answer(moon, here, there, PATIENCE);
        report(&format!("the network comes late ({what})"), since);
        assert!(agreed_tunnel(&holdfast, &charon, CHILD).is_some());
    }
}

#[test]
fn a_link_that_was_down_brings_the_tunnel_back_at_once() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let moon = &pair.moon.namespace;
    moon.ip(&["link", "set", WIRE, "down"]);
    let _charon = Charon::with_tunnel(
        &lab,
        &pair.sun,
        &pair.moon,
        &Tunnel::default(),
        &charon::Settings::default(),
    );
    let agent = holdfast::Settings::default().agent;
    let holdfast = Holdfast::start(&lab, moon, &agent, &tables(&pair, PATIENT));
    holdfast.wait_for_log(&["no route to the peer"]);
    let since = Instant::now();
    moon.ip(&["link", "set", WIRE, "up"]);
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    traffic::wait_for_answer(moon, here, there, PATIENCE);
    report("link up", since);
}

#[test]
fn a_peer_without_mobike_follows_our_new_address() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let charon = Charon::with_tunnel(
        &lab,
        &pair.sun,
        &pair.moon,
        &Tunnel::default(),
        &charon::Settings {
            connection: "mobike = no".to_owned(),
            ..charon::Settings::default()
        },
    );
    let moon = &pair.moon.namespace;
    let agent = holdfast::Settings::default().agent;
    let holdfast = Holdfast::start(&lab, moon, &agent, &tables(&pair, PATIENT));
    let before = holdfast.wait_for_tunnel(CHILD, PATIENCE);
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    traffic::wait_for_answer(moon, here, there, PATIENCE);

    let since = Instant::now();
    moon.ip(&["addr", "add", "192.0.2.11/24", "dev", WIRE]);
    moon.ip(&["addr", "del", "192.0.2.1/24", "dev", WIRE]);
    // Deleting the first address of a network takes the others with it.
    moon.ip(&["addr", "replace", "192.0.2.11/24", "dev", WIRE]);
    traffic::wait_for_answer(moon, here, there, PATIENCE);
    report("our address changes, without MOBIKE", since);
    // charon's own ESP in user space cannot move a CHILD_SA: charon rekeys it.
    let after = wait::until("one tunnel", PATIENCE, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    assert_eq!(after.initiator_spi, before.initiator_spi);
}

/// Gives up one address for another, the route first.
fn readdress(gateway: &crate::lab::topology::Gateway, from: &str, to: &str) {
    let namespace = &gateway.namespace;
    namespace.ip(&["addr", "add", to, "dev", WIRE]);
    namespace.ip(&["addr", "del", from, "dev", WIRE]);
    // Deleting the first address of a network takes the others with it.
    namespace.ip(&["addr", "replace", to, "dev", WIRE]);
}

/// charon's configuration with any address at both ends, if it is the one that moves.
fn charon_tables(pair: &Pair, settings: &charon::Settings) -> String {
    let text = charon::swanctl_conf(&pair.sun, &pair.moon, &Tunnel::default(), settings);
    let outer = pair.sun.outer(Family::V4);
    text.replace(&format!("local_addrs = {outer}"), "local_addrs = %any")
}

#[test]
fn our_address_changes_and_charon_follows_by_mobike() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let charon = Charon::with_tunnel(
        &lab,
        &pair.sun,
        &pair.moon,
        &Tunnel::default(),
        &charon::Settings::default(),
    );
    let moon = &pair.moon.namespace;
    let agent = holdfast::Settings::default().agent;
    let holdfast = Holdfast::start(&lab, moon, &agent, &tables(&pair, PATIENT));
    let before = holdfast.wait_for_tunnel(CHILD, PATIENCE);
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    traffic::wait_for_answer(moon, here, there, PATIENCE);
    for (from, to) in [
        ("192.0.2.1/24", "192.0.2.11/24"),
        ("192.0.2.11/24", "192.0.2.1/24"),
    ] {
        let since = Instant::now();
        readdress(&pair.moon, from, to);
        traffic::wait_for_answer(moon, here, there, PATIENCE);
        report("our address changes, MOBIKE", since);
        let after = wait::until("one tunnel", PATIENCE, || {
            agreed_tunnel(&holdfast, &charon, CHILD)
        });
        assert_eq!(after.initiator_spi, before.initiator_spi);
        holdfast.wait_for_log(&[&format!(
            "has moved to {}",
            to.split('/').next().expect("an address")
        )]);
    }
}

#[test]
fn charons_address_changes_and_we_follow_by_mobike() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let moon = &pair.moon.namespace;
    let agent = holdfast::Settings::default().agent;
    let holdfast = Holdfast::start(&lab, moon, &agent, &tables(&pair, ""));
    let settings = charon::Settings::default();
    let charon = Charon::start(&lab, &pair.sun.namespace, &settings);
    charon.configure(&charon_tables(&pair, &settings));
    charon.initiate(CHILD, PATIENCE).expect("a tunnel");
    let before = holdfast.wait_for_tunnel(CHILD, PATIENCE);
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    traffic::wait_for_answer(moon, here, there, PATIENCE);
    let since = Instant::now();
    readdress(&pair.sun, "192.0.2.2/24", "192.0.2.12/24");
    traffic::wait_for_answer(moon, here, there, PATIENCE);
    report("charon's address changes, MOBIKE", since);
    let after = wait::until("one tunnel", PATIENCE, || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    assert_eq!(after.initiator_spi, before.initiator_spi);
    holdfast.wait_for_log(&["192.0.2.12"]);
}

#[test]
fn two_of_us_move_from_ipv4_to_ipv6_and_keep_every_sa() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let moon = &pair.moon.namespace;
    let agent = holdfast::Settings::default().agent;
    let settings = holdfast::Settings::default();
    let passive = holdfast::tunnel_tables(&pair.sun, &pair.moon, &Tunnel::default(), &settings);
    let passive = passive.replace("local_addrs = [\"192.0.2.2\"]", "local_addrs = [\"%any\"]");
    let sun = Holdfast::start(&lab, &pair.sun.namespace, &agent, &passive);
    let holdfast = Holdfast::start(&lab, moon, &agent, &tables(&pair, PATIENT));
    let before = holdfast.wait_for_tunnel(CHILD, PATIENCE);
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    traffic::wait_for_answer(moon, here, there, PATIENCE);

    let since = Instant::now();
    moon.ip(&["addr", "del", "192.0.2.1/24", "dev", WIRE]);
    traffic::wait_for_answer(moon, here, there, PATIENCE);
    report("from IPv4 to IPv6, MOBIKE", since);
    let after = wait::until("one tunnel", PATIENCE, || {
        agreed_tunnel(&holdfast, &sun, CHILD)
    });
    assert_eq!(after.initiator_spi, before.initiator_spi);
    assert_eq!(after.children[0].spi_in, before.children[0].spi_in);
    assert_eq!(after.children[0].spi_out, before.children[0].spi_out);
    assert!(after.children[0].packets_in > 1);
    holdfast.wait_for_log(&["has moved to [2001:db8::1]"]);
}

//! Redirects (RFC 5685) with charon: each end sends the other from one address of sun to another.

use std::{net::IpAddr, time::Duration};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::{self, Holdfast},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Family, Pair, Tunnel, WIRE},
    traffic,
    userland::Release,
    vici::Message,
    wait,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Sun is two gateways.
const FIRST: &str = "192.0.2.2";
const SECOND: &str = "192.0.2.3";

fn two_gateways(lab: &Lab) -> Pair {
    let pair = Pair::new(lab);
    let second = format!("{SECOND}/24");
    pair.sun.namespace.add_address(WIRE, &second);
    pair
}

/// Where the established IKE_SAs of a daemon lead.
fn remotes(daemon: &dyn Daemon) -> Vec<String> {
    let events = daemon
        .client()
        .and_then(|mut client| client.stream("list-sas", "list-sa", &Message::default()));
    let events = events.unwrap_or_default();
    let sas = events.iter().flat_map(Message::sections);
    sas.filter(|(_, sa)| sa.text("state") == Some("ESTABLISHED"))
        .filter_map(|(_, sa)| sa.text("remote-host").map(ToOwned::to_owned))
        .collect()
}

/// The client has arrived at the second gateway, nothing else is left, and packets pass.
fn assert_moved(client: &dyn Daemon, gateway: &dyn Daemon, pair: &Pair) {
    wait::until("the client has moved", PATIENCE, || {
        (remotes(client) == [SECOND]).then_some(())
    });
    wait::until("both agree", PATIENCE, || {
        agreed_tunnel(client, gateway, CHILD)
    });
    let (here, there): (IpAddr, IpAddr) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    assert_eq!(traffic::ping(&pair.moon.namespace, here, there, 5), 5);
}

#[test]
fn charons_operator_redirects_holdfast() {
    let lab = Lab::new();
    let pair = two_gateways(&lab);
    let tunnel = Tunnel::default();
    let settings = charon::Settings::default();
    let charon = Charon::start(&lab, &pair.sun.namespace, &settings);
    let both = format!("local_addrs = {FIRST}, {SECOND}\n");
    let conf = charon::swanctl_conf(&pair.sun, &pair.moon, &tunnel, &settings)
        .replace(&format!("local_addrs = {FIRST}\n"), &both);
    charon.configure(&conf);
    let settings = holdfast::Settings::default();
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
    holdfast
        .initiate(CHILD, PATIENCE)
        .expect("the tunnel comes up");
    assert_eq!(remotes(&holdfast), [FIRST]);
    let answer = charon.swanctl(&["--redirect", "--ike", CONNECTION, "--gateway", SECOND]);
    assert!(answer.status.success(), "{answer:?}");
    assert_moved(&holdfast, &charon, &pair);
    holdfast.wait_for_log(&["192.0.2.2 redirects us to 192.0.2.3"]);
}

/// Holdfast at sun, which sends clients of the first gateway to the second one, if at all.
fn gateway(lab: &Lab, pair: &Pair, redirect: Option<&str>) -> Holdfast {
    let tunnel = Tunnel::default();
    let settings = holdfast::Settings {
        connection: redirect.map_or_else(String::new, |at| {
            format!("redirect_to = \"{SECOND}\"\nredirect_at = \"{at}\"")
        }),
        ..holdfast::Settings::default()
    };
    let tables = holdfast::tunnel_tables(&pair.sun, &pair.moon, &tunnel, &settings);
    let settings = holdfast::Settings::default();
    let second = holdfast::tunnel_tables(&pair.sun, &pair.moon, &tunnel, &settings)
        .replace("connections.gw", "connections.second")
        .replace(FIRST, SECOND);
    let second = second.split("[secrets").next().unwrap_or_default();
    let tables = format!("{second}\n{tables}");
    Holdfast::start(lab, &pair.sun.namespace, &settings.agent, &tables)
}

/// Charon at moon, which knows the first gateway only.
fn charon_as_client(lab: &Lab, pair: &Pair, release: Release) -> Charon {
    let settings = charon::Settings {
        release,
        ..charon::Settings::default()
    };
    Charon::with_tunnel(lab, &pair.moon, &pair.sun, &Tunnel::default(), &settings)
}

#[test]
fn our_operator_redirects_charon() {
    let lab = Lab::new();
    let pair = two_gateways(&lab);
    let holdfast = gateway(&lab, &pair, None);
    let charon = charon_as_client(&lab, &pair, Release::Bookworm);
    charon
        .initiate(CHILD, PATIENCE)
        .expect("the tunnel comes up");
    assert_eq!(remotes(&charon), [FIRST]);
    let nobody = [("peer-ip", "203.0.113.0/24"), ("gateway", SECOND)];
    holdfast
        .command("redirect", &nobody)
        .expect_err("nobody is there");
    let command = [
        ("peer-ip", "192.0.2.0/24"),
        ("peer-id", "*.example"),
        ("gateway", SECOND),
    ];
    holdfast
        .command("redirect", &command)
        .expect("one is redirected");
    assert_moved(&charon, &holdfast, &pair);
}

#[test]
fn charon_is_redirected_before_it_is_authenticated() {
    redirects_charon("ike_sa_init", Release::Bookworm);
}

/// charon 5.9.8 reads the redirect, and then dies of it.
#[test]
fn charon_is_redirected_once_it_is_authenticated() {
    redirects_charon("ike_auth", Release::Trixie);
}

fn redirects_charon(at: &str, release: Release) {
    let lab = Lab::new();
    let pair = two_gateways(&lab);
    let holdfast = gateway(&lab, &pair, Some(at));
    let charon = charon_as_client(&lab, &pair, release);
    // After IKE_AUTH charon tells its operator how it went with the first gateway: it failed there.
    let reported = charon.initiate(CHILD, PATIENCE);
    assert_eq!(reported.is_ok(), at == "ike_sa_init", "{reported:?}");
    assert_moved(&charon, &holdfast, &pair);
}

#[test]
fn holdfast_is_redirected_before_and_after_it_is_authenticated() {
    for at in ["ike_sa_init", "ike_auth"] {
        let lab = Lab::new();
        let pair = two_gateways(&lab);
        let sun = gateway(&lab, &pair, Some(at));
        let settings = holdfast::Settings::default();
        let tunnel = Tunnel::default();
        let moon = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, &tunnel, &settings);
        moon.initiate(CHILD, PATIENCE)
            .expect("the tunnel comes up, elsewhere");
        assert_moved(&moon, &sun, &pair);
    }
}

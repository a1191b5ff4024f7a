//! EAP with charon at the other end, in both roles, with passwords here and in a RADIUS server.

use std::{fmt::Write as _, time::Duration};

use crate::lab::{
    Lab,
    charon::{self, Charon},
    freeradius::{self, FreeRadius},
    holdfast::{Holdfast, Settings},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Family, Gateway, PSK, Pair},
    traffic,
    vici::Message,
    wait,
};

const PATIENCE: Duration = Duration::from_secs(40);
const USER: &str = "carol";
const PASSWORD: &str = "Ar3etTnp";

/// What one end says of both.
struct End<'a> {
    here: &'a Gateway,
    there: &'a Gateway,
    /// The tables, or sections, `local` and `remote`.
    local: &'a str,
    remote: &'a str,
}

fn holdfast(lab: &Lab, end: &End<'_>, password: &str, more: &str) -> Holdfast {
    let (here, there) = (end.here, end.there);
    let mut tables = String::new();
    write!(
        tables,
        "[connections.{CONNECTION}]\nlocal_addrs = [\"{}\"]\nremote_addrs = [\"{}\"]\n\
         proposals = [\"aes256gcm16-prfsha384-x25519\"]\nlocal = {{ {} }}\nremote = {{ {} }}\n\
         [connections.{CONNECTION}.children.{CHILD}]\nlocal_ts = [\"{}\"]\nremote_ts = [\"{}\"]\n\
         esp_proposals = [\"aes256gcm16\"]\n\
         [secrets.lab]\ntype = \"psk\"\nsecret = {{ value = \"{PSK}\" }}\n\
         [secrets.carol]\ntype = \"eap\"\nids = [\"{USER}\"]\nsecret = {{ value = \"{password}\" }}\n\
         {more}",
        here.outer(Family::V4),
        there.outer(Family::V4),
        end.local,
        end.remote,
        here.network(Family::V4),
        there.network(Family::V4),
    )
    .expect("writing to a string");
    Holdfast::start(lab, &here.namespace, &Settings::default().agent, &tables)
}

fn charon(lab: &Lab, end: &End<'_>, password: &str) -> Charon {
    let (here, there) = (end.here, end.there);
    let charon = Charon::start(lab, &here.namespace, &charon::Settings::default());
    charon.configure(&format!(
        "connections {{\n {CONNECTION} {{\n  version = 2\n  local_addrs = {}\n  remote_addrs = {}\n  \
         proposals = aes256gcm16-prfsha384-x25519\n  local {{ {} }}\n  remote {{ {} }}\n  \
         children {{\n   {CHILD} {{\n    local_ts = {}\n    remote_ts = {}\n    \
         esp_proposals = aes256gcm16\n   }}\n  }}\n }}\n}}\n\
         secrets {{\n ike-lab {{ secret = \"{PSK}\" }}\n \
         eap-carol {{ id = {USER}\n secret = \"{password}\" }}\n}}\n",
        here.outer(Family::V4),
        there.outer(Family::V4),
        end.local,
        end.remote,
        here.network(Family::V4),
        there.network(Family::V4),
    ));
    charon
}

/// Both agree on one tunnel, and packets go through it.
fn assert_tunnel(pair: &Pair, one: &dyn Daemon, other: &dyn Daemon) {
    wait::until("both have the same tunnel", PATIENCE, || {
        agreed_tunnel(one, other, CHILD)
    });
    let (from, to) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    traffic::wait_for_answer(&pair.moon.namespace, from, to, PATIENCE);
}

fn text_of_sa(daemon: &dyn Daemon, key: &str) -> Option<String> {
    let events = daemon.client().ok()?;
    let mut events = events;
    let events = events
        .stream("list-sas", "list-sa", &Message::default())
        .ok()?;
    let (_, sa) = events.iter().flat_map(Message::sections).next()?;
    sa.text(key).map(ToOwned::to_owned)
}

const GATEWAY_REMOTE: &str = "auth = \"eap-mschapv2\", eap_id = \"%any\"";

/// moon is our gateway, sun is charon as client.
fn our_gateway<'a>(pair: &'a Pair, remote: &'a str) -> (End<'a>, End<'a>) {
    let gateway = End {
        here: &pair.moon,
        there: &pair.sun,
        local: "auth = \"psk\", id = \"moon.example\"",
        remote,
    };
    let client = End {
        here: &pair.sun,
        there: &pair.moon,
        local: "auth = eap\n id = sun.example\n eap_id = carol",
        remote: "auth = psk\n id = moon.example",
    };
    (gateway, client)
}

#[test]
fn charon_proves_itself_by_a_password() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (gateway, client) = our_gateway(&pair, GATEWAY_REMOTE);
    let moon = holdfast(&lab, &gateway, PASSWORD, "");
    let sun = charon(&lab, &client, PASSWORD);
    sun.initiate(CHILD, PATIENCE).expect("the tunnel comes up");
    assert_tunnel(&pair, &moon, &sun);
    let eap_id = text_of_sa(&moon, "remote-eap-id");
    assert_eq!(eap_id.as_deref(), Some(USER));
    let remote_id = text_of_sa(&moon, "remote-id");
    assert_eq!(remote_id.as_deref(), Some("sun.example"));
}

#[test]
fn a_wrong_password_is_refused_at_once() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (gateway, client) = our_gateway(&pair, GATEWAY_REMOTE);
    let moon = holdfast(&lab, &gateway, PASSWORD, "");
    let sun = charon(&lab, &client, "something else");
    sun.initiate(CHILD, PATIENCE)
        .expect_err("the password is wrong");
    moon.wait_for_log(&["the user is unknown or the password is wrong"]);
    wait::until("nothing is left of it", PATIENCE, || {
        moon.sas().is_empty().then_some(())
    });
}

/// moon is our client, sun is charon as gateway.
fn their_gateway(pair: &Pair) -> (End<'_>, End<'_>) {
    let client = End {
        here: &pair.moon,
        there: &pair.sun,
        local: "auth = \"eap\", id = \"moon.example\", eap_id = \"carol\"",
        remote: "auth = \"psk\", id = \"sun.example\"",
    };
    let gateway = End {
        here: &pair.sun,
        there: &pair.moon,
        local: "auth = psk\n id = sun.example",
        remote: "auth = eap-mschapv2\n eap_id = %any",
    };
    (client, gateway)
}

#[test]
fn we_prove_ourselves_to_charon_by_a_password() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (client, gateway) = their_gateway(&pair);
    let moon = holdfast(&lab, &client, PASSWORD, "");
    let sun = charon(&lab, &gateway, PASSWORD);
    moon.initiate(CHILD, PATIENCE).expect("the tunnel comes up");
    assert_tunnel(&pair, &moon, &sun);
    assert_eq!(text_of_sa(&sun, "remote-eap-id").as_deref(), Some(USER));
}

#[test]
fn charon_refuses_our_wrong_password_and_is_not_pestered() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (client, gateway) = their_gateway(&pair);
    let moon = holdfast(&lab, &client, "something else", "");
    let sun = charon(&lab, &gateway, PASSWORD);
    let why = moon.initiate(CHILD, PATIENCE).expect_err("refused");
    assert!(
        why.contains("the server refused the user or the password"),
        "{why}"
    );
    wait::throughout("nobody tries again", Duration::from_secs(3), || {
        moon.sas().is_empty() && sun.sas().is_empty()
    });
}

fn servers(first: Option<&str>) -> String {
    let mut tables = "[radius]\ntimeout = \"300ms\"\ntries = 2\n".to_owned();
    let named = first.map(|address| ("a", address));
    for (name, address) in named.into_iter().chain([("b", "127.0.0.1")]) {
        write!(
            tables,
            "[radius.servers.{name}]\naddress = \"{address}\"\nsecret = {{ value = \"{}\" }}\n",
            freeradius::SECRET
        )
        .expect("writing to a string");
    }
    tables
}

const RADIUS: &str = "auth = \"eap-radius\", eap_id = \"%any\"";

fn users() -> String {
    format!("{USER} Cleartext-Password := \"{PASSWORD}\"\n\tSession-Timeout := 3600\n")
}

#[test]
fn a_radius_server_accepts_charon() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (gateway, client) = our_gateway(&pair, RADIUS);
    let radius = FreeRadius::start(&lab, &pair.moon.namespace, &users());
    let moon = holdfast(&lab, &gateway, "not asked", &servers(None));
    let sun = charon(&lab, &client, PASSWORD);
    sun.initiate(CHILD, PATIENCE)
        .unwrap_or_else(|why| panic!("{why}\n{}\n{}", moon.log(), radius.log()));
    assert_tunnel(&pair, &moon, &sun);
    assert_eq!(text_of_sa(&moon, "remote-eap-id").as_deref(), Some(USER));
    moon.wait_for_log(&["the RADIUS server accepts the peer"]);
}

#[test]
fn a_radius_server_that_is_dead_gives_way_to_the_next() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (gateway, client) = our_gateway(&pair, RADIUS);
    let _radius = FreeRadius::start(&lab, &pair.moon.namespace, &users());
    // Nobody has this address.
    let moon = holdfast(&lab, &gateway, "not asked", &servers(Some("192.0.2.9")));
    let sun = charon(&lab, &client, PASSWORD);
    sun.initiate(CHILD, PATIENCE)
        .expect("the second server answers");
    assert_tunnel(&pair, &moon, &sun);
    moon.wait_for_log(&["the RADIUS server does not answer"]);
}

#[test]
fn a_radius_server_refuses_a_wrong_password() {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (gateway, client) = our_gateway(&pair, RADIUS);
    let _radius = FreeRadius::start(&lab, &pair.moon.namespace, &users());
    let moon = holdfast(&lab, &gateway, "not asked", &servers(None));
    let sun = charon(&lab, &client, "something else");
    sun.initiate(CHILD, PATIENCE)
        .expect_err("the password is wrong");
    moon.wait_for_log(&["the RADIUS server refused the peer"]);
    wait::until("nothing is left of it", PATIENCE, || {
        moon.sas().is_empty().then_some(())
    });
}

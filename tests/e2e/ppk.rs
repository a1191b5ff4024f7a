//! Post-quantum pre-shared keys with charon (RFC 8784), whoever starts.

use std::time::Duration;

use crate::lab::{
    Lab,
    charon::{self, Charon},
    holdfast::Holdfast,
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, CONNECTION, Family, PSK, Pair},
    traffic,
    vici::Message,
    wait,
};

const PATIENCE: Duration = Duration::from_secs(20);
const KEY: &str = "a key that no quantum computer finds";

/// What an end has of it: the key, and whether it insists.
#[derive(Clone, Copy)]
struct Has {
    key: Option<&'static str>,
    required: bool,
}

const OPTIONAL: Has = Has {
    key: Some(KEY),
    required: false,
};
const REQUIRED: Has = Has {
    key: Some(KEY),
    required: true,
};
const NOTHING: Has = Has {
    key: None,
    required: false,
};
const WRONG: Has = Has {
    key: Some("another key"),
    required: true,
};

#[test]
fn both_have_it() {
    for [ours, theirs] in [
        [REQUIRED, REQUIRED],
        [OPTIONAL, REQUIRED],
        [REQUIRED, OPTIONAL],
    ] {
        tunnels(ours, theirs, true);
    }
}

#[test]
fn one_end_does_without() {
    tunnels(OPTIONAL, NOTHING, false);
    tunnels(NOTHING, OPTIONAL, false);
}

#[test]
fn one_end_insists_or_has_another_key() {
    for [ours, theirs] in [[REQUIRED, NOTHING], [NOTHING, REQUIRED], [WRONG, REQUIRED]] {
        let (_pair, holdfast, charon, _lab) = start(ours, theirs);
        for starter in [&holdfast as &dyn Daemon, &charon] {
            starter
                .initiate(CHILD, PATIENCE)
                .expect_err("there can be no tunnel");
            // Who only answered waits for an IKE_AUTH that never comes.
            let established =
                |end: &dyn Daemon| end.sas().iter().any(|sa| sa.state == "ESTABLISHED");
            assert!(!established(&holdfast) && !established(&charon));
        }
    }
}

fn tunnels(ours: Has, theirs: Has, ppk: bool) {
    let (pair, holdfast, charon, _lab) = start(ours, theirs);
    let (here, there) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    for starter in [&holdfast as &dyn Daemon, &charon] {
        starter.initiate(CHILD, PATIENCE).expect("a tunnel");
        wait::until("both ends agree", PATIENCE, || {
            agreed_tunnel(&holdfast, &charon, CHILD)
        });
        for end in [&holdfast as &dyn Daemon, &charon] {
            assert_eq!(uses(end), ppk);
        }
        traffic::wait_for_answer(&pair.moon.namespace, here, there, PATIENCE);
        traffic::wait_for_answer(&pair.sun.namespace, there, here, PATIENCE);
        starter
            .command("terminate", &[("ike", CONNECTION)])
            .expect("it is terminated");
        wait::until("no SA is left", PATIENCE, || {
            (holdfast.sas().is_empty() && charon.sas().is_empty()).then_some(())
        });
    }
}

fn uses(end: &dyn Daemon) -> bool {
    let events = end
        .client()
        .and_then(|mut client| client.stream("list-sas", "list-sa", &Message::default()))
        .expect("list-sas");
    let (_, ike) = events[0].sections().next().expect("an IKE_SA");
    ike.text("ppk") == Some("yes")
}

fn start(ours: Has, theirs: Has) -> (Pair, Holdfast, Charon, Lab) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let (here, there) = (pair.moon.outer(Family::V4), pair.sun.outer(Family::V4));
    let (inner, other) = (pair.moon.inner(Family::V4), pair.sun.inner(Family::V4));
    let charon = Charon::start(&lab, &pair.sun.namespace, &charon::Settings::default());
    let (secret, id) = match theirs.key {
        Some(key) => (
            format!("ppk-q {{ secret = \"{key}\"\n id-1 = ppk.example }}"),
            "ppk_id = ppk.example",
        ),
        None => (String::new(), ""),
    };
    let required = if theirs.required { "yes" } else { "no" };
    charon.configure(&format!(
        "secrets {{ ike-lab {{ secret = \"{PSK}\" }}\n{secret} }}\nconnections {{ {CONNECTION} {{\n \
         version = 2\n local_addrs = {there}\n remote_addrs = {here}\n {id}\n \
         ppk_required = {required}\n proposals = aes256gcm16-prfsha384-x25519\n \
         local {{ auth = psk\n id = sun.example }}\n remote {{ auth = psk\n id = moon.example }}\n \
         children {{ {CHILD} {{ local_ts = {other}/32\n remote_ts = {inner}/32\n \
         esp_proposals = aes256gcm16 }} }}\n}} }}\n"
    ));
    let (secret, id) = match ours.key {
        Some(key) => (
            format!(
                "[secrets.q]\ntype = \"ppk\"\nids = [\"ppk.example\"]\n\
                 secret = {{ value = \"{key}\" }}\n"
            ),
            "ppk_id = \"ppk.example\"",
        ),
        None => (String::new(), ""),
    };
    let tables = format!(
        "[secrets.lab]\ntype = \"psk\"\nsecret = {{ value = \"{PSK}\" }}\n{secret}\n\
         [connections.{CONNECTION}]\nlocal_addrs = [\"{here}\"]\nremote_addrs = [\"{there}\"]\n\
         {id}\n{}proposals = [\"aes256gcm16-prfsha384-x25519\"]\n\
         local = {{ auth = \"psk\", id = \"moon.example\" }}\n\
         remote = {{ auth = \"psk\", id = \"sun.example\" }}\n\
         [connections.{CONNECTION}.children.{CHILD}]\nlocal_ts = [\"{inner}/32\"]\n\
         remote_ts = [\"{other}/32\"]\nesp_proposals = [\"aes256gcm16\"]\n",
        if ours.required {
            "ppk_required = true\n"
        } else {
            ""
        },
    );
    let holdfast = Holdfast::launch(
        &lab,
        &pair.moon.namespace,
        "dataplane = \"userspace\"",
        &tables,
    );
    holdfast.wait_until_ready();
    (pair, holdfast, charon, lab)
}

//! The daemons' configurations: what every tunnel has, and the lines of a row.
//!
//! In the lines `{pki}` stands for the folder of keys and certificates, see [`super::scene`].

use crate::lab::topology::{CHILD, CONNECTION, Family, Gateway, PSK, Pair};

use super::row::Lines;

/// The suite that both ends have if a row says nothing.
const IKE: &str = "aes256gcm16-prfsha384-ecp384";
const ESP: &str = "aes256gcm16";
const IKE_LIBRESWAN: &str = "aes_gcm256-sha2_384;dh20";
const ESP_LIBRESWAN: &str = "aes_gcm256";

fn or<'a>(lines: &'a str, usual: &'a str) -> &'a str {
    if lines.is_empty() { usual } else { lines }
}

/// holdfast.toml without `[agent]`. It is moon.
pub(super) fn holdfast(pair: &Pair, lines: &Lines, pki: &str) -> String {
    let (here, there) = (&pair.moon, &pair.sun);
    let psk = format!(
        "local = {{ auth = \"psk\", id = \"{}\" }}\nremote = {{ auth = \"psk\", id = \"{}\" }}\n",
        here.id, there.id
    );
    let (outer, other) = (here.outer(Family::V4), there.outer(Family::V4));
    let text = format!(
        "[connections.{CONNECTION}]\nlocal_addrs = [\"{outer}\"]\nremote_addrs = [\"{other}\"]\n\
         proposals = [\"{}\"]\n{}\n{}\n[connections.{CONNECTION}.children.{CHILD}]\n\
         esp_proposals = [\"{}\"]\n{}\n\
         [secrets.lab]\ntype = \"psk\"\nids = [\"{}\"]\nsecret = {{ value = \"{PSK}\" }}\n{}\n",
        or(lines.proposals, IKE),
        or(lines.auth, &psk),
        lines.connection,
        or(lines.esp_proposals, ESP),
        selectors(lines.child, &toml_selectors(here, there), "_ts"),
        there.id,
        lines.sections,
    );
    text.replace("{pki}", pki)
}

fn toml_selectors(here: &Gateway, there: &Gateway) -> String {
    format!(
        "local_ts = [\"{}\"]\nremote_ts = [\"{}\"]\n",
        here.network(Family::V4),
        there.network(Family::V4)
    )
}

/// The lines of a child, with the usual selectors unless they bring their own.
fn selectors(lines: &str, usual: &str, own: &str) -> String {
    if lines.contains(own) {
        lines.to_owned()
    } else {
        format!("{usual}{lines}")
    }
}

/// swanctl.conf. charon is sun.
pub(super) fn swanctl(pair: &Pair, lines: &Lines, pki: &str) -> String {
    let (here, there) = (&pair.sun, &pair.moon);
    let psk = format!(
        "local {{ auth = psk\n id = {} }}\nremote {{ auth = psk\n id = {} }}\n",
        here.id, there.id
    );
    let usual = format!(
        "local_ts = {}\nremote_ts = {}\n",
        here.network(Family::V4),
        there.network(Family::V4)
    );
    let text = format!(
        "connections {{ {CONNECTION} {{\nversion = 2\nlocal_addrs = {}\nremote_addrs = {}\n\
         proposals = {}\n{}\n{}\nchildren {{ {CHILD} {{\nesp_proposals = {}\n{}\n}} }}\n}} }}\n\
         secrets {{ ike-lab {{ secret = \"{PSK}\" }} }}\n{}\n",
        here.outer(Family::V4),
        there.outer(Family::V4),
        or(lines.proposals, IKE),
        or(lines.auth, &psk),
        lines.connection,
        or(lines.esp_proposals, ESP),
        selectors(lines.child, &usual, "_ts"),
        lines.sections,
    );
    text.replace("{pki}", pki)
}

/// Lines of a `conn` section of ipsec.conf, and ipsec.secrets. pluto is sun, on the left.
pub(super) fn libreswan(pair: &Pair, lines: &Lines) -> (String, String) {
    let (here, there) = (&pair.sun, &pair.moon);
    let psk = format!(
        "authby=secret\nleftid=@{}\nrightid=@{}\n",
        here.id, there.id
    );
    let usual = format!(
        "leftsubnet={}\nrightsubnet={}\n",
        here.network(Family::V4),
        there.network(Family::V4)
    );
    let connection = format!(
        "keyexchange=ikev2\npfs=no\nleft={}\nright={}\nike={}\nesp={}\n{}\n{}\n{}",
        here.outer(Family::V4),
        there.outer(Family::V4),
        or(lines.proposals, IKE_LIBRESWAN),
        or(lines.esp_proposals, ESP_LIBRESWAN),
        or(lines.auth, &psk),
        lines.connection,
        selectors(lines.child, &usual, "subnet="),
    );
    let secrets = format!(
        "@{} @{} : PSK \"{PSK}\"\n{}\n",
        here.id, there.id, lines.sections
    );
    (connection, secrets)
}

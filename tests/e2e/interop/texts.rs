//! The daemons' configurations: what every tunnel has, and the lines of a row.
//!
//! In the lines `{pki}` stands for the folder of holdfast's keys and certificates (see [`super::keys`]),
//! `{moon_key}` and `{sun_key}`, in Libreswan's, for public keys.

use std::path::Path;

use crate::lab::topology::{CHILD, CONNECTION, Family, Gateway, PSK, Pair};

use super::row::Lines;

/// A line that every connection has, unless it has one of its own: the first of two would win, or both
/// would be an error.
fn unless_there(lines: &Lines, key: &str, value: &str) -> String {
    let own = lines.connection.lines();
    if own.map(str::trim_start).any(|line| line.starts_with(key)) {
        String::new()
    } else {
        format!("{key}{value}\n")
    }
}

/// The suite that both ends have if a row says nothing.
const IKE: &str = "aes256gcm16-prfsha384-ecp384";
const ESP: &str = "aes256gcm16";
const IKE_LIBRESWAN: &str = "aes_gcm256-sha2_384;dh20";
const ESP_LIBRESWAN: &str = "aes_gcm256";

fn or<'a>(lines: &'a str, usual: &'a str) -> &'a str {
    if lines.is_empty() { usual } else { lines }
}

/// holdfast.toml without `[agent]`. It is moon.
pub(super) fn holdfast(pair: &Pair, lines: &Lines, pki: Option<&Path>) -> String {
    let (here, there) = (&pair.moon, &pair.sun);
    let psk = format!(
        "local = {{ auth = \"psk\", id = \"{}\" }}\nremote = {{ auth = \"psk\", id = \"{}\" }}\n",
        here.id, there.id
    );
    let (outer, other) = (here.outer(Family::V4), there.outer(Family::V4));
    let text = format!(
        "[connections.{CONNECTION}]\n{}{}\
         proposals = [\"{}\"]\n{}\n{}\n[connections.{CONNECTION}.children.{CHILD}]\n\
         esp_proposals = [\"{}\"]\n{}\n\
         [secrets.lab]\ntype = \"psk\"\nids = [\"{}\"]\nsecret = {{ value = \"{PSK}\" }}\n{}\n",
        unless_there(lines, "local_addrs = ", &format!("[\"{outer}\"]")),
        unless_there(lines, "remote_addrs = ", &format!("[\"{other}\"]")),
        or(lines.proposals, IKE),
        or(lines.auth, &psk),
        lines.connection,
        or(lines.esp_proposals, ESP),
        selectors(lines.child, &toml_selectors(here, there), "_ts"),
        there.id,
        lines.sections,
    );
    let pki = pki.map_or(String::new(), |pki| pki.display().to_string());
    text.replace("{pki}", &pki)
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
    if lines.contains(own) || lines.contains("type=transport") {
        lines.to_owned()
    } else {
        format!("{usual}{lines}")
    }
}

/// swanctl.conf. charon is sun.
pub(super) fn swanctl(pair: &Pair, lines: &Lines) -> String {
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
    format!(
        "connections {{ {CONNECTION} {{\nversion = 2\n{}{}\
         proposals = {}\n{}\n{}\nchildren {{ {CHILD} {{\nesp_proposals = {}\n{}\n}} }}\n}} }}\n\
         secrets {{ ike-lab {{ secret = \"{PSK}\" }} }}\n{}\n",
        unless_there(lines, "local_addrs = ", &here.outer(Family::V4).to_string()),
        unless_there(
            lines,
            "remote_addrs = ",
            &there.outer(Family::V4).to_string()
        ),
        or(lines.proposals, IKE),
        or(lines.auth, &psk),
        lines.connection,
        or(lines.esp_proposals, ESP),
        selectors(lines.child, &usual, "_ts"),
        lines.sections,
    )
}

/// What Libreswan reads.
pub(super) struct Libreswan {
    /// Lines of the `conn` section of the usual name.
    pub(super) connection: String,
    /// Further ones, with their names.
    pub(super) further: Vec<(&'static str, &'static str)>,
    /// ipsec.secrets.
    pub(super) secrets: String,
}

/// Texts for Libreswan. pluto is sun, on the left.
pub(super) fn libreswan(
    pair: &Pair,
    lines: &Lines,
    public: impl Fn(&str) -> Option<String>,
) -> Libreswan {
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
        "keyexchange=ikev2\n{}{}{}{}ike={}\nesp={}\n{}\n{}\n{}",
        unless_there(lines, "pfs=", "no"),
        // A script, and a slow one under emulation. It adds routes, of which there is one already.
        unless_there(lines, "leftupdown=", "%disabled"),
        unless_there(lines, "left=", &here.outer(Family::V4).to_string()),
        unless_there(lines, "right=", &there.outer(Family::V4).to_string()),
        or(lines.proposals, IKE_LIBRESWAN),
        or(lines.esp_proposals, ESP_LIBRESWAN),
        or(lines.auth, &psk),
        lines.connection,
        selectors(lines.child, &usual, "subnet="),
    );
    let key = |end| public(end).unwrap_or_default();
    let connection = connection
        .replace("{moon_key}", &key("moon"))
        .replace("{sun_key}", &key("sun"));
    let secrets = format!(
        "@{} @{} : PSK \"{PSK}\"\n{}\n",
        here.id, there.id, lines.sections
    );
    Libreswan {
        connection,
        further: sections(lines.daemon),
        secrets,
    }
}

/// Sections as ipsec.conf has them: `conn NAME`, then its lines.
pub(super) fn sections(text: &'static str) -> Vec<(&'static str, &'static str)> {
    let sections = text.split("conn ").skip(1);
    sections
        .filter_map(|section| section.split_once('\n'))
        .collect()
}

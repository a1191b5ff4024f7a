//! Many connections between two agents: each with an identity and, where it carries traffic, a
//! network of its own.

use std::fmt::Write as _;

use super::topology::{Family, PSK, Pair};

/// The name of the n-th connection.
pub(crate) fn name(number: usize) -> String {
    format!("c{number}")
}

/// The inner address of the n-th connection at gateway 1 or 2.
pub(crate) fn inner(gateway: u8, number: usize) -> String {
    format!("10.{gateway}.{}.{}", number / 250 + 1, number % 250 + 1)
}

/// The tables of the end that starts: `count` connections, `lines` in each of them.
pub(crate) fn starter_tables(pair: &Pair, count: usize, lines: &str) -> String {
    let (here, there) = (pair.moon.outer(Family::V4), pair.sun.outer(Family::V4));
    let mut text = secret();
    for number in 0..count {
        let name = name(number);
        write!(
            text,
            "[connections.{name}]\nlocal_addrs = [\"{here}\"]\nremote_addrs = [\"{there}\"]\n\
             proposals = [\"aes256gcm16-prfsha384-x25519\"]\n\
             local = {{ auth = \"psk\", id = \"{name}.moon.example\" }}\n\
             remote = {{ auth = \"psk\", id = \"{}\" }}\n{lines}\n\
             [connections.{name}.children.net]\nlocal_ts = [\"{}/32\"]\nremote_ts = [\"{}/32\"]\n\
             esp_proposals = [\"aes256gcm16\"]\n\n",
            pair.sun.id,
            inner(1, number),
            inner(2, number),
        )
        .expect("writing to a string");
    }
    text
}

/// The tables of the end that waits: one connection for whoever knows the secret.
pub(crate) fn waiter_tables(pair: &Pair) -> String {
    format!(
        "{}[connections.all]\nlocal_addrs = [\"{}\"]\nproposals = [\"aes256gcm16-prfsha384-x25519\"]\n\
         local = {{ auth = \"psk\", id = \"{}\" }}\nremote = {{ auth = \"psk\" }}\n\
         [connections.all.children.net]\nlocal_ts = [\"10.2.0.0/16\"]\nremote_ts = [\"10.1.0.0/16\"]\n\
         esp_proposals = [\"aes256gcm16\"]\n",
        secret(),
        pair.sun.outer(Family::V4),
        pair.sun.id,
    )
}

/// Lines of `[agent]` for the end that waits: all starters share one address, which the usual
/// limits against floods would not let in at once.
pub(crate) fn no_limits(dataplane: &str) -> String {
    format!(
        "dataplane = \"{dataplane}\"\n\
         limits = {{ cookie_threshold = 0, cookie_threshold_ip = 0, block_threshold = 0 }}"
    )
}

fn secret() -> String {
    format!("[secrets.lab]\ntype = \"psk\"\nsecret = {{ value = \"{PSK}\" }}\n\n")
}

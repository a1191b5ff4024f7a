//! Suites of algorithms against charon, whoever starts: what gateways in the field use.
//!
//! One pair of daemons serves a whole table. Each suite is a connection of its own, with identities
//! and inner addresses of its own; first one end and then the other starts it, and pings go through.

use std::{fmt::Write as _, net::IpAddr, time::Duration};

use crate::{
    lab::{
        Lab,
        charon::{self, Charon},
        holdfast::Holdfast,
        sas::{Daemon, agreed_tunnel},
        topology::{Family, PSK, Pair},
        traffic,
        userland::Release,
        vici::Message,
        wait,
    },
    rekey::present,
};

/// IKE and ESP proposals of holdfast, and those of charon.
pub(crate) type Suite = ([&'static str; 2], [&'static str; 2]);

pub(crate) const fn same(ike: &'static str, esp: &'static str) -> Suite {
    ([ike, esp], [ike, esp])
}

/// Every cipher and every integrity algorithm, in IKE and in ESP.
const CIPHERS: &[Suite] = &[
    same("aes128-sha256-modp2048", "aes128-sha256"),
    same("aes192-sha384-ecp256", "aes192-sha384"),
    same("aes256-sha512-ecp384", "aes256-sha512"),
    same("aes256-sha1-x25519", "aes256-sha1"),
    same("aes128-aesxcbc-ecp256", "aes128-aesxcbc"),
    same("aes128-aescmac-ecp256", "aes256-aescmac"),
    same("aes128ctr-sha256-x25519", "aes128ctr-sha256"),
    same("aes192ctr-sha1-x25519", "aes192ctr-sha1"),
    same("aes256ctr-sha512-x25519", "aes256ctr-aesxcbc"),
    same("aes128gcm8-prfsha256-x25519", "aes128gcm8"),
    same("aes256gcm12-prfsha512-x25519", "aes256gcm12"),
    same("aes192gcm16-prfsha384-x25519", "aes192gcm16"),
    same("aes128ccm8-prfsha256-x25519", "aes128ccm8"),
    same("aes192ccm12-prfsha256-x25519", "aes192ccm12"),
    same("aes256ccm16-prfsha256-x25519", "aes256ccm16"),
    same("aes128gcm16-prfaesxcbc-x25519", "null-sha256"),
    same("chacha20poly1305-prfaescmac-x25519", "chacha20poly1305"),
];

/// What is weak, and works where it is named.
const WEAK: &[Suite] = &[
    same("3des-md5-modp1024", "3des-md5"),
    same("3des-sha1-modp1536", "3des-sha256"),
    same("aes128-md5-prfmd5-modp2048", "aes256-md5"),
    same("aes256gcm16-prfmd5-x25519", "3des-aesxcbc"),
];

/// What needs OpenSSL, rekeyed with fresh key exchanges.
#[cfg(feature = "openssl")]
const BY_OPENSSL: &[Suite] = &[
    same("aes256gcm16-prfsha512-x448", "aes256gcm16-x448"),
    same("aes128-sha256-ecp256bp", "aes128-sha256-ecp256bp"),
    same("aes192-sha384-ecp384bp", "aes192-sha384-ecp384bp"),
    same("aes256-sha512-ecp512bp", "aes256-sha512-ecp512bp"),
];

/// Every key exchange method, in IKE.
const METHODS: &[Suite] = &[
    same("aes256-sha256-modp1024", "aes256-sha256"),
    same("aes256-sha256-modp1536", "aes256-sha256"),
    same("aes256-sha256-modp2048", "aes256-sha256"),
    same("aes256-sha256-modp3072", "aes256-sha256"),
    same("aes256-sha256-modp4096", "aes256-sha256"),
    same("aes256-sha256-modp6144", "aes256-sha256"),
    same("aes256-sha256-modp8192", "aes256-sha256"),
    same("aes256-sha256-ecp521", "aes256-sha256"),
];

/// Keys of all kinds, cut anew after a fresh key exchange.
const REKEYED: &[Suite] = &[
    same("aes256-sha256-modp2048", "aes256-sha256-modp2048"),
    same("aes128ctr-aescmac-ecp521", "aes192ctr-sha512-ecp521"),
    same("aes128-aesxcbc-modp3072", "aes256ccm16-modp3072"),
];

/// Extended sequence numbers are offered, and charon's userspace ESP has none.
const SEQUENCE_NUMBERS: &[Suite] = &[
    (
        ["aes256-sha256-x25519", "aes256-sha256-esn-noesn"],
        ["aes256-sha256-x25519", "aes256-sha256-noesn"],
    ),
    (
        ["aes256gcm16-prfsha256-x25519", "aes256gcm16-noesn"],
        ["aes256gcm16-prfsha256-x25519", "aes256gcm16-noesn-esn"],
    ),
];

/// One end keeps the defaults, the other one has a single plain suite.
const DEFAULTS: &[Suite] = &[
    (
        ["default", "default"],
        ["aes256-sha256-modp2048", "aes256-sha256"],
    ),
    (
        ["aes128-sha256-modp3072", "aes128-sha256"],
        ["default", "default"],
    ),
    (["default", "default"], ["default", "default"]),
];

const PINGS: u32 = 20;
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn ciphers_and_integrity() {
    table(CIPHERS);
}

#[test]
fn weak_suites() {
    for release in [Release::Bookworm, Release::Trixie] {
        table_with(WEAK, release);
    }
}

#[cfg(feature = "openssl")]
#[test]
fn curves_of_openssl() {
    for release in [Release::Bookworm, Release::Trixie] {
        table_with(BY_OPENSSL, release);
        let (pair, holdfast, charon, _lab) = start(BY_OPENSSL, release);
        rekey_all((&pair, &holdfast, &charon), &charon, BY_OPENSSL);
    }
}

#[test]
fn key_exchange_methods() {
    table(METHODS);
}

/// charon's operator rekeys the child, then the IKE_SA, then the child under it.
#[test]
fn rekeyed_with_a_fresh_key_exchange() {
    let (pair, holdfast, charon, _lab) = start(REKEYED, Release::default());
    rekey_all((&pair, &holdfast, &charon), &charon, REKEYED);
}

/// One of the ends brings each suite's tunnel up, rekeys the child, then the IKE_SA, then the child
/// under it.
pub(crate) fn rekey_all(
    (pair, holdfast, charon): (&Pair, &Holdfast, &Charon),
    by: &dyn Daemon,
    suites: &[Suite],
) {
    for (number, suite) in suites.iter().enumerate() {
        let name = format!("s{number}");
        by.initiate(&name, PATIENCE).expect("the tunnel comes up");
        for kind in ["child", "ike", "child"] {
            let before = wait::until("a tunnel", PATIENCE, || present(charon));
            by.command("rekey", &[(kind, &name)])
                .unwrap_or_else(|error| panic!("{suite:?}: {error}"));
            let what = format!("a new {kind} at both ends: {suite:?}");
            wait::until(&what, PATIENCE, || {
                let (ours, theirs) = (present(holdfast)?, present(charon)?);
                let renewed = if kind == "ike" {
                    theirs.initiator_spi != before.initiator_spi
                } else {
                    theirs.children[0].spi_in != before.children[0].spi_in
                };
                let same = ours.initiator_spi == theirs.initiator_spi
                    && ours.children[0].spi_in == theirs.children[0].spi_out;
                (renewed && same).then_some(())
            });
            let (here, there) = (inner(1, number), inner(2, number));
            traffic::wait_for_answer(&pair.moon.namespace, here, there, PATIENCE);
            traffic::wait_for_answer(&pair.sun.namespace, there, here, PATIENCE);
        }
        let [ours, theirs] = [holdfast as &dyn Daemon, charon].map(algorithms);
        assert_eq!(ours, theirs, "{suite:?}");
        by.command("terminate", &[("ike", &name)])
            .expect("it is terminated");
        wait::until("no SA is left", PATIENCE, || {
            (holdfast.sas().is_empty() && charon.sas().is_empty()).then_some(())
        });
    }
}

#[test]
fn short_sequence_numbers_of_both() {
    table(SEQUENCE_NUMBERS);
}

#[test]
fn defaults_meet_plain_suites() {
    // One at a time: a responder with several connections chooses among all of them before it knows
    // who asks.
    for suite in DEFAULTS {
        table(&[*suite]);
    }
}

/// Both daemons with every suite configured. The lab goes last: it takes the namespaces away.
pub(crate) fn start(suites: &[Suite], release: Release) -> (Pair, Holdfast, Charon, Lab) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    for number in 0..suites.len() {
        for (gateway, at) in [(1, &pair.moon), (2, &pair.sun)] {
            let address = format!("{}/32", inner(gateway, number));
            at.namespace.add_address("lo", &address);
        }
    }
    let settings = charon::Settings {
        release,
        ..charon::Settings::default()
    };
    let charon = Charon::start(&lab, &pair.sun.namespace, &settings);
    charon.configure(&swanctl_conf(&pair, suites));
    let holdfast = Holdfast::launch(
        &lab,
        &pair.moon.namespace,
        "dataplane = \"userspace\"",
        &holdfast_tables(&pair, suites),
    );
    holdfast.wait_until_ready();
    (pair, holdfast, charon, lab)
}

fn table(suites: &[Suite]) {
    table_with(suites, Release::default());
}

pub(crate) fn table_with(suites: &[Suite], release: Release) {
    let (pair, holdfast, charon, _lab) = start(suites, release);
    for (number, suite) in suites.iter().enumerate() {
        for starter in [&holdfast as &dyn Daemon, &charon] {
            let ends: [&dyn Daemon; 2] = [&holdfast, &charon];
            carry(&pair, ends, starter, number, *suite);
        }
    }
}

/// Brings one suite's tunnel up from one end, uses it, and takes it down.
fn carry(pair: &Pair, ends: [&dyn Daemon; 2], starter: &dyn Daemon, number: usize, suite: Suite) {
    let child = format!("s{number}");
    let by = starter.control_socket().display();
    starter
        .initiate(&child, PATIENCE)
        .unwrap_or_else(|error| panic!("{suite:?} from {by}: {error}"));
    let what = format!("both ends agree on {suite:?} from {by}");
    wait::until(&what, PATIENCE, || agreed_tunnel(ends[0], ends[1], &child));
    let [ours, theirs] = ends.map(algorithms);
    assert_eq!(ours, theirs, "{suite:?} from {by}");
    println!(
        "from {}: {ours:?}",
        if by.to_string().contains("charon") {
            "charon"
        } else {
            "holdfast"
        }
    );

    let (here, there) = (inner(1, number), inner(2, number));
    traffic::wait_for_answer(&pair.moon.namespace, here, there, PATIENCE);
    traffic::ping(&pair.moon.namespace, here, there, PINGS);
    traffic::ping(&pair.sun.namespace, there, here, PINGS);
    // ping does not wait long for its last answers, but each packet that one end sent the other one
    // must have found authentic.
    let what = format!("{suite:?} from {by}: both ends count the same packets");
    wait::until(&what, PATIENCE, || {
        let [ours, theirs] = ends.map(|end| end.only_tunnel(&child));
        let (ours, theirs) = (&ours?.children[0], &theirs?.children[0]);
        let same = ours.packets_in == theirs.packets_out && ours.packets_out == theirs.packets_in;
        (same && ours.packets_in > u64::from(2 * PINGS)).then_some(())
    });
    starter
        .command("terminate", &[("ike", &child)])
        .unwrap_or_else(|error| panic!("{suite:?} from {by}: {error}"));
    wait::until("no SA is left", PATIENCE, || {
        ends.iter().all(|end| end.sas().is_empty()).then_some(())
    });
}

/// What an end says the algorithms of its only tunnel are.
fn algorithms(end: &dyn Daemon) -> Vec<String> {
    let events = end
        .client()
        .and_then(|mut client| client.stream("list-sas", "list-sa", &Message::default()))
        .expect("list-sas");
    let (_, ike) = events[0].sections().next().expect("an IKE_SA");
    let child = ike.section("child-sas").expect("children");
    // charon lists those that were rekeyed for a while.
    let installed = |(_, esp): &(_, &Message)| esp.text("state") == Some("INSTALLED");
    let (_, esp) = child.sections().find(installed).expect("a CHILD_SA");
    let of = |sa: &Message, keys: &[&str]| {
        let values = keys
            .iter()
            .map(|key| sa.text(key).unwrap_or("-").to_owned());
        values.collect::<Vec<_>>()
    };
    let ciphers = ["encr-alg", "encr-keysize", "integ-alg"];
    [
        of(ike, &ciphers),
        of(ike, &["prf-alg", "dh-group", "ake1", "ake2", "ake3"]),
        of(esp, &ciphers),
        of(esp, &["dh-group", "ake1", "ake2"]),
    ]
    .concat()
}

/// The inner address of a suite at gateway 1 or 2.
fn inner(gateway: u8, number: usize) -> IpAddr {
    let address = format!("10.{gateway}.{}.1", number + 1);
    address.parse().expect("an address written here")
}

fn holdfast_tables(pair: &Pair, suites: &[Suite]) -> String {
    let (here, there) = (pair.moon.outer(Family::V4), pair.sun.outer(Family::V4));
    let mut text = format!("[secrets.lab]\ntype = \"psk\"\nsecret = {{ value = \"{PSK}\" }}\n\n");
    for (number, ([ike, esp], _)) in suites.iter().enumerate() {
        write!(
            text,
            "[connections.s{number}]\nlocal_addrs = [\"{here}\"]\nremote_addrs = [\"{there}\"]\n\
             proposals = [\"{ike}\"]\n\
             local = {{ auth = \"psk\", id = \"s{number}.moon.example\" }}\n\
             remote = {{ auth = \"psk\", id = \"s{number}.sun.example\" }}\n\
             [connections.s{number}.children.s{number}]\nlocal_ts = [\"{}/32\"]\n\
             remote_ts = [\"{}/32\"]\nesp_proposals = [\"{esp}\"]\n\n",
            inner(1, number),
            inner(2, number),
        )
        .expect("writing to a string");
    }
    text
}

fn swanctl_conf(pair: &Pair, suites: &[Suite]) -> String {
    let (here, there) = (pair.sun.outer(Family::V4), pair.moon.outer(Family::V4));
    let mut text = format!("secrets {{ ike-lab {{ secret = \"{PSK}\" }} }}\nconnections {{\n");
    for (number, (_, [ike, esp])) in suites.iter().enumerate() {
        write!(
            text,
            "s{number} {{\n version = 2\n local_addrs = {here}\n remote_addrs = {there}\n \
             proposals = {ike}\n local {{ auth = psk\n id = s{number}.sun.example }}\n \
             remote {{ auth = psk\n id = s{number}.moon.example }}\n \
             children {{ s{number} {{ local_ts = {}/32\n remote_ts = {}/32\n \
             esp_proposals = {esp} }} }}\n}}\n",
            inner(2, number),
            inner(1, number),
        )
        .expect("writing to a string");
    }
    text.push_str("}\n");
    text
}

//! Every key that charon knows has a rule, and the rule is what happens.

use holdfast_ike::config::{LocalAuth, RemoteAuth};
use std::path::Path;

use super::said;
use crate::swanctl::keys::{Done, Kind, Place, Rule, rule, table};

/// Every key of `load-conn`, as charon 6.0.6 parses it; 5.9.8 knows a part of them.
const CONNECTION: &str = "version local_addrs remote_addrs local_port remote_port proposals vips \
    aggressive pull dscp encap mobike dpd_delay dpd_timeout fragmentation childless send_certreq \
    send_cert ocsp ppk_id ppk_required keyingtries unique reauth_time rekey_time over_time rand_time \
    pools if_id_in if_id_out mediation mediated_by mediation_peer local local-1 remote remote-rw \
    children";
const AUTH: &str = "auth id eap_id aaa_id xauth_id ca_id certs cacerts pubkeys cert cert-1 cacert \
    cacert2 groups cert_policy revocation round";
const CHILD: &str = "ah_proposals esp_proposals sha256_96 local_ts remote_ts rekey_time life_time \
    rand_time rekey_bytes life_bytes rand_bytes rekey_packets life_packets rand_packets updown \
    hostaccess mode policies policies_fwd_out dpd_action ipcomp inactivity reqid priority interface \
    mark_in mark_out mark_in_sa set_mark_in set_mark_out if_id_in if_id_out label label_mode \
    tfc_padding replay_window per_cpu_sas hw_offload copy_df copy_ecn copy_dscp icmp start_action \
    close_action";
/// Ours.
const OURS_OF_CHILD: &str = "probe";
const OURS: &str = "persistent half_open_timeout keep_alive redirect_to redirect_at resumption retransmit \
    reconnect";

fn places() -> [(Place, Vec<&'static str>); 3] {
    let keys = |text: &'static str| text.split_whitespace();
    [
        (
            Place::Connection,
            keys(CONNECTION).chain(keys(OURS)).collect(),
        ),
        (Place::Auth, keys(AUTH).collect()),
        (
            Place::Child,
            keys(CHILD).chain(keys(OURS_OF_CHILD)).collect(),
        ),
    ]
}

#[test]
fn every_key_of_charon_has_a_rule() {
    for (place, keys) in places() {
        for key in keys {
            assert!(rule(place, key).is_some(), "{place:?} lacks {key}");
        }
    }
}

#[test]
fn no_other_key_has_one() {
    for (place, keys) in places() {
        for (key, _) in table(place) {
            let known = keys.iter().any(|name| *name == key.trim_end_matches('*'));
            assert!(known, "{place:?}: charon has no {key}");
        }
    }
}

/// What is said about a key of a section.
fn said_about(place: Place, key: &str, value: &str) -> String {
    let line = format!("{key} = {value}\n");
    match place {
        Place::Connection if key == "ppk_required" => said(&format!("ppk_id = x\n{line}"), ""),
        Place::Connection => said(&line, ""),
        Place::Child => said("", &line),
        Place::Auth if matches!(key, "eap_id" | "aaa_id") => {
            said(&format!("local {{ auth = eap\n {line} }}"), "")
        }
        Place::Auth => said(&format!("local {{ {line} }}"), ""),
        Place::Retransmit => said(&format!("retransmit {{ {line} }}"), ""),
        Place::Reconnect => said(&format!("reconnect {{ {line} }}"), ""),
        Place::Probe => {
            let more = match key {
                "target" => "",
                "port" => "target = 10.2.0.1\n kind = tcp\n",
                "kind" => "target = 10.2.0.1\n port = 443\n",
                _ => "target = 10.2.0.1\n",
            };
            said("", &format!("probe {{ {more} {line} }}"))
        }
    }
}

/// A value of each kind that fits every key of that kind, or the key's own.
fn fitting(key: &str, kind: Kind) -> &'static str {
    match (key, kind) {
        ("mode", _) => "tunnel",
        ("unique", _) => "replace",
        ("tfc_padding", _) => "mtu",
        ("fragmentation", _) => "accept",
        ("childless", _) => "prefer",
        ("vips", _) => "0.0.0.0, ::, 10.3.0.5",
        ("pools", _) => "guests, %more",
        ("redirect_to", _) => "gw2.example",
        ("redirect_at", _) => "ike_auth",
        ("auth", _) => "psk",
        ("id", _) => "gw.example",
        ("eap_id" | "aaa_id", _) => "carol",
        ("ppk_id", _) => "bank.example",
        ("ca_id", _) => "C=CH, O=Example, CN=*",
        ("cert_policy", _) => "1.3.6.1.4.1.36906",
        ("revocation", _) => "strict",
        ("send_cert", _) => "always",
        ("dpd_action", _) => "restart",
        ("start_action" | "close_action", _) => "trap",
        ("proposals", _) => "aes256gcm16-prfsha384-x25519, default",
        ("esp_proposals", _) => "aes256gcm16-x25519",
        ("local_ts" | "remote_ts", _) => "10.0.0.0/8, 192.0.2.1/32[tcp/80]",
        ("local_addrs" | "remote_addrs", _) => "192.0.2.7, gw.example",
        ("local_port", _) => "4500",
        ("over_time" | "rand_time", _) => "10m",
        ("timeout" | "limit" | "initial", _) => "2s",
        ("jitter" | "tries", _) => "7",
        ("kind", _) => "tcp",
        ("target", _) => "10.2.0.1",
        ("source", _) => "10.1.0.1",
        ("interval", _) => "20s",
        ("action", _) => "report",
        (_, Kind::Number) => "64",
        (_, Kind::Time) => "2h",
        (_, Kind::Amount) => "5g",
        (_, Kind::Bool) => "enabled",
        (_, Kind::Fraction) => "1.5",
        (_, Kind::Text | Kind::List | Kind::Files(_)) => panic!("{key}: no value is known"),
    }
}

const ALL: [Place; 6] = [
    Place::Connection,
    Place::Auth,
    Place::Child,
    Place::Retransmit,
    Place::Reconnect,
    Place::Probe,
];

#[test]
fn what_is_obeyed_loads() {
    let mut tried = 0;
    for place in ALL {
        for (key, rule) in table(place) {
            // What a message holds for these keys is no line of text.
            if let Rule::Obeyed(kind) = rule
                && !matches!(kind, Kind::Files(_))
            {
                let value = fitting(key, *kind);
                let said = said_about(place, key, value);
                let fine = said == "fine"
                    || said.contains("does not answer is given up")
                    || said.contains("it has no effect")
                    || said.contains("without redirect_to");
                assert!(fine, "{key} = {value}: {said}");
                tried += 1;
            }
        }
    }
    assert!(tried > 35, "only {tried} keys were tried");
}

#[test]
fn what_is_done_anyway_is_accepted_and_the_rest_is_not() {
    for place in ALL {
        for (key, rule) in table(place) {
            let Rule::Settled(settled) = rule else {
                continue;
            };
            let done: &[&str] = match settled.done {
                Done::Yes => &["yes", "1", "True"],
                Done::No => &["no", "0", "disabled"],
                Done::Zero => &["0", "0x0"],
                Done::Words(words) => words,
            };
            for value in done {
                assert_eq!(said_about(place, key, value), "fine", "{key} = {value}");
            }
            for (value, why) in settled.idle {
                let said = said_about(place, key, if *value == "*" { "10s" } else { value });
                assert!(said.starts_with("warning: connections.gw."), "{said}");
                assert!(said.contains(why) && said.contains(key), "{said}");
            }
            if settled.idle.iter().all(|(value, _)| *value != "*") {
                let said = said_about(place, key, "blue");
                assert!(said.contains(settled.otherwise.what), "{key}: {said}");
                assert!(said.contains("is not supported by this version"), "{said}");
            }
        }
    }
}

#[test]
fn what_is_refused_is_refused_by_name() {
    for place in ALL {
        for (key, rule) in table(place) {
            let Rule::Refused(refusal) = rule else {
                continue;
            };
            let key = key.trim_end_matches('*');
            let said = said_about(place, key, "x");
            assert!(
                said.contains(&format!(".{key}: {} is not", refusal.what)),
                "{said}"
            );
            // Cleared, it says nothing.
            assert_eq!(said_about(place, key, "\"\""), "fine", "{key}");
        }
    }
}

/// The rows of docs/swanctl.md: place, key and class.
fn documented() -> Vec<(Place, String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/swanctl.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut place = None;
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            place = match heading.replace('`', "").as_str() {
                "connections.NAME" => Some(Place::Connection),
                "local* and remote*" => Some(Place::Auth),
                "children.CHILD" => Some(Place::Child),
                _ => None,
            };
        } else if let (Some(place), Some(row)) = (place, line.strip_prefix("| `")) {
            let cells: Vec<&str> = row.split(" | ").collect();
            let class = cells[1].split([' ', ',']).next().unwrap_or_default();
            for key in cells[0].split(", ") {
                rows.push((place, key.replace('`', ""), class.to_owned()));
            }
        }
    }
    rows
}

#[test]
fn the_document_has_a_row_for_every_key() {
    let documented = documented();
    for place in [Place::Connection, Place::Auth, Place::Child] {
        for (key, rule) in table(place) {
            let class = match rule {
                Rule::Obeyed(_) | Rule::Structure => "obeyed",
                Rule::Settled(_) => "accepted",
                Rule::Refused(_) => "refused",
            };
            let row = documented
                .iter()
                .find(|(at, name, _)| *at == place && name == key);
            let Some((.., said)) = row else {
                panic!("docs/swanctl.md has no row for {key} ({place:?})")
            };
            assert_eq!(said, class, "docs/swanctl.md about {key} ({place:?})");
        }
    }
    for (place, key, _) in documented {
        assert!(
            table(place).iter().any(|(name, _)| *name == key),
            "{key} has no rule"
        );
    }
}

#[test]
fn unknown_keys_are_refused_as_charon_does() {
    assert_eq!(
        said("remote_adrs = 192.0.2.1", ""),
        "connections.gw.remote_adrs: unknown option: remote_adrs, config discarded (did you mean remote_addrs?)"
    );
    assert_eq!(
        said("nonsense { x = 1 }", ""),
        "connections.gw.nonsense: unknown section: nonsense, config discarded (remove it)"
    );
    assert_eq!(
        said("", "colour = red"),
        "connections.gw.children.net.colour: unknown option: colour, config discarded (remove it)"
    );
    assert_eq!(
        said("children { net { retransmit { x = 1 } } }", ""),
        "connections.gw.children.net.retransmit: unknown section: retransmit, config discarded (remove it)"
    );
}

/// As swanctl sends them: the content of the files.
#[test]
fn certificates_come_as_content() {
    let pem = include_bytes!("../../../../pki/testdata/moon.pem");
    let der = include_bytes!("../../../../pki/testdata/moon.der");
    let ca = include_bytes!("../../../../pki/testdata/ca.pem");
    let mut connection = crate::Settings::default();
    let mut local = crate::Settings::default();
    local.push_list("certs", [pem.to_vec()]);
    connection.push_section("local", local);
    let mut remote = crate::Settings::default();
    remote.push_value("certs", der.to_vec());
    remote.push_list("cacerts", [ca.to_vec()]);
    connection.push_section("remote", remote);
    let (connection, _) = super::load(&connection).expect("it loads");
    let (local, remote) = (&connection.ike.local[0], &connection.ike.remote[0]);
    let (LocalAuth::PublicKey(ours), RemoteAuth::PublicKey(theirs)) = (&local.auth, &remote.auth)
    else {
        panic!("{local:?} {remote:?}");
    };
    assert_eq!(*ours.certificates[0], der[..]);
    assert_eq!(*theirs.certificates[0], der[..]);
    assert_eq!(theirs.authorities.len(), 1);
    let subject = holdfast_pki::Certificate::parse(der).expect("a certificate");
    let id = holdfast_ike::Identification::DerAsn1Dn(subject.subject().der().to_vec());
    assert_eq!(local.id, Some(id), "we are the subject of our certificate");
}

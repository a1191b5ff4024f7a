//! What single keys come to mean.

use std::time::Duration;

use holdfast_ike::config::{IdMatch, LocalAuth, RemoteAuth, SignatureHash, SignatureKey, Unique};
use insta::assert_snapshot;

use super::{ROUNDS, gw, gw_settings, load, said, settings};
use crate::{DpdAction, Endpoint, Settings, StartAction};

#[test]
fn lists_come_as_lists_or_as_text() {
    let text = settings(&format!("remote_addrs = 192.0.2.2, 192.0.2.3\n{ROUNDS}"));
    let mut list = settings(ROUNDS);
    list.push_list("remote_addrs", ["192.0.2.2", " 192.0.2.3"]);
    let connections = [text, list].map(|settings| load(&settings).unwrap().0);
    assert_eq!(connections[0], connections[1]);
    let addresses = connections[0].usable_remotes().count();
    assert_eq!(addresses, 2);
}

#[test]
fn every_obeyed_key_arrives() {
    let connection = gw(
        "local_addrs = %any\nlocal_port = 4500\nremote_port = 0x1f4\nencap = enabled\ndpd_delay = 1m\n\
         keyingtries = 0\nunique = never\nrekey_time = 8h\nover_time = 600\nrand_time = 7m\nhalf_open_timeout = 15\n\
         keep_alive = 25s\nretransmit { timeout = 2s\n base = 1.5\n tries = 4\n jitter = 10\n limit = 30 }\n\
         reconnect { initial = 500ms\n max = 30s\n multiplier = 3\n slow = 5m\n stable_after = 10\n budget = 40 }",
        "local_ts = 10.1.0.0/16\nrekey_time = 30m\nlife_time = 40m\nrekey_bytes = 1g\nlife_bytes = 2g\n\
         rekey_packets = 1000\nlife_packets = 2k\nreplay_window = 64\nrand_time = 5m\nmode = tunnel\n\
         start_action = trap|start\nclose_action = trap\ndpd_action = restart",
    );
    let seconds = Duration::from_secs;
    assert_eq!(connection.local_addrs, [Endpoint::Any]);
    assert_eq!((connection.local_port, connection.remote_port), (4500, 500));
    assert_eq!(connection.keyingtries, 0);
    let ike = &connection.ike;
    assert!(ike.encap);
    assert_eq!(ike.unique, Unique::Never);
    assert_eq!(
        (ike.dpd_delay, ike.rekey_time),
        (seconds(60), seconds(8 * 3600))
    );
    assert_eq!(ike.over_time, seconds(8 * 3600 + 600));
    assert_eq!(
        (ike.half_open_timeout, ike.keep_alive),
        (seconds(15), seconds(25))
    );
    assert_eq!((ike.retransmit.tries, ike.retransmit.jitter), (4, 10));
    assert_eq!(
        (ike.retransmit.timeout, ike.retransmit.limit),
        (seconds(2), seconds(30))
    );
    assert_eq!(connection.reconnect.initial, Duration::from_millis(500));
    assert_eq!(
        (connection.reconnect.max, connection.reconnect.slow),
        (seconds(30), seconds(300))
    );
    assert_eq!(connection.reconnect.stable_after, seconds(10));
    assert_eq!(connection.reconnect.budget, Some(40));
    let child = &connection.children["net"];
    assert_eq!(
        (child.ike.rekey_time, child.ike.replay_window),
        (seconds(1800), 64)
    );
    assert_eq!(
        (ike.rand_time, child.ike.rand_time),
        (seconds(420), seconds(300))
    );
    assert_eq!(child.ike.lifetime.hard_time, seconds(2400));
    assert_eq!(
        (child.ike.lifetime.soft_bytes, child.ike.lifetime.hard_bytes),
        (1 << 30, 2 << 30)
    );
    assert_eq!(
        (
            child.ike.lifetime.soft_packets,
            child.ike.lifetime.hard_packets
        ),
        (1000, 2048)
    );
    assert_eq!(child.start_action, StartAction::TrapStart);
    assert_eq!(child.dpd_action, DpdAction::Restart);
}

#[test]
fn the_first_round_is_that_of_the_lowest_number() {
    let rounds = |first: &str, second: &str| {
        settings(&format!(
            "remote_addrs = 192.0.2.2\nlocal {{ auth = psk\n }}\n\
             remote-rw {{ auth = psk\n id = a.example\n {first} }}\n\
             remote-2 {{ auth = psk\n id = b.example\n {second} }}\nchildren {{ n {{ }} }}"
        ))
    };
    let order = |settings: &Settings| -> Vec<String> {
        let (connection, _) = load(settings).unwrap();
        let rounds = connection.ike.remote.iter();
        rounds.map(|round| round.id.notation().unwrap()).collect()
    };
    let lowest_first = order(&rounds("round = 2", "round = 1"));
    assert_eq!(lowest_first, ["b.example", "a.example"]);
    assert_eq!(order(&rounds("", "")), ["a.example", "b.example"]);
    let mut one = rounds("", "");
    let single = Settings::default();
    let kept = one.iter().filter(|entry| entry.name() != "remote-2");
    one = kept.fold(single, |mut all, entry| {
        all.push_entry(entry.clone());
        all
    });
    let (connection, _) = load(&one).unwrap();
    let expected = holdfast_ike::Identification::from_config("a.example").unwrap();
    assert_eq!(*connection.ike.remote_id(), IdMatch::Exact(expected));
}

#[test]
fn problems_name_the_key_as_it_was_written() {
    let lines = [
        said("mobike = maybe", ""),
        said("version = 1", ""),
        said("fragmentation = maybe", ""),
        said("dpd_timeout = 60s", ""),
        said("vips = 0.0.0.0", ""),
        said("keyingtries = many", ""),
        said("rekey_time = soon", ""),
        said("persistent = maybe", ""),
        said("local-2 { auth = psk }", ""),
        said("retransmit = 4s", ""),
        said("retransmit { tires = 3 }", ""),
        said("", "mode = beet"),
        said("", "esp_proposals = aes256gcm16-x25519, aes-nonsense"),
        said("", "mark_in = 1/0xff"),
        said("", "start_action = begin"),
        said("children = x", ""),
    ];
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn an_absent_auth_is_pubkey() {
    let (connection, _) = load(&settings("local { }\n remote-x { id = b }")).unwrap();
    let local = &connection.ike.local[0].auth;
    assert!(matches!(local, LocalAuth::PublicKey(_)), "{local:?}");
    let remote = &connection.ike.remote[0].auth;
    assert!(matches!(remote, RemoteAuth::PublicKey(_)), "{remote:?}");
}

#[test]
fn rules_for_signatures() {
    let auth = |auth: &str| {
        let text = format!("local {{ auth = pubkey }}\n remote {{ auth = {auth} }}");
        load(&settings(&text)).map(|(connection, _)| connection.ike.remote[0].auth.clone())
    };
    let Ok(RemoteAuth::PublicKey(wanted)) = auth("ike:rsa/pss-3072-sha384") else {
        panic!("it is a signature");
    };
    assert_eq!(wanted.rules.keys[0].key, SignatureKey::RsaPss);
    assert_eq!(wanted.rules.hashes, [SignatureHash::Sha384]);
    assert!(matches!(auth("any"), Ok(RemoteAuth::Any(_))));
    assert!(
        auth("rsa-md5")
            .unwrap_err()
            .to_string()
            .contains("unknown value")
    );
    assert!(
        auth("eap-ttls")
            .unwrap_err()
            .to_string()
            .contains("not supported")
    );
}

#[test]
fn what_is_given_twice_or_in_a_wrong_form_is_told() {
    let mut twice = gw_settings("", "");
    twice.push_value("encap", "yes");
    twice.push_value("encap", "no");
    twice.push_list("unique", ["no"]);
    twice.push_section("dpd_delay", Settings::default());
    twice.push_value("keyingtries", [0xff, 0xfe]);
    assert_snapshot!(load(&twice).unwrap_err());
}

#[test]
fn no_settings_at_all_are_no_panic() {
    let (connection, _) = load(&Settings::default()).unwrap();
    let local = &connection.ike.local[0].auth;
    assert!(matches!(local, LocalAuth::PublicKey(_)), "{local:?}");
}

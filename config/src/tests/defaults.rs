//! What holds where nothing is said.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use holdfast_ike::{
    Mode,
    child_sa::Lifetime,
    config::{IdMatch, LocalAuth, Retransmit, SelectorTemplate, Unique},
    proposal::{default_esp, default_ike},
};

use super::{Site, paris};
use crate::{Agent, Child, CloseAction, Config, Connection, DpdAction, Endpoint, StartAction};

fn connection(site: &Site) -> Arc<Connection> {
    Arc::clone(&site.loaded().config.connections["paris"])
}

fn net(site: &Site) -> Child {
    connection(site).children["net"].clone()
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_empty_file_is_the_default_configuration() {
    let loaded = Site::new("").loaded();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.config.agent, Agent::default());
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_connection_has_charons_defaults() {
    let connection = connection(&paris("", ""));
    assert!(!connection.persistent);
    assert_eq!(connection.keyingtries, 1);
    assert_eq!((connection.local_port, connection.remote_port), (500, 500));
    let ike = &connection.ike;
    assert_eq!(ike.proposals, default_ike());
    assert_eq!(ike.local[0].auth, LocalAuth::Psk);
    assert!(matches!(ike.remote_id(), IdMatch::Exact(id) if id.to_string() == "sun.example"));
    assert_eq!(ike.retransmit, Retransmit::default());
    assert_eq!(ike.dpd_delay, Duration::ZERO);
    assert_eq!(ike.rekey_time, seconds(4 * 3600));
    assert_eq!(ike.over_time, seconds(4 * 3600 + 24 * 60));
    assert_eq!(ike.half_open_timeout, seconds(30));
    assert_eq!(ike.keep_alive, seconds(20));
    assert_eq!(ike.unique, Unique::No);
    assert!(!ike.encap && !ike.key_log);
}

#[test]
fn a_child_has_charons_defaults_and_a_wider_replay_window() {
    let child = net(&paris("", ""));
    assert_eq!(child.ike.proposals, default_esp());
    assert_eq!(child.ike.mode, Mode::Tunnel);
    assert_eq!(child.ike.replay_window, 1024);
    assert_eq!(child.ike.rekey_time, seconds(3600));
    let lifetime = Lifetime {
        hard_time: seconds(3960),
        ..Lifetime::default()
    };
    assert_eq!(child.ike.lifetime, lifetime);
    assert_eq!(child.start_action, StartAction::None);
    assert_eq!(child.close_action, CloseAction::None);
    assert_eq!(child.dpd_action, DpdAction::Clear);
}

#[test]
fn a_persistent_connection_starts_probes_and_restarts() {
    let site = paris("persistent = true", "");
    assert_eq!(connection(&site).ike.dpd_delay, seconds(30));
    assert_eq!(net(&site).start_action, StartAction::Start);
    assert_eq!(net(&site).dpd_action, DpdAction::Restart);

    let said_otherwise = paris(
        "persistent = true\ndpd_delay = \"5s\"",
        "start_action = \"none\"\ndpd_action = \"trap\"",
    );
    assert_eq!(connection(&said_otherwise).ike.dpd_delay, seconds(5));
    assert_eq!(net(&said_otherwise).start_action, StartAction::None);
    assert_eq!(net(&said_otherwise).dpd_action, DpdAction::Trap);
}

#[test]
fn selectors_are_the_ends_own_addresses() {
    let site = Site::new(
        r#"
        [connections.paris]
        local  = { auth = "psk", id = "%any" }
        remote = { auth = "psk" }
        children.net = {}
        "#,
    );
    let loaded = site.loaded();
    let connection = &loaded.config.connections["paris"];
    let dynamic = SelectorTemplate::Dynamic {
        protocol: 0,
        start_port: 0,
        end_port: 65535,
    };
    assert_eq!(connection.children["net"].ike.local_ts, [dynamic]);
    assert_eq!(connection.children["net"].ike.remote_ts, [dynamic]);
    assert_eq!(connection.local_addrs, [Endpoint::Any]);
    assert_eq!(connection.remote_addrs, [Endpoint::Any]);
    assert_eq!(connection.ike.local_id(), None);
    assert_eq!(*connection.ike.remote_id(), IdMatch::Any);
}

#[test]
fn ends_of_life_follow_from_replacement_and_the_other_way_round() {
    let rekey_only = net(&paris("", "rekey_time = 1000\nrekey_bytes = \"10k\""));
    assert_eq!(rekey_only.ike.lifetime.hard_time, seconds(1100));
    assert_eq!(rekey_only.ike.lifetime.soft_bytes, 10_240);
    assert_eq!(rekey_only.ike.lifetime.hard_bytes, 11_264);

    let life_only = net(&paris("", "life_time = \"1100s\"\nlife_packets = 1_100"));
    assert_eq!(life_only.ike.rekey_time, seconds(1000));
    assert_eq!(life_only.ike.lifetime.soft_packets, 1000);
    assert_eq!(life_only.ike.lifetime.hard_packets, 1100);

    let never = net(&paris("", "rekey_time = 0"));
    assert_eq!(never.ike.rekey_time, Duration::ZERO);
    assert_eq!(never.ike.lifetime.hard_time, Duration::ZERO);

    let over = connection(&paris("rekey_time = \"2h\"\nover_time = \"5m\"", ""));
    assert_eq!(over.ike.over_time, seconds(2 * 3600 + 300));
    let never = connection(&paris("rekey_time = 0", ""));
    assert_eq!(never.ike.over_time, Duration::ZERO);
}

#[test]
fn the_defaults_section_fills_what_a_connection_leaves_open() {
    let site = Site::new(
        r#"
        [defaults]
        dpd_delay = 7
        remote_port = 4500
        local = { auth = "psk", id = "moon.example" }
        retransmit = { tries = 3, base = 1.5 }
        [defaults.child]
        replay_window = 64
        start_action = "trap"

        [connections.paris]
        remote_addrs = ["192.0.2.2"]
        remote = { auth = "psk", id = "%any" }
        local.id = "mars.example"
        dpd_delay = 9
        retransmit.base = 2
        [connections.paris.children.net]
        start_action = "start"

        [secrets.any]
        type = "psk"
        secret = { env = "PSK" }
        "#,
    )
    .with_variable("PSK", "s3cret");
    let connection = connection(&site);
    assert_eq!(connection.remote_port, 4500);
    assert_eq!(connection.ike.dpd_delay, seconds(9));
    assert_eq!(connection.ike.retransmit.tries, 3);
    assert!((connection.ike.retransmit.base - 2.0).abs() < f64::EPSILON);
    let local_id = connection.ike.local_id().map(ToString::to_string);
    assert_eq!(local_id.as_deref(), Some("mars.example"));
    assert_eq!(net(&site).ike.replay_window, 64);
    assert_eq!(net(&site).start_action, StartAction::Start);
}

#[test]
fn the_agents_ports_are_the_connections() {
    let ports = "port = 15500\nport_nat_t = 15501";
    let site = Site::new(&format!("[agent]\n{ports}\n{}", super::PARIS));
    let site = site
        .with("conf.d/secret.toml", super::SECRET)
        .with_variable("PSK", "s3cret");
    assert_eq!(connection(&site).local_port, 15_500);
}

#[test]
fn equal_files_load_to_equal_values() {
    let (one, two) = (paris("", "").loaded(), paris("", "").loaded());
    assert_eq!(one.config, two.config);
    let other = paris("dpd_delay = 1000", "").loaded();
    assert_ne!(one.config, other.config);
    assert_eq!(one.config.secrets, other.config.secrets);
    let changed: BTreeMap<_, _> = one
        .config
        .connections
        .iter()
        .filter(|(name, connection)| other.config.connections.get(*name) != Some(connection))
        .collect();
    assert_eq!(changed.len(), 1);
}

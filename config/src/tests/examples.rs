//! The examples that users start from.

use std::path::Path;

use super::Site;
use crate::Endpoint;

/// The examples' folder with secrets that only their owner may read: git keeps no such modes.
fn example(name: &str) -> Site {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut site = Site::new(&std::fs::read_to_string(folder.join(name)).unwrap());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "psk") {
            let name = path.file_name().unwrap().to_str().unwrap();
            site = site.with(name, std::fs::read(&path).unwrap());
        }
    }
    site
}

#[test]
fn every_example_loads_without_a_warning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(example(name).said(), "", "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 4, "only {seen} examples were found");
}

#[test]
fn site_to_site_is_what_it_says() {
    let loaded = example("site-to-site.toml").loaded();
    let paris = &loaded.config.connections["paris"];
    assert!(paris.persistent);
    assert_eq!(
        paris.remote_addrs,
        [Endpoint::Address("192.0.2.2".parse().unwrap())]
    );
    let proposals: Vec<String> = paris
        .ike
        .proposals
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        proposals,
        ["IKE:AES_GCM_16_256/PRF_HMAC_SHA2_384/CURVE_25519"]
    );
    let net = &paris.children["net"];
    assert!(net.start_action.starts());
    assert!(std::sync::Arc::ptr_eq(&net.ike, &paris.ike.children[0]));
    let local = paris.ike.local_id().cloned().unwrap();
    let holdfast_ike::config::IdMatch::Exact(remote) = paris.ike.remote_id().clone() else {
        panic!("the peer's identity is configured");
    };
    assert!(loaded.config.secrets.psk(&local, &remote).is_some());
}

#[test]
fn the_road_warriors_gateway_calls_nobody() {
    let loaded = example("road-warrior.toml").loaded();
    let warriors = &loaded.config.connections["warriors"];
    assert_eq!(warriors.usable_remotes().count(), 0);
    assert!(!warriors.children["lan"].start_action.starts());
}

#[test]
fn two_children_share_an_ike_sa() {
    let loaded = example("two-children.toml").loaded();
    let berlin = &loaded.config.connections["berlin"];
    assert_eq!(berlin.ike.children.len(), 2);
    assert_eq!(berlin.usable_remotes().count(), 2);
    assert_eq!(berlin.children["voice"].ike.proposals.len(), 2);
}

//! `[radius]`, and passwords for EAP.

use std::time::Duration;

use super::Site;

#[test]
fn servers_and_their_secrets_are_read_in_order() {
    let site = Site::new(
        r#"
        [radius]
        nas_identifier = "gw.example"
        timeout = "1s"
        tries = 2
        [radius.servers.b]
        address = "2001:db8::5"
        port = 1645
        secret = { value = "two" }
        [radius.servers.a]
        address = "192.0.2.5"
        secret = { file = "radius.secret" }
        "#,
    )
    .with("radius.secret", "one\n");
    let radius = site.load().unwrap().config.radius;
    let servers: Vec<_> = radius
        .servers
        .iter()
        .map(|server| (server.name.as_str(), server.address.to_string()))
        .collect();
    let expected = [
        ("a", "192.0.2.5:1812".to_owned()),
        ("b", "[2001:db8::5]:1645".to_owned()),
    ];
    assert_eq!(servers, expected);
    assert_eq!(radius.servers[0].secret.expose(), b"one");
    assert_eq!(radius.nas_identifier, "gw.example");
    assert_eq!(radius.timeout, Duration::from_secs(1));
    assert_eq!((radius.tries, radius.dead_time.as_secs()), (2, 60));
}

#[test]
fn mistakes_name_their_keys() {
    let site = Site::new(
        r#"
        [radius]
        tries = 0
        nas_identifier = ""
        [radius.servers.a]
        address = "radius.example"
        port = 0
        "#,
    );
    let error = site.load().unwrap_err().to_string();
    for key in [
        "radius.tries",
        "radius.nas_identifier",
        "radius.servers.a.address",
        "radius.servers.a.port",
        "radius.servers.a.secret",
    ] {
        assert!(error.contains(key), "{key}: {error}");
    }
}

#[test]
fn passwords_for_eap_are_no_pre_shared_keys() {
    let site = Site::new(
        r#"
        [secrets.carol]
        type = "eap"
        ids = ["carol"]
        secret = { value = "Ar3etTnp" }
        "#,
    );
    let secrets = site.load().unwrap().config.secrets;
    assert!(secrets.psks().is_empty());
    assert_eq!(secrets.eap()[0].name, "carol");
    assert_eq!(secrets.eap()[0].secret.expose(), b"Ar3etTnp");
}

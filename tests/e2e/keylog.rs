//! `agent.keylog`: off by default, loud when on, and Wireshark can read what it wrote.

use std::time::Duration;

use crate::lab::{
    Lab,
    capture::{Capture, Preferences},
    charon::{self, Charon},
    holdfast::{Holdfast, Settings},
    sas::{Daemon, agreed_tunnel},
    topology::{CHILD, Pair, Tunnel, WIRE},
    traffic, wait,
};

#[test]
fn tshark_decrypts_a_handshake_with_our_keys() {
    decrypts(&Tunnel::default());
}

#[test]
fn tshark_decrypts_ciphers_with_a_mac() {
    decrypts(&Tunnel {
        proposals: "aes256-sha256-modp2048",
        esp_proposals: "aes128-sha512",
        ..Tunnel::default()
    });
}

fn decrypts(tunnel: &Tunnel) {
    let lab = Lab::new();
    let pair = Pair::new(&lab);
    let keys = lab.subdirectory("keys");
    let charon = Charon::with_tunnel(
        &lab,
        &pair.sun,
        &pair.moon,
        tunnel,
        &charon::Settings::default(),
    );
    let settings = Settings {
        agent: format!("dataplane = \"userspace\"\nkeylog = \"{}\"", keys.display()),
        ..Settings::default()
    };
    let holdfast = Holdfast::with_tunnel(&lab, &pair.moon, &pair.sun, tunnel, &settings);
    let capture = Capture::start(&lab, &pair.sun.namespace, WIRE, "udp");
    holdfast
        .initiate(CHILD, Duration::from_secs(10))
        .expect("the tunnel comes up");
    wait::until("both agree", Duration::from_secs(5), || {
        agreed_tunnel(&holdfast, &charon, CHILD)
    });
    let (here, there) = (pair.moon.inner(tunnel.inner), pair.sun.inner(tunnel.inner));
    assert_eq!(traffic::ping(&pair.moon.namespace, here, there, 5), 5);
    let packets = capture.stop();

    let without = packets.fields("isakmp.exchangetype == 35", &["isakmp.id.data.fqdn"]);
    assert!(
        without.iter().all(|row| row[0].is_empty()),
        "unreadable without keys: {without:?}"
    );
    let preferences = Preferences {
        directory: Some(keys.clone()),
        settings: vec!["esp.enable_encryption_decode:TRUE".to_owned()],
    };
    let identities = packets.fields_with(
        &preferences,
        "isakmp.exchangetype == 35",
        &["isakmp.id.data.fqdn"],
    );
    assert_eq!(identities.len(), 2, "request and answer: {identities:?}");
    assert!(identities[0][0].contains(pair.moon.id), "{identities:?}");
    assert!(identities[1][0].contains(pair.sun.id), "{identities:?}");
    let pings = packets.fields_with(&preferences, "esp && icmp.type == 8", &["icmp.seq"]);
    assert_eq!(pings.len(), 5, "ESP, too, can be read: {pings:?}");

    let log = holdfast.log();
    assert!(
        log.contains("WARN") && log.contains("keylog"),
        "loud when on:\n{log}"
    );
    for entry in std::fs::read_dir(&keys)
        .expect("the directory of keys")
        .flatten()
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = entry
            .metadata()
            .expect("a file's mode")
            .permissions()
            .mode()
            & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

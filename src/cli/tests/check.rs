use std::os::unix::fs::PermissionsExt;

use super::holdfast;

const GOOD: &str = r#"
[agent]
vici = "unix:///nonexistent/holdfast.vici"

[connections.paris]
remote_addrs = ["192.0.2.2"]
proposals = ["aes256gcm16-prfsha384-x25519"]
local  = { auth = "psk", id = "moon.example" }
remote = { auth = "psk", id = "sun.example" }

[connections.paris.children.net]
remote_ts = ["10.2.0.0/16"]

[secrets.paris]
type = "psk"
ids = ["sun.example"]
secret = { value = "swordfish-swordfish" }
"#;

fn file(text: &str) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("holdfast.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn a_good_configuration() {
    let (_directory, path) = file(GOOD);
    let ran = holdfast(&["check", "--config", &path]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.results.starts_with(&format!(
            "{path} is valid: 1 connection, 1 child, 1 file read"
        )),
        "{ran:?}"
    );
    assert!(!ran.complaints.contains("swordfish"), "{ran:?}");
}

#[test]
fn a_bad_configuration_is_explained() {
    let (_directory, path) = file(&GOOD.replace("remote_addrs", "remote_adrs"));
    for (command, code) in [("check", 1), ("run", 78)] {
        let ran = holdfast(&[command, "--config", &path]);
        assert_eq!(ran.code, code, "{ran:?}");
        assert_eq!(ran.results, "");
        for part in [
            "remote_adrs",
            "remote_addrs",
            ":6:1",
            &format!("holdfast: {path} cannot be used: "),
        ] {
            assert!(
                ran.complaints.contains(part),
                "`{part}`: {}",
                ran.complaints
            );
        }
        assert!(!ran.complaints.contains("swordfish"), "{ran:?}");
    }
}

#[test]
fn a_missing_configuration_is_explained() {
    let ran = holdfast(&["check", "--config", "/nonexistent/holdfast.toml"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.complaints.contains("/nonexistent/holdfast.toml"),
        "{ran:?}"
    );
}

#[test]
fn the_configuration_names_the_control_socket() {
    let (_directory, path) = file(GOOD);
    let ran = holdfast(&["status", "--config", &path]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(
        ran.complaints
            .contains("no agent is running at unix:///nonexistent/holdfast.vici"),
        "{ran:?}"
    );
    let (_directory, path) = file("[agent]\nvici = 7\n");
    let ran = holdfast(&["status", "--config", &path]);
    assert_eq!(ran.code, 78, "{ran:?}");
    let told = format!("give --uri, or correct it: {path}:2:8: agent.vici:");
    assert!(ran.complaints.contains(&told), "{ran:?}");
}

//! `holdfast import`.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path};

use super::holdfast;

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/examples/swanctl");
    let path = folder.join(name).join("swanctl.conf");
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_is_printed_can_be_checked() {
    let ran = holdfast(&["import", &example("site-to-site")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.complaints.contains("into ike-rome.psk, beside"),
        "{ran:?}"
    );
    assert!(!ran.results.contains("correct horse"), "{ran:?}");
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("holdfast.toml", ran.results.as_str()),
        ("ike-paris.psk", "one"),
        ("ike-rome.psk", "two"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    let main = folder.path().join("holdfast.toml");
    let ran = holdfast(&["check", "--config", main.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.results
            .contains("2 connections, 3 children, 3 files read"),
        "{ran:?}"
    );
}

#[test]
fn what_is_left_out_is_named_and_counts() {
    let ran = holdfast(&["import", "--with-secrets", &example("road-warrior")]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.results.contains("Xae7zaiH2ohvieghoo4Eiquee"), "{ran:?}");
    for part in [
        "holdfast: left out: ",
        "road-warrior/swanctl.conf:26:17: connections.rw.children.lan.copy_dscp: ",
        "holdfast: warning: ",
    ] {
        assert!(ran.complaints.contains(part), "{part}: {ran:?}");
    }
    assert!(!ran.complaints.contains("to do"), "{ran:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("swanctl.conf");
    std::fs::write(&path, "connections {\n  gw { a 1\n").unwrap();
    for (file, part) in [
        (path.as_path(), "swanctl.conf:2:10"),
        (&folder.path().join("missing"), "No such file"),
    ] {
        let ran = holdfast(&["import", file.to_str().unwrap()]);
        assert_eq!((ran.code, ran.results.as_str()), (1, ""), "{ran:?}");
        assert!(ran.complaints.contains(part), "{ran:?}");
    }
}

//! Secrets: sources, encodings, permissions, choice.

use std::sync::Arc;

use holdfast_ike::{Identification, Secret};
use insta::assert_snapshot;

use super::Site;
use crate::{PskEntry, Secrets};

fn secret(source: &str) -> Site {
    Site::new(&format!("[secrets.x]\ntype = \"psk\"\nsecret = {source}\n"))
}

fn bytes(site: &Site) -> Vec<u8> {
    let loaded = site.loaded();
    loaded.config.secrets.psks()[0].secret.expose().to_vec()
}

#[test]
fn files_lose_their_last_newline_only() {
    let from = |text: &str| bytes(&secret("{ file = \"x.psk\" }").with("x.psk", text));
    assert_eq!(from("s3cret"), b"s3cret");
    assert_eq!(from("s3cret\n"), b"s3cret");
    assert_eq!(from("s3cret\r\n"), b"s3cret");
    assert_eq!(from(" s3cret \n\n"), b" s3cret \n");
}

#[test]
fn absolute_paths_are_taken_as_they_are() {
    let elsewhere = Site::new("").with("x.psk", "s3cret");
    let site = secret(&format!("{{ file = {:?} }}", elsewhere.path("x.psk")));
    assert_eq!(bytes(&site), b"s3cret");
}

#[test]
fn prefixes_announce_encodings() {
    let from = |text: &str| bytes(&secret("{ env = \"PSK\" }").with_variable("PSK", text));
    assert_eq!(from("0x00fF10"), [0, 0xff, 0x10]);
    assert_eq!(from("0sAAH/"), [0, 1, 0xff]);
    assert_eq!(from("0sAAE="), [0, 1]);
    assert_eq!(from("0tAAE="), b"0tAAE=");
}

#[test]
fn a_file_open_to_everybody_is_refused() {
    let site = secret("{ file = \"x.psk\" }").with("x.psk", "s3cret");
    let site = site.with_mode("x.psk", 0o640);
    assert_eq!(bytes(&site), b"s3cret");
    let site = site.with_mode("x.psk", 0o644);
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:3:19: secrets.x.secret.file: x.psk is open to every user of this machine (mode 0644) (chmod 0600 x.psk)
    "#);
}

#[test]
fn what_is_no_secret_is_refused() {
    let said = |source: &str| {
        let site = secret(source)
            .with("empty.psk", "\n")
            .with("big.psk", "x".repeat(65_537));
        site.with("odd.psk", "0x123")
            .with_variable("BAD", "0s!")
            .said()
    };
    assert_snapshot!(said("{ file = \"missing.psk\" }"), @r#"
    holdfast.toml:3:19: secrets.x.secret.file: cannot read missing.psk: No such file or directory (os error 2) (create it; the path is relative to the file that names it)
    "#);
    assert_snapshot!(said("{ file = \".\" }"), @r#"
    holdfast.toml:3:19: secrets.x.secret.file: . is not a regular file (name a file that holds the secret)
    "#);
    assert_snapshot!(said("{ file = \"empty.psk\" }"), @r#"
    holdfast.toml:3:10: secrets.x.secret: the secret is empty (put a long random secret there: openssl rand -base64 32)
    "#);
    assert_snapshot!(said("{ file = \"big.psk\" }"), @r#"
    holdfast.toml:3:19: secrets.x.secret.file: big.psk is larger than 64 KiB (name a file that holds the secret only)
    "#);
    assert_snapshot!(said("{ file = \"odd.psk\" }"), @r#"
    holdfast.toml:3:10: secrets.x.secret: what follows 0x or 0s cannot be decoded (write an even number of hexadecimal digits after 0x, or Base64 after 0s)
    "#);
    assert_snapshot!(said("{ env = \"BAD\" }"), @r#"
    holdfast.toml:3:10: secrets.x.secret: what follows 0x or 0s cannot be decoded (write an even number of hexadecimal digits after 0x, or Base64 after 0s)
    "#);
    assert_snapshot!(said("{ env = \"MISSING\" }"), @r#"
    holdfast.toml:3:18: secrets.x.secret.env: the environment variable MISSING is not set (set it for the agent, for instance by EnvironmentFile= in its systemd unit)
    "#);
    assert_snapshot!(said("{}"), @r#"
    holdfast.toml:3:10: secrets.x.secret: the secret itself is missing (add secret = { file = "name.psk" }, { credential = "NAME" }, { env = "NAME" } or { value = "..." })
    "#);
    assert_snapshot!(said("{ env = \"A\", file = \"b\" }"), @r#"
    holdfast.toml:3:10: secrets.x.secret: more than one of file, credential, env and value is given (keep one of them)
    "#);
}

#[test]
fn no_diagnostic_shows_a_secret() {
    let site = Site::new(
        r#"
        [secrets.a]
        type = "psk"
        secret = "hunter2"
        [secrets.b]
        type = "psk"
        secret = { value = "hunter2" }
        [secrets.c]
        psk = "hunter2"
        [secrets.d]
        type = "psk"
        secret = { value = ["hunter2"] }
        [secrets.e]
        type = "psk"
        secret = { value = "0xhunter2", pin = """
        hunter2""" }
        [[secrets.f]]
        secret = "hunter2"
        "#,
    );
    assert!(site.load().is_err());
    assert!(!site.drawn().contains("hunter2"), "{}", site.drawn());
    assert!(!site.said().contains("hunter2"), "{}", site.said());
    assert_snapshot!(site.drawn(), @r#"
     × secrets.a.secret: this is a string
      ╭─[holdfast.toml:4:18]
    4 │         secret = *********
      ·                  ─────────
      ╰────
     help: write { file = "name.psk" }, { credential = "NAME" }, { env = "NAME" } or { value = "..." }

     ⚠ secrets.b.secret.value: the secret stands in the configuration itself
      ╭─[holdfast.toml:7:28]
    7 │         secret = { value = ********* }
      ·                            ─────────
      ╰────
     help: move it into a file of mode 0600 and write secret = { file = "name.psk" }

     × secrets.c.secret: the secret itself is missing
      ╭─[holdfast.toml:8:18]
    8 │         [secrets.c]
      ·                  ─
      ╰────
     help: add secret = { file = "name.psk" }, { credential = "NAME" }, { env = "NAME" } or { value = "..." }

     × secrets.c.type: the type of the secret is missing
      ╭─[holdfast.toml:8:18]
    8 │         [secrets.c]
      ·                  ─
      ╰────
     help: add type = "psk"

     × secrets.c.psk: unknown key
      ╭─[holdfast.toml:9:9]
    9 │         psk = *********
      ·         ───
      ╰────
     help: known here: type, ids, file, secret

     × secrets.d.secret.value: this is a list
       ╭─[holdfast.toml:12:28]
    12 │         secret = { value = *********** }
       ·                            ───────────
       ╰────
     help: write a string in quotes

     × secrets.e.secret: what follows 0x or 0s cannot be decoded
       ╭─[holdfast.toml:15:18]
    15 │ ╭─▶         secret = { value = ***********, pin = ***
    16 │ ╰─▶ ****************** }
       ╰────
     help: write an even number of hexadecimal digits after 0x, or Base64 after 0s

     ⚠ secrets.e.secret.value: the secret stands in the configuration itself
       ╭─[holdfast.toml:15:28]
    15 │         secret = { value = ***********, pin = ***
       ·                            ───────────
       ╰────
     help: move it into a file of mode 0600 and write secret = { file = "name.psk" }

     × secrets.e.secret.pin: unknown key
       ╭─[holdfast.toml:15:41]
    15 │         secret = { value = ***********, pin = ***
       ·                                         ───
       ╰────
     help: known here: file, env, credential, value

     × secrets.f: this is a list
       ╭─[holdfast.toml:17:19]
    17 │         [[secrets.f]]
       ·                   ─
       ╰────
     help: write a table
    "#);
}

#[test]
fn a_secret_is_never_printed() {
    let site = secret("{ value = \"hunter2\" }");
    let loaded = site.loaded();
    assert!(!format!("{loaded:?}").contains("hunter2"));
    assert_snapshot!(site.said(), @r#"
    warning: holdfast.toml:3:20: secrets.x.secret.value: the secret stands in the configuration itself (move it into a file of mode 0600 and write secret = { file = "name.psk" })
    "#);
}

fn id(text: &str) -> Identification {
    Identification::from_config(text).unwrap()
}

fn entry(name: &str, ids: &[&str]) -> PskEntry {
    PskEntry {
        name: name.to_owned(),
        ids: ids.iter().map(|text| id(text)).collect(),
        secret: Arc::new(Secret::new(name.as_bytes())),
    }
}

#[test]
fn the_peers_identity_weighs_more_than_ours() {
    let all = [
        entry("everybody", &[]),
        entry("local", &["moon"]),
        entry("remote", &["sun"]),
        entry("both", &["moon", "sun"]),
        entry("both again", &["moon", "sun"]),
    ];
    let chosen = |entries: &[PskEntry]| {
        let secrets = Secrets::new(entries.to_vec());
        let found = secrets.psk(&id("moon"), &id("sun"));
        found.map(|secret| String::from_utf8(secret.expose().to_vec()).unwrap())
    };
    assert_eq!(chosen(&all).as_deref(), Some("both"));
    assert_eq!(chosen(&all[..3]).as_deref(), Some("remote"));
    assert_eq!(chosen(&all[..2]).as_deref(), Some("local"));
    assert_eq!(chosen(&all[..1]).as_deref(), Some("everybody"));
    assert_eq!(chosen(&[entry("mars", &["mars"])]), None);
}

#[test]
fn any_among_the_ids_means_everybody() {
    let site = Site::new(
        "[secrets.x]\ntype = \"psk\"\nids = [\"sun\", \"%any\"]\nsecret = { env = \"PSK\" }\n",
    );
    let loaded = site.with_variable("PSK", "s3cret").loaded();
    assert!(loaded.config.secrets.psk(&id("a"), &id("b")).is_some());
}

#[test]
fn a_credential_comes_from_the_service_manager() {
    let from = |name: &str| {
        let site = secret(&format!("{{ credential = {name:?} }}")).with("given/paris", "s3cret\n");
        let folder = site.path("given").display().to_string();
        site.with_variable("CREDENTIALS_DIRECTORY", &folder)
    };
    assert_eq!(bytes(&from("paris")), b"s3cret");
    assert_snapshot!(from("berlin").said(), @r"
    holdfast.toml:3:25: secrets.x.secret.credential: cannot read given/berlin: No such file or directory (os error 2) (create it; the path is relative to the file that names it)
    ");
    for name in ["", "..", "../x.psk", ".hidden", "a/b", "a b", "a:b"] {
        let said = from(name).said();
        assert!(said.contains("cannot name a credential"), "{name}: {said}");
    }
    assert_snapshot!(from("paris").with_mode("given/paris", 0o444).said(), @r"
    holdfast.toml:3:25: secrets.x.secret.credential: given/paris is open to every user of this machine (mode 0444) (chmod 0600 given/paris)
    ");
    assert_snapshot!(secret("{ credential = \"paris\" }").said(), @r"
    holdfast.toml:3:25: secrets.x.secret.credential: there is no credential paris: CREDENTIALS_DIRECTORY is not set (run the agent by systemd, with LoadCredential=paris:FILE in its unit)
    ");
}

#[test]
fn a_configuration_with_a_secret_is_not_for_everybody() {
    let site = secret("{ value = \"s3cret\" }").with_mode("holdfast.toml", 0o644);
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:3:20: secrets.x.secret.value: every user of this machine may read the secret in holdfast.toml (mode 0644) (chmod 0600 holdfast.toml, or move it into a file of mode 0600 and write secret = { file = "name.psk" })
    warning: holdfast.toml:3:20: secrets.x.secret.value: the secret stands in the configuration itself (move it into a file of mode 0600 and write secret = { file = "name.psk" })
    "#);
}

#[test]
fn whoever_may_write_the_configuration_is_named() {
    let mode = |mode| Site::new("").with_mode("holdfast.toml", mode).said();
    assert_eq!(mode(0o644), "");
    assert_snapshot!(mode(0o664), @r"
    warning: holdfast.toml: its group may change this file (mode 0664) (chmod go-w holdfast.toml)
    ");
    assert_snapshot!(mode(0o646), @r"
    warning: holdfast.toml: every user of this machine may change this file (mode 0646) (chmod go-w holdfast.toml)
    ");
}

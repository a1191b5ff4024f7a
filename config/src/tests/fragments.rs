//! Several files.

use insta::assert_snapshot;

use super::{NET, PARIS, SECRET, Site};

#[test]
fn later_names_win_and_keys_are_merged_one_by_one() {
    let loaded = Site::new("[agent]\nworkers = 1\nport = 1500\nlimits.cookie_threshold = 1\n")
        .with("conf.d/10-first.toml", "[agent]\nworkers = 2\n")
        .with(
            "conf.d/20-second.toml",
            "[agent]\nworkers = 3\nlimits.block_threshold = 9\n",
        )
        .with("conf.d/.hidden.toml", "this is not read")
        .with("conf.d/notes.txt", "neither is this")
        .loaded();
    let agent = &loaded.config.agent;
    assert_eq!((agent.workers, agent.port), (3, 1500));
    assert_eq!(agent.limits.cookie_threshold, 1);
    assert_eq!(agent.limits.block_threshold, 9);
    let names: Vec<_> = loaded
        .files
        .iter()
        .map(|file| file.file_name().unwrap())
        .collect();
    assert_eq!(names, ["holdfast.toml", "10-first.toml", "20-second.toml"]);
}

#[test]
fn connections_may_live_in_files_of_their_own() {
    let site = Site::new("")
        .with("conf.d/paris.toml", format!("{PARIS}{NET}"))
        .with(
            "conf.d/secrets.toml",
            SECRET.replace("env = \"PSK\"", "file = \"paris.psk\""),
        )
        .with("conf.d/paris.psk", "s3cret");
    let loaded = site.loaded();
    assert!(loaded.config.connections.contains_key("paris"));
    assert_eq!(loaded.files.last(), Some(&site.path("conf.d/paris.psk")));
}

#[test]
fn names_keep_their_case_and_their_dots() {
    let text = format!("{PARIS}{NET}").replace("connections.paris", "connections.\"HQ.Berlin\"");
    let site = Site::new(&text)
        .with("conf.d/secrets.toml", SECRET)
        .with_variable("PSK", "s3cret");
    let connections = site.loaded().config.connections;
    assert_eq!(&*connections["HQ.Berlin"].name, "HQ.Berlin");
}

#[test]
fn one_name_in_two_files_is_an_error() {
    let site = Site::new(&format!("{PARIS}{NET}{SECRET}"))
        .with(
            "conf.d/again.toml",
            "[connections.paris]\npersistent = true\n",
        )
        .with("conf.d/secret.toml", "secrets.paris.type = \"psk\"\n")
        .with_variable("PSK", "s3cret");
    assert_snapshot!(site.said(), @r#"
    conf.d/again.toml:1:14: connections.paris: a connection of this name is also in holdfast.toml (rename or remove one of them)
    conf.d/secret.toml:1:9: secrets.paris: a secret of this name is also in holdfast.toml (rename or remove one of them)
    "#);
}

#[test]
fn every_broken_file_is_named() {
    let site = Site::new("[agent\n")
        .with("conf.d/a.toml", "x = = 1\n")
        .with("conf.d/b.toml", b"ok = 1\n\xff\xfe\n")
        .with(
            "conf.d/c.toml",
            "[secrets.x]\nsecret = { value = \"hunter2 }\n",
        );
    assert_snapshot!(site.said(), @r#"
    holdfast.toml:1:7: this is not TOML: unclosed table, expected `]` (correct the syntax here)
    conf.d/a.toml:1:5: this is not TOML: extra `=`, expected nothing (correct the syntax here)
    conf.d/b.toml: line 2 is not UTF-8 (save the file as UTF-8)
    conf.d/c.toml:2:30: this is not TOML: unclosed inline table, expected `}` (correct the syntax here)
    "#);
    assert!(!site.drawn().contains("hunter2"), "{}", site.drawn());
}

#[test]
fn a_missing_main_file_is_an_error_with_a_remedy() {
    let site = Site::new("");
    std::fs::remove_file(site.path("holdfast.toml")).unwrap();
    assert_snapshot!(site.said(), @r#"
    holdfast.toml: cannot read the file: No such file or directory (os error 2) (create it, or name another one with --config)
    "#);
}

#[test]
fn numbers_too_large_for_toml_are_told_with_their_place() {
    let site = Site::new("").with("conf.d/a.toml", "[agent]\nport = 99999999999999999999\n");
    assert_snapshot!(site.said(), @r#"
    conf.d/a.toml:2:8: this is not TOML: integer number overflowed (correct the syntax here)
    "#);
    let site = Site::new("").with("conf.d/a.toml", "[agent]\nport = 1e999\n");
    assert_snapshot!(site.said(), @r#"
    conf.d/a.toml:2:8: this is not TOML: floating-point number overflowed (correct the syntax here)
    "#);
}

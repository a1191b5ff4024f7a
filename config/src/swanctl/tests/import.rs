//! A swanctl.conf as TOML: the TOML loads and means the same.

use std::{collections::BTreeMap, fs::Permissions, os::unix::fs::PermissionsExt, path::Path};

use insta::assert_snapshot;
use proptest::prelude::*;

use crate::{
    Agent, Environment, Settings, load_with,
    swanctl::{Files, Import, connection, import, import_from, read_from},
};

fn imported(text: &str, with_secrets: bool) -> Import {
    let files = Files::Fixed([("s.conf".into(), text.to_owned())].into());
    import_from(&files, Path::new("s.conf"), with_secrets).unwrap_or_else(|error| panic!("{error}"))
}

fn lines<T: ToString>(list: &[T]) -> String {
    let lines: Vec<String> = list.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Loads the TOML and compares every connection in it with the one that the settings make.
fn assert_means_the_same(settings: &Settings, import: &Import) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let secret = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, "s3cret").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    };
    // Also those that are not in the file.
    for line in import.toml.lines() {
        if let Some((_, name)) = line.split_once("{ file = \"") {
            secret(name.split('"').next().unwrap());
        }
    }
    let main = folder.path().join("holdfast.toml");
    std::fs::write(&main, import.toml.as_bytes()).unwrap();
    std::fs::set_permissions(&main, Permissions::from_mode(0o600)).unwrap();
    let loaded = load_with(&main, &Environment::Fixed(BTreeMap::new()))
        .unwrap_or_else(|error| panic!("{error}\n{}", *import.toml));
    for (name, from_toml) in &loaded.config.connections {
        let section = settings
            .section("connections")
            .unwrap()
            .section(name)
            .unwrap();
        // What was left out by itself is not in the TOML, and the settings without it load.
        if let Ok((from_settings, _)) = connection(name, section, &Agent::default()) {
            assert_eq!(**from_toml, from_settings, "{}", *import.toml);
        } else {
            let said = lines(&import.omitted);
            assert!(said.contains(&format!("connections.{name}.")), "{said}");
        }
    }
    loaded.config.connections.len()
}

fn example(name: &str) -> (Settings, Import) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/swanctl");
    let file = folder.join(name).join("swanctl.conf");
    let settings = read_from(&Files::Disk, &file).unwrap().settings;
    (settings, import(&file, false).unwrap())
}

/// Without the folder of the examples.
fn said(diagnostics: &[crate::Diagnostic]) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/swanctl/");
    lines(diagnostics).replace(folder, "")
}

#[test]
fn the_site_to_site_gateway_is_carried_as_a_whole() {
    let (settings, import) = example("site-to-site");
    assert_eq!(said(&import.omitted), "");
    assert_eq!(said(&import.warnings), "");
    assert_eq!(assert_means_the_same(&settings, &import), 2);
    assert_snapshot!(*import.toml);
}

#[test]
fn the_road_warriors_gateway_loses_what_is_named() {
    let (settings, import) = example("road-warrior");
    assert_eq!(assert_means_the_same(&settings, &import), 1);
    let files: Vec<&str> = import
        .secret_files
        .iter()
        .map(|file| file.file.as_str())
        .collect();
    assert_eq!(files, ["ike-alice.psk", "ike-bob.psk", "eap-bob.eap"]);
    assert_snapshot!(format!(
        "{}\n# Left out:\n{}\n# Warnings:\n{}\n",
        *import.toml,
        said(&import.omitted),
        said(&import.warnings)
    ));
}

#[test]
fn secrets_are_written_only_when_asked_for() {
    let text = "secrets { ike-a { id = a.example\n secret = hunter2\n } }";
    let without = imported(text, false);
    assert!(!without.toml.contains("hunter2"));
    assert_eq!(without.secret_files[0].file, "ike-a.psk");
    let with = imported(text, true);
    assert_eq!(
        *with.toml,
        "[secrets.ike-a]\ntype = \"psk\"\nids = [\"a.example\"]\nsecret = { value = \"hunter2\" }\n"
    );
    assert!(with.secret_files.is_empty());
}

/// A connection with further lines, and a secret for it.
fn gw(lines: &str) -> String {
    format!(
        "connections {{ gw {{ remote_addrs = 192.0.2.2\n local {{ auth = psk\n id = a }}\n \
         remote {{ auth = psk\n id = b }}\n{lines}\n }} }}\nsecrets {{ ike {{ id = b\n secret = x }} }}"
    )
}

#[test]
fn what_makes_it_another_connection_leaves_it_out() {
    for (lines, carried) in [
        ("copy_dscp = no", false),
        ("children { n { copy_dscp = out } }", true),
        ("children { n { mark_in = 42 } }", false),
        (
            "children { n { esp_proposals = aes256gcm16-x25519, nonsense } }",
            false,
        ),
        ("remote-2 { auth = xauth }", false),
        ("nonsense = 1", false),
        ("ppk_required = yes", false),
        ("fragmentation = yes", true),
    ] {
        let import = imported(&gw(lines), false);
        assert_eq!(import.toml.contains("[connections.gw]"), carried, "{lines}");
        let said = import
            .omitted
            .iter()
            .any(|omission| omission.line() == Some(6));
        assert_eq!(
            said,
            lines != "fragmentation = yes",
            "{lines}: {:?}",
            import.omitted
        );
    }
}

#[test]
fn a_secret_that_is_not_there_gets_a_file() {
    let text = gw("children { n { } }");
    let text = text.split("secrets").next().unwrap();
    let import = imported(text, false);
    assert_snapshot!(lines(&import.omitted), @"s.conf:1:15: connections.gw: the secret for b is not in the file (put it into gw.psk)");
    assert!(import.toml.ends_with(
        "[secrets.gw]\ntype = \"psk\"\nids = [\"b\"]\nsecret = { file = \"gw.psk\" }\n"
    ));
    let settings = read_from(
        &Files::Fixed([("s".into(), text.to_owned())].into()),
        Path::new("s"),
    );
    assert_eq!(
        assert_means_the_same(&settings.unwrap().settings, &import),
        1
    );
}

#[test]
fn odd_secrets_are_named() {
    let import = imported(
        "secrets { ike-empty { id = a }\n ike-odd { id = a\n secret = x\n colour = 1 }\n\
         ike-hex { secret = 0xzz }\n ike-id { id = \"ipv4:x\"\n secret = y }\n eap-x { secret = z }\n\
         private-x { file = f }\n ike-any { id = %any\n secret = w } }",
        true,
    );
    assert_snapshot!(lines(&import.omitted));
    assert_eq!(
        *import.toml,
        "[secrets.eap-x]\ntype = \"eap\"\nsecret = { value = \"z\" }\n\n\
         [secrets.ike-any]\ntype = \"psk\"\nids = [\"%any\"]\nsecret = { value = \"w\" }\n"
    );
}

#[test]
fn names_and_comments_of_any_kind_survive() {
    let import = imported(
        "connections {\n # first\n #second \"\u{7}\n\n # third\n gw/ü*1 {\n remote_addrs = 192.0.2.2 # not this\n # how\n\
         local {\n # who\n auth = psk }\n remote { auth = psk\n id = \"b\\\"\\\\ü\" }\n # those\n children {\n \
         # this\n n!1 { }\n n2 { } } } }\nsecrets { ike-b { secret = x } }",
        true,
    );
    assert_snapshot!(*import.toml);
}

/// Lines of a connection, of any value.
fn line() -> impl Strategy<Value = String> {
    let keys = prop::sample::select(vec![
        "version",
        "local_addrs",
        "proposals",
        "encap",
        "dpd_delay",
        "keyingtries",
        "unique",
        "rekey_time",
        "over_time",
        "persistent",
        "keep_alive",
        "mobike",
        "fragmentation",
        "half_open_timeout",
        "local_port",
        "remote_port",
        "rand_time",
    ]);
    let values = prop::sample::select(vec![
        "0",
        "1",
        "2",
        "yes",
        "no",
        "10",
        "90m",
        "1d",
        "%any",
        "0x1f4",
        "4500",
        "replace",
        "never",
        "default",
        "aes256gcm16-prfsha384-x25519, default",
        "192.0.2.1,2001:db8::1",
        "1h 30m",
        "\"\"",
        "500ms",
    ]);
    (keys, values).prop_map(|(key, value)| format!("{key} = {value}"))
}

fn child_line() -> impl Strategy<Value = String> {
    let keys = prop::sample::select(vec![
        "local_ts",
        "remote_ts",
        "esp_proposals",
        "rekey_time",
        "life_time",
        "rekey_bytes",
        "life_bytes",
        "rekey_packets",
        "replay_window",
        "start_action",
        "close_action",
        "dpd_action",
        "mode",
        "copy_ecn",
        "hw_offload",
        "priority",
    ]);
    let values = prop::sample::select(vec![
        "0",
        "10",
        "2h",
        "5g",
        "0x400",
        "yes",
        "no",
        "trap",
        "start",
        "trap|start",
        "clear",
        "restart",
        "tunnel",
        "dynamic",
        "10.1.0.0/16, 10.2.0.0/16[tcp/80]",
        "2001:db8::/32",
        "aes256gcm16-x25519",
        "default",
    ]);
    (keys, values).prop_map(|(key, value)| format!("{key} = {value}"))
}

proptest! {
    #[test]
    fn any_file_reads_or_explains(text in "([a-c#\"\\\\{}=:., \n]|include|local|secret){0,60}") {
        let files = Files::Fixed([("s".into(), text)].into());
        if let Ok(conf) = read_from(&files, Path::new("s")) {
            for (entry, section) in conf.settings.sections() {
                let _ = connection(entry.name(), section, &Agent::default());
            }
            import_from(&files, Path::new("s"), true).unwrap();
        }
    }

    #[test]
    fn any_connection_means_the_same_in_toml(
        lines in prop::collection::vec(line(), 0..6),
        child in prop::collection::vec(child_line(), 0..5),
    ) {
        let lines = format!("{}\nchildren {{ n {{ {}\n }} }}", lines.join("\n"), child.join("\n"));
        let text = gw(&lines);
        let import = imported(&text, false);
        let files = Files::Fixed([("s".into(), text)].into());
        let settings = read_from(&files, Path::new("s")).unwrap().settings;
        let carried = assert_means_the_same(&settings, &import);
        // What loads is carried, what does not is named.
        let section = settings.section("connections").unwrap().section("gw").unwrap();
        if connection("gw", section, &Agent::default()).is_ok() {
            prop_assert_eq!(carried, 1);
            prop_assert!(import.omitted.is_empty());
        } else {
            prop_assert!(!import.omitted.is_empty());
        }
    }
}

/// A folder as swanctl has it: keys, encrypted and not, certificates, CAs, passwords.
#[test]
fn a_folder_with_keys_and_certificates_is_carried() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pki/testdata");
    let folder = tempfile::tempdir().unwrap();
    for (name, from) in [
        ("private/moon.pem", "rsa.pkcs1.pem"),
        ("private/locked.pem", "rsa.encrypted.pem"),
        ("private/unknown.pem", "secp384r1.encrypted-scrypt.pem"),
        ("ecdsa/spare.pem", "prime256v1.sec1.pem"),
        ("private/no-key.pem", "moon.pem"),
        ("x509/moon.pem", "moon.pem"),
        ("x509/idle.pem", "sun.pem"),
        ("x509ca/lab.pem", "ca.pem"),
        ("x509ca/rsa-ca.pem", "rsa-ca.pem"),
        ("x509ca/no-ca.pem", "sun.pem"),
        ("x509crl/crl.pem", "crl.pem"),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(data.join(from), &path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    let conf = folder.path().join("swanctl.conf");
    std::fs::write(&conf, FOLDER).unwrap();

    let carried = import(&conf, false).unwrap();
    let said = lines(&carried.omitted).replace(&format!("{}/", folder.path().display()), "");
    let files: Vec<&str> = carried
        .secret_files
        .iter()
        .map(|file| &*file.file)
        .collect();
    assert_eq!(
        files,
        ["eap-carol.eap", "ppk-lab.ppk", "private-locked.pass"]
    );
    assert_snapshot!(format!("{}\n# Left out:\n{said}\n", *carried.toml));

    // It loads where the folders are.
    for (file, text) in [
        ("eap-carol.eap", "Ar3etTnp"),
        ("ppk-lab.ppk", "0x0102"),
        ("private-locked.pass", "secret"),
    ] {
        let path = folder.path().join(file);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    let main = folder.path().join("holdfast.toml");
    std::fs::write(&main, carried.toml.as_bytes()).unwrap();
    std::fs::set_permissions(&main, Permissions::from_mode(0o600)).unwrap();
    let loaded = load_with(&main, &Environment::Fixed(BTreeMap::new()))
        .unwrap_or_else(|error| panic!("{error}\n{}", *carried.toml));
    let secrets = &loaded.config.secrets;
    assert_eq!(secrets.private_keys().len(), 3);
    assert_eq!(secrets.authorities().len(), 2);
    assert_eq!(secrets.eap().len(), 1);
    assert_eq!(secrets.ppks().len(), 1);

    // With its secrets in itself it needs no further file.
    let whole = import(&conf, true).unwrap();
    assert!(whole.secret_files.is_empty());
    std::fs::write(&main, whole.toml.as_bytes()).unwrap();
    load_with(&main, &Environment::Fixed(BTreeMap::new())).unwrap();
}

const FOLDER: &str = "
connections {
    rw {
        remote_addrs = %any
        local { auth = pubkey
            certs = moon.pem
            id = moon.example }
        remote { auth = eap-mschapv2
            eap_id = %any }
        children { net { local_ts = 10.1.0.0/16 } }
    }
}
secrets {
    # Carol's password
    eap-carol { id = carol
        secret = Ar3etTnp }
    ppk-lab { id = lab
        secret = 0x0102 }
    # The old key
    private-locked { file = locked.pem
        secret = secret }
    private-gone { file = gone.pem
        secret = x }
    xauth-dave { id = dave
        secret = y }
    token-a { pin = 1 }
}
authorities {
    lab { cacert = lab.pem
        crl_uris = http://ca.example/a.crl, http://ca.example/b.crl
        cert_uri_base = http://ca.example/ }
    nothing { crl_uris = http://ca.example/c.crl }
}
";

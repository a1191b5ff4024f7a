//! Private keys and authorities in files.

use super::Site;

pub(super) const KEY: &[u8] = include_bytes!("../../../pki/testdata/prime256v1.pkcs8.pem");
pub(super) const CA: &[u8] = include_bytes!("../../../pki/testdata/ca.pem");
const MOON: &[u8] = include_bytes!("../../../pki/testdata/moon.pem");
const ENCRYPTED: &[u8] = include_bytes!("../../../pki/testdata/rsa.encrypted.pem");
const LEGACY: &[u8] = include_bytes!("../../../pki/testdata/rsa.legacy-encrypted.pem");

fn key(lines: &str) -> Site {
    Site::new(&format!(
        "[secrets.moon]\ntype = \"private_key\"\n{lines}\n"
    ))
    .with("moon.key", KEY)
    .with("encrypted.key", ENCRYPTED)
    .with("moon.pem", MOON)
}

fn authority(lines: &str) -> Site {
    Site::new(&format!("[authorities.lab]\n{lines}\n"))
        .with("ca.pem", CA)
        .with("moon.pem", MOON)
}

#[track_caller]
fn complains(site: &Site, place: &str, words: &[&str]) {
    let said = site.said();
    assert!(said.starts_with(place), "{said}");
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn a_private_key_is_read_from_its_file() {
    let site = key("file = \"moon.key\"");
    assert_eq!(site.said(), "");
    let loaded = site.loaded();
    let keys = loaded.config.secrets.private_keys();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].name, "moon");
    assert_eq!(loaded.config, site.loaded().config, "nothing has changed");
}

#[test]
fn what_is_no_private_key_is_refused() {
    let at = "holdfast.toml:3:8: secrets.moon.file: ";
    complains(
        &key("file = \"missing.key\""),
        at,
        &["cannot read missing.key", "create it"],
    );
    complains(
        &key("file = \"moon.pem\""),
        at,
        &["moon.pem cannot be used", "PEM or DER"],
    );
    complains(
        &key("file = \"encrypted.key\""),
        at,
        &["is encrypted", "add secret ="],
    );
    let open = key("file = \"moon.key\"").with_mode("moon.key", 0o644);
    complains(&open, at, &["open to every user", "chmod 0600"]);
    complains(
        &key(""),
        "holdfast.toml:1:",
        &["secrets.moon.file", "is missing"],
    );
    complains(
        &key("file = \"moon.key\"\nids = \"moon\""),
        "holdfast.toml:4:",
        &["secrets.moon.ids"],
    );
}

#[test]
fn an_encrypted_private_key_is_opened_with_its_passphrase() {
    let encrypted = |file: &str, secret: &str| {
        key(&format!("file = \"{file}\"\nsecret = {secret}"))
            .with("moon.pass", b"secret\n")
            .with("wrong.pass", b"Secret\n")
            .with("legacy.key", LEGACY)
    };
    let site = encrypted("encrypted.key", "{ file = \"moon.pass\" }");
    assert_eq!(site.said(), "");
    assert_eq!(site.loaded().config.secrets.private_keys().len(), 1);

    let at = "holdfast.toml:3:8: secrets.moon.file: ";
    complains(
        &encrypted("encrypted.key", "{ file = \"wrong.pass\" }"),
        at,
        &["the passphrase is wrong", "openssl pkey -in"],
    );
    complains(
        &encrypted("legacy.key", "{ file = \"moon.pass\" }"),
        at,
        &["PBES2", "openssl pkcs8 -topk8"],
    );
    complains(
        &encrypted("encrypted.key", "{ file = \"missing.pass\" }"),
        "holdfast.toml:4:",
        &["cannot read missing.pass"],
    );
    let idle = encrypted("moon.key", "{ file = \"moon.pass\" }");
    assert!(idle.said().contains("is not encrypted"), "{}", idle.said());
    assert_eq!(idle.loaded().config.secrets.private_keys().len(), 1);
}

#[test]
fn an_authority_is_read_from_its_file() {
    let site = authority("cacert = \"ca.pem\"\ncrl_uris = [\"http://ca.example/crl\"]");
    assert_eq!(site.said(), "");
    let loaded = site.loaded();
    let authorities = loaded.config.secrets.authorities();
    assert_eq!(authorities.len(), 1);
    assert_eq!(authorities[0].name, "lab");
    assert_eq!(authorities[0].crl_uris, ["http://ca.example/crl"]);
}

#[test]
fn what_is_no_authority_is_refused() {
    let at = "holdfast.toml:2:10: authorities.lab.cacert";
    complains(
        &authority("cacert = \"missing.pem\""),
        at,
        &["cannot read missing.pem"],
    );
    complains(
        &authority("cacert = \"moon.pem\""),
        at,
        &["not that of a CA"],
    );
    complains(
        &authority("ocsp_uris = \"a b\"\ncacert = \"ca.pem\""),
        "holdfast.toml:2:",
        &["is no URI"],
    );
    complains(&authority(""), "holdfast.toml:1:", &["add cacert"]);
}

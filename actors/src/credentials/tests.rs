use std::time::{Duration, Instant};

use holdfast_config::PskEntry;
use holdfast_pki::{Certificate, PrivateKey};

use super::*;

fn id(name: &str) -> Identification {
    Identification::Fqdn(name.to_owned())
}

fn secret(text: &str) -> Arc<Secret> {
    Arc::new(Secret::new(text.as_bytes()))
}

fn files(entries: &[(&str, &[&str], &str)]) -> Secrets {
    let entry = |(name, ids, text): &(&str, &[&str], &str)| PskEntry {
        name: (*name).to_owned(),
        ids: ids.iter().map(|name| id(name)).collect(),
        secret: secret(text),
    };
    Secrets::new(entries.iter().map(entry).collect())
}

fn load(credentials: &Credentials, name: &str, owners: &[&str], text: &str) {
    let owners = owners.iter().map(|name| id(name)).collect();
    let key = SharedKey::new(SharedKeyKind::Ike, owners, secret(text));
    credentials
        .load_shared_key(Some(name), key)
        .expect("loaded");
}

fn psk(credentials: &Credentials, local: &str, remote: &str) -> Option<String> {
    let secret = credentials.psk(&id(local), &id(remote))?;
    Some(String::from_utf8(secret.expose().to_vec()).expect("text"))
}

#[test]
fn the_better_fit_wins_whoever_loaded_it() {
    let credentials = Credentials::new(&files(&[
        ("both", &["moon", "sun"], "file-both"),
        ("mars", &["mars"], "file-mars"),
        ("rest", &[], "file-rest"),
    ]));
    load(&credentials, "a", &["sun"], "client-sun");
    let best = |local: &str, remote: &str| psk(&credentials, local, remote);
    assert_eq!(best("moon", "sun").as_deref(), Some("file-both"));
    assert_eq!(best("x", "mars").as_deref(), Some("file-mars"));
    assert_eq!(best("x", "y").as_deref(), Some("file-rest"));
    // Both name the peer only.
    assert_eq!(best("x", "sun").as_deref(), Some("client-sun"));
    load(&credentials, "b", &[], "client-rest");
    assert_eq!(best("x", "y").as_deref(), Some("client-rest"));
    assert_eq!(best("x", "mars").as_deref(), Some("file-mars"));
    assert_eq!(
        best("mars", "x").as_deref(),
        Some("file-mars"),
        "it names us"
    );
}

#[test]
fn each_source_changes_its_own_only() {
    let credentials = Credentials::new(&files(&[("p", &["sun"], "file")]));
    load(&credentials, "p", &["mars"], "client");
    credentials.replace_files(&files(&[("p", &["sun"], "new")]));
    assert_eq!(psk(&credentials, "x", "sun").as_deref(), Some("new"));
    assert_eq!(psk(&credentials, "x", "mars").as_deref(), Some("client"));
    assert_eq!(
        credentials.shared_key_names(),
        ["p"],
        "clients see theirs only"
    );
    assert!(credentials.unload_shared_key("p"));
    assert!(!credentials.unload_shared_key("p"));
    load(&credentials, "q", &["mars"], "client");
    credentials.clear();
    assert_eq!(psk(&credentials, "x", "mars"), None);
    assert_eq!(psk(&credentials, "x", "sun").as_deref(), Some("new"));
    credentials.replace_files(&Secrets::default());
    assert_eq!(psk(&credentials, "x", "sun"), None);
}

#[test]
fn kinds_are_apart() {
    let credentials = Credentials::new(&Secrets::default());
    for (name, kind) in [("e", SharedKeyKind::Eap), ("p", SharedKeyKind::Ppk)] {
        let key = SharedKey::new(kind, vec![id("sun")], secret(name));
        credentials
            .load_shared_key(Some(name), key)
            .expect("loaded");
    }
    assert_eq!(psk(&credentials, "moon", "sun"), None);
    let eap = credentials.shared_key(SharedKeyKind::Eap, &id("moon"), &id("sun"));
    assert_eq!(eap.as_deref(), Some(&Secret::new(*b"e")));
}

/// 20,000 keys that all name us, one by one, twice; then each is looked up. With anything copied or
/// searched for each key this takes minutes.
#[test]
fn loading_many_keys_is_linear() {
    const KEYS: usize = 20_000;
    let credentials = Credentials::new(&Secrets::default());
    let begin = Instant::now();
    for round in 0..2 {
        for number in 0..KEYS {
            let peer = format!("peer{number}");
            let text = format!("{round}-{number}");
            load(&credentials, &peer, &["moon", &peer], &text);
        }
    }
    for number in 0..KEYS {
        let found = psk(&credentials, "moon", &format!("peer{number}"));
        assert_eq!(found, Some(format!("1-{number}")));
    }
    assert_eq!(credentials.shared_key_names().len(), KEYS);
    credentials.clear();
    assert!(credentials.shared_key_names().is_empty());
    assert!(
        begin.elapsed() < Duration::from_secs(20),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn clearing_forgets_all_but_authorities() {
    let credentials = Credentials::new(&Secrets::default());
    let read = |octets: &[u8]| Certificate::parse(octets).expect("a certificate");
    let ca = || read(include_bytes!("../../../pki/testdata/ca.pem"));
    let sub_ca = || read(include_bytes!("../../../pki/testdata/sub-ca.pem"));
    let key = include_bytes!("../../../pki/testdata/ed25519.pkcs8.pem");
    let authority = Authority {
        certificate: Arc::new(ca()),
        crl_uris: Vec::new(),
        ocsp_uris: Vec::new(),
        cert_uri_base: None,
    };
    credentials
        .change(|store| {
            store.add_certificate(CertificateUse::Ca, ca())?;
            store.add_certificate(CertificateUse::Ca, sub_ca())?;
            store.add_private_key(PrivateKey::parse(key, None).expect("a key"))?;
            store.add_authority("lab", authority)
        })
        .expect("loaded");
    let before = credentials.store();
    credentials.clear();
    let after = credentials.store();
    assert_eq!(before.anchors().len(), 2, "a snapshot stays as it was");
    assert_eq!(after.anchors(), [&Arc::new(ca())]);
    assert_eq!(after.private_key_ids().count(), 0);
    assert_eq!(after.authorities().count(), 1);
}

#[test]
fn a_change_that_fails_changes_nothing() {
    let credentials = Credentials::new(&Secrets::default());
    let moon = include_bytes!("../../../pki/testdata/moon.pem");
    let moon = || Certificate::parse(moon).expect("a certificate");
    let failed = credentials.change(|store| {
        store.add_certificate(CertificateUse::EndEntity, moon())?;
        store.add_certificate(CertificateUse::Ca, moon())
    });
    assert_eq!(failed, Err(CredentialError::NotCa));
    assert!(credentials.store().list(&Subject::Any).is_empty());
}

use super::*;

fn data(name: &str) -> Vec<u8> {
    let path = format!("{}/../pki/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn certificate(name: &str) -> Certificate {
    Certificate::parse(&data(name)).expect("a certificate")
}

/// Flag, name and whether there is a key, of everything with this subject.
fn listed(store: &Store, subject: &str) -> Vec<String> {
    let subject = Subject::parse(subject).expect("a subject");
    let key = |has: bool| if has { " with key" } else { "" };
    let list = store.list(&subject);
    list.iter()
        .map(|listed| match listed {
            Listed::PublicKey(_, has) => format!("PUBKEY{}", key(*has)),
            Listed::RevocationList(_) => "CRL".to_owned(),
            Listed::Certificate(used, certificate, has) => {
                let files = ["moon", "sun", "ca", "sub-ca", "ocsp"];
                let name = files.into_iter().find(|name| {
                    self::certificate(&format!("{name}.pem")).der() == certificate.der()
                });
                format!("{} {}{}", used.flag(), name.expect("known"), key(*has))
            }
        })
        .collect()
}

fn filled() -> Store {
    let mut store = Store::default();
    for (used, name) in [
        (CertificateUse::EndEntity, "moon.pem"),
        (CertificateUse::EndEntity, "moon.der"),
        // Whatever they are announced as.
        (CertificateUse::EndEntity, "ca.pem"),
        (CertificateUse::OcspSigner, "sub-ca.pem"),
        (CertificateUse::EndEntity, "ocsp.pem"),
        (CertificateUse::AttributeAuthority, "sun.pem"),
    ] {
        store
            .add_certificate(used, certificate(name))
            .expect("room");
    }
    for name in ["rsa.pkcs1.pem", "rsa.pkcs8.pem", "secp384r1.sec1.pem"] {
        let key = PrivateKey::parse(&data(name), None).expect("a key");
        store.add_private_key(key).expect("room");
    }
    for name in ["ed25519.public.pem", "rsa.public.pem"] {
        store
            .add_public_key(PublicKey::parse(&data(name)).expect("a key"))
            .expect("room");
    }
    let list = RevocationList::parse(&data("crl.pem")).expect("a list");
    store.add_revocation_list(list.clone()).expect("room");
    store.add_revocation_list(list).expect("room");
    store
}

/// What charon 5.9.8 lists for the same files, in its order.
#[test]
fn everything_is_listed_once_and_by_what_it_is() {
    assert_eq!(
        listed(&filled(), "%any"),
        [
            "PUBKEY with key",
            "PUBKEY",
            "NONE moon with key",
            "CA ca",
            "CA sub-ca with key",
            "AA sun",
            "OCSP ocsp",
            "CRL",
        ]
    );
}

#[test]
fn subjects() {
    let store = filled();
    for (subject, expected) in [
        (
            "C=CH, O=Holdfast Lab, CN=moon.example",
            &["NONE moon with key"][..],
        ),
        ("moon.example", &["NONE moon with key"]),
        ("MOON@example.org", &["NONE moon with key"]),
        ("192.0.2.1", &["NONE moon with key"]),
        ("*.example", &["NONE moon with key", "AA sun"]),
        ("C=CH, O=Holdfast Lab, CN=Lab CA", &["CA ca", "CRL"]),
        (
            "C=CH, O=Holdfast Lab, CN=*",
            &[
                "NONE moon with key",
                "CA ca",
                "CA sub-ca with key",
                "OCSP ocsp",
                "CRL",
            ],
        ),
        ("CN=moon.example", &[]),
        ("other.example", &[]),
        ("192.0.2.2", &[]),
    ] {
        assert_eq!(listed(&store, subject), expected, "{subject}");
    }
    let id = PublicKey::parse(&data("rsa.public.pem"))
        .expect("a key")
        .id();
    let by_key = listed(&store, &format!("keyid:#{id}"));
    assert_eq!(by_key, ["PUBKEY with key", "NONE moon with key"]);
    assert_eq!(Subject::parse("CN=a, nonsense"), None);
}

#[test]
fn keys_are_removed_by_name() {
    let mut store = filled();
    let id = PublicKey::parse(&data("rsa.public.pem"))
        .expect("a key")
        .id();
    assert!(store.remove_private_key(id));
    assert!(!store.remove_private_key(id));
    assert_eq!(listed(&store, "moon.example"), ["NONE moon"]);
}

#[test]
fn an_authority_brings_its_anchor_and_takes_it_away() {
    let mut store = Store::default();
    let authority = || Authority {
        certificate: Arc::new(certificate("ca.pem")),
        crl_uris: Vec::new(),
        ocsp_uris: Vec::new(),
        cert_uri_base: None,
    };
    store.add_authority("a", authority()).expect("room");
    store.add_authority("b", authority()).expect("room");
    assert_eq!(listed(&store, "%any"), ["CA ca"], "once");
    assert!(store.remove_authority("a") && store.remove_authority("b"));
    assert!(!store.remove_authority("b"));
    assert!(listed(&store, "%any").is_empty());
}

#[test]
fn there_is_a_limit() {
    let mut store = Store::default();
    let authority = Authority {
        certificate: Arc::new(certificate("ca.pem")),
        crl_uris: Vec::new(),
        ocsp_uris: Vec::new(),
        cert_uri_base: None,
    };
    for number in 0..MOST_AUTHORITIES {
        store
            .add_authority(&number.to_string(), authority.clone())
            .expect("room");
    }
    assert!(store.add_authority("7", authority.clone()).is_ok());
    assert_eq!(
        store.add_authority("x", authority),
        Err(CredentialError::TooMany("1,024 authorities"))
    );
}

#[test]
fn clients_cannot_remove_what_the_files_say() {
    let key = include_bytes!("../../../../pki/testdata/prime256v1.pkcs8.pem");
    let key = Arc::new(PrivateKey::parse(key, None).expect("a key"));
    let ca = include_bytes!("../../../../pki/testdata/ca.pem");
    let secrets = Secrets::default()
        .with_private_keys(vec![holdfast_config::PrivateKeyEntry {
            name: "moon".to_owned(),
            key: Arc::clone(&key),
        }])
        .with_authorities(vec![holdfast_config::AuthorityEntry {
            name: "lab".to_owned(),
            certificate: Arc::new(Certificate::parse(ca).expect("a certificate")),
            crl_uris: Vec::new(),
            ocsp_uris: Vec::new(),
        }]);
    let id = key.public().id();
    let mut store = Store::default();
    store.replace_files(&secrets);
    assert!(!store.remove_private_key(id));
    assert!(!store.remove_authority("lab"));
    let mut store = store.without_credentials();
    assert!(store.private_key(id).is_some());
    assert_eq!(store.anchors().len(), 1);
    assert_eq!(store.authorities().count(), 1);
    assert_eq!(store.private_key_ids().count(), 0);
    store.replace_files(&Secrets::default());
    assert!(store.private_key(id).is_none());
    assert!(store.anchors().is_empty());
}

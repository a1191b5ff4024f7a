use super::*;

fn id(name: &str) -> Identification {
    Identification::Fqdn(name.to_owned())
}

fn key(owners: &[&str], text: &str) -> SharedKey {
    let owners = owners.iter().map(|name| id(name)).collect();
    SharedKey::new(
        SharedKeyKind::Ike,
        owners,
        Arc::new(Secret::new(text.as_bytes())),
    )
}

fn best(keys: &SharedKeys, local: &str, remote: &str) -> Option<(Fit, String)> {
    let (fit, secret) = keys.best(SharedKeyKind::Ike, &id(local), &id(remote))?;
    Some((
        fit,
        String::from_utf8(secret.expose().to_vec()).expect("text"),
    ))
}

fn loaded(entries: &[(&str, &[&str])]) -> SharedKeys {
    let mut keys = SharedKeys::default();
    for (name, owners) in entries {
        keys.insert(Some(name), key(owners, name)).expect("room");
    }
    keys
}

#[test]
fn the_best_fit() {
    let keys = loaded(&[
        ("everybody", &[]),
        ("us", &["moon"]),
        ("peer", &["sun"]),
        ("peer2", &["sun"]),
        ("both", &["sun", "moon"]),
    ]);
    let expect = |fit, name: &str| Some((fit, name.to_owned()));
    assert_eq!(best(&keys, "moon", "sun"), expect(Fit::Both, "both"));
    assert_eq!(best(&keys, "x", "sun"), expect(Fit::Remote, "peer"));
    assert_eq!(best(&keys, "moon", "x"), expect(Fit::Local, "us"));
    assert_eq!(best(&keys, "x", "y"), expect(Fit::Everybody, "everybody"));
    assert_eq!(best(&SharedKeys::default(), "x", "y"), None);
}

/// The same choice as the configuration's own, which decides what `holdfast check` says.
#[test]
fn the_choice_is_that_of_the_files() {
    use holdfast_config::PskEntry;
    let names = ["a", "b", "c", "d"];
    let mut state = 7_u32;
    let mut draw = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    for _ in 0..300 {
        let entries = (0..draw(6)).map(|number| PskEntry {
            name: number.to_string(),
            ids: names
                .iter()
                .filter(|_| draw(3) == 0)
                .map(|name| id(name))
                .collect(),
            secret: Arc::new(Secret::new(number.to_string().into_bytes())),
        });
        let secrets = Secrets::new(entries.collect());
        let keys = SharedKeys::from_files(&secrets);
        for local in names {
            for remote in names {
                let ours = keys.best(SharedKeyKind::Ike, &id(local), &id(remote));
                let theirs = secrets.psk(&id(local), &id(remote));
                assert_eq!(ours.map(|(_, secret)| secret), theirs.as_ref());
            }
        }
    }
}

#[test]
fn the_same_name_replaces() {
    let mut keys = loaded(&[("a", &["sun"]), ("b", &["sun"])]);
    let replaced = keys.insert(Some("a"), key(&["mars"], "new")).expect("room");
    assert_eq!(replaced.expect("the old one").secret.expose(), b"a");
    assert_eq!(best(&keys, "x", "sun").expect("a key").1, "b");
    assert_eq!(best(&keys, "x", "mars").expect("a key").1, "new");
    assert_eq!(keys.names(), ["b", "a"]);
}

#[test]
fn keys_without_a_name() {
    let mut keys = SharedKeys::default();
    for text in ["1", "2"] {
        keys.insert(None, key(&["sun"], text)).expect("room");
        keys.insert(None, key(&["mars"], text)).expect("room");
    }
    assert!(keys.names().is_empty());
    assert_eq!(keys.keys.len(), 2, "the same owners again");
    assert_eq!(best(&keys, "x", "sun").expect("a key").1, "2");
}

#[test]
fn nothing_is_left_of_what_was_removed() {
    let mut keys = loaded(&[("a", &["sun", "moon"]), ("b", &[])]);
    assert!(keys.remove("a").is_some() && keys.remove("b").is_some());
    assert!(keys.remove("a").is_none());
    assert_eq!(keys.octets, 0);
    assert!(keys.keys.is_empty() && keys.names.is_empty());
    let tables = keys.tables.iter();
    assert!(tables.clone().all(|table| table.by_owner.is_empty()));
    assert!(tables.clone().all(|table| table.everybody.is_empty()));
}

#[test]
fn memory_is_bounded() {
    let mut keys = SharedKeys::default();
    let large = || {
        let secret = Arc::new(Secret::new(vec![0; 60_000]));
        SharedKey::new(SharedKeyKind::Eap, Vec::new(), secret)
    };
    let mut loaded = 0;
    while keys.insert(Some(&loaded.to_string()), large()).is_ok() {
        loaded += 1;
    }
    assert_eq!(loaded, MOST_OCTETS / 60_000);
    assert!(
        keys.insert(Some("0"), large()).is_ok(),
        "it takes the place of one"
    );
    let other = SharedKey::new(
        SharedKeyKind::Eap,
        Vec::new(),
        Arc::new(Secret::new(vec![0; 65_000])),
    );
    // Too large for the place of the old one, which stays.
    let room = MOST_OCTETS - keys.octets;
    assert!(room < 5_000 || keys.insert(Some("1"), other.clone()).is_ok());
    for number in 0..100 {
        let _ = keys.insert(Some(&number.to_string()), other.clone());
    }
    assert!(keys.octets <= MOST_OCTETS);
    assert_eq!(keys.names().len(), loaded);
}

#[test]
fn names_of_kinds() {
    assert_eq!(SharedKeyKind::from_name("IKE"), Some(SharedKeyKind::Ike));
    assert_eq!(SharedKeyKind::from_name("ppk"), Some(SharedKeyKind::Ppk));
    for name in ["", "any", "pin", "psk"] {
        assert_eq!(SharedKeyKind::from_name(name), None, "{name}");
    }
}

use super::*;
use crate::{Certificate, tests::data};

#[test]
fn what_a_list_says() {
    let list = RevocationList::parse(&data("crl.pem")).expect("a list");
    let ca = Certificate::parse(&data("ca.pem")).expect("a certificate");
    assert_eq!(list.issuer(), ca.subject());
    assert_eq!(list.authority_key_id(), Some(ca.subject_key_id()));
    assert_eq!(list.revoked(), 1);
    let days = list
        .next_update()
        .map(|next| (next - list.this_update()) / 86_400);
    assert_eq!(days, Some(36_500));
}

#[test]
fn a_newer_list_replaces_an_older_one_of_the_same_issuer() {
    let old = RevocationList::parse(&data("crl.pem")).expect("a list");
    let mut new = old.clone();
    new.number = Some([2].into());
    new.this_update = old.this_update - 1;
    assert!(
        new.replaces(&old) && !old.replaces(&new),
        "the number counts first"
    );
    new.number = Some([1, 0].into());
    assert!(new.replaces(&old) && !old.replaces(&new));
    new.authority_key_id = None;
    assert!(!new.replaces(&old) && !old.replaces(&new), "another key");
}

#[test]
fn what_is_no_list() {
    for name in ["moon.pem", "moon.der", "rsa.pkcs1.der"] {
        assert!(RevocationList::parse(&data(name)).is_err(), "{name}");
    }
}

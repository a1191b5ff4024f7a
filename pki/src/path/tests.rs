mod names_and_policies;
mod torture;

use super::*;
use crate::{Identity, NamePattern, tests::data};

const NOW: i64 = 1_800_000_000;

fn load(name: &str) -> Arc<Certificate> {
    Arc::new(Certificate::parse(&data(name)).expect(name))
}

#[test]
fn a_path_of_two() {
    let (moon, ca, sub_ca) = (load("moon.pem"), load("ca.pem"), load("sub-ca.pem"));
    let policy = PathPolicy::default();
    let anchors = [Arc::clone(&ca)];
    let validator = Validator {
        anchors: &anchors,
        intermediates: &[],
        pinned: &[],
        policy: &policy,
    };
    let path = validator.validate(&moon, &[sub_ca], NOW).expect("a path");
    assert_eq!(path.certificates(), [Arc::clone(&moon), Arc::clone(&ca)]);
    assert_eq!((path.end_entity(), path.anchor()), (&moon, &ca));
    let untrusting = Validator {
        anchors: &[],
        ..validator
    };
    let error = untrusting
        .validate(&moon, &[ca], NOW)
        .expect_err("no anchor");
    assert!(matches!(error, PathError::NoIssuer { .. }), "{error}");
    let pinning = Validator {
        pinned: &[Arc::clone(&moon)],
        ..untrusting
    };
    let path = pinning.validate(&moon, &[], NOW).expect("pinned");
    assert_eq!(path.anchor(), &moon);
}

#[test]
fn identities() {
    let moon = load("moon.pem");
    let pattern = |text| NamePattern::parse(text).expect(text);
    let (fits, other) = (pattern("C=CH, O=Holdfast Lab, CN=*"), pattern("C=CH, CN=*"));
    for (identity, expected) in [
        (Identity::Dns("Moon.Example"), true),
        (Identity::Dns("sun.example"), false),
        (Identity::Rfc822("moon@example.org"), true),
        (Identity::Rfc822("moon.example"), false),
        (Identity::Ip([192, 0, 2, 1].into()), true),
        (Identity::Ip([192, 0, 2, 2].into()), false),
        (Identity::Uri("urn:moon"), true),
        (Identity::Name(moon.subject().der()), true),
        (Identity::Name(moon.issuer().der()), false),
        (Identity::Name(&[0x30, 0]), false),
        (Identity::KeyId(moon.subject_key_id()), true),
        (Identity::KeyId(b"moon"), false),
        (Identity::Pattern(&fits), true),
        (Identity::Pattern(&other), false),
    ] {
        assert_eq!(moon.confirms(&identity), expected, "{identity:?}");
    }
}

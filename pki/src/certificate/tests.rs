use super::*;
use crate::{Curve, KeyAlgorithm, PrivateKey, tests::data};

fn load(name: &str) -> Certificate {
    Certificate::parse(&data(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn what_an_end_entity_says() {
    let moon = load("moon.pem");
    let ca = load("ca.pem");
    assert_eq!(moon, load("moon.der"));
    assert_eq!(moon.der(), data("moon.der"));
    assert_eq!(moon.issuer(), ca.subject());
    assert_eq!(moon.authority_key_id(), Some(ca.subject_key_id()));
    assert!(!moon.is_ca() && !moon.signs_ocsp());
    let key = PrivateKey::parse(&data("rsa.pkcs1.pem"), None).expect("a key");
    assert_eq!(moon.public_key(), key.public());
    assert_eq!(moon.subject_key_id(), key.public().id().as_bytes());
    assert_eq!(
        moon.alternative_names(),
        [
            AlternativeName::Dns("moon.example".to_owned()),
            AlternativeName::Ip([192, 0, 2, 1].into()),
            AlternativeName::Rfc822("moon@example.org".to_owned()),
            AlternativeName::Uri("urn:moon".to_owned()),
        ]
    );
    let validity = moon.validity();
    let day = 24 * 60 * 60;
    assert_eq!(validity.not_after - validity.not_before, 36_500 * day);
}

#[test]
fn who_may_do_what() {
    for (name, is_ca, signs_ocsp) in [
        ("ca.pem", true, false),
        ("sub-ca.pem", true, false),
        ("ocsp.pem", false, true),
        ("sun.pem", false, false),
    ] {
        let certificate = load(name);
        assert_eq!(certificate.is_ca(), is_ca, "{name}");
        assert_eq!(certificate.signs_ocsp(), signs_ocsp, "{name}");
    }
    let algorithm = load("ocsp.pem").public_key().algorithm().clone();
    assert_eq!(algorithm, KeyAlgorithm::Ecdsa(Curve::P521));
}

#[test]
fn what_is_no_certificate() {
    let trailing = [&data("moon.der")[..], &[0]].concat();
    assert_eq!(
        Certificate::parse(&trailing),
        Err(ParseError::Der("a certificate"))
    );
    assert_eq!(
        Certificate::parse(b""),
        Err(ParseError::Der("a certificate"))
    );
    assert_eq!(
        Certificate::parse(&data("crl.pem")),
        Err(ParseError::NoPem("CERTIFICATE"))
    );
    assert_eq!(
        Certificate::parse(&vec![0x30; MAX_INPUT + 1]),
        Err(ParseError::TooLong)
    );
}

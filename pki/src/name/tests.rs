use super::*;
use crate::{Certificate, tests::data};

fn subject(name: &str) -> Name {
    Certificate::parse(&data(name))
        .expect("a certificate")
        .subject()
        .clone()
}

#[test]
fn patterns() {
    let moon = subject("moon.pem");
    for (pattern, matches) in [
        ("C=CH, O=Holdfast Lab, CN=moon.example", true),
        ("c=CH,o=Holdfast Lab,cn=moon.example", true),
        ("/C=CH/O=Holdfast Lab/CN=moon.example", true),
        ("C=CH, O=*, CN=*", true),
        ("C=CH, O=Holdfast Lab, CN=sun.example", false),
        ("C=CH, O=Holdfast Lab", false),
        ("CN=moon.example", false),
        ("CN=moon.example, O=Holdfast Lab, C=CH", false),
    ] {
        let pattern = NamePattern::parse(pattern).expect("a pattern");
        assert_eq!(pattern.matches(&moon), matches, "{pattern:?}");
    }
    let sun = NamePattern::parse("C=CH, O=Holdfast Lab, OU=Ünïts, CN=sun.example");
    assert!(sun.expect("a pattern").matches(&subject("sun.pem")));
}

#[test]
fn no_patterns() {
    for text in ["", "moon.example", "XX=y", "CN=a, moon", "/"] {
        assert_eq!(NamePattern::parse(text), None, "{text}");
    }
}

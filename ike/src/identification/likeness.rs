//! When two identities are the same, and which ones a pattern covers.

use super::{Identification, distinguished_name};

impl Identification {
    /// Whether both mean the same. Distinguished names may be written by other types of string
    /// (RFC 5280 section 7.1), hosts in another case.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fqdn(ours), Self::Fqdn(theirs)) | (Self::Rfc822(ours), Self::Rfc822(theirs)) => {
                ours.eq_ignore_ascii_case(theirs)
            }
            (Self::DerAsn1Dn(ours), Self::DerAsn1Dn(theirs)) => {
                ours == theirs || distinguished_name::covers(ours, theirs, false)
            }
            _ => self == other,
        }
    }

    /// Whether it stands for more than one identity: a name that begins with `*`, or a
    /// distinguished name of which a value is `*`.
    pub fn has_wildcard(&self) -> bool {
        match self {
            Self::Fqdn(name) | Self::Rfc822(name) => name.starts_with('*'),
            Self::DerAsn1Dn(encoded) => distinguished_name::has_wildcard(encoded),
            _ => false,
        }
    }

    /// Whether `id` is of the form that this one has.
    pub(crate) fn covers(&self, id: &Self) -> bool {
        match (self, id) {
            (Self::Fqdn(pattern), Self::Fqdn(name))
            | (Self::Rfc822(pattern), Self::Rfc822(name)) => match pattern.strip_prefix('*') {
                Some(end) => {
                    let begin = name.len().checked_sub(end.len());
                    // What `*` stands for is never nothing.
                    let rest = begin.filter(|begin| *begin > 0);
                    rest.and_then(|begin| name.get(begin..))
                        .is_some_and(|rest| rest.eq_ignore_ascii_case(end))
                }
                None => self.is_same(id),
            },
            (Self::DerAsn1Dn(pattern), Self::DerAsn1Dn(name)) => {
                distinguished_name::covers(pattern, name, true)
            }
            _ => self.is_same(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Identification, config::IdMatch};

    fn id(text: &str) -> Identification {
        Identification::from_config(text).unwrap()
    }

    #[test]
    fn names() {
        let pattern = IdMatch::Pattern(id("*.example"));
        assert!(pattern.matches(&id("moon.example")) && pattern.matches(&id("a.MOON.Example")));
        for other in [
            "example",
            ".example",
            "moon.example.org",
            "x@moon.example",
            "192.0.2.1",
        ] {
            assert!(!pattern.matches(&id(other)), "{other}");
        }
        assert!(IdMatch::Pattern(id("*@example")).matches(&id("me@example")));
        assert!(IdMatch::Exact(id("Moon.example")).matches(&id("moon.EXAMPLE")));
    }

    #[test]
    fn distinguished_names() {
        let moon = id("C=CH, O=Holdfast, CN=moon.example");
        assert_eq!(moon.to_string(), "C=CH, O=Holdfast, CN=moon.example");
        assert!(moon.is_same(&id("/C=ch/O=holdfast/CN=Moon.example")));
        let pattern = id("C=CH, O=Holdfast, CN=*");
        assert!(pattern.has_wildcard() && !moon.has_wildcard());
        assert!(IdMatch::Pattern(pattern.clone()).matches(&moon));
        for other in [
            "C=CH, O=Other, CN=moon",
            "C=CH, O=Holdfast",
            "O=Holdfast, C=CH, CN=moon",
        ] {
            assert!(
                !IdMatch::Pattern(pattern.clone()).matches(&id(other)),
                "{other}"
            );
        }
        assert!(
            !IdMatch::Exact(pattern).matches(&moon),
            "an exact identity has no wildcards"
        );
        for wrong in ["CN", "CN=a, b", "XYZ=a", "=a", "CN=a,, O=b"] {
            assert!(
                Identification::from_config(&format!("asn1dn:{wrong}")).is_err(),
                "{wrong}"
            );
        }
    }
}

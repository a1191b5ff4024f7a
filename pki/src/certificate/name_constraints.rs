//! Name constraints (RFC 5280 section 4.2.1.10).

use crate::{
    Name,
    der::{self, Element},
    general_name::GeneralName,
};

/// Which names certificates below a CA may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameConstraints {
    permitted: Box<[GeneralName]>,
    excluded: Box<[GeneralName]>,
}

impl NameConstraints {
    /// Reads them. Subtrees with a minimum or maximum are not in the profile, and refused.
    pub(crate) fn read(value: Element<'_>) -> Option<Self> {
        let mut constraints = Self::default();
        for part in value.tagged(der::SEQUENCE)?.all()? {
            let subtrees: Option<Box<[_]>> = part
                .all()?
                .into_iter()
                .map(|subtree| GeneralName::read(subtree.tagged(der::SEQUENCE)?.inner()?))
                .collect();
            match part.tag {
                der::CONTEXT_0 => constraints.permitted = subtrees?,
                der::CONTEXT_1 => constraints.excluded = subtrees?,
                _ => return None,
            }
        }
        Some(constraints)
    }

    /// How many comparisons a name costs.
    pub(crate) fn len(&self) -> usize {
        self.permitted.len() + self.excluded.len()
    }

    /// Whether a certificate may have this name. Where a kind of name is constrained that cannot be
    /// compared here, no name of the kind is allowed.
    pub(crate) fn allow(&self, name: &GeneralName) -> bool {
        let kind = std::mem::discriminant(name);
        let same_kind = |subtree: &&GeneralName| match (*subtree, name) {
            (GeneralName::Other(constrained), GeneralName::Other(named)) => constrained == named,
            (subtree, _) => std::mem::discriminant(subtree) == kind,
        };
        let mut permitted = self.permitted.iter().filter(same_kind).peekable();
        let mut excluded = self.excluded.iter().filter(same_kind);
        let inside = |subtree: &GeneralName| is_within(name, subtree);
        // What cannot be compared is taken to be excluded, and not to be permitted.
        let is_permitted =
            permitted.peek().is_none() || permitted.any(|subtree| inside(subtree) == Some(true));
        is_permitted && excluded.all(|subtree| inside(subtree) == Some(false))
    }

    /// Whether a certificate may have this subject; an empty one is no name.
    pub(crate) fn allow_subject(&self, subject: &Name) -> bool {
        subject.is_empty() || self.allow(&GeneralName::Directory(subject.clone()))
    }
}

/// `None` if that cannot be told.
fn is_within(name: &GeneralName, base: &GeneralName) -> Option<bool> {
    Some(match (name, base) {
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns_within(name, base),
        (GeneralName::Rfc822(name), GeneralName::Rfc822(base)) => mail_within(name, base)?,
        (GeneralName::Uri(name), GeneralName::Uri(base)) => host_within(uri_host(name)?, base),
        (GeneralName::Directory(name), GeneralName::Directory(base)) => name.is_within(base),
        (GeneralName::Ip(address), GeneralName::Ip(network)) => ip_within(address, network)?,
        _ => return None,
    })
}

/// The base and everything below it. Bases that begin with a dot, for what is below only, are not in
/// the RFC but in use.
fn dns_within(name: &str, base: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    base.is_empty()
        || base.starts_with('.') && below(name, base)
        || name.eq_ignore_ascii_case(base)
        || below(name, &format!(".{base}"))
}

/// A mailbox, or all of a host, or with a leading dot all of the hosts below a domain.
fn mail_within(name: &str, base: &str) -> Option<bool> {
    let (mailbox, host) = name.rsplit_once('@')?;
    Some(match base.rsplit_once('@') {
        Some((base_mailbox, base_host)) => {
            mailbox == base_mailbox && host.eq_ignore_ascii_case(base_host)
        }
        None => base.is_empty() || host_within(host, base),
    })
}

/// A host, or with a leading dot the hosts below a domain.
fn host_within(host: &str, base: &str) -> bool {
    if base.starts_with('.') {
        below(host, base)
    } else {
        host.eq_ignore_ascii_case(base)
    }
}

/// Whether the name ends in this, which begins with a dot, and has something in front of it.
fn below(name: &str, suffix: &str) -> bool {
    name.len() > suffix.len()
        && name
            .get(name.len() - suffix.len()..)
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

/// The host of a URI with an authority; addresses are no hosts to be constrained, and URIs without a
/// host are not to be accepted (RFC 5280 section 4.2.1.10).
fn uri_host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    let is_name =
        !host.is_empty() && !host.starts_with('[') && host.parse::<std::net::IpAddr>().is_err();
    is_name.then_some(host)
}

fn ip_within(address: &[u8], network: &[u8]) -> Option<bool> {
    let (base, mask) = network.split_at_checked(network.len() / 2)?;
    if !matches!(base.len(), 4 | 16) || base.len() != mask.len() || !matches!(address.len(), 4 | 16)
    {
        return None;
    }
    let same = |((octet, base), mask): ((&u8, &u8), &u8)| octet & mask == base & mask;
    Some(address.len() == base.len() && address.iter().zip(base).zip(mask).all(same))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dns(name: &str) -> GeneralName {
        GeneralName::Dns(name.to_owned())
    }

    fn mail(name: &str) -> GeneralName {
        GeneralName::Rfc822(name.to_owned())
    }

    fn uri(name: &str) -> GeneralName {
        GeneralName::Uri(name.to_owned())
    }

    fn ip(octets: &[u8]) -> GeneralName {
        GeneralName::Ip(octets.into())
    }

    #[test]
    fn within() {
        for (name, base, expected) in [
            (dns("a.example"), dns("example"), Some(true)),
            (dns("A.Example"), dns("a.example"), Some(true)),
            (dns("aexample"), dns("example"), Some(false)),
            (dns("example"), dns("a.example"), Some(false)),
            (dns("a.example"), dns(".example"), Some(true)),
            (dns("example"), dns(".example"), Some(false)),
            (dns("a.example."), dns("example"), Some(true)),
            (dns("anything"), dns(""), Some(true)),
            (mail("a@host.example"), mail("host.example"), Some(true)),
            (mail("a@b.host.example"), mail("host.example"), Some(false)),
            (mail("a@b.host.example"), mail(".host.example"), Some(true)),
            (mail("a@host.example"), mail("a@HOST.example"), Some(true)),
            (mail("A@host.example"), mail("a@host.example"), Some(false)),
            (mail("nonsense"), mail("host.example"), None),
            (
                uri("http://host.example/x"),
                uri("host.example"),
                Some(true),
            ),
            (
                uri("http://u@host.example:1/x"),
                uri("host.example"),
                Some(true),
            ),
            (
                uri("http://host.example@evil/x"),
                uri("host.example"),
                Some(false),
            ),
            (
                uri("http://a.host.example"),
                uri(".host.example"),
                Some(true),
            ),
            (uri("http://192.0.2.1/x"), uri("host.example"), None),
            (uri("urn:moon"), uri("host.example"), None),
            (
                ip(&[192, 0, 2, 1]),
                ip(&[192, 0, 2, 0, 255, 255, 255, 0]),
                Some(true),
            ),
            (
                ip(&[192, 0, 3, 1]),
                ip(&[192, 0, 2, 0, 255, 255, 255, 0]),
                Some(false),
            ),
            (ip(&[0; 16]), ip(&[0; 8]), Some(false)),
            (ip(&[0; 16]), ip(&[0; 32]), Some(true)),
            (ip(&[0; 4]), ip(&[0; 7]), None),
            (ip(&[0; 5]), ip(&[0; 8]), None),
        ] {
            assert_eq!(is_within(&name, &base), expected, "{name:?} in {base:?}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_not_allowed() {
        let constraints = |permitted: &[GeneralName], excluded: &[GeneralName]| NameConstraints {
            permitted: permitted.into(),
            excluded: excluded.into(),
        };
        let permitting = constraints(&[uri("host.example")], &[]);
        let excluding = constraints(&[], &[uri("host.example")]);
        assert!(!permitting.allow(&uri("urn:moon")));
        assert!(!excluding.allow(&uri("urn:moon")));
        assert!(permitting.allow(&dns("other")), "of another kind");
        assert!(!constraints(&[GeneralName::Other(0)], &[]).allow(&GeneralName::Other(0)));
        assert!(!constraints(&[], &[GeneralName::Other(0)]).allow(&GeneralName::Other(0)));
        assert!(constraints(&[], &[GeneralName::Other(0)]).allow(&GeneralName::Other(8)));
        let both = constraints(&[dns("example")], &[dns("secret.example")]);
        assert!(both.allow(&dns("a.example")) && !both.allow(&dns("a.secret.example")));
    }
}

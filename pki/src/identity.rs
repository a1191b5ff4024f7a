//! Whether a certificate is that of whom its peer claims to be (RFC 4945 section 3.1).

use std::net::IpAddr;

use crate::{AlternativeName, Certificate, Name, NamePattern};

/// Who a peer claims to be: the content of an IKE identification payload.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Identity<'a> {
    /// ID_FQDN.
    Dns(&'a str),
    /// ID_RFC822_ADDR.
    Rfc822(&'a str),
    /// ID_IPV4_ADDR, ID_IPV6_ADDR.
    Ip(IpAddr),
    /// ID_DER_ASN1_DN, in DER.
    Name(&'a [u8]),
    /// ID_DER_ASN1_GN with a URI in it.
    Uri(&'a str),
    /// ID_KEY_ID.
    KeyId(&'a [u8]),
    /// A distinguished name with `*` for any value, as an operator writes it.
    Pattern(&'a NamePattern),
}

impl Certificate {
    /// Whether it says that its subject has this identity. Hosts and addresses are those of the
    /// subjectAltName only, never the common name (RFC 4945 section 5.1.3.6), and names with
    /// wildcards in it are not taken for others (section 3.1.2). Distinguished names may be written
    /// differently, see [`Name::is_same`].
    pub fn confirms(&self, identity: &Identity<'_>) -> bool {
        let mut names = self.alternative_names().iter();
        match identity {
            Identity::Dns(host) => names.any(|name| {
                matches!(name, AlternativeName::Dns(name)
                    if !name.contains('*') && same_host(name, host))
            }),
            Identity::Rfc822(address) => names.any(
                |name| matches!(name, AlternativeName::Rfc822(name) if same_mail(name, address)),
            ),
            Identity::Ip(address) => {
                names.any(|name| matches!(name, AlternativeName::Ip(name) if name == address))
            }
            Identity::Uri(uri) => {
                names.any(|name| matches!(name, AlternativeName::Uri(name) if name == uri))
            }
            Identity::Name(der) => {
                let Ok(wanted) = Name::from_der(der) else {
                    return false;
                };
                self.names()
                    .any(|name| !wanted.is_empty() && name.is_same(&wanted))
            }
            Identity::KeyId(id) => {
                *id == self.subject_key_id() || *id == self.public_key().id().as_bytes()
            }
            Identity::Pattern(pattern) => self.names().any(|name| pattern.matches(name)),
        }
    }

    /// Its distinguished names.
    fn names(&self) -> impl Iterator<Item = &Name> {
        let others = self
            .alternative_names()
            .iter()
            .filter_map(|name| match name {
                AlternativeName::Directory(name) => Some(name),
                _ => None,
            });
        std::iter::once(self.subject()).chain(others)
    }
}

fn same_host(name: &str, host: &str) -> bool {
    let bare = |name: &'_ str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    bare(name) == bare(host)
}

/// Case matters in front of the `@` in theory only (RFC 5321 section 2.4), and no gateway that is
/// around makes a difference.
fn same_mail(name: &str, address: &str) -> bool {
    name.eq_ignore_ascii_case(address)
}

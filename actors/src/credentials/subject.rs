//! Which certificates a listing asks for.

use holdfast_ike::{Identification, identification::ParseIdentificationError};
use holdfast_pki::{AlternativeName, Certificate, Name, NamePattern, PublicKey};

/// Whose certificates are meant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Subject {
    /// Everybody's.
    Any,
    /// Those with such a distinguished name.
    Name(NamePattern),
    /// Those of hosts below a domain.
    Below(String),
    /// Those of this identity.
    Identity(Identification),
}

impl Subject {
    /// Reads a subject as clients write it: a distinguished name with `*` for any value, `*.domain`,
    /// an identity, or `%any`. `None` if it is none of these, and nobody's subject.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(pattern) = NamePattern::parse(text) {
            return Some(Self::Name(pattern));
        }
        if let Some(domain) = text.strip_prefix('*')
            && domain.starts_with('.')
        {
            return Some(Self::Below(domain.to_ascii_lowercase()));
        }
        match Identification::from_config(text) {
            Ok(id) => Some(Self::Identity(id)),
            Err(ParseIdentificationError::Any(_)) => Some(Self::Any),
            Err(_) => None,
        }
    }

    /// Whether it is a subject, or another name, of the certificate.
    pub(crate) fn is_subject_of(&self, certificate: &Certificate) -> bool {
        let mut names = certificate.alternative_names().iter();
        let key_id = |id: &[u8]| {
            id == certificate.subject_key_id() || id == certificate.public_key().id().as_bytes()
        };
        match self {
            Self::Any => true,
            Self::Name(pattern) => {
                pattern.matches(certificate.subject())
                    || names.any(
                        |name| matches!(name, AlternativeName::Directory(name) if pattern.matches(name)),
                    )
            }
            Self::Below(domain) => names.any(|name| {
                matches!(name, AlternativeName::Dns(name)
                    if name.to_ascii_lowercase().ends_with(domain.as_str()))
            }),
            Self::Identity(Identification::KeyId(id)) => key_id(id),
            Self::Identity(Identification::DerAsn1Dn(dn)) => certificate.subject().der() == dn,
            Self::Identity(id) => names.any(|name| same(id, name)),
        }
    }

    /// Whether it is this name.
    pub(crate) fn is_name(&self, name: &Name) -> bool {
        match self {
            Self::Any => true,
            Self::Name(pattern) => pattern.matches(name),
            Self::Identity(Identification::DerAsn1Dn(dn)) => name.der() == dn,
            Self::Below(_) | Self::Identity(_) => false,
        }
    }

    /// Whether it is this key, which has no name but its hash.
    pub(crate) fn is_key(&self, key: &PublicKey) -> bool {
        match self {
            Self::Any => true,
            Self::Identity(Identification::KeyId(id)) => id == key.id().as_bytes(),
            _ => false,
        }
    }
}

fn same(id: &Identification, name: &AlternativeName) -> bool {
    match (id, name) {
        (Identification::Fqdn(id), AlternativeName::Dns(name))
        | (Identification::Rfc822(id), AlternativeName::Rfc822(name)) => {
            id.eq_ignore_ascii_case(name)
        }
        (Identification::Ipv4(id), AlternativeName::Ip(name)) => name == id,
        (Identification::Ipv6(id), AlternativeName::Ip(name)) => name == id,
        _ => false,
    }
}

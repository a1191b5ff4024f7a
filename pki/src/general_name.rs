//! Names of every kind (RFC 5280 section 4.2.1.6), read strictly: what a name constraint is compared
//! with must not be read differently from what it says.

use std::{fmt, net::IpAddr};

use crate::{
    AlternativeName, Name,
    der::{self, Element},
};

/// A GeneralName. Kinds that are no IKE identity are kept as their number only, so that a constraint
/// on them is noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GeneralName {
    Rfc822(String),
    Dns(String),
    Directory(Name),
    Uri(String),
    /// An address, or with twice its octets an address and a mask.
    Ip(Box<[u8]>),
    Other(u8),
}

impl GeneralName {
    /// Reads one.
    pub(crate) fn read(element: Element<'_>) -> Option<Self> {
        // IA5String has 7 bits, and no zero to cut a name short.
        let text = || {
            let text = str::from_utf8(element.content).ok()?;
            let right = text.bytes().all(|octet| (0x20..0x7f).contains(&octet));
            right.then(|| text.to_owned())
        };
        Some(match element.tag {
            0x81 => Self::Rfc822(text()?),
            0x82 => Self::Dns(text()?),
            0xa4 => Self::Directory(Name::from_der(element.content).ok()?),
            0x86 => Self::Uri(text()?),
            0x87 => Self::Ip(element.content.into()),
            0xa0 | 0xa3 | 0xa5 | 0x88 => Self::Other(element.tag & 0x1f),
            _ => return None,
        })
    }

    /// Reads GeneralNames, the content of its SEQUENCE, of which there is one at least.
    pub(crate) fn read_all(names: Element<'_>) -> Option<Vec<Self>> {
        let names: Option<Vec<_>> = names.all()?.into_iter().map(Self::read).collect();
        names.filter(|names| !names.is_empty())
    }

    /// The URI of a DistributionPointName's full name that somebody can be asked by.
    pub(crate) fn uris(names: &[Self]) -> impl Iterator<Item = &str> {
        names.iter().filter_map(|name| match name {
            Self::Uri(uri) => Some(uri.as_str()),
            _ => None,
        })
    }

    /// As an IKE identity, if it can be one.
    pub(crate) fn alternative(&self) -> Option<AlternativeName> {
        Some(match self {
            Self::Rfc822(name) => AlternativeName::Rfc822(name.clone()),
            Self::Dns(name) => AlternativeName::Dns(name.clone()),
            Self::Directory(name) => AlternativeName::Directory(name.clone()),
            Self::Uri(uri) => AlternativeName::Uri(uri.clone()),
            Self::Ip(octets) => {
                let v4 = <[u8; 4]>::try_from(&**octets).map(IpAddr::from).ok();
                let v6 = || <[u8; 16]>::try_from(&**octets).map(IpAddr::from).ok();
                AlternativeName::Ip(v4.or_else(v6)?)
            }
            Self::Other(_) => return None,
        })
    }
}

impl fmt::Display for GeneralName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rfc822(name) | Self::Dns(name) | Self::Uri(name) => f.write_str(name),
            Self::Directory(name) => write!(f, "{name}"),
            Self::Ip(octets) => match self.alternative() {
                Some(AlternativeName::Ip(address)) => write!(f, "{address}"),
                _ => write!(f, "{octets:02x?}"),
            },
            Self::Other(kind) => write!(f, "of the kind {kind}"),
        }
    }
}

/// The full name in a DistributionPointName (RFC 5280 section 4.2.1.13), given the element `[0]`
/// around the choice. Names relative to the issuer have no URI: `Some` and empty.
pub(crate) fn distribution_point_names(point: Element<'_>) -> Option<Vec<GeneralName>> {
    let choice = point.inner()?;
    match choice.tag {
        der::CONTEXT_0 => GeneralName::read_all(choice),
        der::CONTEXT_1 => Some(Vec::new()),
        _ => None,
    }
}

//! Sending clients to another gateway (RFC 5685): what the notifications say.
//!
//! The gateway is whoever was the responder of IKE_SA_INIT, the client the initiator. A gateway
//! redirects in its answer to IKE_SA_INIT, in that to IKE_AUTH, or an established IKE_SA by an
//! INFORMATIONAL request of its own; the client follows by a new IKE_SA. Where to, and how often, is for the caller to
//! decide: here it is only reported.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use super::payloads::{Payloads, notify};
use crate::wire::{NotifyType, Payload};

/// Gateway identity types (RFC 5685 section 6.2).
const IPV4: u8 = 1;
const IPV6: u8 = 2;
const FQDN: u8 = 3;

/// No name in the DNS is longer (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 253;

/// A gateway that somebody is sent to, or comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Gateway {
    /// Its address.
    Address(IpAddr),
    /// Its name in the DNS.
    Name(Box<str>),
}

/// Who of the two an IKE_SA's end is, as far as redirects are concerned. Rekeying changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It said that it follows redirects.
    Client,
    /// Its client said so.
    Gateway,
    /// One of the ends does not do that.
    Neither,
}

/// How a gateway redirects its clients before there is an IKE_SA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Where to.
    pub to: Gateway,
    /// When.
    pub at: RedirectAt,
}

/// In which exchange a client is redirected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectAt {
    /// Before anything is spent on it, and whoever it is.
    IkeSaInit,
    /// Once it is authenticated.
    IkeAuth,
}

/// Why a text names no gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither an address nor a host name")]
pub struct ParseGatewayError;

impl Gateway {
    /// Type, length and identity, as both notifications have them.
    fn write(&self) -> Vec<u8> {
        let (kind, identity) = match self {
            Self::Address(IpAddr::V4(address)) => (IPV4, address.octets().to_vec()),
            Self::Address(IpAddr::V6(address)) => (IPV6, address.octets().to_vec()),
            Self::Name(name) => (FQDN, name.as_bytes().to_vec()),
        };
        let mut data = vec![kind, identity.len() as u8];
        data.extend(identity);
        data
    }

    /// Reads one, with what follows it.
    fn read(data: &[u8]) -> Option<(Self, &[u8])> {
        let (&[kind, length], rest) = data.split_first_chunk::<2>()?;
        let (identity, rest) = rest.split_at_checked(length.into())?;
        let gateway = match kind {
            IPV4 => Self::Address(Ipv4Addr::from(<[u8; 4]>::try_from(identity).ok()?).into()),
            IPV6 => Self::Address(Ipv6Addr::from(<[u8; 16]>::try_from(identity).ok()?).into()),
            FQDN => Self::Name(name(std::str::from_utf8(identity).ok()?)?),
            _ => return None,
        };
        let nowhere = matches!(&gateway, Self::Address(address)
            if address.is_unspecified() || address.is_multicast());
        (!nowhere).then_some((gateway, rest))
    }
}

/// A host name; nothing that could end up as something else in a resolver or a log.
fn name(text: &str) -> Option<Box<str>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let fits = (1..=LONGEST_NAME).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with(['.', '-']);
    fits.then(|| text.into())
}

impl FromStr for Gateway {
    type Err = ParseGatewayError;

    fn from_str(text: &str) -> Result<Self, ParseGatewayError> {
        match text.parse() {
            Ok(address) => Ok(Self::Address(address)),
            Err(_) => name(text).map(Self::Name).ok_or(ParseGatewayError),
        }
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What a client that follows redirects says in its first request: also where it comes from, if it
/// was redirected (RFC 5685 section 3).
pub(super) fn client_notify(from: Option<&Gateway>) -> Payload {
    match from {
        Some(gateway) => notify(NotifyType::REDIRECTED_FROM, gateway.write()),
        None => notify(NotifyType::REDIRECT_SUPPORTED, Vec::new()),
    }
}

/// Whether the client understands REDIRECT.
pub(super) fn is_understood(payloads: &Payloads) -> bool {
    [NotifyType::REDIRECT_SUPPORTED, NotifyType::REDIRECTED_FROM]
        .into_iter()
        .any(|notify_type| payloads.notify(notify_type).is_some())
}

/// The REDIRECT of a gateway; in IKE_SA_INIT with the client's nonce, by which it knows that this
/// is an answer to its request (RFC 5685 section 4).
pub(super) fn redirect_notify(to: &Gateway, nonce: &[u8]) -> Payload {
    let mut data = to.write();
    data.extend_from_slice(nonce);
    notify(NotifyType::REDIRECT, data)
}

/// Reads a REDIRECT. `nonce` is that of our IKE_SA_INIT request, or empty under the protection of
/// the IKE_SA. `None` is one that is not well-formed, or not for us.
pub(super) fn read_redirect(payloads: &Payloads, nonce: &[u8]) -> Option<Gateway> {
    let notify = payloads.notify(NotifyType::REDIRECT)?;
    let (gateway, rest) = Gateway::read(&notify.data)?;
    (nonce.is_empty() || rest == nonce).then_some(gateway)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[u8]) -> Option<String> {
        Gateway::read(data).map(|(gateway, rest)| format!("{gateway} {}", rest.len()))
    }

    #[test]
    fn the_layout_is_that_of_rfc_5685() {
        assert_eq!(read(&[1, 4, 192, 0, 2, 7]).as_deref(), Some("192.0.2.7 0"));
        assert_eq!(
            read(&[3, 3, b'a', b'.', b'b', 9, 9]).as_deref(),
            Some("a.b 2")
        );
        let v6: Gateway = "2001:db8::7".parse().unwrap();
        let data = v6.write();
        assert_eq!(data[..4], [2, 16, 0x20, 0x01]);
        assert_eq!(Gateway::read(&data), Some((v6, &[][..])));
    }

    #[test]
    fn what_is_not_well_formed_is_nobody() {
        let broken: [&[u8]; 9] = [
            &[],
            &[1],
            &[1, 4, 1, 2, 3],
            &[1, 5, 1, 2, 3, 4, 5],
            &[2, 4, 1, 2, 3, 4],
            &[4, 1, b'a'],
            &[3, 0],
            &[3, 2, b'a', b'\n'],
            &[3, 2, 0xff, 0xff],
        ];
        for data in broken {
            assert_eq!(Gateway::read(data), None, "{data:?}");
        }
    }

    #[test]
    fn only_the_answer_to_our_own_request_counts() {
        let to: Gateway = "gw2.example".parse().unwrap();
        let answer = |nonce| Payloads(vec![redirect_notify(&to, nonce)]);
        assert_eq!(read_redirect(&answer(&[7; 32]), &[7; 32]), Some(to.clone()));
        assert_eq!(read_redirect(&answer(&[8; 32]), &[7; 32]), None);
        assert_eq!(read_redirect(&answer(&[]), &[7; 32]), None);
        assert_eq!(read_redirect(&answer(&[]), &[]), Some(to.clone()));
    }
}

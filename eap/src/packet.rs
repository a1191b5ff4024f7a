//! The packets of EAP (RFC 3748 section 4).

use std::fmt;

use crate::Discard;

/// The most octets of a packet.
pub const MAX_PACKET: usize = u16::MAX as usize;

/// The type of a request or response (RFC 3748 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Type(pub u8);

impl Type {
    /// Who are you?
    pub const IDENTITY: Self = Self(1);
    /// A text for the user.
    pub const NOTIFICATION: Self = Self(2);
    /// Not this method; a response only.
    pub const NAK: Self = Self(3);
    /// EAP-TLS (RFC 5216).
    pub const TLS: Self = Self(13);
    /// EAP-MSCHAPv2.
    pub const MSCHAPV2: Self = Self(26);
    /// Types of other vendors (RFC 3748 section 5.7).
    pub const EXPANDED: Self = Self(254);
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::IDENTITY => f.write_str("EAP-Identity"),
            Self::NOTIFICATION => f.write_str("EAP-Notification"),
            Self::NAK => f.write_str("EAP-Nak"),
            Self::TLS => f.write_str("EAP-TLS"),
            Self::MSCHAPV2 => f.write_str("EAP-MSCHAPv2"),
            Self(number) => write!(f, "EAP type {number}"),
        }
    }
}

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// From the authenticator.
    Request(Body<'a>),
    /// From the peer.
    Response(Body<'a>),
    /// From the authenticator: that was right. The identifier is that of the last response.
    Success(u8),
    /// From the authenticator: it was not.
    Failure(u8),
}

/// What requests and responses consist of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body<'a> {
    /// Which request this is, or answers.
    pub identifier: u8,
    /// The type.
    pub kind: Type,
    /// What the type makes of it.
    pub data: &'a [u8],
}

const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;
const SUCCESS: u8 = 3;
const FAILURE: u8 = 4;

impl<'a> Packet<'a> {
    /// Reads a packet. Octets beyond its length are padding of what carried it (section 4.1).
    pub fn parse(octets: &'a [u8]) -> Result<Self, Discard> {
        let [code, identifier, high, low, ..] = *octets else {
            return Err(Discard::Malformed);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let rest = octets.get(4..length).ok_or(Discard::Malformed)?;
        let body = || {
            let (kind, data) = rest.split_first().ok_or(Discard::Malformed)?;
            Ok(Body {
                identifier,
                kind: Type(*kind),
                data,
            })
        };
        match code {
            REQUEST => Ok(Self::Request(body()?)),
            RESPONSE => Ok(Self::Response(body()?)),
            // "A peer MUST silently discard such a packet" when its length is not 4 (section 4.2).
            SUCCESS if rest.is_empty() => Ok(Self::Success(identifier)),
            FAILURE if rest.is_empty() => Ok(Self::Failure(identifier)),
            _ => Err(Discard::Malformed),
        }
    }

    /// Writes it. What is longer than a packet can be is cut; nothing in this crate is.
    pub fn to_vec(&self) -> Vec<u8> {
        let (code, identifier, body) = match self {
            Self::Request(body) => (REQUEST, body.identifier, Some(body)),
            Self::Response(body) => (RESPONSE, body.identifier, Some(body)),
            Self::Success(identifier) => (SUCCESS, *identifier, None),
            Self::Failure(identifier) => (FAILURE, *identifier, None),
        };
        let mut octets = vec![code, identifier, 0, 0];
        if let Some(body) = body {
            octets.push(body.kind.0);
            octets.extend_from_slice(&body.data[..body.data.len().min(MAX_PACKET - 5)]);
        }
        let length = octets.len() as u16;
        octets[2..4].copy_from_slice(&length.to_be_bytes());
        octets
    }
}

#[cfg(test)]
mod tests;

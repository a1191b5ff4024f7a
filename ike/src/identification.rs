//! Identities (RFC 7296 section 3.5).

mod distinguished_name;
mod likeness;

use std::{
    fmt::{self, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The identity of one end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identification {
    /// ID_IPV4_ADDR (1).
    Ipv4(Ipv4Addr),
    /// ID_FQDN (2).
    Fqdn(String),
    /// ID_RFC822_ADDR (3).
    Rfc822(String),
    /// ID_IPV6_ADDR (5).
    Ipv6(Ipv6Addr),
    /// ID_DER_ASN1_DN (9), the encoded distinguished name.
    DerAsn1Dn(Vec<u8>),
    /// ID_KEY_ID (11).
    KeyId(Vec<u8>),
    /// Any other type, kept as received.
    Other {
        /// The ID type.
        id_type: u8,
        /// The identification data.
        data: Vec<u8>,
    },
}

const IPV4_ADDR: u8 = 1;
const FQDN: u8 = 2;
const RFC822_ADDR: u8 = 3;
const IPV6_ADDR: u8 = 5;
const DER_ASN1_DN: u8 = 9;
const DER_ASN1_GN: u8 = 10;
const KEY_ID: u8 = 11;

/// Key IDs of this length are printed as hexadecimal even if they happen to be printable: they
/// are hashes.
const HASH_LENGTH: usize = 20;

/// Why data or a configured string is no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdentificationError {
    /// Nothing is there.
    #[error("the identity is empty")]
    Empty,
    /// `%any` and its like match an identity but are none.
    #[error("{0:?} stands for any identity: leave the key out instead")]
    Any(String),
    /// The data of an address identity has the wrong length.
    #[error("an address identity with {length} octets instead of {expected}")]
    AddressLength {
        /// Octets found.
        length: usize,
        /// Octets the type has.
        expected: usize,
    },
    /// An address was announced by a prefix but does not follow.
    #[error("{0:?} is not an address of that family")]
    Address(String),
    /// The text after `#` is not hexadecimal.
    #[error("{0:?} is not hexadecimal: an even number of digits 0-9 and a-f is expected after #")]
    Hex(String),
    /// A number in curly brackets that is no ID type.
    #[error("{0:?} is not an ID type: a number from 1 to 255 is expected in the brackets")]
    IdType(String),
    /// Control characters, which RFC 7296 section 3.5 forbids.
    #[error("the identity contains control characters")]
    ControlCharacter,
    /// A distinguished name as text.
    #[error(
        "{0:?} is not a distinguished name such as C=CH, O=Example, CN=gw.example; for a key ID that contains '=', write keyid:{0}"
    )]
    DistinguishedName(String),
}

impl Identification {
    /// The ID type (RFC 7296 section 3.5).
    pub fn id_type(&self) -> u8 {
        match self {
            Self::Ipv4(_) => IPV4_ADDR,
            Self::Fqdn(_) => FQDN,
            Self::Rfc822(_) => RFC822_ADDR,
            Self::Ipv6(_) => IPV6_ADDR,
            Self::DerAsn1Dn(_) => DER_ASN1_DN,
            Self::KeyId(_) => KEY_ID,
            Self::Other { id_type, .. } => *id_type,
        }
    }

    /// The body of its payload: type, three reserved octets and data. AUTH covers it.
    pub fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(64);
        self.write_body(&mut body);
        body
    }

    /// Appends what [`Self::body`] returns.
    pub(crate) fn write_body(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.id_type(), 0, 0, 0]);
        match self {
            Self::Ipv4(address) => out.extend_from_slice(&address.octets()),
            Self::Ipv6(address) => out.extend_from_slice(&address.octets()),
            Self::Fqdn(name) | Self::Rfc822(name) => out.extend_from_slice(name.as_bytes()),
            Self::DerAsn1Dn(data) | Self::KeyId(data) | Self::Other { data, .. } => {
                out.extend_from_slice(data);
            }
        }
    }

    /// The identity of this type with this data.
    ///
    /// Names that are not UTF-8 or contain control characters become [`Self::Other`] with their
    /// type: they are kept for AUTH but equal no name that can be configured.
    pub fn parse(id_type: u8, data: &[u8]) -> Result<Self, ParseIdentificationError> {
        let address_length = |expected| ParseIdentificationError::AddressLength {
            length: data.len(),
            expected,
        };
        let name = || {
            let name = str::from_utf8(data).ok()?;
            (!name.contains(char::is_control)).then(|| name.to_owned())
        };
        Ok(match id_type {
            IPV4_ADDR => Self::Ipv4(
                <[u8; 4]>::try_from(data)
                    .map_err(|_| address_length(4))?
                    .into(),
            ),
            IPV6_ADDR => Self::Ipv6(
                <[u8; 16]>::try_from(data)
                    .map_err(|_| address_length(16))?
                    .into(),
            ),
            FQDN | RFC822_ADDR => match name() {
                Some(name) if id_type == FQDN => Self::Fqdn(name),
                Some(name) => Self::Rfc822(name),
                None => Self::other(id_type, data),
            },
            DER_ASN1_DN => Self::DerAsn1Dn(data.to_vec()),
            KEY_ID => Self::KeyId(data.to_vec()),
            _ => Self::other(id_type, data),
        })
    }

    fn other(id_type: u8, data: &[u8]) -> Self {
        Self::Other {
            id_type,
            data: data.to_vec(),
        }
    }

    /// Reads an identity as swanctl.conf writes it.
    ///
    /// A prefix fixes the type: `ipv4:`, `ipv6:`, `fqdn:` or `dns:`, `rfc822:`, `email:` or
    /// `userfqdn:`, `keyid:`, `asn1dn:`, `asn1gn:` or `{number}:`. Data that then begins with `#`
    /// is hexadecimal. Without a prefix, an address is an address; `@name` is an FQDN, `@@name` an
    /// RFC822 address and `@#hex` a key ID; what contains `=` is a distinguished name; what contains
    /// `@` is an RFC822 address; anything else is an FQDN.
    pub fn from_config(text: &str) -> Result<Self, ParseIdentificationError> {
        use ParseIdentificationError as Error;
        match text {
            "" => return Err(Error::Empty),
            "%any" | "%any6" | "*" | "0.0.0.0" | "::" => return Err(Error::Any(text.to_owned())),
            _ => {}
        }
        if text.contains(char::is_control) {
            return Err(Error::ControlCharacter);
        }
        if let Some((prefix, data)) = text.split_once(':')
            && let Some(id_type) = prefix_type(prefix)?
        {
            return Self::with_type(id_type, data);
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(address.into());
        }
        if let Some(rest) = text.strip_prefix('@') {
            return Ok(match rest.as_bytes() {
                [] => return Err(Error::Empty),
                [b'#', ..] => Self::KeyId(hex(&rest[1..])?),
                [b'@', _, ..] => Self::Rfc822(rest[1..].to_owned()),
                _ => Self::Fqdn(rest.to_owned()),
            });
        }
        if text.contains('=') {
            return distinguished_name::encode(text)
                .map(Self::DerAsn1Dn)
                .ok_or_else(|| Error::DistinguishedName(text.to_owned()));
        }
        Ok(if text.contains('@') {
            Self::Rfc822(text.to_owned())
        } else {
            Self::Fqdn(text.to_owned())
        })
    }

    fn with_type(id_type: u8, data: &str) -> Result<Self, ParseIdentificationError> {
        use ParseIdentificationError as Error;
        if data.is_empty() {
            return Err(Error::Empty);
        }
        if let Some(digits) = data.strip_prefix('#') {
            return Self::parse(id_type, &hex(digits)?);
        }
        match id_type {
            IPV4_ADDR => data
                .parse()
                .map(Self::Ipv4)
                .map_err(|_| Error::Address(data.to_owned())),
            IPV6_ADDR => data
                .parse()
                .map(Self::Ipv6)
                .map_err(|_| Error::Address(data.to_owned())),
            DER_ASN1_DN => distinguished_name::encode(data)
                .map(Self::DerAsn1Dn)
                .ok_or_else(|| Error::DistinguishedName(data.to_owned())),
            _ => Self::parse(id_type, data.as_bytes()),
        }
    }
}

impl From<IpAddr> for Identification {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Ipv4(address),
            IpAddr::V6(address) => Self::Ipv6(address),
        }
    }
}

/// The type a prefix stands for; `None` if it is no prefix at all.
fn prefix_type(prefix: &str) -> Result<Option<u8>, ParseIdentificationError> {
    Ok(Some(match prefix {
        "ipv4" => IPV4_ADDR,
        "ipv6" => IPV6_ADDR,
        "fqdn" | "dns" => FQDN,
        "rfc822" | "email" | "userfqdn" => RFC822_ADDR,
        "asn1dn" => DER_ASN1_DN,
        "asn1gn" => DER_ASN1_GN,
        "keyid" => KEY_ID,
        _ => {
            let Some(number) = prefix
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
            else {
                return Ok(None);
            };
            match number.parse() {
                Ok(0) | Err(_) => {
                    return Err(ParseIdentificationError::IdType(number.to_owned()));
                }
                Ok(id_type) => id_type,
            }
        }
    }))
}

fn hex(digits: &str) -> Result<Vec<u8>, ParseIdentificationError> {
    let error = || ParseIdentificationError::Hex(digits.to_owned());
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else {
        return Err(error());
    };
    if pairs.is_empty() {
        return Err(error());
    }
    pairs
        .iter()
        .map(|&[high, low]| {
            let high = char::from(high).to_digit(16)?;
            let low = char::from(low).to_digit(16)?;
            Some((high << 4 | low) as u8)
        })
        .collect::<Option<_>>()
        .ok_or_else(error)
}

impl fmt::Display for Identification {
    /// As charon prints it. Never prints control characters, whatever the peer sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(address) => write!(f, "{address}"),
            Self::Ipv6(address) => write!(f, "{address}"),
            Self::Fqdn(name) | Self::Rfc822(name) => write_printable(f, name),
            Self::KeyId(data) => match str::from_utf8(data) {
                Ok(text)
                    if data.len() != HASH_LENGTH
                        && !text.is_empty()
                        && text.bytes().all(|b| (b' '..=b'~').contains(&b)) =>
                {
                    f.write_str(text)
                }
                _ => write_hex(f, data),
            },
            Self::DerAsn1Dn(data) => distinguished_name::write(f, data),
            Self::Other { id_type, data } => {
                write!(f, "{{{id_type}}}:#")?;
                data.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
        }
    }
}

/// Whatever a peer sends must not steer the terminal of who reads it.
fn write_printable(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .try_for_each(|c| f.write_char(c))
}

fn write_hex(f: &mut fmt::Formatter<'_>, data: &[u8]) -> fmt::Result {
    for (index, octet) in data.iter().enumerate() {
        let colon = if index == 0 { "" } else { ":" };
        write!(f, "{colon}{octet:02x}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;

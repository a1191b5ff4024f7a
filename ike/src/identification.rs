//! Identities (RFC 7296 section 3.5).

use std::net::{Ipv4Addr, Ipv6Addr};

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

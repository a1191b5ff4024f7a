//! Certificate revocation lists (RFC 5280 section 5).

use std::fmt;

use x509_parser::{
    extensions::{ParsedExtension, X509Extension},
    prelude::FromDer,
    revocation_list::CertificateRevocationList,
};

use crate::{MAX_INPUT, Name, ParseError, pem};

/// A revocation list. Its signature is not checked here.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList {
    der: Box<[u8]>,
    issuer: Name,
    authority_key_id: Option<Box<[u8]>>,
    number: Option<Box<[u8]>>,
    this_update: i64,
    next_update: Option<i64>,
    revoked: usize,
    is_delta: bool,
}

impl RevocationList {
    /// Reads a list in DER or PEM.
    pub fn parse(input: &[u8]) -> Result<Self, ParseError> {
        const LABEL: &str = "X509 CRL";
        if input.len() > MAX_INPUT {
            return Err(ParseError::TooLong);
        }
        if pem::is_pem(input) {
            let block = pem::block(input, &[LABEL]).map_err(|_| ParseError::Pem)?;
            return Self::from_der(&block.ok_or(ParseError::NoPem(LABEL))?.content);
        }
        Self::from_der(input)
    }

    fn from_der(octets: &[u8]) -> Result<Self, ParseError> {
        let wrong = ParseError::Der("a revocation list");
        let Ok((rest, parsed)) = CertificateRevocationList::from_der(octets) else {
            return Err(wrong);
        };
        if !rest.is_empty() {
            return Err(wrong);
        }
        let extensions = || {
            parsed
                .extensions()
                .iter()
                .map(X509Extension::parsed_extension)
        };
        Ok(Self {
            der: octets.into(),
            issuer: Name::from_parsed(parsed.issuer()),
            authority_key_id: extensions().find_map(|extension| match extension {
                ParsedExtension::AuthorityKeyIdentifier(authority) => {
                    authority.key_identifier.as_ref().map(|id| id.0.into())
                }
                _ => None,
            }),
            number: extensions().find_map(|extension| match extension {
                ParsedExtension::CRLNumber(number) => Some(number.to_bytes_be().into()),
                _ => None,
            }),
            this_update: parsed.last_update().timestamp(),
            next_update: parsed.next_update().map(|at| at.timestamp()),
            revoked: parsed.iter_revoked_certificates().count(),
            // deltaCRLIndicator (RFC 5280 section 5.2.4).
            is_delta: parsed
                .extensions()
                .iter()
                .any(|extension| extension.oid.as_bytes() == [0x55, 0x1d, 27]),
        })
    }

    /// The encoding.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whose certificates it revokes.
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// The issuer's key, if it says.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.authority_key_id.as_deref()
    }

    /// When it was made, in seconds since 1970.
    pub fn this_update(&self) -> i64 {
        self.this_update
    }

    /// When the next one will be there, in seconds since 1970.
    pub fn next_update(&self) -> Option<i64> {
        self.next_update
    }

    /// How many certificates it revokes.
    pub fn revoked(&self) -> usize {
        self.revoked
    }

    /// Whether it is a list of the same issuer, key and kind: the newer of the two makes the other
    /// one useless.
    pub fn replaces(&self, other: &Self) -> bool {
        self.issuer == other.issuer
            && self.authority_key_id == other.authority_key_id
            && self.is_delta == other.is_delta
            && self.age() >= other.age()
    }

    /// Numbers grow with each list (RFC 5280 section 5.2.3); without them the date tells.
    fn age(&self) -> (usize, Option<&[u8]>, i64) {
        let number = self.number.as_deref();
        (number.map_or(0, <[u8]>::len), number, self.this_update)
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList")
            .field("issuer", &self.issuer)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
